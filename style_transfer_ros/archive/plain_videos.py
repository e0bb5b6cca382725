# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Repaint a video without PyAV: Motion JPEG, at one rate, without sound."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from style_transfer_ros.archive import locations
from style_transfer_ros.archive.painting import Frame, Job, paint_in_order, Painted, Painters
from style_transfer_ros.archive.plan import Look
from style_transfer_ros.archive.records import Damage
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import check, unfinished
from style_transfer_ros.archive.video_file import VideoFrame
from style_transfer_ros.engine.errors import ArchiveError

_CAMERA = 'video'
#: More than FFmpeg's buffer, bytes.
_BEHIND = 1 << 20


def repaint_plainly(location: str, out: Path, look: Look, painters: Painters, report: Report, start: float,
                    stop: float | None, resume: bool, on_error: str, progress: Callable[[int, int], None]) -> None:
    """
    Read and write with OpenCV alone; parameters as of :func:`style_transfer_ros.archive.videos.repaint_video`.

    :raises ArchiveError: it is no video, or cannot be written.
    """
    report.note(f"PyAV is not installed, so '{out}' becomes Motion JPEG at one rate, without sound, which browsers do "
                "not play, and an interrupted run begins again; for H.264 run 'pip install -r requirements/video.txt'.")
    if locations.kind(location) != 'file' or locations.is_url(location):
        raise ArchiveError(f"There is no video '{location}' on this machine; check the path.")
    capture = cv2.VideoCapture(location)
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 0 < rate < 1000 else 30.0
    total = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read() -> Iterator[Frame]:
        number = 0
        while True:
            there, frame = capture.read()
            if not there or stop is not None and number / rate >= stop:
                return
            if number / rate >= start:
                yield Frame(_CAMERA, VideoFrame(round(number / rate * 1e9), number, frame))
            number += 1

    def decode(frame: VideoFrame) -> tuple[Any, np.ndarray, float]:
        return frame, cv2.cvtColor(frame.picture, cv2.COLOR_BGR2RGB), frame.time / 1e9

    job = Job(decode, lambda _, rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), look.array(), look.settings)
    with unfinished(out, resume, [location], report.note) as run:
        result = run.folder / f'result{out.suffix}'
        writer = None
        with closing(paint_in_order(read(), {_CAMERA: job}, painters)) as results:
            for item in results:
                assert isinstance(item, Painted)
                if item.error is not None:
                    report.damaged(Damage(location, item.item.time, f'frame {item.item.pts}', str(item.error)))
                    check(0, report, on_error)
                    continue
                height, width = item.result.shape[:2]
                if writer is None:
                    writer = cv2.VideoWriter(str(result), cv2.VideoWriter.fourcc(*'MJPG'), rate, (width, height))
                    if not writer.isOpened():
                        raise ArchiveError(f"OpenCV cannot write Motion JPEG into '{out.name}'; choose a name that "
                                           'ends with .mp4, .avi or .mkv.')
                writer.write(item.result)
                report.painted[location] += 1
                report.written += 1
                progress(report.painted[location], total)
        capture.release()
        if writer is None:
            raise ArchiveError(f"'{location}' holds no video that OpenCV reads in this time; convert it, for example "
                               'to MP4.')
        writer.release()
        _check_whole(result, out, report.painted[location])
        run.publish(result)


def _check_whole(result: Path, out: Path, written: int) -> None:
    """
    Look for what is missing: OpenCV says nothing of what it could not write.

    :raises ArchiveError: frames are missing.
    :raises OSError: the disk is full.
    """
    capture = cv2.VideoCapture(str(result))
    there = 0
    while capture.grab():
        there += 1
    capture.release()
    if there < written:
        raise ArchiveError(f"Only {there} of {written} frames of '{out}' could be written; the disk may be full: make "
                           'room and begin again.')
    # half of the last frame looks like a frame; a disk that was full at the end takes no more than a buffer now
    with result.open('ab') as file:
        size = file.tell()
        file.write(bytes(_BEHIND))
        file.flush()
        os.fsync(file.fileno())
        file.truncate(size)
