# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the node counts: frames, drops by cause, rates and latencies."""
from __future__ import annotations

from collections import Counter, deque
import math
import resource
import threading
import time

import numpy as np

#: Rates and latencies are those of the last seconds, s.
_WINDOW = 5.0
#: A stamp further away from now than this is of another clock, s: a recorded bag, a camera that counts from its start.
_SAME_CLOCK = 60.0


class Statistics:
    """Counts frames; its lock guards everything, so any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # those of the last seconds: (when,) and (when, latency, painting, work of ROS), seconds
        self._arrivals: deque[tuple] = deque(maxlen=5000)
        self._paintings: deque[tuple] = deque(maxlen=5000)
        self._total: Counter = Counter()                        # frames_in, frames_painted, dropped_<cause>

    def arrived(self) -> None:
        """Count a frame of the camera."""
        with self._lock:
            _add(self._arrivals, time.monotonic())
            self._total['frames_in'] += 1

    def painted(self, latency: float, painting: float, ros: float) -> None:
        """
        Count a painting; all in seconds.

        :param latency: from the camera's stamp to publishing; one that cannot be is not used.
        :param painting: in the engine.
        :param ros: processor time of the painter's thread in converting and publishing, without waits for a core.
        """
        with self._lock:
            if not -0.1 < latency < _SAME_CLOCK:
                latency = math.nan
            _add(self._paintings, time.monotonic(), latency, painting, ros)
            self._total['frames_painted'] += 1

    def again(self) -> None:
        """Count a still picture that is taken once more, after it was painted or dropped."""
        with self._lock:
            self._total['frames_taken_again'] += 1

    def dropped(self, cause: str) -> None:
        """Count a frame that is not painted; ``cause``: newer, unwanted, broken, not_ready, error."""
        with self._lock:
            self._total[f'dropped_{cause}'] += 1

    def seconds_since(self, event: str) -> float:
        """Tell how long ago the last frame ``arrived`` or was ``painted``, s; infinite if none ever."""
        with self._lock:
            if event == 'arrived':
                return time.monotonic() - self._arrivals[-1][0] if self._arrivals else math.inf
            return time.monotonic() - self._paintings[-1][0] if self._paintings else math.inf

    def values(self) -> dict[str, str]:
        """Return counts and rates as texts by key, for diagnostics."""
        with self._lock:
            now = time.monotonic()
            arrivals = sum(a[0] > now - _WINDOW for a in self._arrivals)
            recent = np.array([p[1:] for p in self._paintings if p[0] > now - _WINDOW]).reshape(-1, 3) * 1e3
            totals = dict(self._total)
        found = {'rate in (Hz)': f'{arrivals / _WINDOW:.1f}', 'rate out (Hz)': f'{len(recent) / _WINDOW:.1f}',
                 'memory (MB)': f'{_resident_megabytes():.0f}',
                 **{key.replace('_', ' '): str(value) for key, value in totals.items()}}
        if len(recent):
            latencies = recent[np.isfinite(recent[:, 0]), 0]
            found |= {'latency median (ms)': f'{np.median(latencies):.1f}',
                      'latency p95 (ms)': f'{np.percentile(latencies, 95):.1f}'
                      } if len(latencies) else {'latency': 'unknown: stamps of another clock'}
            found |= {'painting median (ms)': f'{np.median(recent[:, 1]):.1f}',
                      'convert and publish median (ms)': f'{np.median(recent[:, 2]):.2f}'}
        return found


def _add(events: deque[tuple], now: float, *values: float) -> None:
    """Note an event, and forget those that no rate counts any more."""
    while events and events[0][0] <= now - _WINDOW:
        events.popleft()
    events.append((now, *values))


def _resident_megabytes() -> float:
    """Memory that this process holds in RAM, MB."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
