# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A runtime without a network, for unit tests: the vector is the picture's colour, painting tints by it."""
from __future__ import annotations

import numpy as np

from style_transfer_ros.engine.models import Model


class FakeRuntime:
    """Deterministic: equal inputs give equal outputs; the zero vector returns the frame."""

    name = 'fake'

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """Put the mean red, green and blue (0..1) first, zeros behind."""
        vector = np.zeros(100, np.float32)
        vector[:3] = picture.reshape(-1, 3).mean(0) / 255
        return vector

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Mix the frame half and half with the colour ``vector[:3]``; return it as it is for zeros."""
        if not vector.any():
            return frame.copy()
        return np.clip(frame * 0.5 + vector[:3] * 127.5, 0, 255).astype(np.uint8)


def load(model: Model, threads: int) -> FakeRuntime:
    """Make one; the arguments do not matter."""
    return FakeRuntime()
