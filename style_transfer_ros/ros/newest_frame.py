# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The slot of the newest frame and the thread that takes frames from it: never one twice, never a queue."""
from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any


class NewestFrame:
    """
    Calls ``take(frame)`` in a thread of its own, with the newest frame, when it is due.

    One lock guards the slot and the flags.  :meth:`submit` and :meth:`tick` never wait for ``take``.

    :param take: does the work; must not raise.
    :param dropped: called, with the lock held, for every frame that a newer one replaces untaken.
    """

    def __init__(self, take: Callable[[Any], None], dropped: Callable[[], None]) -> None:
        self._take, self._dropped = take, dropped
        self._changed = threading.Condition()
        self._frame: Any = None
        self._due = self._stopped = self._every_frame = False
        self._thread = threading.Thread(target=self._run, name='painter', daemon=True)
        self._thread.start()

    def set_every_frame(self, every_frame: bool) -> None:
        """Choose whether each frame is due as it comes, or the newest one at ticks."""
        with self._changed:
            self._every_frame = every_frame

    def submit(self, frame: Any, *, due: bool = False) -> None:
        """
        Offer a frame; one that waited is dropped.

        :param due: take it at once, also between ticks.
        """
        with self._changed:
            if self._frame is not None:
                self._dropped()
            self._frame = frame
            if self._every_frame or due:
                self._due = True
                self._changed.notify()

    def tick(self) -> None:
        """Say that the newest frame is due; nothing happens if none came since the last."""
        with self._changed:
            if self._frame is not None:
                self._due = True
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._stopped)
                if self._stopped:
                    return
                frame, self._frame, self._due = self._frame, None, False
            self._take(frame)

    def stop(self, timeout: float = 0.5) -> None:
        """
        Forget the waiting frame and end the thread.

        :param timeout: s that the frame at work is waited for; a longer one ends the thread when it is done.
        """
        with self._changed:
            self._stopped, self._frame = True, None
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
