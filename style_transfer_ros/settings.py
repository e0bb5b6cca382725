# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The settings of the nodes: a frozen dataclass each, whose fields carry the text, range and mutability of a parameter.

What is written here is written once: node descriptors, launch arguments and the options of the tools are made from it,
the comments of the YAML files are tested against it.

::

    @dataclass(frozen=True)
    class Settings:
        rate: float = parameter(30.0, 'Images per second, Hz.', low=0.1, high=240.0)
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TYPE_CHECKING, TypeVar

from style_transfer_ros.engine.errors import ParameterError, shown

if TYPE_CHECKING:
    from style_transfer_ros.engine.stream import PaintSettings

Settings = TypeVar('Settings')

#: Names of the QoS presets that ``qos`` takes.
QOS_PRESETS = ('auto', 'sensor_data', 'default', 'system_default')
_KINDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text', list: 'a list of texts'}


def parameter(default: Any, text: str, *, low: float | None = None, high: float | None = None, static: bool = False,
              choices: tuple[str, ...] = (), number_too: bool = False) -> Any:
    """
    Describe one parameter; its type is that of its default: bool, int, float, str, or a list of str.

    :param text: what it is, with its unit.
    :param low: the smallest value of a number.
    :param high: the largest value of a number.
    :param static: it changes only while the node is unconfigured, or never if the node has no lifecycle.
    :param choices: the texts that are allowed.
    :param number_too: a text that users write as a number, such as the index of a camera.
    """
    if choices:
        text = f"{text} One of: {', '.join(choices)}."
    metadata = {'text': text, 'low': low, 'high': high, 'static': static, 'choices': choices, 'number_too': number_too}
    return field(default_factory=lambda: list(default), metadata=metadata) if isinstance(default, list) \
        else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class StyleTransferParameters:
    """The parameters of the node ``style_transfer`` at one moment."""

    period: float = parameter(0.4, 'Time between two paintings, s; 0: paint every frame that comes, as fast as the '
                                   'machine can.', low=0.0, high=3600.0)
    style: str = parameter('starry_night', 'Name of the stored style to paint with, see ~/list_styles; empty while a '
                                           'mix is painted.')
    strength: float = parameter(1.0, 'How much of the style: 0 is the photograph, 1 the style.', low=0.0, high=1.0)
    preserve_color: bool = parameter(False, 'Lightness from the painting, colours from the camera.')
    smoothing: float = parameter(0.92, 'Share of the former painting that stays where the camera sees no motion, at 30 '
                                       'frames/s (less at lower rates); calms flicker, leaves no ghosts. 0: off.',
                                 low=0.0, high=0.95)
    processing_height: int = parameter(0, 'Height to paint at, pixels; the output keeps the size of the camera. '
                                          '0: as the camera.', low=0, high=4320)
    publish_compressed: bool = parameter(False, 'Also publish stylized/image/compressed (JPEG).')
    jpeg_quality: int = parameter(90, 'Quality of the JPEG, percent.', low=1, high=100)
    lazy: bool = parameter(True, 'Paint only while somebody subscribes to the painting.')
    enabled: bool = parameter(True, 'Paint; false passes the images of the camera through untouched.')
    model: str = parameter('swift', "Networks: 'swift', 'fine', 'magenta' or a model directory.", static=True)
    runtime: str = parameter('auto', "What runs the networks: 'auto', 'openvino', 'onnxruntime' or 'tensorflow'.",
                             static=True)
    threads: int = parameter(0, 'CPU threads of the runtime; 0: all cores.', low=0, high=256, static=True)
    image_topic: str = parameter('image_raw', 'Topic of the input, without the ending of a transport.', static=True)
    image_transport: str = parameter('raw', 'Form of the input: image_raw or image_raw/compressed.',
                                     static=True, choices=('raw', 'compressed'))
    qos: str = parameter('auto', 'QoS of the input; auto matches what the camera offers.', static=True,
                         choices=QOS_PRESETS)
    style_directories: list[str] = parameter([''], 'Folders that the uri of ~/set_style may name a picture in; the '
                                                   'bundled styles always may.', static=True)
    style_library: str = parameter('', 'Folder that keeps the learned styles; empty: below the data folder of the '
                                       'user.', static=True)
    autostart: bool = parameter(True, 'Configure and activate at once; false waits for a lifecycle manager.',
                                static=True)

    @property
    def paint_settings(self) -> PaintSettings:
        """Return the settings that concern the painting of one frame."""
        from style_transfer_ros.engine.stream import PaintSettings  # with OpenCV, which the page does without
        return PaintSettings(self.strength, self.preserve_color, self.smoothing, self.processing_height)


