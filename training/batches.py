# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Random crops of the pool: contents, paintings and how their styles are mixed."""
from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from training.pool import Pool, SIZE

#: Height and width of a crop, pixels, a multiple of 16.  Crops begin anywhere, so that nothing of the teacher's grid
#: falls together with ours, and nothing is moved by parts of a pixel, which would blur it.
CROP = 240
#: Number of first samples that are never trained on.
HELD_OUT = 64
#: The second view of a sample begins at most this many pixels beside the first one, each way.
_STEPS = 3
#: This share of the contents comes compressed as by a camera, of a quality between these: blocks are not to be painted.
_COMPRESSED, _QUALITIES = 0.25, (35, 85)


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Uint8 N,H,W,3 -> float N,3,H,W in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    """Return a picture (RGB uint8) as JPEG shows it."""
    coded = cv2.imencode('.jpg', picture[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    shown = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert shown is not None
    return shown[..., ::-1]


class Batch(NamedTuple):
    """Crops of N samples; the last ``pairs`` of them show the first ones again, a few pixels aside."""

    content: Tensor         # N,3,240,240 in 0..1
    painting: Tensor        # the same
    rows: np.ndarray        # of the pool, (N,)
    corners: np.ndarray     # row and column of the crops' first pixels before they were mirrored, (N, 2)
    mirrored: np.ndarray    # bool (N,)
    pairs: int


def draw(pool: Pool, rng: np.random.Generator, rows: np.ndarray, pairs: int = 0) -> Batch:
    """
    Cut random crops of samples, half of them mirrored.

    :param rows: of the pool, (N,).
    :param pairs: number of last rows that are replaced by the first ones.
    """
    rows, count = rows.copy(), len(rows)
    corners, mirrored = rng.integers(0, SIZE - CROP + 1, (count, 2)), rng.random(count) < 0.5
    if pairs:
        rows[count - pairs:], mirrored[count - pairs:] = rows[:pairs], mirrored[:pairs]
        steps = rng.integers(-_STEPS, _STEPS + 1, (pairs, 2))
        corners[count - pairs:] = np.clip(corners[:pairs] + steps, 0, SIZE - CROP)

    def crops(pictures: np.ndarray) -> list[np.ndarray]:
        cut = [pictures[row, y:y + CROP, x:x + CROP] for row, (y, x) in zip(rows, corners)]
        return [c[:, ::-1] if flip else c for c, flip in zip(cut, mirrored)]
    contents = [compressed(np.ascontiguousarray(c), int(rng.integers(*_QUALITIES))) if rng.random() < _COMPRESSED else c
                for c in crops(pool.contents)]
    return Batch(to_tensor(np.stack(contents)), to_tensor(np.stack(crops(pool.paintings))), rows, corners, mirrored,
                 pairs)


def overlaps(batch: Batch, painted: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return what both views of each pair show, cut from ``painted`` (N,3,240,240)."""
    found = []
    for first in range(batch.pairs):
        second = len(painted) - batch.pairs + first
        begin = np.maximum(batch.corners[first], batch.corners[second])
        end = np.minimum(batch.corners[first], batch.corners[second]) + CROP
        views = []
        for n in (first, second):
            view = painted[n].flip(2) if batch.mirrored[n] else painted[n]
            (top, left), (bottom, right) = begin - batch.corners[n], end - batch.corners[n]
            views.append(view[:, top:bottom, left:right])
        found.append((views[0], views[1]))
    return found
