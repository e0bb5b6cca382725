# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Repaint a video: H.264 in MP4 with the sound, the timestamps and the upright picture of the original.

That needs PyAV, whose wheels bring FFmpeg with x264 and are under the GPL; it is an extra (``requirements/video.txt``)
and imported only here and in ``video_file.py``.  Without it ``plain_videos.py`` does what OpenCV can.

As a bag, a video is cut into windows, each of which becomes a part of its own, so that an interrupted run goes on.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
import json
import math
import os
from pathlib import Path
import time
from typing import Any

import cv2
import numpy as np

from style_transfer_ros.archive import locations
from style_transfer_ros.archive.painting import Cut, Frame, Job, paint_in_order, Painters
from style_transfer_ros.archive.plain_videos import repaint_plainly
from style_transfer_ros.archive.plan import cut, fingerprints, Look, Plan, Window, WINDOW_SECONDS
from style_transfer_ros.archive.records import Damage, FOREVER
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import check, check_painted, Unfinished, unfinished
from style_transfer_ros.archive.video_file import has_pyav, Onward, upright, Video, VideoFrame
from style_transfer_ros.engine.atomic import replacing, sync_file
from style_transfer_ros.engine.errors import ArchiveError

#: Files that take H.264, and the sound that is copied into them; other sound is encoded again, as AAC.
_COPIED_SOUND = {
    '.mp4': ('aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus', 'flac'),
    '.m4v': ('aac', 'ac3', 'eac3', 'alac'),
    '.mov': ('aac', 'mp3', 'ac3', 'eac3', 'alac'),
    '.mkv': ('aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus', 'flac'),
    '.avi': ('aac', 'mp3', 'ac3'),
    '.ts': ('aac', 'mp3', 'ac3', 'eac3')}
ENDINGS = tuple(_COPIED_SOUND)
#: Samples per second of sound that does not tell it.
_USUAL_RATE = 48000
#: The muxers count the units of a time base in 32 bits.
_FINEST = 2**31 - 1
#: Files that browsers play while they load, if their index stands first.
_FAST_START = ('.mp4', '.m4v', '.mov')
#: Files whose H.264 has start codes instead of the lengths of our parts, which are MP4.
_START_CODES = ('.avi', '.ts')
_CAMERA = 'video'


def check_ending(out: Path) -> None:
    """
    Refuse a video that we cannot write, before anything is painted.

    :raises ArchiveError: its name has another ending than ``ENDINGS``.
    """
    if out.suffix.lower() not in ENDINGS:
        raise ArchiveError(f"'{out}' has no ending of a video that can be written; choose one of {', '.join(ENDINGS)}.")


def _h264(rgb: np.ndarray) -> Any:
    """Turn a painting into what x264 takes: even sides, and the colours that players expect of its size."""
    import av
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format='rgb24')
    return frame.reformat(format='yuv420p', dst_colorspace='ITU709' if height >= 720 else 'ITU601',
                          dst_color_range='MPEG')


def _job(look: Look, size: tuple[int, int]) -> Job:
    def decode(frame: VideoFrame) -> tuple[Any, np.ndarray, float]:
        return frame, upright(frame.picture, size), frame.time / 1e9

    return Job(decode, lambda _, rgb: _h264(rgb), look.array(), look.settings)


