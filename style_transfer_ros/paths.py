# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Where the package's own files are: launch/, config/, models/ and styles/."""
from __future__ import annotations

import os
from pathlib import Path
import sys

from style_transfer_ros.engine.errors import StyleTransferError

PACKAGE = 'style_transfer_ros'


def share_folder() -> Path:
    """
    Find the folder that holds launch/, config/, models/ and styles/.

    The source tree comes first, so that an edit in a clone is live; then ament's prefixes, without asking for
    ament; then the environment that a plain ``pip install`` went to.

    :raises StyleTransferError: it is in none of them.
    """
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)), sys.prefix]
    folders = [Path(__file__).resolve().parents[1], *(Path(prefix) / 'share' / PACKAGE for prefix in prefixes)]
    for folder in folders:
        if (folder / 'package.xml').is_file():
            return folder
    raise StyleTransferError(f'The files of {PACKAGE} (models, styles ...) are in none of '
                             f"{', '.join(map(str, folders))}; install the package again.")


def bundled_styles() -> dict[str, Path]:
    """Return the bundled style pictures by name, sorted."""
    return {path.stem: path for path in sorted((share_folder() / 'styles').glob('*.jpg'))}
