# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Pictures, paintings and videos that no training has seen.

Photographs and videos are of Debian's ``opencv-doc``, the styles those that this package brings (styles/README.md).
"""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.paths import share_folder
from training.packages import fetch, Source

OPENCV_DOC = Source('debian', 'opencv-doc', 'Apache-2.0 and BSD-3-Clause', True)
#: Photographs in it: people, animals, plants, houses, streets, things, from smooth to finely structured.
_CONTENTS = ('aloeL.jpg', 'baboon.jpg', 'board.jpg', 'building.jpg', 'butterfly.jpg', 'chicky_512.png', 'fruits.jpg',
             'leuvenA.jpg', 'scenetext01.jpg', 'scenetext04.jpg', 'scenetext06.jpg', 'squirrel_cls.jpg')
#: Videos in it: people walking before a fixed camera, and a tree before a moving one.
_VIDEOS = ('vtest.avi', 'tree.avi')
_ENDINGS = {'.jpg', '.jpeg', '.png', '.webp'}
#: The longer side of a content is reduced to this, pixels.
_LONGEST = 512


class HeldOut(NamedTuple):
    """RGB uint8 (H, W, 3) by name, and the paths of the videos."""

    contents: dict[str, np.ndarray]
    styles: dict[str, np.ndarray]
    videos: list[Path]


def _reduced(picture: np.ndarray) -> np.ndarray:
    shrink = _LONGEST / max(picture.shape[:2])
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else picture


def _pictures(paths: list[Path]) -> dict[str, np.ndarray]:
    return {path.stem: pictures.read_picture(path) for path in paths if path.suffix.lower() in _ENDINGS}


def gather(cache: Path, folder: Path | None = None) -> HeldOut:
    """
    Read everything.

    :param cache: where fetched packages are kept.
    :param folder: take the files of its folders ``contents``, ``styles`` and ``videos`` instead.
    :raises StyleTransferError: something cannot be fetched, or is not there.
    """
    if folder is None:
        package = fetch(OPENCV_DOC, cache)
        files = {path.name: path for path in sorted(package.rglob('*'), reverse=True)}      # the first by path stays
        contents = [files[name] for name in _CONTENTS if name in files]
        videos = [files[name] for name in _VIDEOS if name in files]
        styles = sorted((share_folder() / 'styles').iterdir())
    else:
        contents, styles, videos = (sorted((folder / part).glob('*')) for part in ('contents', 'styles', 'videos'))
    found = HeldOut({name: _reduced(p) for name, p in _pictures(contents).items()}, _pictures(styles), videos)
    for part, items in found._asdict().items():
        if not items:
            raise StyleTransferError(f"There are no {part} in '{folder or package}'; give a folder with contents/, "
                                     'styles/ and videos/ with --heldout.')
    return found


def clip(path: Path, frames: int, width: int, skip: int = 40) -> list[np.ndarray]:
    """
    Read successive frames of a video, RGB uint8, reduced to ``width`` where they are wider.

    :param skip: frames at the beginning that are not taken.
    :raises StyleTransferError: it cannot be read.
    """
    video, taken = cv2.VideoCapture(str(path)), []
    try:
        for n in range(skip + frames):
            there, frame = video.read()
            if there and n >= skip:
                shrink = min(1, width / frame.shape[1])
                frame = cv2.resize(frame, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
                taken.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    finally:
        video.release()
    if len(taken) < 2:
        raise StyleTransferError(f"The video '{path}' cannot be read; OpenCV needs a decoder for it.")
    return taken