@dataclass(frozen=True)
class CameraParameters:
    """The parameters of the node ``camera``; they do not change while it runs."""

    source: str = parameter('scene', "What to show: 'scene' (a slow pan over a photograph), a V4L2 camera (its index "
                                     'or /dev/videoN), a video file (loops) or a folder of pictures.',
                            static=True, number_too=True)
    width: int = parameter(640, 'Width of the image, pixels.', low=1, high=7680, static=True)
    height: int = parameter(480, 'Height of the image, pixels.', low=1, high=4320, static=True)
    rate: float = parameter(30.0, 'Images per second, Hz.', low=0.1, high=240.0, static=True)
    frame_id: str = parameter('camera_optical_frame', 'Frame of the header: z forward, x right, y down (REP-103).',
                              static=True)
    encoding: str = parameter('rgb8', 'Encoding of the image: rgb8, bgr8, mono8, yuv422_yuy2 ... (docs/encodings.md).',
                              static=True)
    camera_info_url: str = parameter('', 'Calibration: a path, a file:// or package:// URL, with ${ROS_HOME} and '
                                         '${NAME} in it; empty: uncalibrated.', static=True)


@dataclass(frozen=True)
class WebParameters:
    """The parameters of the node ``web``; they do not change while it runs."""

    listen: str = parameter('127.0.0.1', 'Address to serve the page on; 0.0.0.0: all of this machine, so that others '
                                         'can open the page. The default is this machine alone.', static=True)
    port: int = parameter(8642, 'TCP port to serve the page on; 0: a free one.', low=0, high=65535, static=True)
    https: bool = parameter(False, 'Serve HTTPS with a certificate of its own; browsers give their camera to a page of '
                                   'another machine only so.', static=True)
    hosts: list[str] = parameter([''], 'More names under which the page is opened, for example behind a proxy.',
                                 static=True)
    painter: str = parameter('style_transfer', 'Name of the node that paints, relative to the namespace of this one.',
                             static=True)


def text_of(kind: type, name: str) -> str:
    """Return the text of a parameter, for launch arguments and options."""
    return next(item.metadata['text'] for item in fields(kind) if item.name == name)


def changed(current: Settings, values: Mapping[str, Any], *, locked: bool) -> Settings:
    """
    Apply new values, all or none.

    :param values: by name; names that are not in the dataclass are left alone.
    :param locked: whether static parameters keep their value now.
    :raises ParameterError: one does not fit; the text is one sentence.
    """
    known = {item.name: item.metadata for item in fields(current)}      # type: ignore[arg-type]
    checked = {name: _checked(name, value, getattr(type(current)(), name), known[name])
               for name, value in values.items() if name in known}
    for name, value in checked.items():
        if locked and known[name]['static'] and value != getattr(current, name):
            raise ParameterError(f"The parameter '{name}' is static; " + (
                "run 'ros2 lifecycle set' with 'deactivate' and 'cleanup', set it, then 'configure' and 'activate'."
                if hasattr(current, 'autostart') else 'start the node again with the new value.'))
    return replace(current, **checked)      # type: ignore[type-var]


def _checked(name: str, value: Any, default: Any, about: Any) -> Any:
    """
    Return the value in the type of the default.

    :raises ParameterError: it has another type, is out of its range, or is no choice.
    """
    if isinstance(default, list) and value is None:     # an empty list has no type, and comes as nothing
        value = []
    elif isinstance(default, float) and type(value) is int:     # a user who types 1 means 1.0
        value = float(value)
    elif about['number_too'] and type(value) is int:
        value = str(value)
    fits = (isinstance(value, (list, tuple)) and all(isinstance(element, str) for element in value)
            if isinstance(default, list) else type(value) is type(default))
    if not fits:
        # A text in the place of a list must not be taken apart: the letters of a path would allow the folder '/'.
        word = {True: 'on', False: 'off'}[value] if isinstance(value, bool) else str(value)[:60]
        yaml = ' (YAML reads on, off, yes and no as true or false)' * isinstance(value, bool)
        quote = f"{yaml}; quote it twice: {name}:=\"'{word}'\"" if isinstance(value, (bool, int, float)) else ''
        remedy: dict[type, str] = {str: quote, list: f"; write {name}:=\"['...']\""}
        is_value = 'has no value' if value is None else f'is {shown(value)}'
        raise ParameterError(f"The parameter '{name}' {is_value}, but {_KINDS[type(default)]} is needed"
                             f"{remedy.get(type(default), '')}.")
    if about['low'] is not None and not about['low'] <= value <= about['high']:
        raise ParameterError(f"The parameter '{name}' is {value}; choose {about['low']} to {about['high']}.")
    if about['choices'] and value not in about['choices']:
        raise ParameterError(f"The parameter '{name}' is {shown(value)}; choose one of {', '.join(about['choices'])}.")
    return list(value) if isinstance(default, list) else value
