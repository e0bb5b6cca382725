"""The parameters of the style transfer node: one dataclass, each declared once with its text, range and mutability."""
from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
import reprlib
from typing import Any, Iterable, List

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from style_transfer_ros.engine.errors import StyleTransferError

#: Names of the QoS presets that ``qos`` takes.
QOS_PRESETS = ('auto', 'sensor_data', 'default', 'system_default')


class ParameterError(StyleTransferError):
    """A parameter is of another type, out of its range, unknown as a choice, or cannot change now."""


def _parameter(default: Any, text: str, low: float | None = None, high: float | None = None,
               static: bool = False, choices: tuple = ()) -> Any:
    """Describe one parameter; ``static`` ones change only while the node is unconfigured."""
    if choices:
        text = f"{text} One of: {', '.join(choices)}."
    metadata = {'text': text, 'low': low, 'high': high, 'static': static, 'choices': choices}
    return field(default_factory=lambda: list(default), metadata=metadata) if isinstance(default, list) \
        else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class StyleTransferParameters:
    """Values of all parameters at one moment; the painter reads one such set for each frame."""

    period: float = _parameter(0.4, 'Time between two paintings, s; 0: paint every frame that comes, as fast as the '
                                    'machine can.', 0.0, 3600.0)
    style: str = _parameter('starry_night', 'Name of the stored style to paint with, see ~/list_styles.')
    strength: float = _parameter(1.0, 'How much of the style: 0 is the photo, 1 the style.', 0.0, 1.0)
    preserve_color: bool = _parameter(False, 'Lightness from the painting, colours from the camera.')
    smoothing: float = _parameter(0.8, 'Share of the former painting that stays where the camera sees no motion, at 30 '
                                       'frames/s (less at lower rates); calms flicker, leaves no ghosts. 0: off.',
                                  0.0, 0.95)
    processing_height: int = _parameter(0, 'Height to paint at, pixels; the output keeps the size of the camera. '
                                           '0: as the camera.', 0, 4320)
    publish_compressed: bool = _parameter(False, 'Also publish stylized/image/compressed (JPEG).')
    jpeg_quality: int = _parameter(90, 'Quality of the JPEG, percent.', 1, 100)
    lazy: bool = _parameter(True, 'Paint only while somebody subscribes to the painting.')
    enabled: bool = _parameter(True, 'Paint; false passes the images of the camera through untouched.')
    model: str = _parameter('swift', "Networks: 'swift', 'magenta' or the path of a model directory.", static=True)
    runtime: str = _parameter('auto', "What runs the networks: 'auto', 'openvino', 'onnxruntime' or 'tensorflow'.",
                              static=True)
    threads: int = _parameter(0, 'CPU threads of the runtime; 0: all cores.', 0, 256, static=True)
    image_transport: str = _parameter('raw', 'Form of the input: image_raw or image_raw/compressed.',
                                      static=True, choices=('raw', 'compressed'))
    qos: str = _parameter('auto', 'QoS of the input; auto matches what the camera offers.', static=True,
                          choices=QOS_PRESETS)
    style_directories: List[str] = _parameter([''], 'Folders that the uri of ~/set_style may name a picture in; the '
                                                    'bundled styles always may.', static=True)
    style_library: str = _parameter('', 'Folder that keeps the learned styles; empty: below the data folder of the '
                                        'user.', static=True)
    autostart: bool = _parameter(True, 'Configure and activate at once; false waits for a lifecycle manager.',
                                 static=True)


def declare(node: Node) -> StyleTransferParameters:
    """Declare all parameters on ``node`` with descriptors, and read them."""
    for item in fields(StyleTransferParameters):
        about = item.metadata
        default = getattr(StyleTransferParameters(), item.name)
        descriptor = ParameterDescriptor(description=about['text'], additional_constraints=(
            'static: changes only while the node is unconfigured' if about['static'] else 'may change while running'))
        # a user who types 1 means 1.0; an empty list has no type
        descriptor.dynamic_typing = isinstance(default, (float, list))
        if about['low'] is not None:
            kind = FloatingPointRange if isinstance(default, float) else IntegerRange
            number = type(default)
            bounds = kind(from_value=number(about['low']), to_value=number(about['high']))
            setattr(descriptor, 'floating_point_range' if number is float else 'integer_range', [bounds])
        node.declare_parameter(item.name, default, descriptor)
    declared = [node.get_parameter_or(item.name) for item in fields(StyleTransferParameters)]
    return changed(StyleTransferParameters(), declared, False)


def _texts(name: str, value: Any) -> List[str]:
    """
    Return a list of texts; what is no list is not taken apart: the letters of a path would allow the folder '/'.

    :raises ParameterError: it is no list, or an element is no text.
    """
    # rclpy gives arrays of numbers as array.array, and an empty list, which has no type, as None
    elements = [] if value is None else value
    if not isinstance(elements, (list, tuple)) or not all(isinstance(element, str) for element in elements):
        raise ParameterError(f"The parameter '{name}' is {reprlib.repr(value)}; give a list of texts, such as "
                             "['/home/robot/styles'].")
    return list(elements)


def changed(current: StyleTransferParameters, updates: Iterable[Parameter],
            configured: bool) -> StyleTransferParameters:
    """
    Apply updates, all or none; parameters of other parts of the node are left alone.

    :param configured: whether the node is configured: then static parameters keep their value.
    :raises ParameterError: one does not fit; the text is one sentence.
    """
    known = {item.name: item.metadata for item in fields(StyleTransferParameters)}
    values = {update.name: update.value for update in updates if update.name in known}
    for name, value in values.items():
        about, default = known[name], getattr(StyleTransferParameters(), name)
        if isinstance(default, list):
            value = values[name] = _texts(name, value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = values[name] = float(value)
        if not isinstance(value, type(default)) or isinstance(value, bool) != isinstance(default, bool):
            raise ParameterError(f"The parameter '{name}' is {value!r}; give a {type(default).__name__}.")
        if about['low'] is not None and not about['low'] <= value <= about['high']:
            raise ParameterError(f"The parameter '{name}' is {value}; choose {about['low']} to {about['high']}.")
        if configured and about['static'] and value != getattr(current, name):
            raise ParameterError(f"The parameter '{name}' is static; run 'ros2 lifecycle set' with 'deactivate' and "
                                 "'cleanup', set it, then 'configure' and 'activate'.")
        if about['choices'] and value not in about['choices']:
            raise ParameterError(f"The parameter '{name}' is '{value}'; choose one of {', '.join(about['choices'])}.")
    return replace(current, **values)
