# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What a process is started with is refused in one sentence: the value, the rule, and what to type."""
import os
import subprocess
import sys

import pytest

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.start_values import check_arguments, check_environment, check_middleware, check_namespace


def sentence(error):
    text = str(error.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 500, text
    return text


@pytest.mark.parametrize('arguments, value, typed', [
    (['-r', '__node:=my-node'], "'my-node'", '__node:=my_node'), (['--remap', '__name:=1st'], "'1st'", '__node:=_1st'),
    (['-r', '__node:='], "''", '__node:=camera'), (['-r', '__ns:=/a-b'], "'/a-b'", '__ns:=/a_b'),
    (['-r', '__ns:=front'], "'front'", '__ns:=/front'), (['-r', '__ns:='], "''", '__ns:=/camera'),
    (['-r', 'image_raw:=/a-b/c'], "'/a-b/c'", 'image_raw:=/a_b/c'), (['-r', 'image_raw:='], "''", 'image_raw:='),
    (['-r', 'camera:image_raw:=a b'], "'a b'", 'image_raw:=a_b'), (['-r', '__ns:=/' + 'ä' * 9999], '...', '__ns:=/'),
    (['--params-file', '/nowhere.yaml'], '/nowhere.yaml', '--params-file'), (['--params-file'], "''", 'path'),
    (['--log-level', 'loud'], "'loud'", 'warn'), (['--log-level', 'camera:=loud'], "'loud'", 'warn')])
def test_a_wrong_argument(arguments, value, typed):
    with pytest.raises(StyleTransferError) as error:
        check_arguments(['program', '--ros-args', *arguments])
    text = sentence(error)
    assert value in text and typed in text


@pytest.mark.parametrize('arguments', [
    ['program'], ['program', '-r', 'not ours'], ['program', '--ros-args', '-r', '__node:=_a1', '-r', '__ns:=/a/b_2'],
    ['program', '--ros-args', '-r', '__ns:=/'], ['program', '--ros-args', '-r', 'image_raw:=/camera/image_raw'],
    ['program', '--ros-args', '-r', '~/set_style:=~/learn', '-r', 'a:=~', '-r', 'a:={node}/b', '-r', 'camera:a:=b'],
    ['program', '--ros-args', '-r', 'rostopic://a:=b', '-p', 'a:=b', '--', '-r', '__ns:=/a-b'],
    ['program', '--ros-args', '--log-level', 'DEBUG', '--log-level', 'rcl:=warn', '--params-file', __file__]])
def test_right_arguments_pass(arguments):
    check_arguments(arguments)


@pytest.mark.parametrize('variable, value, fact', [
    ('ROS_DOMAIN_ID', '300', '0 to 232'), ('ROS_DOMAIN_ID', '-1', '0 to 232'), ('ROS_DOMAIN_ID', 'abc', 'export'),
    ('ROS_DOMAIN_ID', '9' * 5000, '0 to 232'), ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'NOWHERE', 'LOCALHOST'),
    ('FASTRTPS_DEFAULT_PROFILES_FILE', '/nowhere.xml', 'unset')])
def test_a_wrong_variable(monkeypatch, variable, value, fact):
    monkeypatch.setenv(variable, value)
    with pytest.raises(StyleTransferError, match=variable) as error:
        check_environment()
    assert fact in sentence(error)


def test_right_variables_pass(monkeypatch):
    for domain in ('', '0', '232', ' 7'):
        monkeypatch.setenv('ROS_DOMAIN_ID', domain)
        check_environment()
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    check_middleware()


@pytest.mark.parametrize('name', ['rmw_cyclonedds_cpp', 'fast dds', 'x' * 5000])
def test_a_middleware_that_is_not_there(monkeypatch, name):
    monkeypatch.setenv('RMW_IMPLEMENTATION', name)
    monkeypatch.setenv('LD_LIBRARY_PATH', '')
    monkeypatch.setenv('AMENT_PREFIX_PATH', '')
    with pytest.raises(StyleTransferError, match='unset RMW_IMPLEMENTATION') as error:
        check_middleware()
    sentence(error)


@pytest.mark.parametrize('namespace', ['/a-b', 'a', '/a//b', '/a/', '', '/1', '//'])
def test_a_namespace_that_is_not_possible(namespace):
    with pytest.raises(StyleTransferError, match='namespace:=/') as error:
        check_namespace(namespace)
    sentence(error)


@pytest.mark.parametrize('module', ['camera_node', 'style_transfer_node'])
@pytest.mark.parametrize('arguments, environment, fact', [
    (['-r', '__node:=my-node'], {}, "'my-node'"), ([], {'ROS_DOMAIN_ID': '300'}, '0 to 232'),
    ([], {'RMW_IMPLEMENTATION': 'rmw_nobody_cpp'}, 'rmw_nobody_cpp')])
def test_a_node_ends_with_that_sentence_alone(module, arguments, environment, fact):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    done = subprocess.run([sys.executable, '-m', f'style_transfer_ros.ros.{module}', '--ros-args', *arguments],
                          env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and fact in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
