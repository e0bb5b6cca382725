# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Segments on Dask distributed: a cluster on this machine (``--workers``), or one that is there (``--scheduler``).

Frames never travel through the scheduler, only paths and counts.  Each worker process does one task at a time, with as
many threads as Dask gave it, for runtimes do not obey OMP_NUM_THREADS.  Workers are spawned, never forked.

Workers may come at any time.  Each is asked for its versions and its model before more tasks are handed out, and
compares them itself, for it may come in between.

A Dask scheduler runs whatever code a client sends it, without a password, so the cluster of ``--workers`` listens on
127.0.0.1 alone, and one without TLS is warned of.
"""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
import logging
import platform
import threading
from typing import Any
import warnings

import cv2

from style_transfer_ros.archive.painting import cores_given
from style_transfer_ros.archive.plan import Look, model_hash
from style_transfer_ros.engine.errors import ArchiveError, sentence, StyleTransferError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.runtimes import chosen, RUNTIMES
from style_transfer_ros.signals import without_terminal

#: A segment may take down one worker, which may have another reason; with the second it is given up.
_ALLOWED_FAILURES = 1
#: Addresses that both sides prove with certificates.
_ENCRYPTED = ('tls://', 'wss://')


@dataclass
class Task:
    """
    Something for a worker.

    :param function: of :mod:`style_transfer_ros.archive.segments`.
    :param done: is given the result, or None if the task killed two workers; returns the tasks that follow from it.
    :param failed: is given the error that the function or ``done`` raised, and may raise it; None: the run ends.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: Callable[[Any], Iterable[Task]]
    failed: Callable[[StyleTransferError], None] | None = None


class _ForeignWorker(ArchiveError):
    """A worker has another version or model, so that no task can be done."""


