"""The code is tidy: by ament's linters where they are installed, by the same rules in ruff where they are not."""
from importlib.util import find_spec
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ('setup.py', 'style_transfer_ros', 'training', 'benchmark', 'test')


@pytest.mark.parametrize(('module', 'arguments'), [
    ('ruff', ['check', '--quiet']),
    ('mypy', ['--no-error-summary']),
    ('ament_flake8.main', ['--config', 'test/ament_flake8.ini', *SOURCES]),
    ('ament_pep257.main', SOURCES),
])
def test_a_linter_finds_nothing(module, arguments):
    if find_spec(module.split('.')[0]) is None:
        pytest.skip(f'{module} is not installed: ruff and mypy check in .venv, ament in a ROS installation')
    done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
