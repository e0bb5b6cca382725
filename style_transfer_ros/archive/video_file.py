# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A video that is read, with PyAV (see ``videos.py``)."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
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
_BACK = (1, 4, 16)
#: Time stamps of this many pieces of a stream may stand in another order; what is earlier begins again.
_DISORDER = 3
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


class Onward:
    """
    Give the packets of a stream times that go on where those of the file begin again, as where files were put together.

    :param step: the time from one packet to the next where the file does not tell it, in units of the time base.
    """

    def __init__(self, step: int) -> None:
        self._step, self._offset = step, 0
        self._before: int | None = None

    def move(self, packet: Any) -> None:
        """Move a packet, in the order in which they are stored, in place."""
        if packet.dts is not None:
            step = packet.duration or self._step
            if self._before is not None and packet.dts + self._offset < self._before - _DISORDER * step:
                self._offset = self._before + step - packet.dts
            packet.dts += self._offset
            self._before = packet.dts
        if packet.pts is not None:
            packet.pts += self._offset


class Video:
    """
    A video, opened with PyAV.

    :param location: path or URL.
    :raises ArchiveError: there is no video.
    """

    def __init__(self, location: str) -> None:
        import av
        from av.format import Flags
        self._av, self._name = av, location.rsplit('/', 1)[-1]
        self._location, self._stack = location, ExitStack()
        self._open()
        self.base: Fraction = self.stream.time_base
        self._first = self.stream.start_time or 0
        flags = self.container.format.flags
        bare = bool(flags & Flags.no_timestamps.value)
        #: It can be wound to a time, and its length is no guess.
        self.indexed = not bare and not flags & Flags.ts_discont.value
        seconds = (self.stream.duration * self.base if self.stream.duration
                   else Fraction(self.container.duration or 0, av.time_base))
        #: Length, ns; 0: not known.
        self.length = round(seconds * 10**9)
        # the rate of a bare stream stands in its pictures, if anywhere
        told = bare and self.stream.codec_context.framerate or self.stream.average_rate
        self.rate: Fraction = told or Fraction(30)
        self._step = max(1, round(1 / (self.rate * self.base)))
        #: Width and height of all frames, before they are turned; in streams of broadcasts it may change.
        self.size: tuple[int, int] = (self.stream.codec_context.width, self.stream.codec_context.height)
        #: Frames, as far as the file tells.
        self.frames = self.stream.frames or round(seconds * self.rate)

    def _open(self) -> None:
        av, location = self._av, self._location
        if locations.kind(location) != 'file':
            raise ArchiveError(f"There is no video '{location}'; check the path.")
        try:
            self.container = self._stack.enter_context(av.open(
                self._stack.enter_context(locations.opened(location))))
            stream = self.container.streams.best('video')       # not the picture of a cover
            if stream is None:
                raise ValueError('it has no picture track')
            if stream.codec_context is None:
                raise ValueError('its pictures are of an unknown kind')
            self.stream = stream
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
        """Decode from a frame that is not later than ``start``."""
        for back in _BACK:
            if start <= back * 10**9:
                break
            items = self._decoded(start - back * 10**9)
            first = next((item for item in items if isinstance(item, VideoFrame)), None)
            if first is not None and first.time <= start:
                yield first
                yield from items
                return
        yield from self._decoded(0)

    def _units(self, time: int) -> int:
        """Return a time, ns, in units of the file's time base."""
        return self._first + int(Fraction(time, 10**9) / self.base)

    def _packets(self, start: int) -> Iterator[Any]:
        """
        Give the packets from a key frame near ``start``, ns, to the end.

        :raises av.error.FFmpegError: the rest cannot be read.
        """
        if start and self.indexed:
            with suppress(self._av.error.FFmpegError):      # where that fails, it is read from where it stands
                self.container.seek(self._units(start), stream=self.stream)
        elif self._wound:       # a pipe or a bare stream cannot be wound back
            self._stack.close()
            self._open()
        self._wound = True
        onward = Onward(self._step)
        # Without an index, winding would end somewhere: it goes by other times than those of the frames, and these may
        # begin again.  So the packets are passed over without being decoded.
        passed = not start or self.indexed
        for packet in self.container.demux(self.stream):
            onward.move(packet)
            passed = passed or packet.is_keyframe and packet.pts is not None and packet.pts >= self._units(start)
            if passed:
                yield packet

    def _decoded(self, start: int) -> Iterator[VideoFrame | Damage]:
        before: int | None = None
        last = start
        packets = self._packets(start)
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
                if stamp is not None:
                    pts = stamp - self._first
                else:       # a bare stream
                    pts = 0 if before is None else before + self._step
                if before is not None:      # MP4 takes no frame that is not later than the last
                    pts = max(pts, before + 1)
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


def upright(frame: Any, size: tuple[int, int]) -> np.ndarray:
    """
    Return a decoded frame as RGB uint8 (H, W, 3), turned as a player would show it.

    :param size: width and height to which a frame of another size is scaled, before it is turned.

    Where the file does not tell the colour space it is that of its size, as players take it (mpv's rule).
    """
    colors = {}
    if frame.colorspace == _UNTOLD and not frame.format.is_rgb:
        colors['src_colorspace'] = 'ITU709' if frame.width >= 1280 or frame.height > 576 else 'ITU601'
    rgb = frame.to_ndarray(format='rgb24', width=size[0], height=size[1], **colors)
    turns = _turns(frame)
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb
