# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The launch files say what they take, and start what the arguments ask for."""
from __future__ import annotations

import ast
from pathlib import Path
import re

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / 'launch').glob('*.launch.py'))
CONFIG = ROOT / 'config'

each_file = pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)


@pytest.fixture
def loaded():
    """Give a function that reads a launch file as ``ros2 launch`` does."""
    for package in ('launch', 'launch_ros'):
        pytest.importorskip(f'{package}.actions', reason=f"ROS's {package} is not on PyPI; a ROS 2 installation has it")
    from launch import LaunchContext
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    def load(file: Path, context=None):
        return PythonLaunchDescriptionSource(str(file)).get_launch_description(context or LaunchContext())
    return load


@pytest.fixture
def started(loaded):
    """Give a function that returns what a launch file would start, without starting it."""
    from launch import LaunchContext
    from launch.actions import OpaqueFunction

    def start(name: str, **arguments: str) -> list:
        context = LaunchContext()
        description = loaded(ROOT / 'launch' / name, context)
        declared = description.get_launch_arguments()
        assert set(arguments) <= {argument.name for argument in declared}
        context.launch_configurations.update(arguments)
        for argument in declared:
            argument.visit(context)
        function, = (entity for entity in description.entities if isinstance(entity, OpaqueFunction))
        return function.execute(context)
    return start


def kinds(actions: list) -> list:
    """Name the programs and sentences among the actions."""
    from launch_ros.actions import Node
    return [action.node_executable if isinstance(action, Node) else type(action).__name__ for action in actions]


def test_the_readme_names_every_launch_file_and_no_other():
    named = set(re.findall(r'\w+\.launch\.py', (ROOT / 'README.md').read_text(encoding='utf-8')))
    assert named == {file.name for file in FILES}


@each_file
def test_a_launch_file_is_python_without_tricks(file):
    """Without the package launch this is all that can be seen of them."""
    tree = ast.parse(file.read_text(encoding='utf-8'), str(file))
    compile(tree, str(file), 'exec')
    assert ast.get_docstring(tree)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    assert not names & {'subprocess', 'eval', 'exec', 'rclpy'}


@each_file
def test_every_argument_has_a_description_and_a_default(file, loaded):
    arguments = loaded(file).get_launch_arguments()
    assert arguments
    for argument in arguments:
        assert len(argument.description) > 10 and argument.description[-1] in '.]', argument.name
        assert argument.default_value is not None, argument.name


@pytest.mark.parametrize('file', ['webcam', 'stylize', 'replay'])
def test_arguments_have_the_names_of_the_parameters(file, loaded):
    arguments = {argument.name for argument in loaded(ROOT / 'launch' / f'{file}.launch.py').get_launch_arguments()}
    parameters = {name for config in ('style_transfer', 'camera')
                  for name in yaml.safe_load((CONFIG / f'{config}.yaml').read_text())['/**']['ros__parameters']}
    assert arguments - parameters <= {
        'params_file', 'camera_params_file', 'namespace', 'record', 'output', 'view', 'log_level', 'image',
        'camera_info', 'use_sim_time', 'bag', 'rate', 'delay', 'page', 'listen', 'port', 'https'}
    assert {'style', 'period', 'model', 'strength'} <= arguments


def test_a_camera_and_the_node_that_paints_it_are_started(started):
    assert kinds(started('webcam.launch.py')) == ['camera_node', 'style_transfer_node']


def test_the_page_is_started_where_it_is_wanted(started):
    assert kinds(started('webcam.launch.py', page='true', listen='0.0.0.0'))[-1] == 'web_node'


def test_what_is_not_installed_is_said(started, monkeypatch, tmp_path):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    actions = started('webcam.launch.py', record='true', view='true')
    assert kinds(actions) == ['camera_node', 'style_transfer_node', 'LogInfo', 'LogInfo']
    for package, action in zip(('ros2bag', 'rqt_image_view'), actions[2:]):
        sentence, = (part.text for part in action.msg)
        assert sentence.startswith(f'The package {package} is not installed') and 'sudo apt install' in sentence


