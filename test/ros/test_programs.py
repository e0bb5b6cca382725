# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The programs: what they do before they do anything."""
import ast
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from style_transfer_ros import programs
from style_transfer_ros.demo import demo

ROOT = Path(__file__).parents[2]
#: Sends a signal to itself as soon as NumPy is looked for.
INTERRUPTED = """
import os, sys
from style_transfer_ros import programs

class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[3]:
            os.kill(os.getpid(), int(sys.argv[2]))

sys.meta_path.insert(0, Finder())
getattr(programs, sys.argv[1])()
"""
#: A node that does nothing until it is told to stop; SIGHUP comes first.
HELD = """
import os, signal
from rclpy.node import Node
from style_transfer_ros.ros.running import run

class Idle(Node):
    def stop(self):
        print('stopped')

def start(node):
    os.kill(os.getpid(), signal.SIGHUP)
    node.create_timer(0.3, lambda: print('alive', flush=True) or os.kill(os.getpid(), signal.SIGTERM))

run(lambda: Idle('idle'), [], start)
"""


def test_every_executable_is_one_of_the_programs():
    named = [node.value for node in ast.walk(ast.parse((ROOT / 'setup.py').read_text()))
             if isinstance(node, ast.Constant) and str(node.value).count(' = ') == 1]
    assert len(named) == 10
    for text in named:
        name, place = text.split(' = ')
        assert place == f'style_transfer_ros.programs:{name}' and callable(getattr(programs, name))


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize('name, code, module', [
    ('web_node', 0, 'aiohttp'), ('stylize_images', 130, 'numpy'), ('style_transfer_demo', 1, 'numpy')])
def test_a_signal_while_a_program_is_imported_ends_it_without_a_traceback(name, code, module, how):
    done = subprocess.run([sys.executable, '-c', INTERRUPTED, name, str(int(how)), module], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (code, 'Interrupted.\n' if code else '')


@pytest.mark.parametrize('ignored, said', [(False, ['stopped']), (True, ['alive', 'stopped'])])
def test_a_closed_terminal_ends_a_node_unless_nohup_is_there(ignored, said, own_lines):
    done = subprocess.run([sys.executable, '-c', HELD], capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) if ignored else None)
    assert (done.returncode, own_lines(done.stdout), done.stderr) == (0, said, '')


@pytest.mark.parametrize('name', ['bag', 'report.json'])
def test_the_demo_replaces_nothing_that_is_not_its_own(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / 'mine').touch()
    with pytest.raises(SystemExit, match="not the demo's own; choose another --output"):
        demo.main(['--output', str(tmp_path)])
    assert os.listdir(tmp_path) == [name]


def test_an_output_of_the_demo_that_is_a_link_to_itself_is_one_sentence(tmp_path):
    (tmp_path / 'loop').symlink_to('loop')
    with pytest.raises(SystemExit, match='cannot be written .* choose another --output'):
        demo.main(['--output', str(tmp_path / 'loop')])
