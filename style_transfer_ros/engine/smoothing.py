# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Temporal smoothing of a painted stream that leaves no ghosts."""
from __future__ import annotations

import cv2
import numpy as np

#: Camera frames are compared at this fraction of their size, so that sensor noise averages out.
_SCALE = 0.25
#: Rows that are mixed at once.
_ROWS = 256
#: Time between two frames for which the amount of smoothing is meant, s.
_FRAME_TIME = 1 / 30
#: Difference of grey values (0..255) up to which a place counts as still, and from which as moving.
_STILL, _MOVING = 4.0, 14.0


class Smoother:
    """
    Mixes each painting with the one before where the camera's picture stands still.

    Where the camera sees motion the new painting passes untouched, so nothing trails behind; where it stands still,
    the flicker of sensor noise and of global statistics averages out.  The share of the former painting fades with the
    time between them: at two paintings a second 0.92 fades to 0.3.

    Not safe for threads.
    """

    def __init__(self) -> None:
        self._seen: np.ndarray | None = None        # small grey frame, float32
        self._painted: np.ndarray | None = None     # last output
        self._stamp = 0.0                           # of the last frame, s

    def reset(self) -> None:
        """Forget the past: after a change of style, size or source."""
        self._seen = self._painted = None

    def apply(self, frame: np.ndarray, painted: np.ndarray, amount: float, stamp: float = 0.0) -> np.ndarray:
        """
        Smooth one painting.

        :param frame: the camera's frame, (H, W, 3) uint8 RGB.
        :param painted: its painting, same shape.
        :param amount: share of the former painting where nothing moves, at 30 frames/s; 0 (off) to below 1.
        :param stamp: when the frame was taken, s; frames that are no later than the one before, as those of a camera
            without a clock, count as 1/30 s later.
        :returns: a new array, or ``painted`` itself where there is nothing to mix.
        """
        if amount <= 0:
            self.reset()
            return painted
        elapsed, self._stamp = stamp - self._stamp, stamp
        amount = amount ** (elapsed / _FRAME_TIME if elapsed > 0 else 1.0)
        size = max(1, round(frame.shape[1] * _SCALE)), max(1, round(frame.shape[0] * _SCALE))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        seen = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        result = painted
        if self._painted is not None and self._seen is not None and self._painted.shape == painted.shape:
            # the largest difference nearby: the rim of a moving thing belongs to the thing
            difference = cv2.dilate(cv2.blur(cv2.absdiff(seen, self._seen), (3, 3)), np.ones((5, 5), np.uint8))
            still = np.clip((_MOVING - difference) / (_MOVING - _STILL), 0, 1) * np.float32(amount)
            old = cv2.resize(cv2.blur(still, (3, 3)), painted.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            result = np.empty_like(painted)
            for top in range(0, len(painted), _ROWS):       # whole weights of a large frame would fill the memory
                rows = slice(top, top + _ROWS)
                result[rows] = cv2.blendLinear(self._painted[rows], painted[rows], old[rows], 1 - old[rows])
        self._seen, self._painted = seen, result
        return result