class Cluster:
    """
    Workers.

    :param client: of Dask.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._checked: set[str] = set()     # addresses

    def check(self, look: Look) -> None:
        """
        Compare versions and model on every worker that is there with this machine.

        :raises ArchiveError: one of them differs, or there is no worker.
        """
        try:
            self._client.wait_for_workers(1, timeout=60)
        except asyncio.TimeoutError as error:
            raise ArchiveError("The scheduler has no worker; start some with 'dask worker'.") from error
        self._checked.clear()
        self._check_new(look)

    def _check_new(self, look: Look) -> int:
        """Check the workers that have come since the last time; return how many there are in all."""
        workers = set(self._client.nthreads())
        if new := sorted(workers - self._checked):
            here = _about(look.model, look.runtime)
            found = self._client.run(_about, look.model, look.runtime, workers=new, on_error='return')
            for address, there in found.items():
                if isinstance(there, OSError):      # it is gone already
                    continue
                if isinstance(there, Exception):
                    raise _foreign(f'The worker {address}', there)
                _compare(address, there, here)
                self._checked.add(address)
        return len(workers)

    def run(self, tasks: Iterator[Task], look: Look) -> None:
        """
        Do tasks, one at a time on each worker, and whatever follows from them.

        :raises StyleTransferError: a task raised it, and ``failed`` did not take it.
        :raises ArchiveError: the scheduler is lost, or a worker that came later has another version or model.
        """
        from distributed import as_completed
        here = _about(look.model, look.runtime)
        following: deque[Task] = deque()
        running: dict[Any, Task] = {}
        completed = as_completed()

        def start() -> None:
            # no more than there are workers: a task that waits on a worker would be blamed for its death
            workers = self._check_new(look)
            while len(running) < max(1, workers):
                task = following.popleft() if following else next(tasks, None)
                if task is None:
                    return
                future = self._client.submit(_work, look.model, look.runtime, here, task.function, *task.arguments,
                                             pure=False)
                running[future] = task
                completed.add(future)

        try:
            start()
            while running:
                future = next(completed)
                task = running.pop(future)
                try:
                    following.extend(task.done(_result(future)))
                except StyleTransferError as error:
                    if task.failed is None or isinstance(error, _ForeignWorker):
                        raise
                    task.failed(error)
                start()
        except Exception as error:
            if type(error).__module__.split('.')[0] in ('distributed', 'tornado', 'asyncio', 'concurrent'):
                raise ArchiveError(f'The scheduler is lost ({type(error).__name__}); what is finished is kept: when it '
                                   'runs again, go on with --resume.') from error
            raise
        finally:
            for future in running:
                future.cancel()


def _result(future: Any) -> Any:
    """
    Return what a task gave, or None if it killed two workers.

    :raises Exception: what the task raised.
    """
    from distributed import KilledWorker
    try:
        return future.result()
    except KilledWorker:
        return None
    except ImportError as error:
        raise _foreign('A worker', error) from error


def cores_of_worker() -> int:
    """Return how many processor cores Dask gave the worker whose task this is; elsewhere those of this process."""
    from distributed import get_worker
    try:
        return min(get_worker().state.nthreads, cores_given())
    except ValueError:
        return cores_given()


#: A worker with several threads is offered several tasks; one uses all of its cores.
_one_at_a_time = threading.Lock()


def _work(model: str, runtime: str, there: dict[str, str], function: Callable[..., Any], *arguments: Any) -> Any:
    """
    Do a task, in a worker.

    :param there: what :func:`_about` gave on the machine that planned.
    :raises ArchiveError: this worker has another version or model.
    """
    from distributed import get_worker
    with _one_at_a_time:
        _compare(get_worker().address, _about(model, runtime), there)
        return function(*arguments)


@lru_cache(maxsize=8)
def _about(model: str, runtime: str) -> dict[str, str]:
    """Describe what must be the same on every machine, or paintings would differ."""
    loaded = load_model(model)
    name = chosen(runtime, loaded)
    return {'Python': '.'.join(platform.python_version_tuple()[:2]), 'style_transfer_ros': _version(),
            'the runtime': f'{name} {import_module(RUNTIMES[name][1]).__version__}', 'OpenCV': cv2.__version__,
            'the model': model_hash(loaded)}


def _compare(worker: str, its: dict[str, str], planned: dict[str, str]) -> None:
    for what, value in planned.items():
        if its.get(what) != value:
            raise _ForeignWorker(f'The worker {worker} has {what} {its.get(what)!r}, the machine that planned '
                                 f'{value!r}; install the same everywhere.')


def _foreign(worker: str, error: Exception) -> _ForeignWorker:
    return _ForeignWorker(f'{worker} cannot do what this version of style_transfer_ros asks ({sentence(error)}); '
                          'install the same everywhere.')


def _version() -> str:
    try:
        return version('style_transfer_ros')
    except ImportError:
        return 'not installed'


@contextmanager
def cluster(workers: int, scheduler: str = '', warn: Callable[[str], None] = lambda text: None) -> Iterator[Cluster]:
    """
    Start workers on this machine, or connect to a scheduler.

    :param workers: how many; they share the cores.
    :param scheduler: address such as ``tls://host:8786``; then ``workers`` does not matter.
    :param warn: is given a sentence if the scheduler is used without TLS.
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
        except (OSError, asyncio.TimeoutError, ValueError) as error:
            raise ArchiveError(f"The scheduler '{scheduler}' does not answer ({error or type(error).__name__}); start "
                               "it with 'dask scheduler'.") from error
        with client:
            if not client.scheduler.address.startswith(_ENCRYPTED):
                warn(f"The scheduler '{scheduler}' is used without TLS: frames do not travel through it, but whoever "
                     'reaches it or its workers can run code there without a password; trust that network, or use '
                     'tls://.')
            yield Cluster(client)
        return
    cores = max(1, cores_given() // workers)
    settings = {'distributed.scheduler.allowed-failures': _ALLOWED_FAILURES,
                'distributed.worker.multiprocessing-method': 'spawn',
                'distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS': cores,
                'distributed.admin.tick.limit': '1h', 'distributed.comm.timeouts.connect': '60s'}
    with dask.config.set(settings):
        # a Ctrl-C goes to the workers, too, but it is we who end them
        with without_terminal(), warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)        # another run has the port that Dask would like
            local = LocalCluster(
                n_workers=workers, threads_per_worker=cores, processes=True, host='127.0.0.1', scheduler_port=0,
                dashboard_address=None, memory_limit='auto', silence_logs=logging.CRITICAL)
        with local, Client(local) as client:
            yield Cluster(client)
