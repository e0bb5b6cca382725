"""
What a runtime costs before its first frame: ``python -m benchmark.fresh_start MODEL RUNTIME`` prints it as JSON.

Run in a process of its own, since imports and memory cannot be given back.
"""
from __future__ import annotations

import json
import resource
import sys
import time

_BEGIN = time.perf_counter()


def main() -> None:
    """Load, paint one 640x480 frame, and tell the seconds and the memory."""
    model, runtime = sys.argv[1:]
    import numpy as np

    from style_transfer_ros.engine.stylizer import Stylizer
    stylizer = Stylizer.load(model, runtime)
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    vector = stylizer.learn_style(frame)
    loaded = time.perf_counter()
    stylizer.paint(frame, vector)
    with open('/proc/self/statm', encoding='ascii') as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    print(json.dumps({'load_s': round(loaded - _BEGIN, 2), 'first_frame_s': round(time.perf_counter() - loaded, 2),
                      'rss_mb': round(resident / 1e6)}))


if __name__ == '__main__':
    main()
