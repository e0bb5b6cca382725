# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What the launch files share: their arguments, and the processes that these become.

A launch argument that names a parameter of a node has the parameter's own name.  Left empty, the parameter keeps what
its YAML file says, so that a user's own file counts.
"""
from __future__ import annotations

import hashlib
import math
from pathlib import Path
import re
from typing import Any

from ament_index_python.packages import get_package_prefix
from launch import Action, LaunchContext
from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
import platformdirs
import yaml

from style_transfer_ros.engine.errors import ParameterError, shown, StyleTransferError
from style_transfer_ros.environment import large_shared_memory
from style_transfer_ros.paths import PACKAGE, share_folder
from style_transfer_ros.settings import CameraParameters, changed, StyleTransferParameters, text_of, WebParameters
from style_transfer_ros.start_values import check_namespace

CONFIG = share_folder() / 'config'

#: Parameters of the nodes that are launch arguments, too; their texts are those of the settings.
_PAINTING = ('style', 'period', 'strength', 'preserve_color', 'processing_height', 'model', 'runtime', 'threads')
_TRANSPORT = ('image_transport',)
_PAGE = ('listen', 'port', 'https')
_CAMERA = ('width', 'height', 'rate', 'camera_info_url')
_BOOLEANS = {'true': True, 'false': False}
_VIEWER = 'rqt_image_view'


def switch(name: str, text: str, default: str = 'false') -> DeclareLaunchArgument:
    """Declare an argument that is true or false."""
    return DeclareLaunchArgument(name, default_value=default, choices=['true', 'false'], description=text)


def _parameters(kind: type, names: tuple[str, ...], file: str) -> list[DeclareLaunchArgument]:
    return [DeclareLaunchArgument(name, default_value='', description=f'{text_of(kind, name)} Empty: as in {file}.')
            for name in names]


def _page_arguments() -> list[DeclareLaunchArgument]:
    return [switch('page', 'Serve the page on which people watch, choose, mix and teach styles.'),
            *(DeclareLaunchArgument(name, default_value=str(getattr(WebParameters(), name)).lower(),
                                    description=text_of(WebParameters, name)) for name in _PAGE)]


def painting_arguments(record: str = 'false') -> list[DeclareLaunchArgument]:
    """
    Declare what :func:`painting` reads.

    :param record: default of the argument ``record``.
    """
    return [
        *_parameters(StyleTransferParameters, _PAINTING, 'params_file'),
        DeclareLaunchArgument('params_file', default_value=str(CONFIG / 'style_transfer.yaml'),
                              description='YAML file with all parameters of the style transfer node.'),
        DeclareLaunchArgument('namespace', default_value='',
                              description='Namespace of all nodes and topics, for example front; empty: none.'),
        switch('record', 'Record the painting, its camera_info and the status into a bag; needs ros2bag.', record),
        DeclareLaunchArgument('output', default_value='',
                              description='Folder of the recorded bag, which must not exist yet; empty: '
                                          'rosbag2_<date and time> in the current folder.'),
        switch('view', f'Show the painting in {_VIEWER}.'),
        *_page_arguments(),
        DeclareLaunchArgument('log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
                              description='Least severity that the nodes log.'),
    ]


def camera_arguments() -> list[DeclareLaunchArgument]:
    """Declare what :func:`camera` reads besides :func:`painting_arguments`."""
    return [
        DeclareLaunchArgument('source', default_value='0',
                              description="What to paint: a camera (its index or /dev/videoN), a video file, a folder "
                                          "of pictures, or 'scene' (a slow pan over a photograph)."),
        *_parameters(CameraParameters, _CAMERA, 'camera_params_file'),
        DeclareLaunchArgument('camera_params_file', default_value=str(CONFIG / 'camera.yaml'),
                              description='YAML file with all parameters of our own camera node.'),
    ]


def topic_arguments(image: str) -> list[DeclareLaunchArgument]:
    """
    Declare what :func:`topics` reads.

    :param image: default of the argument ``image``.
    """
    return [
        DeclareLaunchArgument('image', default_value=image,
                              description='Topic to paint, without the ending of a transport such as /compressed.'),
        DeclareLaunchArgument('camera_info', default_value='',
                              description='Topic of the calibration; empty: camera_info beside the image.'),
        *_parameters(StyleTransferParameters, _TRANSPORT, 'params_file'),
    ]


def topics(context: LaunchContext) -> dict[str, Any]:
    """Read the arguments of :func:`topic_arguments`, as :func:`painting` takes them."""
    image = context.launch_configurations['image']
    beside = f"{image.rpartition('/')[0]}/camera_info" if '/' in image else 'camera_info'
    return {'image': image, 'camera_info': context.launch_configurations['camera_info'] or beside,
            **_given(context, StyleTransferParameters, _TRANSPORT)}


def is_true(context: LaunchContext, name: str) -> bool:
    """Read an argument that :func:`switch` declares."""
    return context.launch_configurations[name] == 'true'


def number(context: LaunchContext, name: str, low: float) -> float:
    """
    Read an argument that is a number.

    :param low: the smallest value.
    :raises RuntimeError: it is none, or smaller.
    """
    text = context.launch_configurations[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value < math.inf:
        raise RuntimeError(f'The argument {name} is {shown(text)}, but a number from {low} on is needed; type, for '
                           f'example, {name}:={max(low, 1.0)}.')
    return value


def _given(context: LaunchContext, kind: type, names: tuple[str, ...]) -> dict[str, Any]:
    """
    Return the parameters that the user gave as arguments.

    :param kind: the dataclass of the parameters.
    :raises RuntimeError: a value does not fit.
    """
    given: dict[str, Any] = {}
    for name in names:
        text = context.launch_configurations[name]
        if not text:
            continue
        default = getattr(kind(), name)
        try:
            value = _BOOLEANS[text.lower()] if isinstance(default, bool) else type(default)(text)
        except (KeyError, ValueError):
            value = text        # of another type, which `changed` says
        try:
            changed(kind(), {name: value}, locked=False)
        except ParameterError as error:
            raise RuntimeError(str(error)) from None
        given[name] = _text(value) if isinstance(value, str) else value
    return given


def _file(context: LaunchContext, name: str) -> str:
    path = context.launch_configurations[name]
    if not Path(path).is_file():        # launch_ros only warns, and the nodes would run with other values than meant
        raise RuntimeError(f"The argument '{name}' is '{path}', where there is no file; check the path.")
    return path


def _text(value: str) -> ParameterValue:
    """Keep a text that looks like a number a text."""
    return ParameterValue(value, value_type=str)


def installed(package: str) -> bool:
    """Tell whether a ROS package is there."""
    try:
        return bool(get_package_prefix(package))
    except LookupError:
        return False


def _missing(package: str, consequence: str) -> LogInfo:
    return LogInfo(msg=f"The package {package} is not installed, so {consequence}; run 'sudo apt install "
                       f"ros-$ROS_DISTRO-{package.replace('_', '-')}' to have it.")


def namespace_of(context: LaunchContext) -> str:
    """
    Return the namespace with a leading slash, or nothing.

    :raises RuntimeError: it is not possible.
    """
    name = context.launch_configurations['namespace'].strip('/')
    try:
        check_namespace(f'/{name}')
    except StyleTransferError as error:
        raise RuntimeError(str(error)) from None
    return name and f'/{name}'


def _node(context: LaunchContext, executable: str, name: str, parameters: list, **options: Any) -> Node:
    return Node(package=PACKAGE, executable=executable, name=name, namespace=namespace_of(context),
                parameters=parameters, output='screen', emulate_tty=True, additional_env=large_shared_memory(),
                ros_arguments=['--log-level', context.launch_configurations['log_level']], **options)


def camera(context: LaunchContext) -> list[Action]:
    """
    Start the camera that the arguments name.

    :raises RuntimeError: an argument does not fit.
    """
    given = _given(context, CameraParameters, _CAMERA)
    given['source'] = _text(context.launch_configurations['source'])
    return [_node(context, 'camera_node', 'camera', [_file(context, 'camera_params_file'), given])]


def painting(context: LaunchContext, image: str = 'image_raw', camera_info: str = 'camera_info',
             **parameters: Any) -> list[Action]:
    """
    Start the style transfer node, and the recorder and the viewer that the arguments ask for.

    :param image: topic of the camera, without the ending of a transport.
    :param camera_info: topic of its calibration.
    :param parameters: more parameters of the node.
    """
    # a remapping holds for one name only, and the compressed form has another one
    topics = [('image_raw', image), ('image_raw/compressed', f'{image}/compressed'), ('camera_info', camera_info)]
    node = _node(context, 'style_transfer_node', 'style_transfer',
                 [_file(context, 'params_file'), {**_given(context, StyleTransferParameters, _PAINTING), **parameters}],
                 remappings=[pair for pair in topics if pair[0] != pair[1]])
    return [node, *_recorder(context, image, bool(parameters.get('use_sim_time'))), *_viewer(context), *_page(context)]


def _page(context: LaunchContext) -> list[Action]:
    if not is_true(context, 'page'):
        return []
    # without the shared memory for raw images that the other nodes have: the page receives JPEG
    return [Node(package=PACKAGE, executable='web_node', name='web', namespace=namespace_of(context), output='screen',
                 emulate_tty=True, parameters=[_given(context, WebParameters, _PAGE)],
                 ros_arguments=['--log-level', context.launch_configurations['log_level']])]


def _config_file(context: LaunchContext, name: str, image: str) -> Path:
    """Return a file of config/ with its topics in our namespace and with the camera's; a copy if it must change."""
    namespace = namespace_of(context)
    moved = {'image_raw': image if image.startswith('/') else f'{namespace}/{image}',
             'stylized': f'{namespace}/stylized', 'style_transfer': f'{namespace}/style_transfer'}
    text = (CONFIG / name).read_text(encoding='utf-8')
    adapted = re.sub(rf"(?<![\w/])/({'|'.join(moved)})\b", lambda found: moved[found[1]], text)
    if adapted == text:
        return CONFIG / name
    folder = platformdirs.user_cache_path(PACKAGE) / 'launch'       # one file for each content: nothing piles up
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{hashlib.sha256(adapted.encode()).hexdigest()[:16]}_{name}'
    path.write_text(adapted, encoding='utf-8')
    return path


def _recorder(context: LaunchContext, image: str, use_sim_time: bool) -> list[Action]:
    if not is_true(context, 'record'):
        return []
    if not installed('ros2bag'):
        return [_missing('ros2bag', 'nothing is recorded')]
    recipe = _config_file(context, 'record_qos.yaml', image)
    output = context.launch_configurations['output']
    return [ExecuteProcess(
        cmd=['ros2', 'bag', 'record', '--qos-profile-overrides-path', str(recipe),
             *(['--output', output] if output else []), *(['--use-sim-time'] if use_sim_time else []),
             '--topics', *yaml.safe_load(recipe.read_text(encoding='utf-8'))],
        name='bag_record', output='screen', sigterm_timeout='10')]     # a bag that is cut short has no index


def _viewer(context: LaunchContext) -> list[Action]:
    if not is_true(context, 'view'):
        return []
    topic = f'{namespace_of(context)}/stylized/image'
    if not installed(_VIEWER):
        return [_missing(_VIEWER, f'nothing shows the topic {topic} here')]
    return [Node(package=_VIEWER, executable=_VIEWER, output='log', arguments=[topic])]
