# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A thread for slow work, whose results come back to the executor in the order in which they were asked for."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
import threading
from typing import Any

from rclpy.node import Node

from style_transfer_ros.engine.errors import StyleTransferError

#: Requests that may wait for the worker; those that come then are refused.
LARGEST_QUEUE = 64


class Busy(StyleTransferError):
    """The queue of the worker is full."""


class Worker:
    """
    Runs functions one after the other in one thread, and hands each result to the executor's thread.

    ::

        worker.submit(lambda: styles.learn(picture), then=lambda outcome: take(outcome.result()))

    Only the executor's thread calls its methods.
    """

    def __init__(self, node: Node) -> None:
        self._work: SimpleQueue = SimpleQueue()
        self._done: SimpleQueue = SimpleQueue()
        self._delivery = node.create_guard_condition(self._deliver)
        self._lock, self._stopped = threading.Lock(), False     # the guard condition may be destroyed once stopped
        self._waiting = 0       # how much was submitted and is not delivered yet
        # a daemon: the end of the process does not wait for networks that are being loaded
        threading.Thread(target=self._loop, name='worker', daemon=True).start()

    def check_room(self) -> None:
        """
        Refuse a stranger's request when many wait already; the node's own work has always room.

        :raises Busy: the queue is full.
        """
        if self._waiting >= LARGEST_QUEUE:
            raise Busy(f'{self._waiting} requests wait already, and no more are taken; call again in a second.')

    def submit(self, work: Callable[[], Any], then: Callable[[Future], None]) -> None:
        """
        Queue some work.

        :param work: called in the worker's thread.
        :param then: called in the executor's thread with the outcome; must not raise.
        """
        self._waiting += 1
        self._work.put((work, then))

    def _loop(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Wait for work and do it; of its own, so that the thread holds no model by the last work while it waits."""
        item = self._work.get()
        if item is None:
            return False
        work, then = item
        outcome: Future = Future()
        try:
            outcome.set_result(work())
        except Exception as error:      # carried over to the executor's thread, which asked for it
            outcome.set_exception(error)
        with self._lock:
            if not self._stopped:
                self._done.put((then, outcome))
                self._delivery.trigger()
            return not self._stopped

    def _deliver(self) -> None:
        while not self._done.empty():
            then, outcome = self._done.get()
            self._waiting -= 1
            then(outcome)

    def stop(self) -> None:
        """Drop what has not begun, and end the thread after what has; nothing is delivered any more."""
        with self._lock:
            self._stopped = True
        with suppress(Empty):       # the thread takes some, too
            while True:
                self._work.get_nowait()
        self._work.put(None)
