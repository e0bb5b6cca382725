# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The node ``camera``, for machines without a camera driver: a webcam, a video, pictures, or a moving test scene."""
from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from style_transfer_ros.engine.errors import sentence, shown, StyleTransferError
from style_transfer_ros.engine.sources import FrameSource, open_source
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.calibration import read_calibration
from style_transfer_ros.ros.guarded import guard_services
from style_transfer_ros.ros.parameters import declare, refuse_changes
from style_transfer_ros.ros.running import run
from style_transfer_ros.settings import CameraParameters

#: A device that is gone is looked for this often, s.
_RETRY_PERIOD = 2.0
#: A source that takes longer than this for one frame is reported, s.
_PATIENCE = 5.0
#: Quality of image_raw/compressed, percent; it is made only while somebody subscribes to it.
_JPEG_QUALITY = 80


class CameraNode(Node):
    """Publishes ``image_raw``, ``image_raw/compressed`` and ``camera_info``; parameters in config/camera.yaml."""

    def __init__(self, **options: Any) -> None:
        super().__init__('camera', **options)
        guard_services(self)
        settings = self._settings = declare(self, CameraParameters)
        refuse_changes(self, settings)
        self._size, url = (settings.width, settings.height), settings.camera_info_url
        # an unknown encoding, or one that this size does not fit, is told now and not with every frame
        messages.to_image(np.zeros((*self._size[::-1], 3), np.uint8), Header(), self._settings.encoding)
        self._info = read_calibration(url, self.get_name(), *self._size)
        self._source: FrameSource | None = None
        self._retry_at = 0.0
        overriding = QoSOverridingOptions.with_default_policies()
        self._images = self.create_publisher(Image, 'image_raw', QoSProfile(depth=1), qos_overriding_options=overriding)
        self._jpegs = self.create_publisher(CompressedImage, 'image_raw/compressed', QoSProfile(depth=1))
        self._infos = self.create_publisher(CameraInfo, 'camera_info', QoSProfile(depth=1))
        self._due, self._stopped = threading.Event(), False
        self._asked: float | None = None        # since when the thread has waited for the source, s
        # a source that never answers must not hold the executor, which answers services and signals
        self._thread = threading.Thread(target=self._publish_when_due, name='source', daemon=True)
        self._thread.start()
        self.create_timer(1 / self._settings.rate, self._tick)
        # on the wall's clock: the other timer stands still without a time
        self.create_timer(1.0, self._check_clock, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _tick(self) -> None:
        asked = self._asked
        if asked is not None and time.monotonic() - asked > _PATIENCE:
            self.get_logger().error(f'The source {shown(self._settings.source)} has not answered for {_PATIENCE:.0f} '
                                    's; check the device, or the network mount that the file is on.',
                                    throttle_duration_sec=10.0)
        self._due.set()

    def _check_clock(self) -> None:
        if not self.get_clock().now().nanoseconds:
            self.get_logger().warning("No time comes on '/clock', which use_sim_time asks for; start the simulation or "
                                      'set use_sim_time to false.', throttle_duration_sec=10.0)

    def _publish_when_due(self) -> None:
        while self._due.wait() and not self._stopped:
            self._due.clear()
            try:
                self._publish()
            except Exception as error:      # an exception would end the thread silently: say it, go on
                if not self._stopped and self.context.ok():
                    self.get_logger().error(f'No frame: {sentence(error)}', throttle_duration_sec=5.0)

    def _publish(self) -> None:
        """Read a frame and publish it, in the thread of the source."""
        if self._source is None and time.monotonic() < self._retry_at:
            return
        self._asked = time.monotonic()
        try:
            if self._source is None:
                self._source = open_source(self._settings.source, *self._size, self._settings.rate)
                self.get_logger().info(f'Publishing {shown(self._settings.source)} at {self._size[0]}x{self._size[1]}.')
            frame = self._source.read()
        except StyleTransferError as error:
            if self._source is not None:
                self._source.close()
            self._source, self._retry_at = None, time.monotonic() + _RETRY_PERIOD
            self.get_logger().error(f'{error} Trying again every {_RETRY_PERIOD:.0f} s.', throttle_duration_sec=10.0)
            return
        finally:
            self._asked = None
        if self._stopped:
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._settings.frame_id)
        self._info.header = header
        try:
            self._images.publish(messages.to_image(frame, header, self._settings.encoding))
            self._infos.publish(self._info)
            if self._jpegs.get_subscription_count():
                self._jpegs.publish(messages.to_jpeg(frame, header, _JPEG_QUALITY))
        except RuntimeError as error:       # RCLError, which has no public name: at very high rates the transport fills
            if self.context.ok():
                self.get_logger().warning(f'Frame not sent: {error}', throttle_duration_sec=5.0)

    def stop(self) -> None:
        """End the thread; one that waits for its source is left waiting."""
        self._stopped = True
        self._due.set()
        self._thread.join(0.5)


def main(args: list[str] | None = None) -> None:
    """Run the node until SIGINT, SIGTERM or SIGHUP; exit code 0."""
    run(CameraNode, args)


if __name__ == '__main__':
    main()
