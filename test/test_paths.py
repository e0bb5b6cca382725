# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The package finds its own files from a clone, from an ament prefix and from a plain environment."""
import sys

import pytest

from style_transfer_ros import paths
from style_transfer_ros.engine.errors import StyleTransferError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that the module lies in site-packages and that nothing is installed yet; return a function that does."""
    monkeypatch.setattr(paths, '__file__', str(tmp_path / 'site-packages' / 'style_transfer_ros' / 'paths.py'))
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'environment'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f"{tmp_path / 'underlay'}:{tmp_path / 'overlay'}")

    def install(prefix: str):
        share = tmp_path / prefix / 'share' / 'style_transfer_ros'
        share.mkdir(parents=True)
        (share / 'package.xml').touch()
        return share

    return install


def test_the_clone_comes_first():
    assert (paths.share_folder() / 'setup.py').is_file()


@pytest.mark.parametrize('prefix', ['overlay', 'environment'])
def test_an_installed_package_is_found(installed, prefix):
    share = installed(prefix)
    assert paths.share_folder() == share


def test_a_missing_share_folder_is_one_sentence(installed):
    with pytest.raises(StyleTransferError, match='install the package again'):
        paths.share_folder()
