# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The SROS2 policy allows each node exactly the names that it uses, as the ROS graph shows them."""
from pathlib import Path
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from style_transfer_ros.demo.processes import NodeProcess

POLICY = Path(__file__).parents[2] / 'config' / 'sros2' / 'style_transfer.policy.xml'
#: Used only in another configuration, or by newer ROS: with use_sim_time, compressed transport, while recording.
SOMETIMES = {'/clock', '/image_raw', '/image_raw/compressed', '/parameter_events', '/stylized/image',
             '/stylized/image/compressed', '/stylized/camera_info'}


def allowed(node):
    """Return the names of a node's profile by what it may do with them."""
    profile = ElementTree.parse(POLICY).find(f'.//profile[@node="{node}"]')
    found = {}
    for rules in profile:
        for mode, verdict in rules.attrib.items():
            assert verdict == 'ALLOW'
            found[mode] = {name.text for name in rules}
    return found


@pytest.mark.parametrize('module, node', [('style_transfer_node', 'style_transfer'), ('camera_node', 'camera'),
                                          ('web_node', 'web')])
def test_the_policy_holds_the_names_of_the_graph_and_no_others(ros, tmp_path, module, node):
    if module == 'web_node':
        pytest.importorskip('aiohttp', reason='aiohttp is not installed')
    user = ros.node()
    policy = allowed(node)
    parameters = {'style_transfer_node': ['model:=fake'], 'web_node': ['port:=0'], 'camera_node': []}[module]
    with NodeProcess(module, *parameters, environment={'XDG_DATA_HOME': str(tmp_path)}):
        def names(kind):
            try:
                return {name for name, _ in getattr(user, f'get_{kind}_names_and_types_by_node')(node, '/')}
            except Exception:       # noqa: B902 - rclpy's NodeNameNonExistentError, before it is discovered
                return set()
        ros.wait_until(lambda: names('service') >= {name for name in policy['reply'] if 'type_desc' not in name},
                       f'all services of {node} are there', 60)
        ros.wait_until(lambda: names('publisher') >= policy['publish'], f'all topics of {node} are there', 60)
        assert names('service') == policy['reply'] or names('service') | {f'/{node}/get_type_description'} == \
            policy['reply']
        assert names('publisher') == policy['publish']
        ros.wait_until(lambda: policy['subscribe'] <= names('subscriber') | SOMETIMES, 'its subscriptions are there',
                       60)
        ros.wait_until(lambda: policy.get('request', set()) <= names('client'), 'its clients are there', 60)
        assert names('subscriber') <= policy['subscribe']
        assert names('client') == policy.get('request', set())


@pytest.mark.skipif(shutil.which('ros2') is None, reason='the tools of SROS2 are not installed')
def test_the_tools_take_the_policy(tmp_path):
    subprocess.run(['ros2', 'security', 'create_keystore', tmp_path / 'keys'], check=True)
    subprocess.run(['ros2', 'security', 'generate_artifacts', '-k', tmp_path / 'keys', '-p', POLICY], check=True)
    assert (tmp_path / 'keys' / 'enclaves' / 'style_transfer' / 'permissions.p7s').is_file()
