# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Image messages to arrays and back; the only place that knows their fields."""
from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from style_transfer_ros.engine import compressed, encodings, pictures
from style_transfer_ros.engine.errors import ImageError, shown, UnknownEncoding


def to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """
    Read an image message as RGB uint8 (H, W, 3); may be a read-only view of the message.

    :raises ImageError: the message is broken, or in an encoding that neither our table nor cv_bridge knows.
    """
    if isinstance(message, CompressedImage):
        return compressed.decode(bytes(message.data), message.format)
    try:
        return encodings.decode(np.frombuffer(message.data, np.uint8), message.encoding, message.height, message.width,
                                message.step, bool(message.is_bigendian))
    except UnknownEncoding:
        return _by_cv_bridge(message)


def _by_cv_bridge(message: Image) -> np.ndarray:
    try:
        import cv_bridge
    except ImportError:
        raise UnknownEncoding(
            f'The encoding {shown(message.encoding)} is not in the table of style_transfer_ros and cv_bridge is not '
            'installed; publish one of the encodings in docs/encodings.md or run '
            "'sudo apt install ros-$ROS_DISTRO-cv-bridge'."
        ) from None
    try:
        return cv_bridge.CvBridge().imgmsg_to_cv2(message, 'rgb8')
    except (cv_bridge.CvBridgeError, ValueError, RuntimeError) as error:
        raise ImageError(f'cv_bridge cannot read an image of encoding {shown(message.encoding)} '
                         f'({shown(str(error))}); publish one of the encodings in docs/encodings.md.') from error


def to_image(rgb: np.ndarray, header: Header, encoding: str = 'rgb8') -> Image:
    """
    Write RGB uint8 (H, W, 3) as a message with exactly this header.

    ``data`` is filled through ``array.array``: assigning bytes or an ndarray costs 100 times as much.
    """
    data, step = encodings.encode(rgb, encoding)
    message = Image(header=header, height=rgb.shape[0], width=rgb.shape[1], encoding=encoding, step=step)
    message.data = filled(data)
    return message


def to_jpeg(rgb: np.ndarray, header: Header, quality: int) -> CompressedImage:
    """Write RGB uint8 (H, W, 3) as a JPEG message, ``format`` as image_transport writes it; quality in percent."""
    message = CompressedImage(header=header, format='rgb8; jpeg compressed bgr8')
    message.data = filled(pictures.encode_jpeg(rgb, quality))
    return message


def filled(data: bytes | np.ndarray) -> array.array:
    """Return ``data`` as the array type that rclpy keeps without copying or checking."""
    values = array.array('B')
    values.frombytes(data)      # type: ignore[arg-type]
    return values
