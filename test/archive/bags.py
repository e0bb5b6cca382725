# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Bags for tests, made by rosbags in every storage and compression."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

STORE = get_typestore(Stores.ROS2_JAZZY)
ROS1 = get_typestore(Stores.ROS1_NOETIC)
ROS1.register(get_types_from_msg('geometry_msgs/TransformStamped[] transforms', 'tf/msg/tfMessage'))
IMAGE, COMPRESSED, STRING = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage', 'std_msgs/msg/String'
RAW, JPEG, WORDS, TF = '/cam/image_raw', '/jpg/image_raw/compressed', '/words', '/tf_static'
START = 1_700_000_000 * 10**9
#: ns between two frames of a camera.
STEP = 100_000_000
HEIGHT, WIDTH = 32, 48
_EVER = QosTime(2147483647, 4294967295)
LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, _EVER, _EVER,
              QosLiveliness.AUTOMATIC, _EVER, False)


def frame(n: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return a picture that says which it is, (H, W, 3) uint8 RGB."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    picture[..., 1] = (n * 7) % 256
    x = n * 3 % (width - 8)
    picture[4:12, x:x + 8, 2] = 255
    return picture


def _header(store, n, frame_id):
    stamp = store.types['builtin_interfaces/msg/Time'](sec=n, nanosec=7)
    more = {'seq': n} if store is ROS1 else {}
    return store.types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id, **more)


def image(n: int, store=STORE, encoding: str = 'bgr8', size=(HEIGHT, WIDTH)):
    """Return frame ``n`` as an Image; its header has the stamp n s."""
    from style_transfer_ros.engine import encodings
    data, step = encodings.encode(frame(n, *size), encoding)
    return store.types[IMAGE](header=_header(store, n, 'eye'), height=size[0], width=size[1], encoding=encoding,
                              is_bigendian=0, step=step, data=data)


def compressed(n: int, store=STORE, ending='.jpg', form='bgr8; jpeg compressed bgr8', size=(HEIGHT, WIDTH)):
    """Return frame ``n`` as a CompressedImage."""
    data = cv2.imencode(ending, cv2.cvtColor(frame(n, *size), cv2.COLOR_RGB2BGR))[1].reshape(-1)
    return store.types[COMPRESSED](header=_header(store, n, 'jpeg_eye'), format=form, data=data)


def messages(store, count: int, size=(HEIGHT, WIDTH)):
    """Give (topic, type, time, message) of two cameras, some words and one transform, in the order of time."""
    transform = store.types['geometry_msgs/msg/TransformStamped'](
        header=_header(store, 1, 'map'), child_frame_id='eye', transform=store.types['geometry_msgs/msg/Transform'](
            translation=store.types['geometry_msgs/msg/Vector3'](1.0, 2.0, 3.0),
            rotation=store.types['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0)))
    kind = 'tf/msg/tfMessage' if store is ROS1 else 'tf2_msgs/msg/TFMessage'
    yield TF, kind, START, store.types[kind]([transform])
    for n in range(count):
        time = START + n * STEP
        yield RAW, IMAGE, time, image(n, store, size=size)
        yield JPEG, COMPRESSED, time + 5, compressed(n, store, size=size)
        yield WORDS, STRING, time + 9, store.types[STRING](data=f'word {n}')


def make_bag(folder: Path, count: int = 5, storage: str = 'mcap', compression: str = '', size=(HEIGHT, WIDTH)) -> Path:
    """
    Write a bag.

    :param storage: ``mcap``, ``sqlite3`` or ``ros1``.
    :param compression: ``file``, ``message`` or ``storage`` (zstd), of ``ros1`` ``bz2`` or ``lz4``.
    """
    if storage == 'ros1':
        path = folder.with_suffix('.bag')
        writer = Writer1(path)
        if compression:
            writer.set_compression(Writer1.CompressionFormat[compression.upper()])
        with writer:
            connections = {}
            for topic, kind, time, message in messages(ROS1, count, size):
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=ROS1, latching=int(topic == TF))
                writer.write(connections[topic], time, ROS1.serialize_ros1(message, kind))
        return path
    writer = Writer(folder, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, kind, time, message in messages(STORE, count, size):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE,
                                                           offered_qos_profiles=[LATCHED] if topic == TF else [])
            writer.write(connections[topic], time, STORE.serialize_cdr(message, kind))
    return folder
