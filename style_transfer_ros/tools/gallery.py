# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``style_gallery``: a contact sheet of pictures painted in styles."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import cv2
import numpy as np

from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.library import default_folder, StyleLibrary
from style_transfer_ros.engine.pictures import decode_picture, encode_png, read_picture
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import bundled_styles
from style_transfer_ros.tools.arguments import add_parameter, png, within

_MARGIN = 6


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), height: int = 240) -> np.ndarray:
    """
    Lay pictures out in a grid on white.

    :param rows: rows of pictures, (H, W, 3) uint8 RGB of any size.
    :param titles: text above the columns.
    :param height: of every picture on the sheet, pixels.
    :returns: the sheet, (H, W, 3) uint8 RGB.
    """
    def fitted(picture: np.ndarray) -> np.ndarray:
        width = max(1, round(picture.shape[1] * height / picture.shape[0]))
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    small = [[fitted(picture) for picture in row] for row in rows]
    widths = [max(row[i].shape[1] for row in small if i < len(row)) for i in range(max(map(len, small)))]
    top = 28 if titles else _MARGIN
    size = top + len(small) * (height + _MARGIN), sum(widths) + _MARGIN * (len(widths) + 1)
    sheet = np.full((*size, 3), 255, np.uint8)
    x = _MARGIN
    for i, width in enumerate(widths):
        if i < len(titles):
            cv2.putText(sheet, titles[i], (x, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
        for j, row in enumerate(small):
            if i < len(row):
                y, left = top + j * (height + _MARGIN), x + (width - row[i].shape[1]) // 2
                sheet[y:y + height, left:left + row[i].shape[1]] = row[i]
        x += width + _MARGIN
    return sheet


def main(arguments: list[str] | None = None) -> None:
    """Paint every picture in every style, without ROS."""
    parser = argparse.ArgumentParser(description='Paint pictures in styles and lay the results out on one sheet.')
    parser.add_argument('pictures', nargs='+', type=Path, help='pictures to paint')
    parser.add_argument('--styles', nargs='+', help='pictures, bundled or stored styles (default: all bundled ones)')
    parser.add_argument('--output', type=png, default=Path('gallery.png'), help='the sheet (default gallery.png)')
    for name in ('model', 'strength'):
        add_parameter(parser, name)
    parser.add_argument('--height', type=within(int, 16, 2160), default=240,
                        help='height of a picture on the sheet, pixels')
    options = parser.parse_args(arguments)
    try:
        stylizer = Stylizer.load(options.model)
        styles = Styles(stylizer, StyleLibrary(default_folder()))
        photographs = [read_picture(path) for path in options.pictures]
        rows = [[np.full((16, 16, 3), 255, np.uint8), *photographs]]
        for text in options.styles or bundled_styles():
            mix = styles.choose(text)
            shown = decode_picture(mix.style.thumbnail, f"The thumbnail of the style '{mix.title}'")
            rows.append([shown, *(stylizer.paint(p, mix.vector, strength=options.strength) for p in photographs)])
        sheet = encode_png(contact_sheet(rows, height=options.height))
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    try:
        with replacing(options.output) as file:
            file.write(sheet)
    except OSError as error:
        sys.exit(f"The sheet cannot be written into '{options.output}' ({error.strerror}); choose another place.")
    print(f"Wrote '{options.output}'.")


if __name__ == '__main__':
    main()
