# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The golden pictures: one photograph in two styles, painted by the float network in ONNX Runtime with one thread.

``scripts/renew_goldens`` writes them; ``test_golden.py`` compares every runtime with them.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np

from style_transfer_ros.engine.pictures import encode_png, fit, read_picture
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import share_folder

FOLDER = Path(__file__).parent
STYLES = ('starry_night', 'great_wave')


def paint(stylizer: Stylizer, style: str) -> np.ndarray:
    """Paint the photograph, 192x144."""
    photograph = fit(read_picture(share_folder() / 'scenes' / 'mountains.jpg'), 192, 144)
    vector = stylizer.learn_style(read_picture(share_folder() / 'styles' / f'{style}.jpg'))
    return stylizer.paint(photograph, vector)


def renew() -> None:
    """Write the pictures and the name of the model that painted them."""
    stylizer = Stylizer.load('swift', 'onnxruntime', 1)
    for style in STYLES:
        (FOLDER / f'{style}.png').write_bytes(encode_png(paint(stylizer, style)))
    (FOLDER / 'model.txt').write_text(f'{stylizer.model.name}\n', encoding='utf-8')
    print(f'Wrote {len(STYLES)} pictures of {stylizer.model.name} to {FOLDER}; look at them before you commit them.')


if __name__ == '__main__':
    renew()
