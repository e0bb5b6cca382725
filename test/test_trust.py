# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What our code never does, which a reader could not check in every line."""
import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
#: What runs on a robot, and what makes and trains it.
INSTALLED = sorted([*(ROOT / 'style_transfer_ros').rglob('*.py'), *(ROOT / 'launch').glob('*.py')])
FILES = sorted([*INSTALLED, *(path for folder in ('training', 'evaluation', 'benchmark', '.ci')
                              for path in (ROOT / folder).rglob('*.py'))])
#: Modules that run code which data holds, or that reach other machines.
UNSAFE = {'pickle', 'cPickle', 'dill', 'cloudpickle', 'marshal', 'shelve', 'joblib', 'telnetlib', 'ftplib', 'smtplib',
          'xmlrpc', 'pty'}
REACHING = {'requests', 'urllib3', 'httpx', 'urllib.request', 'http.client', 'aiohttp.client'}
#: Asks our own page, in a process that it has started, for a painting.
OWN_PAGE = Path('style_transfer_ros/demo/live.py')
#: Calls that run text as code, or a shell.
CALLS = {'eval', 'exec', 'compile', '__import__', 'os.system', 'os.popen', 'subprocess.getoutput',
         'subprocess.getstatusoutput', 'yaml.load', 'yaml.unsafe_load', 'yaml.full_load', 'np.fromfile'}


def tree(path):
    return ast.parse(path.read_text(encoding='utf-8'), str(path))


def imported(path):
    """Give the names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def calls(path):
    """Give each call of a plain or dotted name, and its keyword arguments."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}, node.lineno


def test_there_is_something_to_look_at():
    assert len(INSTALLED) > 40


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_loads_code_from_data_or_runs_a_shell(path):
    unsafe = {name for name in imported(path) if name.split('.')[0] in UNSAFE}
    assert not unsafe
    for name, options, line in calls(path):
        assert name not in CALLS, f'{name} in line {line}'
        assert options.get('shell', 'False') == 'False', f'a shell in line {line}'
        assert options.get('allow_pickle', 'False') == 'False', f'pickles in line {line}'
        if name in ('torch.load', 'torch.hub.load'):
            assert options.get('weights_only') == 'True', f'{name} in line {line} runs what the file holds'


@pytest.mark.parametrize('path', INSTALLED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_installed_file_asks_other_machines(path):
    reaching = {name for name in imported(path) if name in REACHING}
    assert not reaching or path.relative_to(ROOT) == OWN_PAGE


@pytest.mark.parametrize('path', sorted((ROOT / 'requirements').glob('*.lock')), ids=lambda path: path.name)
def test_a_lock_holds_every_requirement_with_its_version_and_a_hash(path):
    locked = path.read_text(encoding='utf-8')
    for line in path.with_suffix('.txt').read_text(encoding='utf-8').splitlines():
        if found := re.match(r'([\w.-]+)==(\S+?)(;|\s|$)', line):
            name = re.sub(r'[-_.]+', '-', found[1]).lower()
            assert re.search(rf'^{re.escape(name)}=={re.escape(found[2])}\b[^\n]*\\\n    --hash=sha256:', locked,
                             re.MULTILINE), f'{line!r} is not in {path.name}; run scripts/lock'
    pinned = re.findall(r'^[a-z0-9][^\n]*', locked, re.MULTILINE)
    assert pinned and all('==' in line for line in pinned)


def test_make_installs_by_hash_where_nothing_of_the_system_is_used():
    assert '--require-hashes' in (ROOT / 'Makefile').read_text(encoding='utf-8')
