# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Every Python block of the README is a file in examples/, and every example runs."""
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / 'README.md').read_text(encoding='utf-8')


def code(example: str) -> str:
    """Return an example without its docstring."""
    return (ROOT / 'examples' / example).read_text(encoding='utf-8').partition('"""\n')[2].strip()


def test_the_python_blocks_of_the_readme_are_the_examples():
    blocks = {block.strip() for block in re.findall(r'```python\n(.*?)```', README, re.DOTALL)}
    assert blocks and blocks <= {code(path.name) for path in (ROOT / 'examples').glob('*.py')}


def test_the_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 150
    links = re.findall(r'\]\((?!https?:|#)([^)#]+)', README)
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_the_engine_example_paints(tmp_path):
    for folder in ('styles', 'scenes'):
        (tmp_path / folder).symlink_to(ROOT / folder)
    done = subprocess.run([sys.executable, ROOT / 'examples' / 'engine.py'], cwd=tmp_path, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    from style_transfer_ros.engine.pictures import read_picture
    assert read_picture(tmp_path / 'painted.png').std() > 20


def test_the_service_example_changes_the_style(ros, tmp_path, own_lines):
    pytest.importorskip('rclpy', reason='the example asks a node')
    from rclpy.qos import DurabilityPolicy, QoSProfile

    from style_transfer_msgs.msg import StyleTransferStatus
    from style_transfer_ros.demo.processes import NodeProcess
    statuses = ros.listen(ros.node(), StyleTransferStatus, 'style_transfer/status',
                          QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    with NodeProcess('style_transfer_node', f'style_library:={tmp_path}/styles'):
        while statuses.get(timeout=60).style != 'starry_night':
            pass
        done = subprocess.run([sys.executable, ROOT / 'examples' / 'set_style.py'], capture_output=True, text=True,
                              timeout=60)
        assert (done.returncode, own_lines(done.stdout)) == (0, ["Painting with 'great_wave'."]), done.stderr
        while statuses.get(timeout=10).style != 'great_wave':
            pass


def test_every_message_of_the_trouble_page_is_one_that_the_code_says():
    said = re.sub(r"'\s*\n\s*f?'|\"\s*\n\s*f?\"|'\s*\n\s*f?\"|\"\s*\n\s*f?'", '', '\n'.join(
        path.read_text(encoding='utf-8') for path in (ROOT / 'style_transfer_ros').rglob('*.py')))
    foreign = {'open_and_lock_file failed', "Package 'style_transfer_msgs' not found"}      # Fast DDS, ROS
    listed = re.findall(r'^\| `([^`]+)`', (ROOT / 'docs' / 'trouble.md').read_text(encoding='utf-8'), re.MULTILINE)
    ours = [text for text in listed if text not in foreign]
    assert len(ours) > 8
    for text in ours:
        pattern = re.escape(text).replace(re.escape("'/image_raw'"), "'.*'").replace(re.escape('latency: '), '')
        assert re.search(pattern, said), text
