"""The node ``camera``, for machines without a camera driver: a webcam, a video, pictures, or a moving test scene."""
from __future__ import annotations

from pathlib import Path
import time
from typing import Any
from urllib.parse import urlparse

import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
import yaml

from style_transfer_ros.engine.errors import ParameterError, StyleTransferError
from style_transfer_ros.engine.sources import FrameSource, open_source
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.guarded import guard_services
from style_transfer_ros.ros.parameters import changed, declare
from style_transfer_ros.ros.running import run
from style_transfer_ros.settings import CameraParameters

#: A device that is gone is looked for this often, s.
_RETRY_PERIOD = 2.0
#: Quality of image_raw/compressed, percent; it is made only while somebody subscribes to it.
_JPEG_QUALITY = 80


def _calibration(url: str, width: int, height: int) -> CameraInfo:
    """
    Read a calibration as camera_calibration writes it; without one the matrices stay zero, which means uncalibrated.

    :raises StyleTransferError: the file is missing or no calibration.
    """
    info = CameraInfo(width=width, height=height, distortion_model='plumb_bob', d=[0.0] * 5)
    if url:
        path = Path(urlparse(url).path if '://' in url else url)
        try:
            data: Any = yaml.safe_load(path.read_text(encoding='utf-8'))
            info.distortion_model = data['distortion_model']
            for field, key in (('d', 'distortion_coefficients'), ('k', 'camera_matrix'),
                               ('r', 'rectification_matrix'), ('p', 'projection_matrix')):
                setattr(info, field, [float(x) for x in data[key]['data']])
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AssertionError) as error:
            raise StyleTransferError(f"The calibration '{url}' cannot be read ({type(error).__name__}: {error}); give "
                                     'a file that camera_calibration wrote, or leave camera_info_url empty.') from error
    return info


class CameraNode(Node):
    """Publishes ``image_raw``, ``image_raw/compressed`` and ``camera_info``; parameters in config/camera.yaml."""

    def __init__(self, **options: Any) -> None:
        super().__init__('camera', **options)
        guard_services(self)
        settings = self._settings = declare(self, CameraParameters)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._size, url = (settings.width, settings.height), settings.camera_info_url
        # an unknown encoding, or one that this size does not fit, is told now and not with every frame
        messages.to_image(np.zeros((*self._size[::-1], 3), np.uint8), Header(), self._settings.encoding)
        self._info = _calibration(url, *self._size)
        self._source: FrameSource | None = None
        self._retry_at = 0.0
        overriding = QoSOverridingOptions.with_default_policies()
        self._images = self.create_publisher(Image, 'image_raw', QoSProfile(depth=1), qos_overriding_options=overriding)
        self._jpegs = self.create_publisher(CompressedImage, 'image_raw/compressed', QoSProfile(depth=1))
        self._infos = self.create_publisher(CameraInfo, 'camera_info', QoSProfile(depth=1))
        self.create_timer(1 / self._settings.rate, self._publish)

    def _publish(self) -> None:
        if self._source is None and time.monotonic() < self._retry_at:
            return
        try:
            if self._source is None:
                self._source = open_source(self._settings.source, *self._size, self._settings.rate)
                self.get_logger().info(f"Publishing '{self._settings.source}' at {self._size[0]}x{self._size[1]}.")
            frame = self._source.read()
        except StyleTransferError as error:
            if self._source is not None:
                self._source.close()
            self._source, self._retry_at = None, time.monotonic() + _RETRY_PERIOD
            self.get_logger().error(f'{error} Trying again every {_RETRY_PERIOD:.0f} s.', throttle_duration_sec=10.0)
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

    def _on_parameters(self, updates: list[Parameter]) -> SetParametersResult:
        try:
            changed(self._settings, updates, locked=True)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def stop(self) -> None:
        """Nothing to end: all happens in the executor's thread."""


def main(args: list[str] | None = None) -> None:
    """Run the node until SIGINT or SIGTERM; exit code 0."""
    run(CameraNode, args)


if __name__ == '__main__':
    main()
