# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Where frames come from when no camera driver publishes them: a moving scene, a video, a folder of pictures, a camera.

>>> with open_source('scene', 640, 480) as source:
...     source.read().shape
(480, 640, 3)
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
import logging
import math
import os
from pathlib import Path

import cv2
import numpy as np

from style_transfer_ros.engine.errors import ImageError, shown, SourceError, SourceGone, StyleTransferError
from style_transfer_ros.engine.picture_headers import KNOWN_FORMATS, picture_format
from style_transfer_ros.engine.pictures import fit, read_picture
from style_transfer_ros.engine.quiet import silence
from style_transfer_ros.engine.reading import begins_with
from style_transfer_ros.paths import local_path, share_folder

#: Frames per second that a scene and a folder of pictures count with unless told.
RATE = 30.0
#: A folder shows each picture for this long, seconds.
PICTURE_SECONDS = 5.0
SCENE = Path('scenes') / 'mountains.jpg'
#: Of a frame, pixels.
LARGEST_SIDE = 8192

_log = logging.getLogger(__name__)


class FrameSource(ABC):
    """
    Gives frames of one size; for one thread at a time.

    :param width: of every frame, pixels.
    :param height: of every frame, pixels.
    :raises SourceError: a frame of that size is not possible.
    """

    def __init__(self, width: int, height: int) -> None:
        if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
            raise SourceError(f'Frames of {width}x{height} pixels are not possible; choose 1 to {LARGEST_SIDE} for '
                              'each side.')
        self.width, self.height = width, height

    @abstractmethod
    def read(self) -> np.ndarray:
        """
        Return the next frame; a camera is waited for, everything else answers at once and never ends.

        :returns: RGB uint8 (height, width, 3), not shared with any other frame.
        :raises SourceGone: the device or the file is not there any more; open the source again later.
        """

    def _fitted(self, frame: np.ndarray) -> np.ndarray:
        """Turn OpenCV's BGR of any size into an RGB frame."""
        return cv2.cvtColor(fit(frame, self.width, self.height), cv2.COLOR_BGR2RGB)

    def close(self) -> None:    # noqa: B027 - most have nothing to give back
        """Give the device or file back."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(source: str, width: int, height: int, rate: float | None = None) -> FrameSource:
    """
    Open whatever ``source`` names.

    :param source: ``scene``, a V4L2 camera (its index or /dev/videoN), a video file, a picture, or a folder of
        pictures; of files and folders the path or a URL, see :func:`local_path`.
    :param width: of every frame, pixels; other proportions are cut at the longer sides, never stretched.
    :param height: of every frame, pixels.
    :param rate: how often :meth:`FrameSource.read` will be called, Hz.  Then a video runs at its own speed, frames
        being shown twice or left out, and a camera is asked for this rate.  Without it every frame of a video comes
        exactly once.
    :raises SourceGone: nothing is there, or a camera is in use.
    :raises SourceError: it is neither video nor picture, or the size is not possible.
    """
    if rate is not None and not 0 < rate < math.inf:
        raise SourceError(f'A rate of {rate} Hz is not possible; choose one above 0.')
    if source == 'scene':
        return SceneSource(read_picture(share_folder() / SCENE), width, height, rate or RATE)
    if source.isdecimal():
        return CameraSource(f'/dev/video{int(source)}', width, height, rate)
    try:
        path = str(local_path(source, 'source'))
    except StyleTransferError as error:
        raise SourceError(str(error)) from error
    if source and os.path.isdir(path):
        return PicturesSource(_pictures(Path(path)), width, height, rate or RATE)
    if os.path.isfile(path):
        if _is_picture(Path(path)):
            return PicturesSource([Path(path)], width, height, rate or RATE)
        return VideoSource(Path(path), width, height, rate)
    if source.startswith('/dev/'):
        return CameraSource(source, width, height, rate)
    if source and os.path.exists(path):         # a pipe or a socket, which might be waited for without an end
        raise SourceError(f'The source {shown(source)} is a pipe or a device; choose a video, a picture or a folder.')
    raise SourceGone(f"There is no video, picture or folder {shown(source)}; check the path, or choose 'scene', which "
                     'needs none.')


class SceneSource(FrameSource):
    """
    A slow pan and zoom over a photograph, smooth, without an end and the same in every run.

    :param photograph: RGB uint8 (H, W, 3).
    :param rate: Hz; frame ``n`` shows the time ``n / rate``.
    """

    #: Seconds until the same frames come again.
    PERIOD = 60.0
    #: Width of the part that is shown, as a share of the photograph cut to the frame's proportions: mean and swing.
    _SHARE, _SWING = 0.65, 0.15

    def __init__(self, photograph: np.ndarray, width: int, height: int, rate: float = RATE) -> None:
        super().__init__(width, height)
        self._rate, self._count = rate, 0
        # At the mean zoom a pixel of the canvas is a pixel of the frame: sharp, and fine detail never shimmers.
        self._canvas = fit(photograph, round(width / self._SHARE), round(height / self._SHARE))

    def frame(self, n: int) -> np.ndarray:
        """Draw frame ``n``, a function of ``n`` alone, RGB uint8 (height, width, 3)."""
        turn = 2 * math.pi * ((n / self._rate / self.PERIOD) % 1)
        zoom = 1 + self._SWING / self._SHARE * math.cos(3 * turn)       # canvas pixels per frame pixel
        h, w = self._canvas.shape[:2]
        # the part's first pixel, measured between pixel centres, which is how warpAffine counts
        x = (w - zoom * self.width) * (0.5 - 0.5 * math.cos(turn)) + (zoom - 1) / 2
        y = (h - zoom * self.height) * (0.5 - 0.5 * math.sin(2 * turn + 0.3)) + (zoom - 1) / 2
        return cv2.warpAffine(self._canvas, np.array([[zoom, 0, x], [0, zoom, y]]), (self.width, self.height),
                              flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)

    def read(self) -> np.ndarray:
        self._count += 1
        return self.frame(self._count - 1)


class PicturesSource(FrameSource):
    """
    Pictures in a circle, each for :data:`PICTURE_SECONDS`; one that cannot be read is left out with a warning.

    :param paths: the files.
    :param rate: Hz; frame ``n`` shows the time ``n / rate``.
    :raises SourceError: there is none that can be read.
    """

    def __init__(self, paths: Sequence[Path], width: int, height: int, rate: float = RATE) -> None:
        super().__init__(width, height)
        self._paths, self._frames_each = list(paths), max(1, round(PICTURE_SECONDS * rate))
        self._next()

    def _next(self) -> None:
        """Show the first of the paths and put it at their end."""
        problem = 'there is none'
        while self._paths:
            path = self._paths.pop(0)
            try:
                self._shown = fit(read_picture(path), self.width, self.height)
            except ImageError as error:
                problem = str(error)
                _log.warning('%s', problem)
                continue
            self._paths.append(path)
            self._left = self._frames_each
            return
        raise SourceError(f'No picture is left to show: {problem}')

    def read(self) -> np.ndarray:
        if self._left == 0:
            self._next()
        self._left -= 1
        return self._shown.copy()


class VideoSource(FrameSource):
    """
    A video file, from the beginning again when it ends; each frame at the time that the file states.

    :param rate: Hz at which frames are asked for; None gives every frame once.
    :raises SourceGone: the file is not there.
    :raises SourceError: it holds no video that OpenCV reads.
    """

    def __init__(self, path: Path, width: int, height: int, rate: float | None = None) -> None:
        super().__init__(width, height)
        self._path, self._rate = path, rate
        self._begun = False
        self._rewind()

    def _rewind(self) -> None:
        """Open the file anew (seeking to the start fails in some formats) and decode its first frame."""
        if not self._path.is_file():
            raise SourceGone(f'The video {shown(str(self._path))} is not there any more; put it back or choose another '
                             'source.')
        with silence():
            self._capture = cv2.VideoCapture(str(self._path))
            there, frame = self._capture.read()
        if not there:
            raise SourceError(f'The file {shown(str(self._path))} holds no video or picture that OpenCV reads; convert '
                              'it, for example to MP4.')
        speed = self._capture.get(cv2.CAP_PROP_FPS)
        self._usual = 1 / speed if 0 < speed < 1000 else 1 / RATE       # time of one frame, s; 1000: not known
        self._first = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self._shown = self._fitted(frame)
        self._clock = self._time = 0.0      # of the video, s: now, and when _shown was due
        self._grab()

    def _grab(self) -> None:
        """Go to the next frame; ``_due`` is its time, or at the end the time when the video begins again."""
        with silence():
            self._ended = not self._capture.grab()
        stated = (self._capture.get(cv2.CAP_PROP_POS_MSEC) - self._first) / 1000
        grows = not self._ended and stated > self._time + 1e-4      # some files state no times
        self._due = stated if grows else self._time + self._usual

    def read(self) -> np.ndarray:
        if self._begun:
            self._clock += 1 / self._rate if self._rate else 0.0
            self._advance()
        self._begun = True
        return self._shown.copy()

    def _advance(self) -> None:
        """Show the last frame that is due; without a rate the next one."""
        newest = None
        while self._rate is None or self._due <= self._clock + 1e-4:
            if self._ended:
                self._capture.release()
                return self._rewind()
            with silence():
                there, frame = self._capture.retrieve()
            newest, self._time = frame if there else newest, self._due
            self._grab()
            if self._rate is None:
                break
        if newest is not None:
            self._shown = self._fitted(newest)
        return None

    def close(self) -> None:
        self._capture.release()


class CameraSource(FrameSource):
    """
    A V4L2 camera (Linux).

    :param device: /dev/videoN or a link to it, such as those in /dev/v4l/by-id.
    :param rate: Hz to ask the camera for; it may give another.
    :raises SourceGone: it is not there, in use, or not allowed.
    """

    def __init__(self, device: str, width: int, height: int, rate: float | None = None) -> None:
        super().__init__(width, height)
        self._device = device
        if not os.path.exists(device):
            raise SourceGone(f"There is no camera {shown(device)}; plug it in, or choose 'scene', which needs none.")
        if not os.access(device, os.R_OK | os.W_OK):
            raise SourceGone(f"The camera {device} may not be opened by this user; run 'sudo usermod -aG video $USER' "
                             'and log in again.')
        with silence():
            self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceGone(f'The camera {device} cannot be opened; close the program that uses it, or choose another '
                             'number, for some devices have no picture.')
        if width * height > 640 * 480:      # raw frames of that size are too much for USB 2 at full rate
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*'MJPG'))
        for what, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height),
                            (cv2.CAP_PROP_FPS, rate), (cv2.CAP_PROP_BUFFERSIZE, 1)):
            if value:
                self._capture.set(what, value)

    def read(self) -> np.ndarray:
        there, frame = self._capture.read()
        if not there:
            self.close()
            raise SourceGone(f'The camera {self._device} has stopped delivering frames; check its cable.')
        return self._fitted(frame)

    def close(self) -> None:
        self._capture.release()


def _pictures(folder: Path) -> list[Path]:
    """Find a folder's pictures, sorted by name."""
    try:
        found = [path for path in sorted(folder.iterdir()) if _is_picture(path)]
    except OSError as error:
        raise SourceGone(f"The folder '{folder}' cannot be read: {error.strerror}; change its permissions.") from error
    if not found:
        raise SourceError(f"The folder '{folder}' holds no picture; put {KNOWN_FORMATS} files there.")
    return found


def _is_picture(path: Path) -> bool:
    """Tell a picture by its first bytes, for OpenCV would take ``frame01.jpg`` for a video of numbered files."""
    try:
        return picture_format(begins_with(path)) is not None
    except OSError:
        return False