class _Part:
    """The video of one window, without sound, as MP4; it appears when it is complete."""

    def __init__(self, path: Path, base: Fraction, rate: Fraction) -> None:
        self._path, self._base, self._rate = path, base, rate
        self._beside = path.with_name(f'.{path.name}.new')
        self._container: Any = None
        self._first = 0

    def write(self, pts: int, frame: Any, aspect: Fraction) -> None:
        """Encode a frame of :func:`_h264`; ``aspect`` is that of its pixels."""
        if self._container is None:
            self._first = pts
            self._open(frame.width, frame.height, aspect)
        frame.pts, frame.time_base = pts - self._first, self._base
        self._container.mux(self._stream.encode(frame))

    def _open(self, width: int, height: int, aspect: Fraction) -> None:
        import av
        self._container = av.open(str(self._beside), 'w', format='mp4')
        # Without B-frames frames are stored in the order of their times, so that parts can be put together.  In one
        # thread, for the painters use the other cores.  Without x264's MB-tree, which reads memory that it has not
        # written and so gives equal frames other bytes now and then; CRF 15.5 looks as 18 does with it.
        self._stream = self._container.add_stream('libx264', rate=self._rate, options={
            'crf': '15.5', 'preset': 'medium', 'bf': '0', 'threads': '1', 'x264-params': 'mbtree=0:sync-lookahead=0'})
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, 'yuv420p'
        context = self._stream.codec_context
        context.time_base = self._base
        context.sample_aspect_ratio = aspect
        hd = height >= 720
        # numbers of ITU-T H.273: BT.709, or BT.601 (SMPTE 170M)
        context.colorspace, context.color_primaries, context.color_trc = (1, 1, 1) if hd else (6, 6, 6)
        context.color_range = 1

    def close(self, report: dict[str, Any]) -> None:
        """Complete the part; its report is written behind it and says that it is there."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            sync_file(self._beside)     # before the report that says that it is there
            os.replace(self._beside, self._path)
        with replacing(self._path.with_suffix('.json')) as file:
            file.write(json.dumps({**report, 'first': self._first, 'empty': self._container is None}).encode())

    def abandon(self) -> None:
        if self._container is not None:
            self._container.close()
            self._beside.unlink(missing_ok=True)


def told(folder: Path, window: Window) -> dict[str, Any] | None:
    """Return the report of a window's part, or None if the part is not there as a whole."""
    part = folder / f'{window.number:05d}.mp4'
    report = part.with_suffix('.json')
    counts = locations.read_report(str(report)) if report.is_file() else None
    if counts is None or not counts['empty'] and not _opens(part):
        return None
    return counts


def _opens(part: Path) -> bool:
    """Tell whether a part has its index, which is written last."""
    import av
    try:
        with av.open(str(part)) as container:
            return bool(container.streams.video)
    except av.error.FFmpegError:
        return False


def make_plan(video: Video, location: str, look: Look, start: float, stop: float | None, window: float) -> Plan:
    """
    Plan how a video is painted; ``start`` and ``stop`` in s.

    :raises ArchiveError: nothing lies between them.
    """
    first, last = round(start * 1e9), FOREVER if stop is None else round(stop * 1e9)
    if first >= last or video.indexed and video.length and first >= video.length:
        raise ArchiveError(f"Nothing lies between --from and --to: the video '{location}' is {video.length / 1e9:.1f} "
                           's long.')
    windows: tuple[Window, ...] = (Window(0, first, last),)
    if first < video.length:
        end = min(last, video.length)
        windows = cut(first, end, max(video.frames, 100), window)
        if last > video.length:     # what a file says of its length may be too little
            windows = (*windows[:-1], Window(windows[-1].number, windows[-1].start, last))
    return Plan(location, fingerprints(location), look, (), windows)


def _frames(video: Video, plan: Plan, windows: list[Window]) -> Iterator[Any]:
    """Decode windows that follow each other, each behind its :class:`Cut`, with what leads in to the first."""
    current = -1
    for item in video.read(plan.lead_in(windows[0].number), windows[-1].stop):
        while current + 1 < len(windows) and (item.time or 0) >= windows[current + 1].start:
            current += 1
            yield Cut(windows[current].number)
        if isinstance(item, Damage):
            if (item.time or 0) >= windows[0].start:
                yield item
        elif current < 0:
            yield Frame(_CAMERA, item, shown=False)
        else:
            yield Frame(_CAMERA, item, leads=item.time >= plan.lead_in(windows[current].number + 1))
    for window in windows[current + 1:]:
        yield Cut(window.number)


def paint_parts(video: Video, plan: Plan, windows: list[Window], folder: Path, painters: Painters, report: Report, *,
                on_error: str = 'skip', progress: Callable[[int], None] = lambda done: None) -> None:
    """Paint windows that follow each other into their parts in ``folder``."""
    results = paint_in_order(_early(_frames(video, plan, windows)), {_CAMERA: _job(plan.look, video.size)}, painters)
    with closing(results):
        next(results, None)         # the first cut
        for window in windows:
            counts = Report(report.tell)
            part = _Part(folder / f'{window.number:05d}.mp4', video.base, video.rate)
            try:
                for item in results:
                    if isinstance(item, Cut):
                        break
                    if isinstance(item, Damage):
                        counts.damaged(item)
                    elif item.error is not None:
                        counts.damaged(Damage(plan.source, item.item.time, 'frame', str(item.error)))
                    else:
                        part.write(item.item.pts, item.result, video.aspect(item.item))
                        counts.painted[plan.source] += 1
                        counts.written += 1
                        progress(sum(report.painted.values()) + counts.painted[plan.source])
                    check(0, counts, on_error)
                part.close(counts.counts())
            except BaseException:
                part.abandon()
                raise
            report.add(counts.counts())


