# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Painting at full speed: reading, decoding, painting and encoding overlap, in bounded memory and without losing order.

::

    messages ->  conductor  ->  painters: decode and paint, each frame alone    (all cores)
                 conductor  <-  paintings, in order: smooth                     (one thread)
                 conductor  ->  encoders                                        (all cores)
    results  <-  in order

Each painter is a thread with networks of its own on one core: many frames at once keep all cores busier than one frame
on all cores, and a painting is the same to the last bit however many painters there are.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
import math
import os
import sys
import threading
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from style_transfer_ros.engine.errors import ImageError
from style_transfer_ros.engine.stream import paint_alone, PaintSettings, Stream
from style_transfer_ros.engine.stylizer import Stylizer

Item = TypeVar('Item')
Result = TypeVar('Result')
#: Frames that wait at once on either side of the conductor, for each painter; fewer if they are large.
_AHEAD = 3
#: Bytes of such frames, and bytes of other messages that wait between them; at least one frame for each painter waits.
_FRAME_BYTES, _OTHER_BYTES = 256 << 20, 64 << 20
#: More painters in one process would wait for Python's lock; use several processes.
MOST_PAINTERS = 8


def lead_seconds(smoothing: float) -> float:
    """Return how long before its beginning a segment must be painted, until smoothing has forgotten, s."""
    return math.log(1 / 255) / math.log(smoothing) / 30 if smoothing > 0 else 0.0


class Painters:
    """
    Threads that paint, each with networks of its own.

    :param load: makes a stylizer with the given number of threads.
    :param cores: processor cores to use.
    """

    def __init__(self, load: Callable[[int], Stylizer], cores: int) -> None:
        self.count = max(1, min(cores, MOST_PAINTERS))
        self._threads = max(1, cores // self.count)
        self._load, self._own = load, threading.local()
        self._pool = ThreadPoolExecutor(self.count, 'painter')
        # with threads of their own, or each encoding would wait for all frames that wait to be painted
        self._encoders = ThreadPoolExecutor(self.count, 'encoder')
        cv2.setNumThreads(1)        # its own threads would only disturb the painters
        sys.setswitchinterval(5e-4)     # a painter waits for Python's lock several times a frame, each time so long

    def submit(self, work: Callable[[Stylizer], Result]) -> Future[Result]:
        """Do ``work`` in one of the threads, with its stylizer."""
        return self._pool.submit(self._run, work)

    def encode(self, work: Callable[[], Result]) -> Future[Result]:
        """Do ``work``, which is short and needs no stylizer, without waiting for a painter."""
        return self._encoders.submit(work)

    def _run(self, work: Callable[[Stylizer], Result]) -> Result:
        if not hasattr(self._own, 'stylizer'):
            self._own.stylizer = self._load(self._threads)
        return work(self._own.stylizer)

    def close(self) -> None:
        """Wait for what is being painted and forget the rest."""
        self._pool.shutdown(cancel_futures=True)
        self._encoders.shutdown(cancel_futures=True)

    def __enter__(self) -> Painters:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Job(Generic[Item]):
    """
    How the frames of one camera are painted.

    :param decode: reads the picture of an item: (anything that ``encode`` needs, RGB uint8, time in s).
    :param encode: writes a painting.
    """

    decode: Callable[[Item], tuple[Any, np.ndarray, float]]
    encode: Callable[[Any, np.ndarray], Any]
    vector: np.ndarray
    settings: PaintSettings


@dataclass(frozen=True)
class Cut:
    """Between two windows: from here on smoothing knows only what is after the lead-in."""

    number: int


@dataclass(frozen=True)
class Frame(Generic[Item]):
    """
    An item to be painted.

    :param camera: the key of its job.
    :param shown: it is wanted; else it only leads in.
    :param leads: it also leads in to the window after the next cut.
    """

    camera: Any
    item: Item
    shown: bool = True
    leads: bool = False


@dataclass(frozen=True)
class Painted(Generic[Item]):
    """A frame with its encoded painting, or with the reason why there is none."""

    camera: Any
    item: Item
    result: Any = None
    error: ImageError | None = None


class _Camera:
    """The streams of one camera: of this window, and of the next one while it leads in."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._now: Stream = Stream(None)
        self._next: Stream | None = None

    def cut(self) -> None:
        self._now, self._next = self._next or Stream(None), None

    def smooth(self, rgb: np.ndarray, painting: np.ndarray, stamp: float, leads: bool) -> np.ndarray:
        if leads:
            self._next = self._next or Stream(None)
            self._next.smooth(rgb, painting, self.job.vector, self.job.settings, stamp)
        return self._now.smooth(rgb, painting, self.job.vector, self.job.settings, stamp)


class _Waiting:
    """
    A queue that is bounded by frames and bytes; for one thread at each end.

    :param painters: how many frames are painted at once.
    """

    def __init__(self, painters: int) -> None:
        self._painters = painters
        self._items: deque = deque()
        self._frames = self._bytes = 0
        self._changed = threading.Condition()
        self._stopped = False
        #: Of the pictures of one frame and its painting, bytes.
        self.frame_bytes = 0

    def full(self) -> bool:
        most = min(_AHEAD * self._painters, _FRAME_BYTES // max(1, self.frame_bytes))
        return self._frames > max(self._painters, most) or self._bytes > _OTHER_BYTES

    def put(self, item: Any, frames: int, size: int) -> None:
        """Wait until there is room; raise :class:`_Stopped` if nobody takes any more."""
        with self._changed:
            while self.full() and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise _Stopped
            self.add(item, frames, size)
            self._changed.notify_all()

    def add(self, item: Any, frames: int, size: int) -> None:
        self._items.append((item, frames, size))
        self._frames += frames
        self._bytes += size

    def get(self) -> Any:
        with self._changed:
            while not self._items:
                self._changed.wait()
            item = self.take()
            self._changed.notify_all()
            return item

    def take(self) -> Any:
        item, frames, size = self._items.popleft()
        self._frames -= frames
        self._bytes -= size
        return item

    def stop(self) -> None:
        """Let :meth:`put` end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)


