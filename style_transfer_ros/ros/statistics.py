"""What the node counts, and the diagnostics it makes of it."""
from __future__ import annotations

from collections import Counter, deque
import math
import resource
import threading
import time
from typing import Deque

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
import numpy as np

#: Rates and latencies are those of the last so many seconds.
_WINDOW = 5.0
#: A camera without a frame for this time is stale, s.
STALE_AFTER = 2.0


class Statistics:
    """Counts frames; its lock guards everything, so any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: Deque[float] = deque(maxlen=5000)
        self._paintings: Deque[tuple] = deque(maxlen=5000)      # (when, latency, painting, work of ROS), seconds
        self.total: Counter = Counter()                         # frames_in, frames_painted, dropped_<cause>

    def arrived(self) -> None:
        """Count a frame of the camera."""
        with self._lock:
            self._arrivals.append(time.monotonic())
            self.total['frames_in'] += 1

    def painted(self, latency: float, painting: float, ros: float) -> None:
        """
        Count a painting; all in seconds.

        :param latency: from the camera's stamp to publishing.
        :param painting: in the engine.
        :param ros: processor time of the painter's thread in converting and publishing: a wait for a core is no work.
        """
        with self._lock:
            self._paintings.append((time.monotonic(), latency, painting, ros))
            self.total['frames_painted'] += 1

    def seconds_since(self, event: str) -> float:
        """Tell how long ago the last frame ``arrived`` or was ``painted``, s; infinite if none ever."""
        with self._lock:
            if event == 'arrived':
                return time.monotonic() - self._arrivals[-1] if self._arrivals else math.inf
            return time.monotonic() - self._paintings[-1][0] if self._paintings else math.inf

    def dropped(self, cause: str) -> None:
        """Count a frame that is not painted; ``cause``: newer, unwanted, broken, not_ready, error."""
        with self._lock:
            self.total[f'dropped_{cause}'] += 1

    def diagnostic(self, name: str, publishers: int | None, failure: str, details: dict) -> DiagnosticStatus:
        """
        Summarize.

        :param publishers: of the camera's topic; None while the node is not active and expects none.
        :param failure: why nothing can be painted, or empty.
        :param details: more to report, by key; ``state`` is the message while all is well.
        """
        with self._lock:
            now = time.monotonic()
            arrivals = [t for t in self._arrivals if t > now - _WINDOW]
            recent = np.array([p[1:] for p in self._paintings if p[0] > now - _WINDOW]).reshape(-1, 3) * 1e3
            age = now - self._arrivals[-1] if self._arrivals else math.inf
            totals = dict(self.total)
        level, text = DiagnosticStatus.OK, details['state']
        if failure:
            level, text = DiagnosticStatus.ERROR, failure
        elif publishers == 0:
            level, text = DiagnosticStatus.ERROR, 'no camera publishes'
        elif publishers is not None and age > STALE_AFTER:
            level, text = DiagnosticStatus.WARN, f'stale camera: no frame for {min(age, 1e6):.0f} s'
        values = {
            'rate in (Hz)': f'{len(arrivals) / _WINDOW:.1f}', 'rate out (Hz)': f'{len(recent) / _WINDOW:.1f}',
            **details, 'memory (MB)': f'{_resident_megabytes():.0f}',
            **{k.replace('_', ' '): str(v) for k, v in totals.items()}}
        if len(recent):
            values |= {'latency median (ms)': f'{np.median(recent[:, 0]):.1f}',
                       'latency p95 (ms)': f'{np.percentile(recent[:, 0], 95):.1f}',
                       'painting median (ms)': f'{np.median(recent[:, 1]):.1f}',
                       'convert and publish median (ms)': f'{np.median(recent[:, 2]):.2f}'}
        return DiagnosticStatus(level=level, name=name, message=text, hardware_id='',
                                values=[KeyValue(key=k, value=v) for k, v in values.items()])


def _resident_megabytes() -> float:
    """Memory that this process holds in RAM, MB."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
