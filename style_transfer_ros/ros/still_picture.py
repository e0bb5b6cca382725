# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A camera that shows one picture and no more: painted again when somebody begins to look, or the scene changes."""
from __future__ import annotations

import time
from typing import Any

#: A camera whose last frame is older than this shows a still picture, s.
_STILL_AFTER = 1.0


class StillPicture:
    """
    Decides when the last frame is to be painted again.

    The executor's thread calls all methods but :meth:`painted`, which the painter's thread calls; that one replaces a
    reference and nothing else.
    """

    def __init__(self) -> None:
        self._frame: Any = None
        self._arrived = 0.0
        self._viewers, self._joined = 0, False      # how many look, and whether one came since the last frame
        self._done: tuple[Any, Any] = None, None    # frame and scene that were painted last
        self._asked: tuple[Any, Any] = None, None   # frame and scene that were asked for last

    def arrived(self, frame: Any) -> None:
        """Note a new frame: whoever looks will see it."""
        self._frame, self._arrived, self._joined = frame, time.monotonic(), False

    def submitted(self, frame: Any, scene: Any) -> None:
        """Note that a frame is on its way to the painter, who may take longer than a frame needs to become still."""
        self._asked = frame, scene

    def painted(self, frame: Any, scene: Any) -> None:
        """Note that a frame was painted with a scene."""
        self._done = frame, scene

    def watched_by(self, viewers: int) -> None:
        """Note how many look."""
        self._joined, self._viewers = self._joined or viewers > self._viewers, viewers

    def due(self, scene: Any, period: float) -> Any:
        """
        Return the frame that is to be painted again now, or None.

        :param scene: what it would be painted with.
        :param period: time between two paintings, s; a frame that waits for its turn is not still.
        """
        if self._frame is None or time.monotonic() - self._arrived < max(_STILL_AFTER, 2 * period):
            return None
        if not self._joined and any(frame is self._frame and with_scene is scene
                                    for frame, with_scene in (self._done, self._asked)):
            return None
        self._joined, self._asked = False, (self._frame, scene)
        return self._frame
