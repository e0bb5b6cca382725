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
import tempfile

from style_transfer_ros.engine.errors import shown, StyleTransferError

#: Above it Fast DDS has no ports.
_LARGEST_DOMAIN = 232
_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal', 'unset')
_NAME = r'(?!\w*__)[A-Za-z_][A-Za-z0-9_]*'
_NAMESPACE = re.compile(rf'/|(/{_NAME})+')
_TOPIC = re.compile(rf'(rostopic://|rosservice://)?(~|~?/?({_NAME}|\{{\w+\}})+(/({_NAME}|\{{\w+\}})+)*)')
#: ``rule := value``, with an optional node before the rule.
_RULE = re.compile(r'(?:(?P<node>[^:=]+):)?(?P<from>[^:=]+(?:://[^:=]+)?):=(?P<to>.*)', re.DOTALL)
_SETTING = re.compile(r'(?:[^:=\s]+:)?(?P<name>[^:=\s]+):=(?P<value>.*)', re.DOTALL)
#: A value of one word or number, as YAML has it.
_PLAIN = re.compile(r'[A-Za-z0-9_./]+')
_LETTERS = "letters, digits and single '_', not beginning with a digit"
#: Characters of a node's name and of its namespace, at most, as DDS has it.
_LONGEST_NAME, _LONGEST_NAMESPACE = 255, 245


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
        path = os.environ.get(variable, '').removeprefix('file://')
        if path and '<' not in path:        # else it is the XML itself
            _check_xml(variable, path)
    for variable in ('RCUTILS_LOGGING_USE_STDOUT', 'RCUTILS_COLORIZED_OUTPUT', 'RCUTILS_LOGGING_BUFFERED_STREAM'):
        if (value := os.environ.get(variable, '')) not in ('', '0', '1'):
            raise StyleTransferError(f"{variable} is {shown(value)}; set it to 0 or 1, or run 'unset {variable}'.")
    keys = os.environ.get('ROS_SECURITY_KEYSTORE', '')
    enforced = [os.environ.get(f'ROS_SECURITY_{name}') for name in ('ENABLE', 'STRATEGY')] == ['true', 'Enforce']
    if enforced and not os.path.isdir(keys):
        raise StyleTransferError(f'ROS_SECURITY_KEYSTORE is {shown(keys)}, where there is no folder; make one as '
                                 "docs/security.md says, or run 'unset ROS_SECURITY_ENABLE'.")


def missing_log_folder() -> str:
    """
    Return the folder of the log of ROS if no log can be written there, else nothing.

    :raises StyleTransferError: it is the user's own choice, in ``ROS_LOG_DIR``.
    """
    chosen = os.environ.get('ROS_LOG_DIR', '')
    folder = os.path.expanduser(chosen or os.path.join(os.environ.get('ROS_HOME') or '~/.ros', 'log'))
    try:
        os.makedirs(folder, exist_ok=True)      # as ROS does it
        with tempfile.TemporaryFile(dir=folder):
            return ''
    except (OSError, ValueError) as error:
        if not chosen:
            return folder
        raise StyleTransferError(f'ROS_LOG_DIR is {shown(chosen)}, where no log can be written '
                                 f"({getattr(error, 'strerror', None) or error}); correct it or run 'unset "
                                 "ROS_LOG_DIR'.") from error


def _check_xml(variable: str, path: str) -> None:
    if not os.path.isfile(path):
        raise StyleTransferError(f"{variable} names {shown(path)}, where there is no file; correct it or run 'unset "
                                 f"{variable}'.")
    from xml.etree import ElementTree  # memory that few processes need
    try:
        ElementTree.parse(path)     # noqa: S314 - the user's own
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise StyleTransferError(f"{variable} names {shown(path)}, which is no XML ({error}); correct it or run 'unset "
                                 f"{variable}'.") from error


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
        if argument in ('-r', '--remap'):
            rule = _RULE.fullmatch(value)
            if rule is None:
                raise StyleTransferError(f'The remapping is {shown(value)}, but NAME:=NEW_NAME is needed; type, for '
                                         'example, -r image_raw:=camera/image_raw.')
            check_remapping(rule['from'], rule['to'])
        elif argument in ('-p', '--param'):
            _check_setting(value)
        elif argument == '--params-file' and not os.path.isfile(value):
            raise StyleTransferError(f'The parameter file {shown(value)} is not there; check the path after '
                                     '--params-file.')
        elif argument == '--log-level' and (level := value.rpartition(':=')[2]).lower() not in _LEVELS:
            raise StyleTransferError(f"The log level is {shown(level)}; choose one of {', '.join(_LEVELS[:-1])}.")


def _check_setting(text: str) -> None:
    """Check what stands behind ``-p``; the value is checked by the node."""
    found = _SETTING.fullmatch(text)
    if found is None:
        raise StyleTransferError(f'The parameter setting is {shown(text)}, but NAME:=VALUE is needed; type, for '
                                 'example, -p period:=0.1.')
    name, value = found['name'][:100], found['value']
    if _PLAIN.fullmatch(value):
        return
    import yaml  # memory that few processes need
    try:
        node = yaml.compose(value, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StyleTransferError(f"The parameter '{name}' is {shown(value)}, which is no YAML; quote it twice: "
                                 f"{name}:=\"'...'\".") from error
    if node is None:
        raise StyleTransferError(f"The parameter '{name}' has no value; type, for an empty text, {name}:=\"''\".")
    parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(part, yaml.ScalarNode) for part in parts):
        raise StyleTransferError(f"The parameter '{name}' is {shown(value)}, but one value or a list of values is "
                                 'needed; type, for example, -p period:=0.1.')


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise StyleTransferError(f'The {what} is {shown(text)}, {len(text)} characters long; choose one of at most '
                                 f'{most}.')


def check_remapping(rule: str, to: str) -> None:
    """
    Check one remapping.

    :param rule: ``__node``, ``__name``, ``__ns``, or the name of a topic or service.
    :param to: the new name.
    :raises StyleTransferError: the new name is not possible.
    """
    if rule in ('__node', '__name'):
        _check_length('node name', to, _LONGEST_NAME)
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
    _check_length('namespace', namespace, _LONGEST_NAMESPACE)
    if not _NAMESPACE.fullmatch(namespace):
        repaired = '/'.join(_repaired(part) for part in namespace.strip('/').split('/'))
        raise StyleTransferError(f"The namespace is {shown(namespace)}, but it begins with '/' and each part has "
                                 f'{_LETTERS}; type, for example, {typed}/{repaired}.')


def _repaired(name: str, keep: str = '') -> str:
    """Return a possible name that looks like this one."""
    text = re.sub(r'([_/])\1+', r'\1', re.sub(rf'[^A-Za-z0-9_{keep}]', '_', name))[:60].rstrip('/') or 'camera'
    return f'_{text}' if text[0].isdigit() else text
