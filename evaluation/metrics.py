# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measures of a painting, pure functions on RGB uint8 (H, W, 3).

There is no consensus on them (Ioannou and Maddock, CGF 2024), so several are taken and all are relative: to another
network, on the same pictures, in the same run.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

#: Side of the squares whose spectrum is taken, pixels: a multiple of the grid's periods.
_SPECTRUM = 256
#: Bins of a spectral peak, and those that it is compared with, as offsets from its centre.
_PEAK, _NEIGHBOURS = (-1, 0, 1), (-10, -9, -8, -7, -6, -5, 5, 6, 7, 8, 9, 10)
#: Width of the border that is compared with the band of the same width inside, pixels.
_BORDER = 8


def luma(picture: np.ndarray) -> np.ndarray:
    """Return the lightness as float32 (H, W), 0..255."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio, dB, at most 99."""
    error = np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2)
    return float(min(99.0, 10 * np.log10(255 ** 2 / (error + 1e-9))))


def histogram_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Hellinger distance of the colour histograms (Lab, 8 bins each): 0 for equal, 1 for disjoint."""
    first, second = (cv2.calcHist([cv2.cvtColor(x, cv2.COLOR_RGB2LAB)], [0, 1, 2], None, [8] * 3, [0, 256] * 3)
                     for x in (a, b))
    overlap = np.sqrt(first / first.sum() * (second / second.sum())).sum()
    return float(np.sqrt(max(0.0, 1 - overlap)))


def contrast(painting: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Return the deviation of red, green and blue over the style picture's, (3,): below 1 is paler."""
    return painting.std((0, 1)) / (style.std((0, 1)) + 1e-6)


