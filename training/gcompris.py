# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Paintings to learn styles from: those in Debian's ``gcompris-qt-data``, old works, without the ones that we bundle.

The package keeps them in Qt's resource files; some are whole, most are the pieces of a puzzle.  Style has no
composition, so the middles of a puzzle's pieces, side by side in any order, serve as the painting.
"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
import struct
import zlib

import cv2
import numpy as np

#: Whole paintings in details.rcc; the rest there are photographs.
_WHOLE = ('Eglise_dAuvers', 'PortraitOfPereTanguy', 'Van_Gogh_The_Night_Cafe', 'VincentVanGogh')
#: Puzzles in paintings.rcc of bundled paintings, which are held out, and of a sculpture.
_LEFT_OUT = ('GreatWave', 'HokusaiPoppies', 'cassat_summertime', 'gogh_auvert', 'kandinky', 'renoir-moulin',
             'Michelangelo_Pieta')
#: Share of a piece's shorter side that is surely its middle, and what that is resized to, pixels.
_MIDDLE, _TILE = 0.48, 96


def resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file in a Qt resource file (the format of Qt's ``rcc --binary``)."""
    version, tree, contents, names = struct.unpack_from('>4I', data, 4)
    nodes, size = [0], 22 if version >= 2 else 14
    while nodes:
        place = tree + nodes.pop() * size
        name, flags, a, b = struct.unpack_from('>IHII', data, place)
        if flags & 2:                           # a folder: a children from node b on
            nodes += range(b, b + a)
            continue
        length = struct.unpack_from('>H', data, names + name)[0]
        title = data[names + name + 6:names + name + 6 + 2 * length].decode('utf-16-be')
        content = data[contents + b + 4:contents + b + 4 + struct.unpack_from('>I', data, contents + b)[0]]
        yield title, zlib.decompress(content[4:]) if flags & 1 else content


def _pictures(path: Path) -> dict[str, np.ndarray]:
    found = {name: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
             for name, content in sorted(resources(path.read_bytes())) if name.endswith('.webp')}
    return {name: cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for name, picture in found.items() if picture is not None}


def mosaic(pieces: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Lay the middles of pieces side by side in a square, in any order, some twice: RGB uint8."""
    tiles = []
    for piece in pieces:
        side = int(_MIDDLE * min(piece.shape[:2]))
        y, x = ((length - side) // 2 for length in piece.shape[:2])
        tiles.append(cv2.resize(piece[y:y + side, x:x + side], (_TILE, _TILE), interpolation=cv2.INTER_AREA))
    across = int(np.ceil(np.sqrt(len(tiles))))
    order = np.resize(rng.permutation(len(tiles)), across * across)
    rows = [np.concatenate([tiles[i] for i in order[n * across:(n + 1) * across]], 1) for n in range(across)]
    return np.concatenate(rows)


def read_paintings(folder: Path) -> list[np.ndarray]:
    """
    Read the paintings of the unpacked package.

    :returns: RGB uint8 (H, W, 3) each.
    """
    rng, found = np.random.default_rng(0), []
    puzzles: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.rglob('details.rcc')):
        found += [picture for name, picture in _pictures(path).items()
                  if name.startswith(_WHOLE) and name.endswith('_background.webp')]
    for path in sorted(folder.rglob('paintings.rcc')):
        for name, picture in _pictures(path).items():
            title = re.sub(r'[-_][a-e]?\d\.webp$', '', name)
            if title != name and not title.startswith(_LEFT_OUT):
                puzzles.setdefault(title, []).append(picture)
    return found + [mosaic(pieces, rng) for pieces in puzzles.values() if len(pieces) > 1]
