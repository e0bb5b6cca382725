"""The code is tidy: by ament's linters where they are installed, by the same rules in ruff where they are not."""
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]


def run(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff():
    pytest.importorskip('ruff', reason='ruff is not installed; ament_flake8 and ament_pep257 stand for it')
    run('ruff', 'check', '--quiet')


def test_mypy():
    pytest.importorskip('mypy', reason='mypy is not installed (requirements/test.txt)')
    run('mypy', '--no-error-summary')


def test_ament_flake8():
    linter = pytest.importorskip('ament_flake8.main', reason='ament_flake8 is not installed; ruff stands for it')
    sources = [str(ROOT / name) for name in ('setup.py', 'style_transfer_ros', 'training', 'test')]
    count, errors = linter.main_with_errors(argv=['--config', str(ROOT / 'test/ament_flake8.ini'), *sources])
    assert count == 0, '\n'.join(errors)


def test_ament_pep257():
    linter = pytest.importorskip('ament_pep257.main', reason='ament_pep257 is not installed; ruff stands for it')
    assert linter.main(argv=[str(ROOT / name) for name in ('style_transfer_ros', 'training', 'test')]) == 0