def noisy(photograph: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add the noise of a sensor: Gaussian, ``sigma`` in grey values."""
    return np.clip(np.rint(photograph + rng.normal(0, sigma, photograph.shape)), 0, 255).astype(np.uint8)


def flicker(paintings: Sequence[np.ndarray]) -> float:
    """Return the standard deviation over time, in grey values, mean over pixels and channels."""
    return float(np.std(np.stack(paintings).astype(np.float32), axis=0, ddof=1).mean())


def motion(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Find where each pixel of ``now`` was in ``before`` (OpenCV's DIS flow), and which of these answers can be trusted.

    :returns: the positions, float32 (H, W, 2), x first; a mask (H, W), True where the flow forth and back meet (the
        threshold of Sundaram 2010) within the picture.
    """
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    first, second = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (before, now))
    back, forth = dis.calc(second, first, None), dis.calc(first, second, None)
    height, width = first.shape
    positions = back + np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    returned = cv2.remap(forth, positions[..., 0], positions[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gap, size = ((back + returned) ** 2).sum(-1), (back ** 2).sum(-1) + (returned ** 2).sum(-1)
    inside = ((positions >= 0) & (positions <= (width - 1, height - 1))).all(-1)
    return positions, (gap < 0.01 * size + 0.5) & inside


def warping_error(before: np.ndarray, now: np.ndarray, positions: np.ndarray, mask: np.ndarray) -> float:
    """
    Return how far a painting is from the one before, moved along with the camera's picture; grey values, mean.

    :param before: the painting before.
    :param now: the painting now.
    :param positions: of :func:`motion`, seen by the camera; ``mask`` too.
    """
    moved = cv2.remap(before, positions[..., 0], positions[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(np.abs(moved.astype(np.float32) - now.astype(np.float32))[mask].mean()) if mask.any() else 0.0


def mean_spectrum(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean power spectrum of the lightness of the squares in the middle, (256, 256)."""
    window = np.outer(*[np.hanning(_SPECTRUM + 1)[:-1]] * 2)
    total, count = np.zeros((_SPECTRUM, _SPECTRUM)), 0
    for picture in pictures:
        y, x = ((side - _SPECTRUM) // 2 for side in picture.shape[:2])
        if min(x, y) < 0:
            continue
        square = luma(picture)[y:y + _SPECTRUM, x:x + _SPECTRUM]
        total += np.abs(np.fft.fft2((square - square.mean()) * window)) ** 2
        count += 1
    return total / max(1, count)


def checkerboard(pictures: Iterable[np.ndarray]) -> float:
    """
    Return the energy at the frequencies of grids of 2 and 4 pixels, relative to that of their neighbours.

    Networks that enlarge leave such grids.  For each of the 15 frequencies that are multiples of a quarter of the
    sampling rate, both ways: the mean power of the peak's 3x3 bins over the median of the bins 5 to 10 away; on an axis
    only along it, where every photograph has energy.  1: no grid.

    :param pictures: at least 256x256 pixels each, others are left out.
    :returns: the mean over the frequencies.
    """
    spectrum, quarter = mean_spectrum(pictures), _SPECTRUM // 4

    def power(v: int, u: int, offsets: Sequence[int]) -> list[float]:
        return [spectrum[(v * quarter + i) % _SPECTRUM, (u * quarter + j) % _SPECTRUM]
                for i in (offsets if v else (0,)) for j in (offsets if u else (0,))]
    grid = [(v, u) for v in range(4) for u in range(4) if (v, u) != (0, 0)]
    return float(np.mean([np.mean(power(v, u, _PEAK)) / (np.median(power(v, u, _NEIGHBOURS)) + 1e-9) for v, u in grid]))


def grid_amplitude(painting: np.ndarray, period: int = 4) -> float:
    """
    Return how strong the mean pattern that repeats every ``period`` pixels is, in grey values.

    Unlike :func:`checkerboard` this says how visible a grid is: the deviation of the mean of each pixel of a cell.
    """
    detail = luma(painting)
    detail = detail - cv2.GaussianBlur(detail, (0, 0), period)
    height, width = (side // period for side in detail.shape)
    cells = detail[:height * period, :width * period].reshape(height, period, width, period)
    return float(cells.mean((0, 2)).std())


def tiles(painting: np.ndarray, period: int = 4, part: int = 8) -> float:
    """
    Return how far blocks of ``period`` pixels look like tiles: 0 for no block, 1 if each has one value of its own.

    A network that paints block by block can leave a step at every seam.  In parts of ``part`` blocks, both ways: the
    squared steps of the lightness at seams, and those inside blocks; what the first have more, over their sum.
    """
    def excess(picture: np.ndarray) -> float:
        steps = np.diff(picture, axis=1) ** 2
        steps = steps[:, :steps.shape[1] // period * period].reshape(len(steps), -1, period)
        inside, seam = (cv2.blur(x, (part, part * period)) for x in (steps[..., :-1].mean(2), steps[..., -1]))
        return float(np.maximum((seam - inside) / (seam + inside + 0.5), 0).mean())
    detail = luma(painting).astype(np.float32)
    return (excess(detail) + excess(np.ascontiguousarray(detail.T))) / 2


def border(painting: np.ndarray, photograph: np.ndarray) -> float:
    """Return the fine detail in the outer 8 pixels over that in the 8 inside them, relative to the photograph's."""
    def ratio(picture: np.ndarray) -> float:
        detail = np.abs(cv2.Laplacian(luma(picture), cv2.CV_32F))
        b = _BORDER
        outer, inner, rest = detail.sum(), detail[b:-b, b:-b].sum(), detail[2 * b:-2 * b, 2 * b:-2 * b].sum()
        pixels = [np.prod([side - 2 * n * b for side in detail.shape]) for n in range(3)]
        return float((outer - inner) / (pixels[0] - pixels[1]) / ((inner - rest) / (pixels[1] - pixels[2]) + 1e-9))
    return ratio(painting) / (ratio(photograph) + 1e-9)


def blotches(painting: np.ndarray) -> float:
    """Return how uneven the painting of a flat area is: the deviation of its lightness after a blur of 8 pixels."""
    return float(cv2.GaussianBlur(luma(painting), (0, 0), 8).std())
