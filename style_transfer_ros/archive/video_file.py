# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A video that is read, with PyAV (see ``videos.py``)."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
import errno
from fractions import Fraction
import importlib.util
from typing import Any

import numpy as np

from style_transfer_ros.archive import locations
from style_transfer_ros.archive.records import Damage, FOREVER
from style_transfer_ros.engine.errors import ArchiveError

#: A frame is looked for so long before its time, s; then from the beginning.
_BACK = (0, 1, 4, 16)
#: The colour space of a file that does not tell it (ITU-T H.273).
_UNTOLD = 2


def has_pyav() -> bool:
    """Tell whether PyAV is installed."""
    return importlib.util.find_spec('av') is not None


@dataclass(frozen=True)
class VideoFrame:
    """
    A frame as it was decoded.

    :param time: since the beginning of the video, ns.
    :param pts: the same in units of the video's time base.
    :param picture: what the library gives.
    """

    time: int
    pts: int
    picture: Any


class Video:
    """
    A video, opened with PyAV.

    :param location: path or URL.
    :raises ArchiveError: there is no video.
    """

    def __init__(self, location: str) -> None:
        import av
        self._av, self._name = av, location.rsplit('/', 1)[-1]
        self._location, self._stack = location, ExitStack()
        self._open()
        self.base: Fraction = self.stream.time_base
        self._first = self.stream.start_time or 0
        seconds = (self.stream.duration * self.base if self.stream.duration
                   else Fraction(self.container.duration or 0, av.time_base))
        #: Length, ns; 0: not known.
        self.length = round(seconds * 10**9)
        self.rate: Fraction = self.stream.average_rate or Fraction(30)
        #: Frames, as far as the file tells.
        self.frames = self.stream.frames or round(seconds * self.rate)

    def _open(self) -> None:
        av, location = self._av, self._location
        if locations.kind(location) != 'file':
            raise ArchiveError(f"There is no video '{location}'; check the path.")
        try:
            self.container = self._stack.enter_context(av.open(
                self._stack.enter_context(locations.opened(location))))
            if not self.container.streams.video:
                raise ValueError('it has no picture track')
            self.stream = self.container.streams.video[0]
            # painting takes the time; decoding in one thread leaves the cores to it
            self.stream.thread_type = 'NONE'
            self.stream.codec_context.thread_count = 1
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._stack.close()
            if isinstance(error, OSError) and error.errno not in (errno.EINVAL, None) and not isinstance(
                    error, av.error.FFmpegError):
                raise
            reason = getattr(error, 'strerror', None) or error
            raise ArchiveError(f"'{location}' holds no video that can be read ({reason}); convert it, for example to "
                               'MP4.') from error
        self._wound = False     # something was read

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, start: int = 0, stop: int = FOREVER) -> Iterator[VideoFrame | Damage]:
        """Decode the frames from ``start`` to before ``stop``, ns; what cannot be decoded is told and passed."""
        for item in self._decoded_before(start):
            if (item.time or 0) >= stop:
                return
            if (item.time or 0) >= start:
                yield item

    def _decoded_before(self, start: int) -> Iterator[VideoFrame | Damage]:
        """
        Decode from a frame that is not later than ``start``.

        Files without an index are wound by the time of decoding: that may end behind the key frame, and the decoder
        passes over all frames up to the next one.
        """
        for back in _BACK:
            if start <= back * 10**9:
                break
            self._wound = True
            try:
                self.container.seek(self._first + int(Fraction(start - back * 10**9, 10**9) / self.base),
                                    stream=self.stream)
            except self._av.error.FFmpegError:      # it has no index and no times
                break
            items = self._decoded(start)
            first = next((item for item in items if isinstance(item, VideoFrame)), None)
            if first is not None and first.time <= start:
                yield first
                yield from items
                return
        if self._wound:     # a pipe or a bare stream cannot be wound back
            self._stack.close()
            self._open()
        self._wound = True
        yield from self._decoded(0)

    def _decoded(self, last: int) -> Iterator[VideoFrame | Damage]:
        step = max(1, round(1 / (self.rate * self.base)))
        before: int | None = None
        offset = 0
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except self._av.error.FFmpegError as error:
                yield Damage(self._name, last, f"'{self._name}'", f'frames cannot be decoded ({error})', None)
                if not isinstance(error, self._av.error.InvalidDataError):
                    return
                continue
            for frame in frames:
                stamp = frame.pts if frame.pts is not None else frame.dts
                if stamp is None:       # a bare stream
                    pts = 0 if before is None else before + step
                else:
                    pts = stamp - self._first + offset
                if before is not None and pts <= before:        # MP4 takes no frame that is not later than the last
                    late = before - pts
                    pts = before + (step if late > 3 * step else 1)
                    if late > 3 * step:     # the times begin again, as where files were put together
                        offset += late + step
                before = pts
                last = round(pts * self.base * 10**9)
                if frame.is_corrupt:
                    yield Damage(self._name, last, f"'{self._name}'", 'the frame is damaged', 1)
                else:
                    yield VideoFrame(last, pts, frame)

    def aspect(self, frame: VideoFrame) -> Fraction:
        """Width over height of a pixel, as :func:`upright` turns the frame."""
        aspect = self.stream.sample_aspect_ratio or Fraction(1)
        return 1 / aspect if _turns(frame.picture) % 2 else aspect


def _turns(frame: Any) -> int:
    return round((getattr(frame, 'rotation', 0) or 0) / 90) % 4


def upright(frame: Any) -> np.ndarray:
    """
    Return a decoded frame as RGB uint8 (H, W, 3), turned as a player would show it.

    Where the file does not tell the colour space it is that of its size, as players take it (mpv's rule).
    """
    colors = {}
    if frame.colorspace == _UNTOLD and not frame.format.is_rgb:
        colors['src_colorspace'] = 'ITU709' if frame.width >= 1280 or frame.height > 576 else 'ITU601'
    rgb = frame.to_ndarray(format='rgb24', **colors)
    turns = _turns(frame)
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb
