# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The settings of a node as ROS parameters: declared with descriptors, and checked when they change."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
import re

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from style_transfer_ros import settings
from style_transfer_ros.engine.errors import ParameterError, shown
from style_transfer_ros.settings import Settings

_OUT_OF_RANGE = re.compile(r'Parameter (\S+) out of range\.? Min: (\S+), Max: (\S+), value: ([^ :]*[^ :.])')
_OF_ANOTHER_TYPE = re.compile(r"Trying to set parameter '(\S+)' to '(.*)' of type '\w+', expecting type '(\w+)'",
                              re.DOTALL)
_TYPES = {'BOOL': 'true or false', 'INTEGER': 'a whole number', 'DOUBLE': 'a number', 'STRING': 'a text'}


def declare(node: Node, kind: type[Settings]) -> Settings:
    """
    Declare all parameters of the dataclass ``kind`` on a node, with descriptors, and read them.

    :raises ParameterError: a value that was given at the start does not fit; the text is one sentence.
    """
    defaults = kind()
    for item in fields(kind):       # type: ignore[arg-type]
        about, default = item.metadata, getattr(defaults, item.name)
        descriptor = ParameterDescriptor(description=about['text'], additional_constraints=(
            'static: changes only while the node is unconfigured' if about['static'] else 'may change while running'))
        # types are checked by `changed`, which says how to write the value
        descriptor.dynamic_typing = True
        if about['low'] is not None:
            number, bounds_of = (float, FloatingPointRange) if isinstance(default, float) else (int, IntegerRange)
            bounds = bounds_of(from_value=number(about['low']), to_value=number(about['high']))
            setattr(descriptor, 'floating_point_range' if number is float else 'integer_range', [bounds])
        try:
            node.declare_parameter(item.name, default, descriptor)
        except ParameterException as error:     # out of the range of its descriptor
            raise ParameterError(clear_reason(str(error))) from error
    declared = [node.get_parameter_or(item.name) for item in fields(kind)]      # type: ignore[arg-type]
    return settings.changed(defaults, {parameter.name: parameter.value for parameter in declared}, locked=False)


def clear_reason(text: str, name: str = '') -> str:
    """
    Return rclpy's reason for a refused parameter as a sentence with the parameter, its value and what to do.

    :param text: rclpy's, or a sentence of ours, which stays as it is.
    :param name: of the parameter, for reasons that lack it.
    """
    if found := _OUT_OF_RANGE.search(text):
        return f"The parameter '{found[1]}' is {found[4]}; choose {found[2]} to {found[3]}."
    if found := _OF_ANOTHER_TYPE.search(text):
        return f"The parameter '{found[1]}' is {shown(found[2])}, but {_TYPES.get(found[3], found[3])} is needed."
    text = ' '.join(text.split())
    if text.endswith('.') and name in text:
        return text
    return f"The parameter {shown(name)} cannot be set ({text.rstrip('.')[:300]}); correct it."


def changed(current: Settings, updates: Iterable[Parameter], *, locked: bool) -> Settings:
    """
    Apply updates of parameters, all or none; those of other parts of the node are left alone.

    :param locked: whether static parameters keep their value now.
    :raises ParameterError: one does not fit; the text is one sentence.
    """
    return settings.changed(current, {update.name: update.value for update in updates}, locked=locked)


def check_topic(node: Node, topic: str) -> None:
    """
    Check the name of the topic that ``image_topic`` names.

    :raises ParameterError: it is not possible; the text is one sentence.
    """
    try:
        resolved = node.resolve_topic_name(topic)
    except Exception as error:      # rclpy's own have no common base, and several lines
        raise ParameterError(f"The parameter 'image_topic' is {shown(topic)}, but the parts of a topic's name have "
                             'letters, digits and _, and begin with no digit; choose another name.') from error
    if resolved == node.resolve_topic_name('stylized/image'):
        raise ParameterError(f"The parameter 'image_topic' is {shown(topic)}, which is the topic of the node's own "
                             'painting; choose the topic of a camera.')


def refuse_changes(node: Node, current: Settings) -> None:
    """Refuse every change of a static parameter of ``current`` from now on, with a sentence that says why."""
    def check(updates: list[Parameter]) -> SetParametersResult:
        try:
            changed(current, updates, locked=True)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
    node.add_on_set_parameters_callback(check)
