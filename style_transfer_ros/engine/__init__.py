# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The engine: style transfer in plain Python, arrays in and arrays out.  It never imports ROS.

::

    from style_transfer_ros.engine import encode_png, read_picture, Stylizer

    stylizer = Stylizer.load()
    wave = stylizer.learn_style(read_picture('wave.jpg'))
    Path('painted.png').write_bytes(encode_png(stylizer.paint(read_picture('photo.jpg'), wave)))

The names below are the public ones.  Each is loaded when it is first used, because OpenCV and NumPy take half a second
to import and some programs need only the errors.
"""
from __future__ import annotations

import importlib
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from style_transfer_ros.engine.errors import (
        ArchiveError,
        ImageError,
        ModelError,
        ParameterError,
        RuntimeMissing,
        SourceError,
        SourceGone,
        StyleError,
        StyleTransferError,
        UnknownEncoding,
    )
    from style_transfer_ros.engine.library import default_folder, Style, StyleLibrary
    from style_transfer_ros.engine.pictures import decode_picture, encode_jpeg, encode_png, read_picture
    from style_transfer_ros.engine.stream import PaintSettings, Stream
    from style_transfer_ros.engine.styles import Mix, Styles
    from style_transfer_ros.engine.stylizer import Stylizer

__all__ = [
    'ArchiveError', 'decode_picture', 'default_folder', 'encode_jpeg', 'encode_png', 'ImageError', 'Mix', 'ModelError',
    'PaintSettings', 'ParameterError', 'read_picture', 'RuntimeMissing', 'SourceError', 'SourceGone', 'Stream', 'Style',
    'StyleError', 'StyleLibrary', 'Styles', 'StyleTransferError', 'Stylizer', 'UnknownEncoding',
]

#: Where each public name is defined, but for the errors.
_HOMES = {
    'decode_picture': 'pictures', 'encode_jpeg': 'pictures', 'encode_png': 'pictures', 'read_picture': 'pictures',
    'default_folder': 'library', 'Style': 'library', 'StyleLibrary': 'library',
    'Mix': 'styles', 'Styles': 'styles', 'PaintSettings': 'stream', 'Stream': 'stream', 'Stylizer': 'stylizer',
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = found     # the next look-up needs no call
    return found
