# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Image messages to pictures and back; in a bag, without ROS."""
from __future__ import annotations

from dataclasses import dataclass
import re
from typing import Any

import numpy as np
from rosbags.typesys import get_typestore, Stores

from style_transfer_ros.archive.records import Definition, Topic
from style_transfer_ros.engine import compressed, encodings, pictures
from style_transfer_ros.engine.errors import ImageError

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
JPEG_QUALITY = 90
#: Both types are the same in all distributions of ROS 2.
_STORE = get_typestore(Stores.ROS2_JAZZY)
#: Other types of pictures, which users may wonder about.
_OTHER_PICTURES = re.compile(r'(foxglove.*(Image|Video)|Theora.*Packet|theora.*Packet|FFMPEGPacket)$')


@dataclass(frozen=True)
class Picture:
    """
    An image message that was read.

    :param message: as rosbags deserializes it.
    :param rgb: (H, W, 3) uint8 RGB.
    :param stamp: of its header, s.
    """

    message: Any
    rgb: np.ndarray
    stamp: float


def is_image(topic: Topic) -> bool:
    """Tell whether a topic holds pictures that can be painted; depth behind PNG does not."""
    return topic.encoding == 'cdr' and topic.type in (IMAGE, COMPRESSED) and not topic.name.endswith('/compressedDepth')


def is_other_picture(topic: Topic) -> bool:
    """Tell whether a topic holds pictures of a kind that is copied and not painted."""
    return _OTHER_PICTURES.search(topic.type) is not None or topic.name.endswith('/compressedDepth')


def is_depth(topic: Topic, data: bytes | memoryview) -> bool:
    """Tell whether a message of a compressed topic is compressed depth, which is no picture."""
    try:
        return topic.type == COMPRESSED and 'compresseddepth' in read_format(data).lower()
    except ImageError:
        return False


def _deserialized(data: bytes | memoryview, kind: str) -> Any:
    try:
        return _STORE.deserialize_cdr(data, kind)
    except Exception as error:      # noqa: BLE001 - rosbags raises whatever damaged bytes lead it to
        raise ImageError(f'The message is cut off or damaged ({len(data)} bytes, {type(error).__name__}).') from error


def read_format(data: bytes | memoryview) -> str:
    """
    Return the ``format`` of a CompressedImage.

    :raises ImageError: the message is damaged.
    """
    return _deserialized(data, COMPRESSED).format


def read(data: bytes | memoryview, kind: str) -> Picture:
    """
    Read a serialized image message.

    :param kind: :data:`IMAGE` or :data:`COMPRESSED`.
    :raises ImageError: it is damaged, or its picture cannot be read.
    """
    message = _deserialized(data, kind)
    if kind == COMPRESSED:
        rgb = compressed.decode(message.data.tobytes(), message.format)
    else:
        rgb = encodings.decode(message.data, message.encoding, message.height, message.width, message.step,
                               bool(message.is_bigendian))
    return Picture(message, rgb, message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)


def write(rgb: np.ndarray, source: Picture, kind: str, encoding: str = '') -> memoryview:
    """
    Write a painting as a serialized message with the header of its frame.

    :param rgb: (H, W, 3) uint8 RGB.
    :param kind: :data:`IMAGE` or :data:`COMPRESSED`; the latter becomes a JPEG.
    :param encoding: of an Image; empty: the frame's own.
    :raises ImageError: the encoding cannot hold the picture.
    """
    message = source.message
    if kind == COMPRESSED:
        jpeg = np.frombuffer(pictures.encode_jpeg(rgb, JPEG_QUALITY), np.uint8)
        return _STORE.serialize_cdr(_STORE.types[COMPRESSED](
            header=message.header, format='rgb8; jpeg compressed bgr8', data=jpeg), kind)
    encoding = encoding or message.encoding
    big = int(message.is_bigendian) if encoding == message.encoding else 0
    flat, step = encodings.encode(rgb, encoding, is_bigendian=bool(big))
    return _STORE.serialize_cdr(_STORE.types[IMAGE](
        header=message.header, height=rgb.shape[0], width=rgb.shape[1], encoding=encoding, is_bigendian=big, step=step,
        data=flat), kind)


def painted_topic(topic: Topic, name: str) -> Topic:
    """Describe the topic of the paintings of ``topic``; they have its type."""
    text, _ = _STORE.generate_msgdef(topic.type, ros_version=2)
    return Topic(name, topic.type, 'cdr', Definition('ros2msg', text.encode()), topic.qos,
                 _STORE.hash_rihs01(topic.type))
