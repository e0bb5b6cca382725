# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Segments on Dask distributed: a cluster on this machine (``--workers``), or one that is there (``--scheduler``).

Frames never travel through the scheduler, only paths and counts.  Each worker process paints one segment at a time, on
its share of the cores, for OpenVINO does not obey OMP_NUM_THREADS.  Workers are spawned, never forked.

A Dask scheduler runs whatever code a client sends it, without a password, so the cluster of ``--workers`` listens on
127.0.0.1 alone.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
import logging
import platform
from typing import Any

from style_transfer_ros.archive.painting import cores_given
from style_transfer_ros.archive.plan import Look, model_hash
from style_transfer_ros.engine.errors import ArchiveError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.runtimes import automatic

#: A segment may take down one worker, which may have another reason; with the second it is given up.
_ALLOWED_FAILURES = 1


@dataclass
class Task:
    """
    Something for a worker.

    :param function: of :mod:`style_transfer_ros.archive.segments`.
    :param done: is given the result, or None if the task killed two workers; returns the tasks that follow from it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: Callable[[Any], Iterable[Task]]


class Cluster:
    """
    Workers.

    :param client: of Dask.
    :param cores: that each worker may use; 0: workers share those of their machine.
    """

    def __init__(self, client: Any, cores: int) -> None:
        self._client, self._cores = client, cores

    def cores(self) -> int:
        """Return what tasks are given as their number of cores."""
        return self._cores

    def check(self, look: Look) -> None:
        """
        Compare versions and model on every worker with this machine.

        :raises ArchiveError: one of them differs, or there is no worker.
        """
        self._client.wait_for_workers(1, timeout=60)
        here = _about(look.model)
        for address, there in self._client.run(_about, look.model).items():
            for what, value in here.items():
                if there.get(what) != value:
                    raise ArchiveError(f'The worker {address} has {what} {there.get(what)!r}, this machine {value!r}; '
                                       'install the same everywhere.')

    def run(self, tasks: Iterator[Task]) -> None:
        """
        Do tasks, one at a time on each worker, and whatever follows from them.

        :raises StyleTransferError: a task raised it.
        :raises ArchiveError: the scheduler is lost.
        """
        from distributed import as_completed, KilledWorker
        following: deque[Task] = deque()
        running: dict[Any, Task] = {}
        completed = as_completed()

        def start() -> None:
            # no more than there are workers: a task that waits on a worker would be blamed for its death
            while len(running) < max(1, len(self._client.scheduler_info()['workers'])):
                task = following.popleft() if following else next(tasks, None)
                if task is None:
                    return
                future = self._client.submit(task.function, *task.arguments, pure=False)
                running[future] = task
                completed.add(future)

        try:
            start()
            while running:
                future = next(completed)
                task = running.pop(future)
                try:
                    result = future.result()
                except KilledWorker:
                    result = None
                following.extend(task.done(result))
                start()
        except Exception as error:
            if type(error).__module__.split('.')[0] in ('distributed', 'tornado', 'asyncio', 'concurrent'):
                raise ArchiveError(f'The scheduler is lost ({type(error).__name__}); what is finished is kept: when it '
                                   'runs again, go on with --resume.') from error
            raise
        finally:
            for future in running:
                future.cancel()


def _about(model: str) -> dict[str, str]:
    """Describe what must be the same on every machine."""
    runtime = automatic()
    return {'Python': '.'.join(platform.python_version_tuple()[:2]), 'style_transfer_ros': _version(),
            f'{runtime} (the runtime)': version(runtime), 'the model': model_hash(load_model(model))}


def _version() -> str:
    try:
        return version('style_transfer_ros')
    except ImportError:
        return 'not installed'


@contextmanager
def cluster(workers: int, scheduler: str = '') -> Iterator[Cluster]:
    """
    Start workers on this machine, or connect to a scheduler.

    :param workers: how many; they share the cores.
    :param scheduler: address such as ``tls://host:8786``; then ``workers`` does not matter.
    :raises ArchiveError: Dask is not installed, or the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ArchiveError("Workers need Dask, which is not installed; run 'pip install -r requirements/scale.txt'."
                           ) from error
    for name in list(logging.root.manager.loggerDict):      # a lost worker or scheduler is told by us
        if name.split('.')[0] in ('distributed', 'tornado', 'asyncio'):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    if scheduler:
        try:
            client = Client(scheduler, timeout=15)
        except (OSError, TimeoutError, ValueError) as error:
            raise ArchiveError(f"The scheduler '{scheduler}' does not answer ({error or type(error).__name__}); start "
                               "it with 'dask scheduler'.") from error
        with client:
            yield Cluster(client, 0)
        return
    cores = max(1, cores_given() // workers)
    settings = {'distributed.scheduler.allowed-failures': _ALLOWED_FAILURES,
                'distributed.worker.multiprocessing-method': 'spawn',
                'distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS': cores,
                'distributed.admin.tick.limit': '1h', 'distributed.comm.timeouts.connect': '60s'}
    with dask.config.set(settings), LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host='127.0.0.1', scheduler_port=0,
            dashboard_address=None, memory_limit='auto', silence_logs=logging.CRITICAL) as local, \
            Client(local) as client:
        yield Cluster(client, cores)
