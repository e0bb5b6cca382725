# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Strategies of hypothesis for messages of ROS; each gives a message that goes to its target in serialized form."""
from __future__ import annotations

import array
from typing import Any

import cv2
from hypothesis import strategies as st
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from sensor_msgs.msg import CompressedImage, Image
from targets import seeds

from style_transfer_msgs.srv import MixStyles, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine import encodings

# what a C string can carry: no NUL, no lone surrogates
TEXT = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=40) | st.sampled_from([
    'x' * 10_000, 'two\nlines', '波' * 200, '../../../etc/passwd', '/etc/passwd', 'file:///dev/zero', '/dev/stdin',
    '%00', '~', '/', '.', '..', '${HOME}', 'red', 'starry_night', 'file://starry_night.jpg', 'http://192.0.2.1/a.jpg'])
SMALL = st.integers(0, 20)
UINT32 = SMALL | st.integers(0, 2 ** 32 - 1)


def filled(data: bytes) -> array.array:
    """Return bytes as rclpy takes them fast."""
    return array.array('B', data)


@st.composite
def images(draw: Any) -> Image:
    """Give good images, images that are a little wrong, and nonsense."""
    encoding = draw(st.sampled_from(sorted(encodings.ENCODINGS)) | TEXT)
    if encoding in encodings.ENCODINGS and draw(st.booleans()):
        height, width = 2 * draw(st.integers(2, 10)), 2 * draw(st.integers(2, 10))
        flat, step = encodings.encode(np.zeros((height, width, 3), np.uint8), encoding)
        data, step = flat.tobytes(), step + draw(st.sampled_from([0, 0, 0, 1, -1]))
    else:
        height, width = draw(UINT32), draw(UINT32)
        data, step = draw(st.binary(max_size=400)), draw(UINT32)
    image = Image(encoding=encoding, height=height, width=width, step=max(0, step),
                  is_bigendian=draw(st.integers(0, 255)), data=filled(data))
    image.header.stamp.sec = draw(st.integers(-2 ** 31, 2 ** 31 - 1))
    image.header.stamp.nanosec = draw(UINT32)
    return image


_FILES = seeds('picture') + [cv2.imencode('.png', np.zeros((3, 3), np.uint8))[1].tobytes()]


@st.composite
def changed_bytes(draw: Any, good: list[bytes]) -> bytes:
    """Give good inputs with some bytes changed, left out or added."""
    data = bytearray(draw(st.sampled_from(good) | st.binary(max_size=300)))
    for _ in range(draw(st.integers(0, 5))):
        at, new = draw(st.integers(0, len(data))), draw(st.binary(max_size=4))
        data[at:at + draw(st.integers(0, 4))] = new
    return bytes(data)


@st.composite
def compressed_images(draw: Any) -> CompressedImage:
    """Give picture files with some bytes changed, under any format."""
    data = bytearray(draw(st.sampled_from(_FILES) | st.binary(max_size=300)))
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    data = data[:draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 0 else data
    encoding = draw(st.sampled_from(sorted(encodings.ENCODINGS)) | TEXT)
    form = draw(st.sampled_from(['jpeg compressed bgr8', 'png compressed ', 'compressedDepth', 'compressedDepth png',
                                 'compressedDepth rvl', 'tiff compressed ', 'h264']) | TEXT)
    header = bytes(12) if 'Depth' in form and draw(st.booleans()) else b''
    return CompressedImage(format=draw(st.sampled_from([f'{encoding}; {form}', form, encoding])),
                           data=filled(header + bytes(data)))


@st.composite
def set_styles(draw: Any) -> SetStyle.Request:
    """Give requests with one picture, several or none."""
    request = SetStyle.Request(name=draw(st.just('') | TEXT))
    kinds = draw(st.sets(st.sampled_from(['image', 'compressed', 'uri']), max_size=2))
    if 'image' in kinds:
        request.image = draw(images())
    if 'compressed' in kinds:
        request.compressed_image = draw(compressed_images())
    if 'uri' in kinds:
        request.uri = draw(TEXT)
    return request


NAMES = st.sampled_from(['period', 'style', 'strength', 'smoothing', 'threads', 'qos', 'style_directories', 'lazy',
                         'autostart', 'use_sim_time', 'enabled', 'model', 'runtime', 'image_transport']) | TEXT
VALUES = st.builds(
    ParameterValue, type=st.integers(0, 10) | st.integers(0, 255), bool_value=st.booleans(),
    integer_value=st.integers(-2 ** 63, 2 ** 63 - 1), double_value=st.floats(), string_value=TEXT,
    byte_array_value=st.lists(st.integers(0, 255).map(lambda n: bytes([n])), max_size=3),
    bool_array_value=st.lists(st.booleans(), max_size=3),
    integer_array_value=st.lists(st.integers(-2 ** 63, 2 ** 63 - 1), max_size=3),
    double_array_value=st.lists(st.floats(), max_size=3), string_array_value=st.lists(TEXT, max_size=3))
PARAMETERS = st.lists(st.builds(Parameter, name=NAMES, value=VALUES), max_size=3)

REQUESTS: dict[str, st.SearchStrategy] = {
    'set_parameters': st.builds(SetParameters.Request, parameters=PARAMETERS),
    'set_parameters_atomically': st.builds(SetParametersAtomically.Request, parameters=PARAMETERS),
    'get_parameters': st.builds(GetParameters.Request, names=st.lists(NAMES, max_size=4)),
    'get_parameter_types': st.builds(GetParameterTypes.Request, names=st.lists(NAMES, max_size=4)),
    'describe_parameters': st.builds(DescribeParameters.Request, names=st.lists(NAMES, max_size=4)),
    'list_parameters': st.builds(ListParameters.Request, prefixes=st.lists(NAMES, max_size=3),
                                 depth=st.integers(0, 2 ** 64 - 1)),
    'change_state': st.builds(ChangeState.Request, transition=st.builds(
        Transition, id=st.integers(1, 4) | st.integers(0, 255), label=st.sampled_from(
            [''] * 20 + ['configure', 'cleanup', 'activate', 'deactivate', 'shutdown', 'destroy', 'nonsense']))),
    'set_style': set_styles(),
    'mix_styles': st.builds(MixStyles.Request, names=st.lists(TEXT, max_size=3),
                            weights=st.lists(st.floats(width=32), max_size=3)),
    'remove_style': st.builds(RemoveStyle.Request, name=TEXT),
    'rename_style': st.builds(RenameStyle.Request, name=TEXT, new_name=TEXT),
}
MESSAGES: dict[str, st.SearchStrategy] = {
    'image_message': images(), 'compressed_message': compressed_images(), 'learn_request': set_styles()}
