"""
What the launch files share: their arguments, and the processes that these become.

A launch argument that names a parameter of a node has the parameter's own name.  Left empty, the parameter keeps what
its YAML file says, so that a user's own file counts.
"""
from __future__ import annotations

from pathlib import Path
import re
import tempfile
from typing import Any, Dict, List

from ament_index_python.packages import get_package_prefix
from launch import Action, LaunchContext
from launch.actions import DeclareLaunchArgument, ExecuteProcess, LogInfo
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
import yaml

from style_transfer_ros.paths import large_shared_memory, PACKAGE, share_folder

CONFIG = share_folder() / 'config'

#: Parameters of the style transfer node that are launch arguments, too: type, text.
_PAINTING = {
    'style': (str, 'Name of the stored style to paint with; the service ~/list_styles lists them.'),
    'period': (float, 'Time between two paintings, s; 0: paint every frame.'),
    'strength': (float, 'How much of the style: 0 is the photo, 1 the style.'),
    'preserve_color': (bool, 'true: lightness from the painting, colours from the camera.'),
    'processing_height': (int, 'Height to paint at, pixels; 0: as the camera. The output has the size of the camera.'),
    'model': (str, "Networks: 'swift', 'magenta' or the path of a model directory."),
    'runtime': (str, "What runs the networks: 'auto', 'openvino', 'onnxruntime' or 'tensorflow'."),
    'threads': (int, 'CPU threads of the runtime; 0: all cores.'),
}
_TRANSPORT = {
    'image_transport': (str, 'Form of the image that is subscribed to: raw or compressed.'),
}
#: Parameters of the camera node that are launch arguments, too.
_CAMERA = {
    'width': (int, 'Width of the image, pixels.'),
    'height': (int, 'Height of the image, pixels.'),
    'rate': (float, 'Images per second, Hz.'),
    'camera_info_url': (str, 'Calibration file, a path or a file:// URL.'),
}
_KINDS = {float: 'a number', int: 'a whole number', bool: 'true or false'}
_BOOLEANS = {'true': True, 'false': False}
#: What ``view`` starts: package, executable, arguments; {} is the painting's topic.
_VIEWERS = {
    'rqt_image_view': ('rqt_image_view', 'rqt_image_view', ['{}']),
    'rqt': ('rqt_gui', 'rqt_gui', ['--perspective-file', 'style_transfer.perspective']),
    'rviz2': ('rviz2', 'rviz2', ['-d', 'style_transfer.rviz']),
}


def switch(name: str, text: str, default: str = 'false') -> DeclareLaunchArgument:
    """Declare an argument that is true or false."""
    return DeclareLaunchArgument(name, default_value=default, choices=['true', 'false'], description=text)


def _parameters(table: Dict[str, tuple], file: str) -> List[DeclareLaunchArgument]:
    return [DeclareLaunchArgument(name, default_value='', description=f'{text} Empty: as in {file}.')
            for name, (_, text) in table.items()]


def painting_arguments(record: str = 'false') -> List[DeclareLaunchArgument]:
    """
    Declare what :func:`painting` reads.

    :param record: default of the argument ``record``.
    """
    return [
        *_parameters(_PAINTING, 'params_file'),
        DeclareLaunchArgument('params_file', default_value=str(CONFIG / 'style_transfer.yaml'),
                              description='YAML file with all parameters of the style transfer node.'),
        DeclareLaunchArgument('namespace', default_value='',
                              description='Namespace of all nodes and topics, for example front; empty: none.'),
        switch('record', 'Record the painting, its camera_info and the status into a bag; needs ros2bag.', record),
        DeclareLaunchArgument('output', default_value='',
                              description='Folder of the recorded bag, which must not exist yet; empty: '
                                          'rosbag2_<date and time> in the current folder.'),
        DeclareLaunchArgument('view', default_value='none', choices=['none', *_VIEWERS],
                              description='Viewer to start: rqt_image_view (the painting), rqt (camera, painting, '
                                          'parameters and status) or rviz2 (camera beside painting).'),
        DeclareLaunchArgument('log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
                              description='Least severity that the nodes log.'),
    ]


def camera_arguments() -> List[DeclareLaunchArgument]:
    """Declare what :func:`camera` reads besides :func:`painting_arguments`."""
    return [
        DeclareLaunchArgument('source', default_value='0',
                              description="What to paint: a camera (its index or /dev/videoN), a video file, a folder "
                                          "of pictures, or 'scene' (a slow pan over a photograph)."),
        DeclareLaunchArgument('driver', default_value='own', choices=['own', 'usb_cam', 'v4l2_camera'],
                              description="Node that reads the camera; 'own' reads every kind of source and stands in "
                                          'for a driver that is not installed.'),
        *_parameters(_CAMERA, 'camera_params_file'),
        DeclareLaunchArgument('camera_params_file', default_value=str(CONFIG / 'camera.yaml'),
                              description='YAML file with all parameters of our own camera node.'),
    ]


def topic_arguments(image: str) -> List[DeclareLaunchArgument]:
    """
    Declare what :func:`topics` reads.

    :param image: default of the argument ``image``.
    """
    return [
        DeclareLaunchArgument('image', default_value=image,
                              description='Topic to paint, without the ending of a transport such as /compressed.'),
        DeclareLaunchArgument('camera_info', default_value='',
                              description='Topic of the calibration; empty: camera_info beside the image.'),
        *_parameters(_TRANSPORT, 'params_file'),
    ]


