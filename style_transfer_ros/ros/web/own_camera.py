# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A browser's camera in place of the robot's: whose it is, its frames, and the way back."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
import json
import math
from pathlib import Path
import struct
import time

from style_transfer_ros.engine.errors import ImageError, sentence
from style_transfer_ros.engine.picture_headers import check_picture
from style_transfer_ros.ros.web.addresses import write_secret
from style_transfer_ros.ros.web.gate import OPERATOR
from style_transfer_ros.ros.web.robot import Robot, RobotError
from style_transfer_ros.ros.web.viewers import Viewer

#: The largest frame, bytes and pixels.
LARGEST, _PIXELS = 2_000_000, 4_000_000
#: A camera that is silent for this time is given up, s.
_SILENT = 5.0
#: A browser has this time to send its first frame, and giving up is tried again after it, s.
_PATIENCE = 10.0
_TAKEN = "Another operator's camera is being painted; it must be stopped first."
_OVER = "The robot's camera is painted again; choose this browser's once more to go on."


class OwnCamera:
    """
    Lets the node paint the frames of one operator's browser; all in the event loop's thread.

    :param topic: that the frames go to, without the ending of a transport.
    :param publish: publishes a frame, (JPEG, age in s).
    :param folder: keeps which camera the robot has, for the case that this process dies before it gives it back.
    """

    def __init__(self, robot: Robot, topic: str, publish: Callable[[bytes, float], None], folder: Path) -> None:
        self._robot, self._topic, self._publish = robot, topic, publish
        self._file = folder / f"camera_of{robot.painter.replace('/', '.')}.json"
        self._switching = asyncio.Lock()
        self._lent = False                                      # whether our last wish was a browser's camera
        self._closed = False
        self._giver: Viewer | None = None                       # whose camera it is
        self._heard = 0.0                                       # when its last frame came
        self._before = self._kept()                             # the node's input before that

    def _kept(self) -> tuple[str, str]:
        try:
            topic, transport = json.loads(self._file.read_text(encoding='utf-8'))
            return str(topic), str(transport)
        except (OSError, ValueError, TypeError):        # none yet, or damaged
            return 'image_raw', 'raw'

    @property
    def painted(self) -> bool:
        """Whether the node paints a browser's camera."""
        return self._robot.parameters.get('image_topic') == self._topic

    @property
    def lent(self) -> bool:
        """Whether a browser's camera is painted or soon will be, by a wish of this page that still holds."""
        topic = self._robot.parameters.get('image_topic', self._topic)      # not known while the node is gone
        return self._lent and (topic == self._topic or self._switching.locked())

    @property
    def _given(self) -> bool:
        return self._giver is not None and time.monotonic() - self._heard < _SILENT

    async def use(self) -> str:
        """
        Let the node paint a browser's camera; return a sentence.

        :raises RobotError: another one is painted, the page ends, or the node refuses.
        """
        async with self._switching:
            if self._closed:
                raise RobotError('The page is ending; open it again when it is back.')
            if self._given:
                raise RobotError(_TAKEN)
            parameters = self._robot.parameters
            if 'image_topic' not in parameters:
                raise RobotError('This node cannot change its camera while it runs; start a newer one.')
            if not self.painted:
                self._before = (parameters['image_topic'], parameters['image_transport'])
                try:
                    await asyncio.to_thread(write_secret, self._file, json.dumps(self._before).encode())
                except OSError as error:
                    self._robot.log(f"The name of the robot's camera cannot be kept ({sentence(error)}); while this "
                                    'page runs it is known.')
            self._giver, self._heard, self._lent = None, time.monotonic() + _PATIENCE - _SILENT, True
            await self._robot.use_camera(self._topic, 'compressed')
            self._heard = time.monotonic()
        return "This browser's camera is painted."

    async def give_back(self) -> str:
        """
        Let the node paint the robot's camera; return a sentence.

        :raises RobotError: the node refuses.
        """
        self._giver, self._lent = None, False       # now: a frame that comes while the node changes is refused already
        async with self._switching:
            await self._robot.use_camera(*self._before)
        return "The robot's camera is painted."

    async def close(self) -> None:
        """Let nobody give a camera any more; returns when no change is under way."""
        self._closed = True
        async with self._switching:
            pass

    def take(self, viewer: Viewer, data: bytes) -> str:
        """
        Publish a frame of a viewer's camera.

        :param data: age (float64, s, little endian), then the JPEG; empty says that the viewer is gone.
        :returns: why it is refused, or an empty text.
        """
        if not data:
            if viewer is self._giver:
                self._giver = None
            return ''
        if viewer.role != OPERATOR:
            return "This is a viewer's link: open the operator's link to give a camera."
        if not self.lent:
            self._giver = None
            return _OVER
        if self._given and viewer is not self._giver:
            return _TAKEN
        age, jpeg = struct.unpack_from('<d', data)[0] if len(data) > 8 else 0.0, data[8:]
        if len(jpeg) > LARGEST:
            return f'The frame has {len(jpeg)} bytes, more than {LARGEST}; make it smaller.'
        try:
            check_picture(jpeg, 'The frame', _PIXELS)
        except ImageError as error:
            return str(error)
        self._giver, self._heard = viewer, time.monotonic()
        self._publish(jpeg, min(2.0, max(0.0, age)) if math.isfinite(age) else 0.0)
        return ''

    async def follow(self) -> None:
        """Paint the robot's camera again when the browser whose camera was painted is gone; for ever."""
        while True:
            await asyncio.sleep(min(1.0, _SILENT / 2))
            if self.painted and not self._switching.locked() and time.monotonic() - self._heard > _SILENT:
                self._heard = time.monotonic() + _PATIENCE      # not again at once if it fails
                try:
                    await self.give_back()
                except Exception as error:      # this must not end for ever
                    self._robot.log(sentence(error))