@pytest.fixture
def everything_installed(monkeypatch, tmp_path):
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    for package in ('rqt_image_view', 'ros2bag'):
        (index / package).touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))


def test_the_viewer_is_started_where_it_is_installed(started, everything_installed):
    assert kinds(started('webcam.launch.py', view='true'))[-1] == 'rqt_image_view'


def test_a_recording_follows_the_namespace(started, everything_installed):
    recorder = started('webcam.launch.py', record='true', namespace='front', output='mine')[-1]
    words = [part.text for word in recorder.cmd for part in word]
    assert words[words.index('--output') + 1] == 'mine'
    topics = words[words.index('--topics') + 1:]
    assert topics[0] == '/front/stylized/image'
    recipe = Path(words[words.index('--qos-profile-overrides-path') + 1])
    assert list(yaml.safe_load(recipe.read_text())) == topics
    recipe.unlink()


def test_a_bag_is_played_in_its_own_time(started, everything_installed, tmp_path):
    actions = started('replay.launch.py', bag=str(tmp_path))
    record, play = ([part.text for word in action.cmd for part in word] for action in actions[1:])
    assert '--use-sim-time' in record and '--clock' in play


@pytest.mark.parametrize('delay, given', [('0', False), ('0.0', False), ('2.5', True)])
def test_a_bag_starts_at_once_where_no_delay_is_wanted(started, everything_installed, tmp_path, delay, given):
    """Rosbag2 refuses a delay of 0."""
    play = started('replay.launch.py', bag=str(tmp_path), delay=delay)[-1]
    assert ('--delay' in [part.text for word in play.cmd for part in word]) is given


def test_every_camera_of_a_list_is_included(started):
    cameras = yaml.safe_load((CONFIG / 'multi.yaml').read_text())['cameras']
    assert kinds(started('multi.launch.py')) == ['GroupAction'] * len(cameras)


@pytest.mark.parametrize('file, arguments, sentence', [
    ('webcam', {'period': 'fast'}, "The parameter 'period' is 'fast', but a number is needed"),
    ('webcam', {'threads': '1.5'}, "The parameter 'threads' is '1.5', but a whole number is needed"),
    ('webcam', {'params_file': '/none.yaml'}, "The argument 'params_file' is '/none.yaml', where there is no file"),
    ('replay', {}, "There is no bag '' to play"),
    ('multi', {'cameras': '/none.yaml'}, "The file '/none.yaml' holds no list 'cameras'"),
])
def test_a_wrong_argument_is_answered_with_a_sentence(file, arguments, sentence, started):
    with pytest.raises(RuntimeError, match=sentence):
        started(f'{file}.launch.py', **arguments)


@pytest.mark.parametrize('text, sentence', [
    ('cameras: 7', "holds no list 'cameras'"),
    ('cameras: [{source: scene}]', 'give each one of its own'),
    ('cameras: [{namespace: a}, {namespace: /a/}]', 'give each one of its own'),
    ('cameras: [{namespace: a, sorce: scene}]', 'the unknown key sorce'),
    ('cameras: [{namespace: , source: scene}]', 'give each one of its own'),
    ('cameras: [{namespace: a, on: 1}]', 'the unknown key True'),
])
def test_a_wrong_list_of_cameras_is_answered_with_a_sentence(text, sentence, started, tmp_path):
    (tmp_path / 'cameras.yaml').write_text(text)
    with pytest.raises(RuntimeError, match=sentence):
        started('multi.launch.py', cameras=str(tmp_path / 'cameras.yaml'))


@pytest.mark.parametrize('file', sorted(CONFIG.glob('*.yaml')), ids=lambda file: file.name)
def test_a_config_file_is_yaml(file):
    assert isinstance(yaml.safe_load(file.read_text(encoding='utf-8')), dict)
