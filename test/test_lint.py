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
])
def test_a_linter_finds_nothing(module, arguments):
    if find_spec(module.split('.')[0]) is None:
        pytest.skip(f'{module} is not installed; requirements/test.txt has it')
    done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, '\n'.join(line for line in (done.stdout + done.stderr).splitlines()
                                           if not line.startswith(('checking ', '* ')))
