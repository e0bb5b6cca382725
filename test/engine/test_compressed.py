# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A compressed image shows what its raw image would have shown, whatever codec stored it."""
import struct

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine import encodings
from style_transfer_ros.engine.compressed import decode
from style_transfer_ros.engine.errors import ImageError, UnknownEncoding
from style_transfer_ros.engine.pictures import encode_png

RNG = np.random.default_rng(5)
SMOOTH = cv2.resize(RNG.integers(0, 256, (4, 5, 3), np.uint8), (40, 32), interpolation=cv2.INTER_LINEAR)
METRES = np.linspace(0.2, 4, 40 * 32, dtype=np.float32).reshape(32, 40)


def written(ending, samples):
    """Compress samples as image_transport does, with OpenCV."""
    return cv2.imencode(ending, samples)[1].tobytes()


def raw(encoding, samples):
    """Decode the same samples as a raw image."""
    data = np.ascontiguousarray(samples)
    return encodings.decode(data.tobytes(), encoding, *data.shape[:2], data[0].nbytes, False)


def as_opencv(encoding):
    """Return the rows of :data:`SMOOTH` in an encoding, and what image_transport hands to OpenCV for them."""
    flat, step = encodings.encode(SMOOTH, encoding)
    kind = encodings.ENCODINGS[encoding]
    samples = flat.view(kind.dtype).reshape(len(SMOOTH), -1)
    pixels = samples.reshape(*SMOOTH.shape[:2], -1) if kind.samples > 1 else samples
    order = {'rgb': cv2.COLOR_RGB2BGR, 'rgba': cv2.COLOR_RGBA2BGRA}.get(encoding.rstrip('0123456789'))
    return pixels, pixels if order is None else cv2.cvtColor(pixels, order)


@pytest.mark.parametrize('encoding, ending, form', [
    ('rgb8', '.png', '{}; png compressed bgr8'), ('bgr8', '.png', '{}; png compressed bgr8'),
    ('rgba8', '.png', '{}; png compressed bgra8'), ('bgra8', '.png', '{};png compressed bgra8'),
    ('8UC4', '.png', '{}; png compressed '), ('8UC3', '.png', '{}; png compressed '),
    ('mono8', '.png', '{}; png compressed mono8'), ('mono16', '.png', '{}; png compressed '),
    ('rgb16', '.png', '{}; png compressed bgr16'), ('rgba16', '.png', '{}; png compressed bgra16'),
    ('16UC1', '.png', '{}; png compressed '), ('16UC1', '.tiff', '{}; tiff compressed '),
    ('32FC1', '.tiff', '{}; tiff compressed '), ('32FC3', '.tiff', '{}; tiff compressed '),
    *((f'bayer_{pattern}{bits}', '.png', '{}; png compressed ')
      for pattern in ('rggb', 'bggr', 'gbrg', 'grbg') for bits in (8, 16))])
def test_a_lossless_codec_gives_exactly_the_raw_image(encoding, ending, form):
    pixels, stored = as_opencv(encoding)
    if pixels.ndim == 3 and pixels.shape[2] == 4:       # alpha is dropped, not laid on white
        pixels = np.array(pixels)
        pixels[..., 3] = stored[..., 3] = 7
    np.testing.assert_array_equal(decode(written(ending, stored), form.format(encoding)), raw(encoding, pixels))


@pytest.mark.parametrize('depth, shown', [(0, 0), (2500, 64), (10_000, 255), (65_535, 255)])
def test_depth_in_png_is_millimetres(depth, shown):
    data = written('.png', np.full((4, 4), depth, np.uint16))
    assert (decode(data, '16UC1; png compressed ') == shown).all()


@pytest.mark.parametrize('form', ['bayer_rggb8; jpeg compressed ', 'bayer_rggb8; jpeg compressed bayer_rggb8'])
def test_a_mosaic_in_a_jpeg_gets_its_colours_back(form):
    mosaic = np.zeros((32, 32), np.uint8)
    mosaic[0::2, 0::2] = 200            # red alone
    painted = decode(cv2.imencode('.jpg', mosaic, (cv2.IMWRITE_JPEG_QUALITY, 100))[1].tobytes(), form)[8:-8, 8:-8]
    assert painted[..., 0].min() > 190 and painted[..., 1:].max() < 12