def _early(items: Iterator[Any]) -> Iterator[Any]:
    """Put the first cut in front of what leads in to it."""
    waiting: list[Any] = []
    for item in items:
        if isinstance(item, Cut):
            yield item
            yield from waiting
            break
        waiting.append(item)
    yield from items


def repaint_video(location: str, out: Path, look: Look, painters: Painters, report: Report, *, start: float = 0.0,
                  stop: float | None = None, window: float = WINDOW_SECONDS, resume: bool = False,
                  on_error: str = 'skip', progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """
    Repaint a video in this process; parameters as of :func:`style_transfer_ros.archive.bags.repaint_bag`.

    :raises StyleTransferError: it is not possible; what is finished stays in ``OUT.unfinished``.
    """
    begin = time.monotonic()
    check_ending(out)
    if not has_pyav():
        repaint_plainly(location, out, look, painters, report, start, stop, resume, on_error, progress)
    else:
        with Video(location) as video, unfinished(out, resume, [location], report.note) as run:
            plan = make_plan(video, location, look, start, stop, window)
            run.agree(plan)
            folder = run.folder / 'parts'
            folder.mkdir(exist_ok=True)
            left = []
            for one in plan.windows:
                if (counts := told(folder, one)) is not None:
                    report.add(counts)
                else:
                    left.append(one)
            shown = min(plan.windows[-1].stop, video.length or FOREVER) - plan.windows[0].start
            total = round(video.frames * shown / video.length) if video.length else 0
            for row in _rows(left):
                paint_parts(video, plan, row, folder, painters, report, on_error=on_error,
                            progress=lambda done: progress(done, total))
            finish(location, plan, folder, out, run, report)
    report.outputs.append(str(out))
    report.seconds += time.monotonic() - begin


def finish(location: str, plan: Plan, folder: Path, out: Path, run: Unfinished, report: Report) -> None:
    """
    Join the parts and publish the video.

    :raises ArchiveError: no frame was painted.
    """
    check_painted(run, report, f"No frame of '{location}'", 'it holds none in this time')
    result = run.folder / f'result{out.suffix}'
    from av.error import FFmpegError
    lost = 0
    for copied in (_COPIED_SOUND[out.suffix.lower()], (), None):
        try:
            lost = join(location, plan, folder, result, copied)
            break
        except (FFmpegError, ValueError) as error:      # sound may be refused as late as at the end
            if copied is None or isinstance(error, OSError):
                raise
    if lost:
        report.damaged(Damage('sound', None, f"'{location}'", f'{lost} pieces cannot be read and are left out', lost))
    sync_file(result)       # before the parts are removed
    run.publish(result)


def _rows(windows: list[Window]) -> list[list[Window]]:
    """Group windows that follow each other."""
    rows: list[list[Window]] = []
    for window in windows:
        if rows and rows[-1][-1].number + 1 == window.number:
            rows[-1].append(window)
        else:
            rows.append([window])
    return rows


def join(location: str, plan: Plan, folder: Path, result: Path, copied: tuple[str, ...] | None) -> int:
    """
    Put the parts and the sound of the original together.

    :param folder: of the parts.
    :param result: the file to write.
    :param copied: the codecs of sound that are copied; other sound is encoded again.  None: leave out all sound.
    :returns: how many pieces of the sound could not be read and are left out.
    """
    import av
    options = {'movflags': '+faststart'} if result.suffix.lower() in _FAST_START else {}
    with av.open(str(result), 'w', options=options) as target, Video(location) as video:
        parts = []
        for window in plan.windows:
            counts = told(folder, window)
            assert counts is not None, 'every window was painted'
            if not counts['empty']:
                parts.append((folder / f'{window.number:05d}.mp4', counts['first']))
        with av.open(str(parts[0][0])) as first:
            picture = target.add_stream_from_template(first.streams.video[0])
        start = Fraction(plan.windows[0].start, 10**9)
        sound = _Sound(video, target, copied, start, Fraction(plan.windows[-1].stop, 10**9))
        for path, first_pts in parts:
            with av.open(str(path)) as part:
                stream = part.streams.video[0]
                base = Fraction(1, math.lcm(video.base.denominator, stream.time_base.denominator))
                base = base if base.denominator <= _FINEST else video.base
                for packet in _packets(part, stream, result.suffix.lower() in _START_CODES):
                    at = packet.pts * stream.time_base + first_pts * video.base - start
                    sound.mux(at)
                    packet.time_base = base
                    packet.pts = packet.dts = round(at / base)
                    packet.stream = picture
                    target.mux(packet)
        sound.mux(None)
        return sound.lost


def _packets(part: Any, stream: Any, with_start_codes: bool) -> Iterator[Any]:
    """
    Give the packets of a part, H.264.

    :param with_start_codes: instead of the lengths that MP4 has before its units.  FFmpeg's muxers change that by
        themselves, but AVI's then refuses some videos of few small frames as invalid.
    """
    from av.bitstream import BitStreamFilterContext
    changed = BitStreamFilterContext('h264_mp4toannexb', stream) if with_start_codes else None
    for packet in part.demux(stream):
        if packet.pts is None:
            continue
        yield from changed.filter(packet) if changed else (packet,)


class _Sound:
    """
    The sound of the original, copied or as AAC; what cannot be read is counted and left out.

    :param copied: the codecs that are copied; None: leave out all.
    :param start: what becomes the beginning, s; nothing from ``stop`` on is taken.
    """

    def __init__(self, video: Video, target: Any, copied: tuple[str, ...] | None, start: Fraction,
                 stop: Fraction) -> None:
        from av.error import FFmpegError
        self._error, self._target = FFmpegError, target
        #: Pieces that could not be read.
        self.lost = 0
        self._container = video.container
        self._source: Any = next(iter(self._container.streams.audio), None)
        self._origin = (video.stream.start_time or 0) * video.base + start
        self._end = stop - start
        self._packets: Iterator[Any] = iter(())
        if self._source is not None:
            codec = self._source.codec_context      # None: a kind that FFmpeg does not know
            if codec is None or copied is None:
                self.lost = sum(packet.size > 0 for packet in self._demuxed())
            elif codec.codec.canonical_name in copied:
                self._stream = target.add_stream_from_template(self._source)
                self._packets = self._copied()
            else:
                self._stream = target.add_stream('aac', rate=_aac_rate(codec.sample_rate or _USUAL_RATE))
                self._packets = self._encoded()
        self._waiting = next(self._packets, None)

    def mux(self, at: Fraction | None) -> None:
        """Write what comes before ``at``, s; None: all that is left."""
        while self._waiting is not None and (at is None or self._waiting.pts * self._waiting.time_base < at):
            try:
                self._target.mux(self._waiting)
            except self._error as error:
                if isinstance(error, OSError):      # the disk's fault
                    raise
                self.lost += 1
            self._waiting = next(self._packets, None)

    def _demuxed(self) -> Iterator[Any]:
        onward = Onward(1)
        packets = self._container.demux(self._source)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._error:     # nothing behind it can be found
                self.lost += 1
                return
            onward.move(packet)
            yield packet

    def _place(self, piece: Any) -> bool:
        """Move a packet or a frame to its place; tell whether it lies in the part that is painted."""
        if piece.pts is None:
            return False
        at = piece.pts * piece.time_base - self._origin
        piece.pts = round(at / piece.time_base)
        return 0 <= at < self._end

    def _copied(self) -> Iterator[Any]:
        for packet in self._demuxed():
            if self._place(packet):
                packet.dts, packet.stream = packet.pts, self._stream
                yield packet

    def _encoded(self) -> Iterator[Any]:
        for piece in self._resampled():
            yield from self._stream.encode(piece)
        yield from self._stream.encode(None)

    def _resampled(self) -> Iterator[Any]:
        from av import AudioResampler
        resampler: Any = None
        form: tuple[str, str, int] | None = None
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except self._error:
                self.lost += 1
                continue
            for frame in frames:
                if not self._place(frame):
                    continue
                if form != (frame.format.name, frame.layout.name, frame.sample_rate):   # broadcasts change it
                    yield from resampler.resample(None) if resampler else ()
                    form = frame.format.name, frame.layout.name, frame.sample_rate
                    resampler = AudioResampler(format='fltp', layout=self._stream.codec_context.layout,
                                               rate=self._stream.codec_context.sample_rate)
                yield from resampler.resample(frame)
        yield from resampler.resample(None) if resampler else ()


def _aac_rate(rate: int) -> int:
    """Return the next rate that AAC has, samples/s."""
    from av.codec import Codec
    rates = Codec('aac', 'w').audio_rates
    return min((known for known in rates if known >= rate), default=max(rates))
