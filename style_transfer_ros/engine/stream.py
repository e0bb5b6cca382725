# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
A stream of frames from one camera, painted one after the other.

::

    stream = Stream(Stylizer.load())
    painted = stream.paint(frame, vector, PaintSettings(smoothing=0.92), stamp=12.4)
"""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from style_transfer_ros.engine.errors import check_within
from style_transfer_ros.engine.smoothing import Smoother
from style_transfer_ros.engine.stylizer import Stylizer


@dataclass(frozen=True)
class PaintSettings:
    """
    How frames are painted.

    :param strength: 0 (the photograph) to 1 (the style).
    :param preserve_color: lightness from the painting, colours from the camera.
    :param smoothing: share of the former painting that stays where nothing moves, at 30 frames/s; 0 (off) to below 1.
    :param processing_height: height to paint at, pixels; 0: the frame's own.
    :raises ParameterError: one is out of its range.
    """

    strength: float = 1.0
    preserve_color: bool = False
    smoothing: float = 0.92
    processing_height: int = 0

    def __post_init__(self) -> None:
        check_within('strength', self.strength, 0, 1)
        check_within('smoothing', self.smoothing, 0, 0.99)
        check_within('processing_height', self.processing_height, 0, math.inf)


class Stream:
    """
    Paints successive frames and smooths them over time.

    It owns the smoother and decides when that forgets the past: when the style, the settings or the size change.
    For one thread at a time.

    :param stylizer: None for a stream that only smooths.
    """

    def __init__(self, stylizer: Stylizer | None) -> None:
        self.stylizer = stylizer
        self._smoother = Smoother()
        self._painted_as: tuple = ()

    def paint(self, frame: np.ndarray, vector: np.ndarray, settings: PaintSettings = PaintSettings(),
              stamp: float = 0.0) -> np.ndarray:
        """
        Paint the next frame.

        :param frame: (H, W, 3) uint8 RGB, any size; not changed.
        :param vector: style vector of this stylizer's model, float32.
        :param stamp: when the frame was taken, s; only differences between frames matter.
        :returns: (H, W, 3) uint8 RGB; it may be kept, but not changed: the next painting is mixed with it.
        """
        assert self.stylizer is not None, 'a stream without a stylizer only smooths'
        return self.smooth(frame, paint_alone(self.stylizer, frame, vector, settings), vector, settings, stamp)

    def smooth(self, frame: np.ndarray, painted: np.ndarray, vector: np.ndarray, settings: PaintSettings,
               stamp: float = 0.0) -> np.ndarray:
        """Do the second half of :meth:`paint` with a painting of :func:`paint_alone`, made anywhere."""
        painted_as = (settings, frame.shape, np.asarray(vector, np.float32).tobytes())
        if painted_as != self._painted_as:
            self.forget()
            self._painted_as = painted_as
        return self._smoother.apply(frame, painted, settings.smoothing, stamp)

    def forget(self) -> None:
        """Begin anew, as after a cut: the next painting is not mixed with the one before."""
        self._smoother.reset()
        self._painted_as = ()


def paint_alone(stylizer: Stylizer, frame: np.ndarray, vector: np.ndarray, settings: PaintSettings) -> np.ndarray:
    """Paint a frame as if it had no neighbours: the first half of :meth:`Stream.paint`."""
    return stylizer.paint(frame, vector, strength=settings.strength, preserve_color=settings.preserve_color,
                          processing_height=settings.processing_height)
