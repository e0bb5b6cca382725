# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The fields of a ROS compressed image (format, bytes) as an RGB array: what the raw image would have been.

image_transport writes ``<raw encoding>; <codec> compressed <stored encoding>`` into ``format``, such as
``bayer_rggb8; jpeg compressed ``; others write only the codec.  The raw encoding decides what the samples mean: 2500 of
a ``16UC1; png`` are millimetres of depth, and grey of a ``bayer_rggb8; jpeg`` is a mosaic.

``compressedDepth`` puts 12 bytes before the file: the number of its kind and the two parameters with which distances
in metres were turned into 16-bit numbers.
"""
from __future__ import annotations

import re
import struct

import numpy as np

from style_transfer_ros.engine import encodings, pictures
from style_transfer_ros.engine.errors import ImageError, shown, UnknownEncoding
from style_transfer_ros.engine.picture_headers import picture_format

_DEPTH_HEADER = struct.Struct('<iff')
_VIDEO = re.compile(r'\b(h\.?26[45]|hevc|avc1?|av1|vp[89]|mpeg[124]?|theora)\b', re.IGNORECASE)


def decode(data: bytes, form: str) -> np.ndarray:
    """
    Read the fields of a sensor_msgs/CompressedImage.

    :param data: the bytes.
    :param form: the field ``format``.
    :returns: RGB uint8 (H, W, 3).
    :raises UnknownEncoding: ``format`` names a raw encoding that our table lacks.
    :raises ImageError: empty, damaged, of another format, or too large.
    """
    what = f'The compressed image (format {shown(form)})'
    encoding = form.partition(';')[0].strip()
    if 'compresseddepth' in form.lower() or picture_format(data) is None and picture_format(
            data[_DEPTH_HEADER.size:]) == 'PNG':        # some drivers write only png into the format
        return _decode_depth(data, encoding, what)
    if _VIDEO.search(form) and picture_format(data) is None:
        raise ImageError(f'{what} is a part of a video and no picture of its own; take the raw or the JPEG topic of '
                         'the camera.')
    if encoding in encodings.ENCODINGS:
        return encodings.decode_samples(pictures.decode_samples(data, what), encoding)
    if re.fullmatch(r'\d+[USF]C\d*', encoding):
        raise UnknownEncoding(f"{what} was made from the raw encoding {shown(encoding)}, which is not known; known are "
                              f"{', '.join(sorted(encodings.ENCODINGS))}.")
    return pictures.decode_picture(data, what)


def _decode_depth(data: bytes, encoding: str, what: str) -> np.ndarray:
    """Read a compressedDepth image: 16UC1 in millimetres, or 32FC1 in metres stored as parts of their inverse."""
    header, picture = data[:_DEPTH_HEADER.size], data[_DEPTH_HEADER.size:]
    if picture_format(data) is not None:        # some drivers leave the header out
        header, picture = b'', data
    if picture_format(picture) is None:
        raise ImageError(f'{what} holds depth in a form other than PNG, such as RVL; take the raw topic of the camera, '
                         'or set its parameter compressedDepth.format to png.')
    samples = pictures.decode_samples(picture, what)
    if samples.ndim != 2 or encoding not in ('16UC1', 'mono16', '32FC1'):
        raise ImageError(f'{what} is a compressedDepth image, but no depth that its format names as 16UC1 or 32FC1; '
                         'take the raw topic of the camera.')
    if encoding == '32FC1' and header:
        _, scale, offset = _DEPTH_HEADER.unpack(header)
        inverse = samples.astype(np.float32) - offset
        samples = np.where((samples > 0) & (inverse > 0), scale / np.where(inverse > 0, inverse, 1), np.nan)
        samples = samples.astype(np.float32)
    elif encoding == '32FC1':
        raise ImageError(f'{what} lacks the 12 bytes that say how its distances were stored; take the raw topic.')
    return encodings.decode_samples(samples, '16UC1' if encoding == 'mono16' else encoding)