def paint_in_order(items: Iterable[Any], jobs: dict[Any, Job], painters: Painters) -> Generator[Any, None, None]:
    """
    Paint every :class:`Frame` among ``items``; everything else passes.

    :param items: read in a thread of its own; errors that it raises come out here.
    :param jobs: by camera.
    :returns: the same items in the same order, :class:`Painted` in place of those frames that are shown.
    """
    done = _Waiting(painters.count)
    thread = threading.Thread(target=_conduct, args=(items, jobs, painters, done), name='conductor', daemon=True)
    thread.start()
    try:
        while not isinstance(result := done.get(), _End):
            yield result.result() if isinstance(result, Future) else result
        if result.error is not None:
            raise result.error
    finally:
        done.stop()
        thread.join()


def _conduct(items: Iterable[Any], jobs: dict[Any, Job], painters: Painters, done: _Waiting) -> None:
    """Read, have decoded and painted, smooth in order, have encoded; the conductor's thread."""
    cameras = {name: _Camera(job) for name, job in jobs.items()}
    on_the_way = _Waiting(painters.count)

    def finish() -> None:
        """Take the oldest item as far as it goes."""
        item, future, size = on_the_way.take()
        if future is None:
            if isinstance(item, Cut):
                for camera in cameras.values():
                    camera.cut()
            done.put(item, 0, size)
            return
        painted = future.result()
        if isinstance(painted, ImageError):
            if item.shown:
                done.put(Painted(item.camera, item.item, error=painted), 1, 0)
            return
        source, rgb, stamp, painting = painted
        on_the_way.frame_bytes = done.frame_bytes = 2 * rgb.nbytes
        camera = cameras[item.camera]
        smoothed = camera.smooth(rgb, painting, stamp, item.leads)
        if item.shown:
            done.put(painters.encode(_encode(camera.job, item, source, smoothed)), 1, 0)

    try:
        for item in items:
            if isinstance(item, Frame):
                future = painters.submit(_decode_and_paint(jobs[item.camera], item.item))
                on_the_way.add((item, future, 0), 1, 0)
            else:
                size = len(getattr(item, 'data', ''))
                on_the_way.add((item, None, size), 0, size)
            while on_the_way.full():
                finish()
        while on_the_way:
            finish()
        end = _End()
    except _Stopped:
        return
    except BaseException as error:      # noqa: BLE001 - it is raised again where the results are taken
        end = _End(error)
    try:
        done.put(end, 0, 0)
    except _Stopped:
        return


class _Stopped(Exception):
    """Nobody takes the results any more."""


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


def _decode_and_paint(job: Job, item: Any) -> Callable[[Stylizer], Any]:
    def work(stylizer: Stylizer) -> Any:
        try:
            source, rgb, stamp = job.decode(item)
            painting = paint_alone(stylizer, rgb, job.vector, job.settings)
        except ImageError as error:
            return error
        return source, rgb, stamp, painting
    return work


def _encode(job: Job, frame: Frame, source: Any, smoothed: np.ndarray) -> Callable[[], Painted]:
    def work() -> Painted:
        try:
            return Painted(frame.camera, frame.item, job.encode(source, smoothed))
        except ImageError as error:
            return Painted(frame.camera, frame.item, error=error)
    return work


def cores_given() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