def test_a_mosaic_that_was_coloured_before_it_was_compressed_is_taken_as_it_is():
    assert (decode(encode_png(SMOOTH), 'bayer_rggb8; png compressed bgr8') == SMOOTH).all()


@pytest.mark.parametrize('form', ['png', '', 'jpeg', 'image/png', 'x' * 10_000, 'a\nb', 'png; something else'])
def test_a_format_that_names_no_raw_encoding_is_a_plain_picture(form):
    assert (decode(encode_png(SMOOTH), form) == SMOOTH).all()


@pytest.mark.parametrize('form', ['16UC1; compressedDepth', '16UC1; compressedDepth png', 'mono16; compressedDepth',
                                  '16UC1; png'])
@pytest.mark.parametrize('header', [struct.pack('<iff', 0, 0, 0), b''])
def test_compressed_depth_in_millimetres_is_depth(form, header):
    millimetres = (METRES * 1000).astype(np.uint16)
    np.testing.assert_array_equal(decode(header + written('.png', millimetres), form), raw('16UC1', millimetres))


def test_compressed_depth_in_metres_is_depth():
    scale = 100 * 101.0                                     # as compressed_depth_image_transport chooses them
    offset = 1 - scale / 10
    stored = np.clip(scale / METRES + offset, 0, 65535).astype(np.uint16)
    stored[0, 0] = 0                                        # no echo
    data = struct.pack('<iff', 0, scale, offset) + written('.png', stored)
    shown = decode(data, '32FC1; compressedDepth png').astype(int)
    assert (shown[0, 0] == 0).all()
    assert np.abs(shown - raw('32FC1', METRES).astype(int)).reshape(-1, 3)[1:].max() <= 1


@pytest.mark.parametrize('data, form, fact', [
    (b'', 'jpeg', 'is empty'), (b'', '16UC1; compressedDepth', 'raw topic'),
    (bytes(40), '16UC1; compressedDepth rvl', 'compressedDepth.*RVL.*raw topic'),
    (bytes(12) + encode_png(SMOOTH), '16UC1; compressedDepth png', 'no depth'),
    (bytes(12) + written('.png', METRES.astype(np.uint16)), 'png', 'is a compressedDepth image.*raw topic'),
    (bytes(12) + written('.png', METRES.astype(np.uint16)), 'compressedDepth', 'does not|no depth'),
    (b'\0\0\0\1\x67' * 9, 'h264', 'part of a video'), (b'\0\0\0\1\x67' * 9, 'bgr8; hevc', 'part of a video'),
    (b'\0\0\0\1\x67' * 9, 'avc1', 'part of a video'),
    (written('.tiff', METRES), 'mono8; tiff compressed', 'float32 samples.*mono8'),
    (written('.tiff', METRES), 'tiff', 'float32 samples'), (b'hello', 'rgb8; jpeg compressed bgr8', 'is no JPEG'),
    (encode_png(SMOOTH)[:50], 'rgb8; png compressed bgr8', 'damaged'), (b'x' * 9, 'y' * 10_000, 'is no JPEG'),
    (b'x' * 9, 'two\nlines', 'is no JPEG'),
    (written('.png', np.zeros((2, 2), np.uint8)), 'bayer_rggb8; png', 'at least')])
def test_what_cannot_be_read_is_refused_in_one_short_sentence(data, form, fact):
    with pytest.raises(ImageError, match=fact) as caught:
        decode(data, form)
    text = str(caught.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 400


def test_a_raw_encoding_that_is_not_known_is_refused_as_the_raw_image_is():
    with pytest.raises(UnknownEncoding, match='16SC1'):
        decode(encode_png(SMOOTH), '16SC1; png compressed ')


def test_broken_pictures_print_nothing(capfd):
    data = {ending: written(ending, SMOOTH) for ending in ('.jpg', '.png', '.webp', '.bmp', '.tiff')}
    for n in range(200):
        ending = list(data)[n % 5]
        broken = bytearray(data[ending])
        for at in RNG.integers(2, len(broken), 4):
            broken[at] = RNG.integers(256)
        try:
            decode(bytes(broken), f'rgb8; {ending[1:]} compressed bgr8')
        except ImageError:
            continue
    assert capfd.readouterr() == ('', '')
