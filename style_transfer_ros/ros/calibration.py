# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The calibration of a camera: found, read and checked as camera_info_manager does it, and scaled to the camera's size.

A URL is a path, ``file:///path`` or ``package://name/path``; in it ``${ROS_HOME}`` is the folder of ROS (~/.ros) and
``${NAME}`` the name of the camera.
"""
from __future__ import annotations

import math
import os
from pathlib import Path
import re
from typing import Any

from sensor_msgs.msg import CameraInfo
import yaml

from style_transfer_ros.engine.errors import sentence, shown, StyleTransferError
from style_transfer_ros.engine.reading import read_file
from style_transfer_ros.paths import local_path

#: How many distortion coefficients a model has, see sensor_msgs/distortion_models.hpp and OpenCV.
_COEFFICIENTS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,), 'fisheye': (4,),
                 'thin_prism_fisheye': (8, 12)}
#: Bytes of a calibration file, at most.
_LARGEST = 1 << 20


def calibration_path(url: str, name: str = 'camera') -> Path:
    """
    Find the file that a URL means.

    :param name: of the camera, for ``${NAME}``.
    :raises StyleTransferError: it names another kind of place, or a package that is not installed.
    """
    home = os.environ.get('ROS_HOME') or '~/.ros'
    text = url.replace('${ROS_HOME}', home).replace('${NAME}', name)
    if left := re.search(r'\$\{[^}]*\}?', text):
        raise StyleTransferError(f'The calibration {shown(url)} holds {shown(left[0])}; only ${{ROS_HOME}} and '
                                 '${NAME} are replaced.')
    return local_path(text, 'calibration')


def read_calibration(url: str, name: str, width: int, height: int) -> CameraInfo:
    """
    Read a calibration as camera_calibration writes it; without one the matrices stay zero, which means uncalibrated.

    A calibration that was made at another size of the same proportions is scaled.

    :param url: see the module; empty: none.
    :param name: of the camera.
    :param width: of the camera's images, pixels.
    :param height: of the camera's images, pixels.
    :raises StyleTransferError: the file is missing, no calibration, or was made for other proportions.
    """
    if not url:
        return CameraInfo(width=width, height=height, distortion_model='plumb_bob', d=[0.0] * 5)
    path = calibration_path(url, name)
    try:
        data: Any = yaml.safe_load(read_file(path, _LARGEST).decode('utf-8'))
        made = [_size(data, side) for side in ('image_width', 'image_height')]
        model = data['distortion_model']
        if model not in _COEFFICIENTS:
            raise ValueError(f"distortion_model is {shown(model)}; known are {', '.join(_COEFFICIENTS)}")
        info = CameraInfo(width=width, height=height, distortion_model=model,
                          d=_numbers(data, 'distortion_coefficients', _COEFFICIENTS[model]),
                          k=_numbers(data, 'camera_matrix', (9,)), r=_numbers(data, 'rectification_matrix', (9,)),
                          p=_numbers(data, 'projection_matrix', (12,)))
        if not (info.k[0] > 0 and info.k[4] > 0 and info.k[8] == 1 and info.p[0] > 0 and info.p[5] > 0):
            raise ValueError('camera_matrix and projection_matrix need focal lengths above 0, and 1 at the end')
    except OSError as error:
        raise StyleTransferError(f'The calibration {shown(url)} cannot be read from {shown(str(path))} '
                                 f'({error.strerror or error}); correct camera_info_url or leave it empty.') from error
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StyleTransferError(f'The calibration {shown(url)} cannot be used ({sentence(error)}); give a file that '
                                 'camera_calibration wrote, or leave camera_info_url empty.') from error
    x, y = width / made[0], height / made[1]
    if abs(x - y) > 0.01 * max(x, y):
        raise StyleTransferError(f'The calibration {shown(url)} was made at {made[0]}x{made[1]}, but the camera gives '
                                 f'{width}x{height}, which has other proportions; choose a size of the same '
                                 'proportions or calibrate again.')
    return _scaled(info, x, y)


def _size(data: Any, side: str) -> int:
    value = data[side]
    if type(value) is not int or not 0 < value < 100_000:
        raise ValueError(f'{side} is {shown(value)}; a number of pixels is needed')
    return value


def _numbers(data: Any, key: str, counts: tuple[int, ...]) -> list[float]:
    """Return the numbers of a matrix in the file."""
    values = data[key]['data']
    try:
        # YAML 1.1 takes 1e-05 for a text
        numbers = [math.nan if isinstance(value, bool) else float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        numbers = [math.nan]
    if not isinstance(values, list) or len(numbers) not in counts or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{key} is {shown(values)}; {' or '.join(map(str, counts))} finite numbers are needed")
    return numbers


def _scaled(info: CameraInfo, x: float, y: float) -> CameraInfo:
    """Scale the matrices to a larger or smaller image; pixels are counted from the centre of the first one."""
    k, p = list(info.k), list(info.p)
    k[0], k[2], k[4], k[5] = k[0] * x, (k[2] + 0.5) * x - 0.5, k[4] * y, (k[5] + 0.5) * y - 0.5
    p[0], p[2], p[3], p[5], p[6], p[7] = (p[0] * x, (p[2] + 0.5) * x - 0.5, p[3] * x, p[5] * y,
                                          (p[6] + 0.5) * y - 0.5, p[7] * y)
    info.k, info.p = k, p
    return info
