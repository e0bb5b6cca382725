"""A thread for slow work of services, so that the executor goes on meanwhile."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
        self._pool = ThreadPoolExecutor(1, thread_name_prefix='worker')

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
        self._pool.submit(work)
        return await future

    def start(self, function: Callable, *arguments: Any) -> None:
        """Call ``function`` in the worker's thread; nobody waits for it, so it must not raise."""
        self._pool.submit(function, *arguments)

    def stop(self) -> None:
        """Drop what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