def topics(context: LaunchContext) -> Dict[str, Any]:
    """Read the arguments of :func:`topic_arguments`, as :func:`painting` takes them."""
    image = context.launch_configurations['image']
    beside = f"{image.rpartition('/')[0]}/camera_info" if '/' in image else 'camera_info'
    return {'image': image, 'camera_info': context.launch_configurations['camera_info'] or beside,
            **_given(context, _TRANSPORT)}


def is_true(context: LaunchContext, name: str) -> bool:
    """Read an argument that :func:`switch` declares."""
    return context.launch_configurations[name] == 'true'


def _given(context: LaunchContext, table: Dict[str, tuple]) -> Dict[str, Any]:
    """
    Return the parameters of ``table`` that the user gave as arguments.

    :raises RuntimeError: one has the wrong type.
    """
    values: Dict[str, Any] = {}
    for name, (kind, _) in table.items():
        text = context.launch_configurations[name]
        try:
            if text:
                values[name] = _BOOLEANS[text.lower()] if kind is bool else _text(text) if kind is str else kind(text)
        except (KeyError, ValueError):
            raise RuntimeError(f"The argument '{name}' is '{text}', but it must be {_KINDS[kind]}.") from None
    return values


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
    """Return the namespace with a leading slash, or nothing."""
    name = context.launch_configurations['namespace'].strip('/')
    return name and f'/{name}'


def _node(context: LaunchContext, package: str, executable: str, name: str, parameters: list,
          **options: Any) -> Node:
    return Node(package=package, executable=executable, name=name, namespace=namespace_of(context),
                parameters=parameters, output='screen', emulate_tty=True, additional_env=large_shared_memory(),
                ros_arguments=['--log-level', context.launch_configurations['log_level']], **options)


def camera(context: LaunchContext) -> List[Action]:
    """
    Start the camera that the arguments name.

    :raises RuntimeError: the driver cannot read the source, or an argument is no number.
    """
    driver, source = context.launch_configurations['driver'], context.launch_configurations['source']
    given, actions = _given(context, _CAMERA), []
    if driver != 'own' and not installed(driver):
        actions.append(_missing(driver, 'our own camera node stands in'))
        driver = 'own'
    if driver == 'own':
        given['source'] = _text(source)
        parameters = [_file(context, 'camera_params_file'), given]
        return [*actions, _node(context, PACKAGE, 'camera_node', 'camera', parameters)]
    if not (source.isdecimal() or source.startswith('/dev/')):
        raise RuntimeError(f"The driver {driver} reads cameras only, but source is '{source}'; give an index or "
                           '/dev/videoN, or driver:=own.')
    width, height, rate = given.get('width', 640), given.get('height', 480), given.get('rate', 30.0)
    parameters: Dict[str, Any] = {'video_device': f'/dev/video{source}' if source.isdecimal() else source}
    if 'camera_info_url' in given:
        parameters['camera_info_url'] = given['camera_info_url']
    if driver == 'usb_cam':
        parameters |= {'image_width': width, 'image_height': height, 'framerate': rate,
                       'frame_id': 'camera_optical_frame'}
        return [_node(context, driver, 'usb_cam_node_exe', 'camera', [parameters])]
    parameters |= {'image_size': [width, height], 'time_per_frame': [1, max(1, round(rate))],
                   'camera_frame_id': 'camera_optical_frame'}
    return [_node(context, driver, 'v4l2_camera_node', 'camera', [parameters])]


def painting(context: LaunchContext, image: str = 'image_raw', camera_info: str = 'camera_info',
             **parameters: Any) -> List[Action]:
    """
    Start the style transfer node, and the recorder and the viewer that the arguments ask for.

    :param image: topic of the camera, without the ending of a transport.
    :param camera_info: topic of its calibration.
    :param parameters: more parameters of the node.
    """
    # a remapping holds for one name only, and the compressed form has another one
    topics = [('image_raw', image), ('image_raw/compressed', f'{image}/compressed'), ('camera_info', camera_info)]
    node = _node(context, PACKAGE, 'style_transfer_node', 'style_transfer',
                 [_file(context, 'params_file'), {**_given(context, _PAINTING), **parameters}],
                 remappings=[pair for pair in topics if pair[0] != pair[1]])
    return [node, *_recorder(context, image, bool(parameters.get('use_sim_time'))), *_viewer(context, image)]


def _config_file(context: LaunchContext, name: str, image: str) -> Path:
    """Return a file of config/ with its topics in our namespace and with the camera's; a copy if it must change."""
    namespace = namespace_of(context)
    moved = {'image_raw': image if image.startswith('/') else f'{namespace}/{image}',
             'stylized': f'{namespace}/stylized', 'style_transfer': f'{namespace}/style_transfer'}
    text = (CONFIG / name).read_text(encoding='utf-8')
    adapted = re.sub(rf"(?<![\w/])/({'|'.join(moved)})\b", lambda found: moved[found[1]], text)
    if adapted == text:
        return CONFIG / name
    with tempfile.NamedTemporaryFile('w', prefix='style_transfer_', suffix=f'_{name}', delete=False) as file:
        file.write(adapted)
    return Path(file.name)


def _recorder(context: LaunchContext, image: str, use_sim_time: bool) -> List[Action]:
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


def _viewer(context: LaunchContext, image: str) -> List[Action]:
    view = context.launch_configurations['view']
    if view == 'none':
        return []
    package, executable, arguments = _VIEWERS[view]
    topic = f'{namespace_of(context)}/stylized/image'
    if not installed(package):
        return [_missing(package, f'nothing shows the topic {topic} here')]
    return [Node(package=package, executable=executable, output='log', arguments=[
        str(_config_file(context, part, image)) if (CONFIG / part).is_file() else part.format(topic)
        for part in arguments])]
