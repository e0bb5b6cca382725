"""A thread for slow work of services, so that the executor goes on meanwhile."""
from __future__ import annotations

from functools import partial
from queue import SimpleQueue
import threading
from typing import Any, Callable

from rclpy.node import Node
from rclpy.task import Future


class Worker:
    """
    Runs functions one after the other in one thread; a service awaits them.

    The service needs a reentrant callback group: a waiting service holds a mutually exclusive one.

    ::

        async def on_set_style(self, request, response):
            style = await self.worker.run(self.desk.learn, request)
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._work: SimpleQueue = SimpleQueue()
        # a daemon: the end of the process does not wait for a network that is being loaded
        threading.Thread(target=self._loop, name='worker', daemon=True).start()

    def _loop(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    async def run(self, function: Callable, *arguments: Any) -> Any:
        """Call ``function`` in the worker's thread and return what it returns, or raise what it raises."""
        executor = self._node.executor
        future: Future = Future(executor=executor)

        def work() -> None:
            try:
                future.set_result(function(*arguments))
            except Exception as error:      # carried over to the thread that waits
                future.set_exception(error)
            executor.wake()                 # or it would look at the future only when something else happens
        self._work.put(work)
        return await future

    def start(self, function: Callable, *arguments: Any) -> None:
        """Call ``function`` in the worker's thread; nobody waits for it, so it must not raise."""
        self._work.put(partial(function, *arguments))

    def stop(self) -> None:
        """Drop what has not begun, and end the thread after what has."""
        while not self._work.empty():
            self._work.get_nowait()
        self._work.put(None)
