# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The YAML files in config/ say what the nodes declare: every parameter, its default and its range."""
from __future__ import annotations

from pathlib import Path
import re

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / 'config'
FILES = ('style_transfer.yaml', 'camera.yaml')


@pytest.fixture
def declared(ros):
    """Give a function that makes the node of a file and returns the values and descriptors of its own parameters."""
    from style_transfer_ros.ros.camera_node import CameraNode
    from style_transfer_ros.ros.style_transfer_node import StyleTransferNode
    nodes = []

    def declare(file: str) -> dict:
        node = {'style_transfer.yaml': StyleTransferNode, 'camera.yaml': CameraNode}[file](context=ros.context)
        nodes.append(node)
        return {name: (parameter.value, node.describe_parameter(name))
                for name, parameter in node.get_parameters_by_prefix('').items()
                if name not in ('use_sim_time', 'start_type_description_service') and '.' not in name}
    yield declare
    for node in nodes:
        node.stop()
        node.destroy_node()


def written(file: str) -> dict:
    return yaml.safe_load((CONFIG / file).read_text(encoding='utf-8'))['/**']['ros__parameters']


@pytest.mark.parametrize('file', FILES)
def test_the_file_holds_every_parameter_with_its_default(file, declared):
    defaults = {name: value for name, (value, _) in declared(file).items()}
    assert {name: (value, type(value)) for name, value in written(file).items()} == {
        name: (value, type(value)) for name, value in defaults.items()}


def comments(file: str) -> dict:
    """Return the comment above each parameter, as one line."""
    found, lines = {}, []
    for line in (CONFIG / file).read_text(encoding='utf-8').splitlines():
        if named := re.match(r'^ {4}(\w+):', line):
            found[named[1]] = ' '.join(lines)
        lines = [*lines, line.strip('# ')] if line.startswith('    #') else []
    return found


@pytest.mark.parametrize('file', FILES)
def test_the_comment_of_a_parameter_is_its_description_and_range(file, declared):
    written_above = comments(file)
    for name, (_, descriptor) in declared(file).items():
        ranges = [f'{bounds.from_value} to {bounds.to_value}.'
                  for bounds in (*descriptor.floating_point_range, *descriptor.integer_range)]
        assert written_above[name] == ' '.join([descriptor.description, *ranges])


def test_the_file_tells_live_from_static_parameters(declared):
    live, static = (CONFIG / 'style_transfer.yaml').read_text(encoding='utf-8').split('# ---- static')
    for name, (_, descriptor) in declared('style_transfer.yaml').items():
        part = static if descriptor.additional_constraints.startswith('static') else live
        assert f'    {name}: ' in part, name
