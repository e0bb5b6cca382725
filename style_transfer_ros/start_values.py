# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Checks what a ROS process is started with: environment, names, remappings and files.

The libraries of ROS refuse the same values, in their own words or by ending the process; here each refusal is one
sentence with the value, the rule and what to type.
"""
from __future__ import annotations

from collections.abc import Sequence
import ctypes
import os
import re

from style_transfer_ros.engine.errors import shown, StyleTransferError

#: Above it Fast DDS has no ports.
_LARGEST_DOMAIN = 232
_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal', 'unset')
_NAME = r'[A-Za-z_][A-Za-z0-9_]*'
_NAMESPACE = re.compile(rf'/|(/{_NAME})+')
_TOPIC = re.compile(rf'(rostopic://|rosservice://)?(~|~?/?({_NAME}|\{{\w+\}})+(/({_NAME}|\{{\w+\}})+)*)')
#: ``rule := value``, with an optional node before the rule.
_RULE = re.compile(r'(?:(?P<node>[^:=]+):)?(?P<from>[^:=]+(?:://[^:=]+)?):=(?P<to>.*)', re.DOTALL)
_LETTERS = "letters, digits and '_', not beginning with a digit"


def check_middleware() -> None:
    """
    Check that the middleware of ``RMW_IMPLEMENTATION`` is there; to be called before rclpy is imported.

    :raises StyleTransferError: it is not installed.
    """
    name = os.environ.get('RMW_IMPLEMENTATION', '')
    if not name:
        return
    library = f'lib{name}.so'
    folders = os.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    folders += [f'{prefix}/lib' for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)]
    if re.fullmatch(r'\w+', name) and any(folder and os.path.exists(f'{folder}/{library}') for folder in folders):
        return
    try:
        ctypes.CDLL(library)
    except (OSError, ValueError):
        package = re.sub(r'\W', '', name).replace('_', '-')[:60]
        raise StyleTransferError(f'RMW_IMPLEMENTATION is {shown(name)}, but this middleware is not installed; run '
                                 f"'unset RMW_IMPLEMENTATION' or install it, with ROS from Debian packages by 'sudo "
                                 f"apt install ros-$ROS_DISTRO-{package}'.") from None


def check_environment() -> None:
    """
    Check the variables that ROS and Fast DDS read.

    :raises StyleTransferError: one is not possible.
    """
    domain = os.environ.get('ROS_DOMAIN_ID', '').strip()
    if domain and not (re.fullmatch(r'[0-9]{1,9}', domain) and int(domain) <= _LARGEST_DOMAIN):
        raise StyleTransferError(f'ROS_DOMAIN_ID is {shown(domain)}, but a whole number from 0 to {_LARGEST_DOMAIN} is '
                                 "needed; type, for example, 'export ROS_DOMAIN_ID=42'.")
    reach = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '')
    if reach and reach not in _RANGES:
        raise StyleTransferError(f'ROS_AUTOMATIC_DISCOVERY_RANGE is {shown(reach)}; set it to one of '
                                 f"{', '.join(_RANGES)}.")
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE', 'CYCLONEDDS_URI'):
        path = os.environ.get(variable, '')
        path = path.removeprefix('file://') if path.startswith(('/', 'file://')) else ''     # else XML, or relative
        if path and not os.path.isfile(path):
            raise StyleTransferError(f"{variable} names {shown(path)}, where there is no file; correct it or run "
                                     f"'unset {variable}'.")


def check_arguments(arguments: Sequence[str]) -> None:
    """
    Check what stands after ``--ros-args``.

    :raises StyleTransferError: a name, remapping, file or level is not possible.
    """
    inside = False
    for argument, value in zip(arguments, [*arguments[1:], '']):
        inside = argument == '--ros-args' or inside and argument != '--'
        if not inside:
            continue
        if argument in ('-r', '--remap') and (rule := _RULE.fullmatch(value)):
            check_remapping(rule['from'], rule['to'])
        elif argument == '--params-file' and not os.path.isfile(value):
            raise StyleTransferError(f'The parameter file {shown(value)} is not there; check the path after '
                                     '--params-file.')
        elif argument == '--log-level' and (level := value.rpartition(':=')[2]).lower() not in _LEVELS:
            raise StyleTransferError(f"The log level is {shown(level)}; choose one of {', '.join(_LEVELS[:-1])}.")


def check_remapping(rule: str, to: str) -> None:
    """
    Check one remapping.

    :param rule: ``__node``, ``__name``, ``__ns``, or the name of a topic or service.
    :param to: the new name.
    :raises StyleTransferError: the new name is not possible.
    """
    if rule in ('__node', '__name') and not re.fullmatch(_NAME, to):
        raise StyleTransferError(f'The node name is {shown(to)}, but a name has {_LETTERS}; type, for example, -r '
                                 f'__node:={_repaired(to)}.')
    if rule == '__ns':
        check_namespace(to, '-r __ns:=')
    elif not rule.startswith('__') and not _TOPIC.fullmatch(to):
        raise StyleTransferError(f"The name '{rule[:100]}' is to become {shown(to)}, but each part of a name has "
                                 f'{_LETTERS}; type, for example, -r {rule[:100]}:={_repaired(to, "/")}.')


def check_namespace(namespace: str, typed: str = 'namespace:=') -> None:
    """
    Check the namespace of a node.

    :param typed: how the user gives it, for the remedy.
    :raises StyleTransferError: it is not possible.
    """
    if not _NAMESPACE.fullmatch(namespace):
        repaired = '/'.join(_repaired(part) for part in namespace.strip('/').split('/'))
        raise StyleTransferError(f"The namespace is {shown(namespace)}, but it begins with '/' and each part has "
                                 f'{_LETTERS}; type, for example, {typed}/{repaired}.')


def _repaired(name: str, keep: str = '') -> str:
    """Return a possible name that looks like this one."""
    text = re.sub(rf'[^A-Za-z0-9_{keep}]', '_', name)[:60] or 'camera'
    return f'_{text}' if text[0].isdigit() else text
