"""The painter thread: always the newest frame, never one twice, never a queue."""
from __future__ import annotations

import threading
from typing import Any, Callable


class Painter:
    """
    Calls ``paint(frame)`` in a thread of its own, with the newest frame, when it is due.

    One lock guards the slot and the flags.  ``submit`` and ``tick`` never wait for a painting.

    :param paint: does the work; must not raise.
    :param dropped: called, with the lock held, for every frame that a newer one replaces unpainted.
    """

    def __init__(self, paint: Callable[[Any], None], dropped: Callable[[], None]) -> None:
        self._paint, self._dropped = paint, dropped
        self._changed = threading.Condition()
        self._frame: Any = None
        self._due = self._stopped = False
        #: Paint each frame as it comes instead of at ticks.
        self.every_frame = False
        self._thread = threading.Thread(target=self._run, name='painter', daemon=True)
        self._thread.start()

    def submit(self, frame: Any) -> None:
        """Offer a frame; one that waited is dropped."""
        with self._changed:
            if self._frame is not None:
                self._dropped()
            self._frame = frame
            if self.every_frame:
                self._due = True
                self._changed.notify()

    def tick(self) -> None:
        """Ask for a painting of the newest frame; nothing happens if there is none since the last."""
        with self._changed:
            if self._frame is not None:
                self._due = True
                self._changed.notify()

    def clear(self) -> None:
        """Forget the waiting frame, so that it is not painted stale later."""
        with self._changed:
            self._frame, self._due = None, False

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._stopped)
                if self._stopped:
                    return
                frame, self._frame, self._due = self._frame, None, False
            self._paint(frame)

    def stop(self, timeout: float = 0.5) -> None:
        """End the thread, waiting at most ``timeout`` s for the painting at work."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
