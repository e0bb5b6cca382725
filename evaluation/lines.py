# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Whether lines of the photograph are lines in the painting, on RGB uint8 (H, W, 3).

A blurred photograph has a high agreement and a network that paints beads has a high energy: only agreement, blobness
and width together, beside the judges of style, say anything.
"""
from __future__ import annotations

import cv2
import numpy as np

from evaluation.metrics import luma

#: Canny's thresholds for the strong edges of a photograph; what lies so near the border is left out, pixels.
_CANNY, _BORDER = (100, 200), 8
#: Smoothing of the structure tensor and of the Hessian, pixels.
_TENSOR_SIGMA, _HESSIAN_SIGMA = 3.0, 1.5
#: An edge is crossed so far on both sides in steps of half a pixel.
_ACROSS = np.arange(-4, 4.01, 0.5, dtype=np.float32)
#: Widths of features, half a period, in pixels.
OCTAVES = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32))


def edges(photograph: np.ndarray) -> np.ndarray:
    """Return where the strong edges of a photograph are, bool (H, W)."""
    smooth = np.clip(cv2.GaussianBlur(luma(photograph), (0, 0), 1.0), 0, 255).astype(np.uint8)
    found, b = cv2.Canny(smooth, *_CANNY) > 0, _BORDER
    inside = np.zeros_like(found)
    inside[b:-b, b:-b] = found[b:-b, b:-b]
    return inside


def _tensor(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = luma(picture)
    gx, gy = cv2.Sobel(x, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(x, cv2.CV_32F, 0, 1) / 8
    xx, yy, xy = (cv2.GaussianBlur(z, (0, 0), _TENSOR_SIGMA) for z in (gx * gx, gy * gy, gx * gy))
    return xx, yy, xy


def edge_agreement(photograph: np.ndarray, painting: np.ndarray) -> float:
    """Return the share of the painting's gradient energy along the photograph's edges with their direction, to 1."""
    where = edges(photograph)
    xx, yy, xy = _tensor(photograph)
    cosine, sine = (xx - yy)[where], 2 * xy[where]
    length = np.hypot(cosine, sine) + 1e-6
    xx, yy, xy = _tensor(painting)
    along = (xx - yy)[where] * cosine / length + 2 * xy[where] * sine / length
    return float(along.sum() / ((xx + yy)[where].sum() + 1e-9))


def edge_blobness(photograph: np.ndarray, painting: np.ndarray) -> float:
    """Return the smaller over the larger curvature near the photograph's edges: 0 straight lines, 1 round blobs."""
    near = cv2.dilate(edges(photograph).astype(np.uint8), np.ones((5, 5))) > 0
    x = cv2.GaussianBlur(luma(painting), (0, 0), _HESSIAN_SIGMA)
    xx, xy, yy = (cv2.Sobel(x, cv2.CV_32F, *order) for order in ((2, 0), (1, 1), (0, 2)))
    mean, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    small, large = np.sort(np.abs(np.stack([mean + apart, mean - apart])), 0)[:, near]
    return float(small.sum() / (large.sum() + 1e-9))


def edge_width(photograph: np.ndarray, painting: np.ndarray) -> float:
    """Return the contrast across the photograph's edges over the painting's steepest gradient there, pixels."""
    where, smooth = edges(photograph), cv2.GaussianBlur(luma(photograph), (0, 0), 1.0)
    y, x = np.nonzero(where)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[where], cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[where]
    length = np.hypot(gx, gy) + 1e-6
    columns, rows = ((at[:, None] + (g / length)[:, None] * _ACROSS).astype(np.float32) for at, g in ((x, gx), (y, gy)))
    profile = cv2.remap(luma(painting), columns, rows, cv2.INTER_LINEAR)
    contrast, steepest = profile.max(1) - profile.min(1), np.abs(profile[:, 2:] - profile[:, :-2]).max(1)
    return float(contrast.sum() / (steepest.sum() + 1e-9))


def octaves(picture: np.ndarray) -> np.ndarray:
    """Return the energy of the lightness by width of features, see :data:`OCTAVES`, grey values squared, (5,)."""
    x = luma(picture)
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in x.shape))
    centred = (x - (x * window).sum() / window.sum()) * window
    power = np.abs(np.fft.fft2(centred)) ** 2 / (window ** 2).sum() / x.size
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in x.shape), indexing='ij'))
    bands = [(frequency > 0.5 / wide) & ((frequency <= 0.5 / narrow) | (narrow == 1)) for narrow, wide in OCTAVES]
    return np.array([power[band].sum() for band in bands])
