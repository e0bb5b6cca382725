# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Where the package's own files are (launch/, config/, models/ and styles/), and which file a user means."""
from __future__ import annotations

import os
from pathlib import Path
import re
import sys
from urllib.parse import unquote

from style_transfer_ros.engine.errors import shown, StyleTransferError

PACKAGE = 'style_transfer_ros'


def _prefixes() -> list[str]:
    """Return where packages are installed: ament's prefixes, without asking for ament, and the Python environment."""
    return [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)), sys.prefix]


def share_folder() -> Path:
    """
    Find the folder that holds launch/, config/, models/ and styles/.

    The source tree comes first, so that an edit in a clone is live; then ament's prefixes, without asking for
    ament; then the environment that a plain ``pip install`` went to.

    :raises StyleTransferError: it is in none of them.
    """
    folders = [Path(__file__).resolve().parents[1], *(Path(prefix) / 'share' / PACKAGE for prefix in _prefixes())]
    for folder in folders:
        if (folder / 'package.xml').is_file():
            return folder
    raise StyleTransferError(f'The files of {PACKAGE} (models, styles ...) are in none of '
                             f"{', '.join(map(str, folders))}; install the package again.")


def bundled_styles() -> dict[str, Path]:
    """Return the bundled style pictures by name, sorted."""
    return {path.stem: path for path in sorted((share_folder() / 'styles').glob('*.jpg'))}


def local_path(url: str, noun: str) -> Path:
    """
    Return the path that a user means.

    :param url: a path, ``file:///path`` or ``package://name/path``; ``~`` in it is the home of the user.
    :param noun: what it names, for messages, such as ``calibration``.
    :raises StyleTransferError: it names another machine, a package that is not installed or a home that is not known.
    """
    found = re.match('(file):(?!//)|([a-z][a-z0-9+.-]*)://([^/]*)', url, re.IGNORECASE)
    if found is None:
        return _at_home(url, url, noun)
    kind, host = (found[1] or found[2]).lower(), found[3] or ''
    below = unquote(url[found.end():], errors='surrogateescape')
    if kind == 'package':
        return _package_share(host, url, noun) / below.lstrip('/')
    if kind != 'file':
        raise StyleTransferError(f'The {noun} {shown(url)} is no file on this machine; write a path, file:///path or '
                                 'package://name/path.')
    if host == '~' or below.startswith('/~/'):      # file://~/x and file:///~/x
        return _at_home(f"~/{below.removeprefix('/~').lstrip('/')}", url, noun)
    if host.lower() not in ('', 'localhost'):
        raise StyleTransferError(f'The {noun} {shown(url)} is on another machine, not on this one; write file:///path.')
    return Path(below)


def _at_home(path: str, url: str, noun: str) -> Path:
    expanded = os.path.expanduser(path)
    if expanded.startswith('~') and '/' in expanded:
        raise StyleTransferError(f'The home folder in the {noun} {shown(url)} is not known; write the whole path.')
    return Path(expanded)


def _package_share(package: str, url: str, noun: str) -> Path:
    """Return the share folder of an installed package."""
    if package == PACKAGE:
        return share_folder()
    for prefix in _prefixes():
        if re.fullmatch(r'\w+', package) and (Path(prefix) / 'share' / package / 'package.xml').is_file():
            return Path(prefix) / 'share' / package
    raise StyleTransferError(f'The package {shown(package)} of the {noun} {shown(url)} is not installed; source its '
                             'setup file or write a path.')
