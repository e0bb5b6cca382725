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
from style_transfer_ros.start_values import (
    check_arguments,
    check_environment,
    check_middleware,
    check_namespace,
    missing_log_folder,
)


def sentence(error):
    text = str(error.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 500, text
    return text


@pytest.mark.parametrize('arguments, value, typed', [
    (['-r', '__node:=my-node'], "'my-node'", '__node:=my_node'), (['--remap', '__name:=1st'], "'1st'", '__node:=_1st'),
    (['-r', '__node:='], "''", '__node:=camera'), (['-r', '__ns:=/a-b'], "'/a-b'", '__ns:=/a_b'),
    (['-r', '__ns:=front'], "'front'", '__ns:=/front'), (['-r', '__ns:='], "''", '__ns:=/camera'),
    (['-r', 'image_raw:=/a-b/c'], "'/a-b/c'", 'image_raw:=/a_b/c'), (['-r', 'image_raw:='], "''", 'image_raw:='),
    (['-r', 'camera:image_raw:=a b'], "'a b'", 'image_raw:=a_b'), (['-r', '__ns:=/' + 'ä' * 200], '...', '__ns:=/'),
    (['-r', '__node:=a__b'], "'a__b'", '__node:=a_b'), (['-r', '__ns:=/a__b'], "'/a__b'", '__ns:=/a_b'),
    (['-r', 'image_raw:=a__b/'], "'a__b/'", 'image_raw:=a_b.'), (['-r', 'bad'], "'bad'", '-r image_raw:='),
    (['-r'], "''", '-r image_raw:='), (['-r', '__node:=' + 'x' * 300], '300', '255'),
    (['-r', '__ns:=/' + 'x' * 300], '301', '245'), (['-p'], "''", '-p period:='), (['-p', 'period'], "'period'", '-p'),
    (['-p', 'a b:=1'], "'a b:=1'", '-p'), (['-p', ':=1'], "':=1'", '-p'), (['-p', 'style:='], 'no value', 'style:="'),
    (['-p', 'period:=[1,2'], "'[1,2'", 'quote'), (['-p', 'period:="'], 'YAML', 'quote'),
    (['--param', 'camera:period:={a: 1}'], "'{a: 1}'", 'one value'), (['-p', 'a:=[[1]]'], "'[[1]]'", 'one value'),
    (['-p', 'a:=' + '[' * 5000], '...', 'a'),
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
    ['program', '--ros-args', '-r', 'rostopic://a:=b', '-p', 'a:=b', '-p', 'b:c.d:=[1, 2]', '-p', "a:=''",
     '--', '-r', '__ns:=/a-b'],
    ['program', '--ros-args', '--log-level', 'DEBUG', '--log-level', 'rcl:=warn', '--params-file', __file__]])
def test_right_arguments_pass(arguments):
    check_arguments(arguments)


@pytest.mark.parametrize('variable, value, fact', [
    ('ROS_DOMAIN_ID', '300', '0 to 232'), ('ROS_DOMAIN_ID', '-1', '0 to 232'), ('ROS_DOMAIN_ID', 'abc', 'export'),
    ('ROS_DOMAIN_ID', '9' * 5000, '0 to 232'), ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'NOWHERE', 'LOCALHOST'),
    ('FASTRTPS_DEFAULT_PROFILES_FILE', '/nowhere.xml', 'unset'), ('FASTRTPS_DEFAULT_PROFILES_FILE', 'no.xml', 'unset'),
    ('FASTDDS_DEFAULT_PROFILES_FILE', __file__, 'no XML'), ('CYCLONEDDS_URI', 'file:///nowhere.xml', 'unset'),
    ('RCUTILS_LOGGING_USE_STDOUT', 'x', '0 or 1'), ('RCUTILS_COLORIZED_OUTPUT', 'yes', '0 or 1')])
def test_a_wrong_variable(monkeypatch, variable, value, fact):
    monkeypatch.setenv(variable, value)
    with pytest.raises(StyleTransferError, match=variable) as error:
        check_environment()
    assert fact in sentence(error)


def test_security_without_keys(monkeypatch):
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    monkeypatch.setenv('ROS_SECURITY_STRATEGY', 'Enforce')
    monkeypatch.setenv('ROS_SECURITY_KEYSTORE', '/nowhere')
    with pytest.raises(StyleTransferError, match='docs/security.md') as error:
        check_environment()
    assert "'/nowhere'" in sentence(error)


@pytest.mark.parametrize('folder', ['/proc/x', __file__])
def test_a_log_folder_that_was_chosen_and_cannot_be_written(monkeypatch, folder):
    monkeypatch.setenv('ROS_LOG_DIR', folder)
    with pytest.raises(StyleTransferError, match='unset ROS_LOG_DIR') as error:
        missing_log_folder()
    assert folder in sentence(error)


def test_a_log_folder_that_nobody_chose_may_be_missing(monkeypatch, tmp_path):
    monkeypatch.delenv('ROS_LOG_DIR', raising=False)
    monkeypatch.delenv('ROS_HOME', raising=False)
    monkeypatch.setenv('HOME', '/proc')
    assert missing_log_folder() == '/proc/.ros/log'
    monkeypatch.setenv('HOME', str(tmp_path))
    assert missing_log_folder() == '' and (tmp_path / '.ros' / 'log').is_dir()


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
