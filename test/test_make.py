# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""`make` mends an environment that was moved, copied or killed, and says at once what cannot work."""
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path):
    """Copy what make reads into a folder with a space, beside an environment that looks whole."""
    folder = tmp_path / 'my clone'
    shutil.copytree(ROOT / '.ci', folder / '.ci')
    shutil.copytree(ROOT / 'requirements', folder / 'requirements')
    shutil.copytree(ROOT / 'style_transfer_msgs', folder / 'style_transfer_msgs')
    for name in ('Makefile', 'setup.py', 'setup.cfg', 'package.xml'):
        shutil.copy(ROOT / name, folder)
    make_environment(folder, folder)
    return folder


def make_environment(folder, place):
    binaries = folder / '.venv' / 'bin'
    binaries.mkdir(parents=True)
    (binaries / 'pip').write_text(f'#!{place}/.venv/bin/python3\n')
    (binaries / 'python').symlink_to(sys.executable)


def stale(folder):
    return bool(subprocess.run([folder / '.ci' / 'stale', '.venv'], cwd=folder, capture_output=True, check=True).stdout)


def make(folder, *goals):
    """Ask make what it would do; only the environment is really looked at."""
    return subprocess.run(['make', '-n', f'PYTHON={sys.executable}', 'ROS_DISTRO=', *goals], cwd=folder,
                          capture_output=True, text=True, check=True).stdout


needs_make = pytest.mark.skipif(shutil.which('make') is None, reason='make is not installed')


@needs_make
def test_a_whole_environment_is_kept(clone):
    assert not stale(clone)
    assert 'is made again' not in make(clone, 'install') and (clone / '.venv').exists()


@needs_make
def test_an_environment_of_another_place_is_made_again(clone, tmp_path):
    clone.rename(tmp_path / 'moved')
    assert stale(tmp_path / 'moved')
    make(tmp_path / 'moved', 'help')
    assert (tmp_path / 'moved' / '.venv').exists()          # nothing is touched where nothing is needed
    said = make(tmp_path / 'moved', 'install')
    assert 'is made again' in said and '-m venv' in said and not (tmp_path / 'moved' / '.venv').exists()


@needs_make
@pytest.mark.parametrize('harm', ['unfinished', 'no pip', 'empty'])
def test_an_environment_whose_making_was_killed_is_made_again(clone, harm):
    if harm == 'unfinished':
        (clone / '.venv' / 'unfinished').touch()
    else:
        shutil.rmtree(clone / '.venv' / 'bin') if harm == 'empty' else (clone / '.venv' / 'bin' / 'pip').unlink()
    assert 'is made again' in make(clone, 'install') and not (clone / '.venv').exists()


@pytest.mark.parametrize('name', ['größe', '波', 'a:b', "it's", 'a;b', 'a$b'])
def test_a_path_in_which_the_messages_cannot_be_built_is_said_at_once(clone, tmp_path, name):
    clone.rename(tmp_path / name)
    checked = subprocess.run([tmp_path / name / '.ci' / 'check', sys.executable], cwd=tmp_path / name,
                             capture_output=True, text=True)
    assert checked.returncode == 1 and str(tmp_path / name) in checked.stderr and checked.stderr.count('\n') == 1
    assert 'move the clone' in checked.stderr


def test_a_path_with_a_space_passes(clone):
    checked = subprocess.run([clone / '.ci' / 'check', sys.executable], cwd=clone, capture_output=True, text=True)
    assert 'The clone is in' not in checked.stderr


def test_pip_installs_into_the_environment_whatever_its_configuration_says():
    assert 'export PIP_USER := 0' in (ROOT / 'Makefile').read_text(encoding='utf-8')


def test_the_environment_links_our_programs_and_nothing_else():
    links = Path(sys.prefix) / 'lib' / 'style_transfer_ros'
    if not links.is_dir():
        pytest.skip('this environment was not made by make')
    programs = re.findall(r"'(\w+) = [\w.]+:\1'", (ROOT / 'setup.py').read_text(encoding='utf-8'))
    assert {link.name for link in links.iterdir()} <= set(programs) and len(programs) >= 5
