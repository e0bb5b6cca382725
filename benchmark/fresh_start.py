# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What a runtime costs before its first frame: ``python -m benchmark.fresh_start MODEL RUNTIME`` prints it as JSON.

Run in a process of its own, since imports and memory cannot be given back.
"""
from __future__ import annotations

import json
import sys
import time

_BEGIN = time.perf_counter()


def main() -> None:
    """Load, paint one 640x480 frame, and tell the seconds and the memory."""
    model, runtime = sys.argv[1:]
    import numpy as np

    from benchmark.machine import memory
    from style_transfer_ros.engine.stylizer import Stylizer
    stylizer = Stylizer.load(model, runtime)
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    vector = stylizer.learn_style(frame)
    loaded = time.perf_counter()
    stylizer.paint(frame, vector)
    print(json.dumps({'load_s': round(loaded - _BEGIN, 2), 'first_frame_s': round(time.perf_counter() - loaded, 2),
                      'rss_mb': round(memory('self')[0])}))


if __name__ == '__main__':
    main()
