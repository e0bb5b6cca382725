# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The code is tidy, by ament's linters and by stricter ones."""
from importlib.util import find_spec
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [str(path.relative_to(ROOT)) for name in ('setup.py', 'style_transfer_ros', 'training', 'evaluation',
                                                    'benchmark', 'examples', 'launch', 'test')
           if (path := ROOT / name).exists()]


@pytest.mark.timeout(600)       # mypy follows every import
@pytest.mark.parametrize(('module', 'arguments'), [
    ('ruff', ['check', '--quiet']),
    ('mypy', ['--no-error-summary']),
    ('ament_flake8.main', ['--config', 'test/ament_flake8.ini', *SOURCES]),
    ('ament_pep257.main', SOURCES),
    ('ament_copyright.main', SOURCES),
])
def test_a_linter_finds_nothing(module, arguments):
    if find_spec(module.split('.')[0]) is None:
        pytest.skip(f'{module} is not installed: requirements/test.txt has it, or a ROS installation (ament_copyright)')
    done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, '\n'.join(line for line in (done.stdout + done.stderr).splitlines()
                                           if not line.startswith(('checking ', '* ')))


def test_every_python_file_begins_with_the_licence_header_of_this_one():
    """As ament_copyright wants it, which is not on PyPI."""
    header = Path(__file__).read_text(encoding='utf-8').partition('"""')[0]
    assert 'Apache License, Version 2.0' in header
    files = [file for name in SOURCES
             for file in ([ROOT / name] if name.endswith('.py') else sorted((ROOT / name).rglob('*.py')))]
    assert [str(file.relative_to(ROOT)) for file in files
            if (text := file.read_text(encoding='utf-8')).strip() and not text.startswith(header)] == []
