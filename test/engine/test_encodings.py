# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Every ROS encoding is read and written as the bytes say, compared with readers that are not ours."""
from array import array
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine.encodings import decode, encode, ENCODINGS
from style_transfer_ros.engine.errors import ImageError, UnknownEncoding
from style_transfer_ros.engine.pictures import MAX_PIXELS

NEEDED = set("""rgb8 bgr8 rgba8 bgra8 mono8 mono16 16UC1 32FC1 32FC3 8UC1 8UC3 8UC4 rgb16 bgr16 bayer_rggb8 bayer_bggr8
             bayer_gbrg8 bayer_grbg8 yuv422 uyvy yuv422_yuy2 yuyv nv12 nv21 nv24""".split())
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def picture(height=48, width=64):
    """Draw a smooth picture with all hues, so that lossy encodings lose little."""
    rng = np.random.default_rng(1)
    return cv2.resize(rng.integers(0, 256, (4, 5, 3), np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def read(data, encoding, height, width, is_bigendian=False):
    """Decode data without padding."""
    data = np.ascontiguousarray(data)
    return decode(data.tobytes(), encoding, height, width, data.nbytes // height, is_bigendian)


def test_the_table_has_every_encoding_that_is_promised():
    assert NEEDED <= set(ENCODINGS)


@pytest.mark.parametrize('encoding, pixel', [
    ('rgb8', [1, 2, 3]), ('bgr8', [3, 2, 1]), ('rgba8', [1, 2, 3, 77]), ('bgra8', [3, 2, 1, 77]),
    ('8UC3', [3, 2, 1]), ('8UC4', [3, 2, 1, 77])])
def test_channels_are_in_the_order_of_the_name(encoding, pixel):
    assert read(np.uint8(pixel), encoding, 1, 1).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize('encoding, dtype, samples, expected', [
    ('mono8', 'u1', [0, 7, 255], [0, 7, 255]),
    ('8UC1', 'u1', [0, 7, 255], [0, 7, 255]),
    ('mono16', 'u2', [0, 257, 7 * 257, 65534, 65535], [0, 1, 7, 255, 255]),
    ('16UC1', 'u2', [0, 2000, 5000, 10_000, 10_001, 65535], [0, 51, 128, 255, 255, 255]),
    ('32FC1', 'f4', [0, 0.2, 1, -0.2, 3e38, np.inf, -np.inf, np.nan], [0, 51, 255, 0, 255, 255, 0, 0])])
@pytest.mark.parametrize('order', '<>')
def test_grey_samples_have_the_stated_range(encoding, dtype, samples, expected, order):
    rgb = read(np.array(samples, order + dtype), encoding, 1, len(samples), order == '>')
    assert rgb.tolist() == [[[value] * 3 for value in expected]]


@pytest.mark.parametrize('encoding, dtype, pixel', [
    ('rgb16', 'u2', [257, 514, 65535]), ('bgr16', 'u2', [65535, 514, 257]), ('rgba16', 'u2', [257, 514, 65535, 9]),
    ('bgra16', 'u2', [65535, 514, 257, 9]), ('32FC3', 'f4', [9.5, 2 / 255, 1 / 255])])
@pytest.mark.parametrize('order', '<>')
def test_wide_colour_samples_have_the_stated_range(encoding, dtype, pixel, order):
    assert read(np.array(pixel, order + dtype), encoding, 1, 1, order == '>').tolist() == [[[1, 2, 255]]]


#: Y, Cb, Cr of BT.601 with luma 16..235, as ITU-R tables (EBU colour bars at 100 %) give them.
BARS = {RED: (81, 90, 240), GREEN: (145, 54, 34), BLUE: (41, 240, 110), WHITE: (235, 128, 128), BLACK: (16, 128, 128)}
LAYOUTS = {
    'uyvy': lambda y, u, v: [[u, y, v, y]] * 2, 'yuv422': lambda y, u, v: [[u, y, v, y]] * 2,
    'yuyv': lambda y, u, v: [[y, u, y, v]] * 2, 'yuv422_yuy2': lambda y, u, v: [[y, u, y, v]] * 2,
    'nv12': lambda y, u, v: [[y, y], [y, y], [u, v]], 'nv21': lambda y, u, v: [[y, y], [y, y], [v, u]],
    'nv24': lambda y, u, v: [[y, y], [y, y], [u, v], [u, v], [u, v], [u, v]],
}


@pytest.mark.parametrize('colour', BARS)
@pytest.mark.parametrize('encoding', LAYOUTS)
def test_yuv_is_laid_out_and_coloured_as_the_standard_says(encoding, colour):
    """Both ways; the bytes are those of colour bars, within the rounding of 8 bit."""
    rows = np.uint8(LAYOUTS[encoding](*BARS[colour]))
    solid = np.full((2, 2, 3), colour, np.uint8)
    step = rows.shape[1]
    np.testing.assert_allclose(decode(rows.tobytes(), encoding, 2, 2, step, False).astype(int), solid, atol=2)
    data, written_step = encode(solid, encoding)
    assert written_step == step
    np.testing.assert_allclose(data.astype(int), rows.reshape(-1), atol=1)


@pytest.mark.parametrize('bits, dtype', [(8, 'u1'), (16, '<u2')])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_mosaic_begins_with_the_colours_of_its_name(pattern, bits, dtype):
    """Only the cells of one colour are lit, so every pixel inside has that colour."""
    for index, colour in enumerate('rgb'):
        cells = np.array([letter == colour for letter in pattern], dtype).reshape(2, 2) * (2 ** bits - 1)
        mosaic = np.tile(cells, (4, 5)).astype(dtype)
        rgb = read(mosaic, f'bayer_{pattern}{bits}', 8, 10)
        expected = np.zeros_like(rgb)
        expected[..., index] = 255
        np.testing.assert_array_equal(rgb[1:-1, 1:-1], expected[1:-1, 1:-1])
        np.testing.assert_array_equal(encode(expected, f'bayer_{pattern}{bits}')[0], mosaic.view('u1').reshape(-1))


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_smooth_colour_picture_comes_back(encoding):
    """Exactly where nothing is lost, as its luma where that is all, within the stated mean where chroma is shared."""
    original = picture()
    data, step = encode(original, encoding)
    back = decode(data, encoding, *original.shape[:2], step, False)
    if ENCODINGS[encoding].samples == 1 and not encoding.startswith(('bayer', 'nv')):
        original = cv2.cvtColor(cv2.cvtColor(original, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    lossy = encoding.startswith(('bayer', 'nv', 'yuv', 'uyvy', 'yuyv'))
    assert np.abs(back.astype(int) - original).mean() <= (3 if lossy else 0)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_step_of_0_means_rows_without_padding(encoding):
    data, step = encode(picture(), encoding)
    np.testing.assert_array_equal(decode(data, encoding, 48, 64, 0, False), decode(data, encoding, 48, 64, step, False))


def test_rgb8_without_padding_is_not_copied():
    data = picture().tobytes()
    assert np.shares_memory(decode(data, 'rgb8', 48, 64, 192, False), np.frombuffer(data, np.uint8))


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_what_is_not_rgb8_without_padding_is_copied(encoding):
    """A frame that is kept must not change when the message is reused."""
    data, step = encode(picture(), encoding)
    rows = data.reshape(-1, step)
    if encoding == 'rgb8':
        rows = np.pad(rows, ((0, 0), (0, 4)))
    assert not np.shares_memory(decode(rows, encoding, 48, 64, rows.shape[1], False), rows)


@pytest.mark.parametrize('make', [bytes, bytearray, memoryview, lambda data: array('B', data), np.frombuffer])
def test_data_is_read_from_any_buffer(make):
    data = picture().tobytes()
    buffer = np.frombuffer(data, np.uint8) if make is np.frombuffer else make(data)
    np.testing.assert_array_equal(decode(buffer, 'rgb8', 48, 64, 192, False), picture())


@pytest.mark.parametrize('data, encoding, height, width, step, fact', [
    (bytes(12), 'rgb9', 2, 2, 6, "'rgb9' is not known"),
    (bytes(12), '', 2, 2, 6, "'' is not known"),
    (b'', 'rgb8', 0, 0, 0, 'empty (0x0 pixels)'),
    (bytes(12), 'rgb8', 0, 2, 6, 'empty (2x0 pixels)'),
    (bytes(12), 'rgb8', 2, 2, 5, "step is 5 bytes, but a row of 2 pixels in 'rgb8' needs 6"),
    (bytes(11), 'rgb8', 2, 2, 0, 'with step 6 need 12'),
    (bytes(12), 'x' * 10_000, 2, 2, 6, 'is not known'),
    (bytes(12), 'rgb8\n', 2, 2, 6, 'is not known'),
    (bytes(11), 'rgb8', 2, 2, 6, "data has 11 bytes, but 2x2 pixels in 'rgb8' with step 6 need 12"),
    (b'', 'rgb8', 2, 2, 6, 'data has 0 bytes'),
    (bytes(15), 'mono16', 2, 4, 8, "data has 15 bytes, but 4x2 pixels in 'mono16' with step 8 need 16"),
    (bytes(4), 'nv12', 2, 2, 2, "data has 4 bytes, but 2x2 pixels in 'nv12' with step 2 need 6"),
    (bytes(99), 'uyvy', 2, 3, 8, "3x2 pixels, but 'uyvy' needs an even width"),
    (bytes(99), 'nv21', 3, 2, 2, "2x3 pixels, but 'nv21' needs an even width and height"),
    (bytes(99), 'bayer_rggb8', 2, 4, 4, "4x2 pixels, but 'bayer_rggb8' needs at least 3x3"),
    (b'', 'rgb8', 10_000, 20_000, 60_000, f'20000x10000 = 200000000 pixels, more than {MAX_PIXELS}'),
    (b'', 'rgb8', 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1, f'more than {MAX_PIXELS}'),
])
def test_fields_that_contradict_each_other_are_refused_in_one_sentence(data, encoding, height, width, step, fact):
    with pytest.raises(ImageError) as caught:
        decode(data, encoding, height, width, step, False)
    text = str(caught.value)
    assert fact in text and text.endswith('.') and '\n' not in text
    assert isinstance(caught.value, UnknownEncoding) == ('not known' in fact)


@pytest.mark.parametrize('shape, encoding, fact', [
    ((0, 0, 3), 'rgb8', 'empty'), ((2, 3, 3), 'yuyv', 'even width'), ((3, 2, 3), 'nv12', 'even width and height'),
    ((2, 2, 3), 'mono9', 'not known')])
def test_a_picture_that_an_encoding_cannot_hold_is_refused(shape, encoding, fact):
    with pytest.raises(ImageError, match=fact):
        encode(np.zeros(shape, np.uint8), encoding)


def frames():
    """Make one message of noise for each encoding, all bytes possible, in the machine's byte order."""
    noise = np.random.default_rng(2)
    for encoding, layout in ENCODINGS.items():
        step = 12 * layout.samples * np.dtype(layout.dtype).itemsize
        rows = 10 * layout.rows_per_two // 2
        yield SimpleNamespace(encoding=encoding, height=10, width=12, step=step, is_bigendian=sys.byteorder == 'big',
                              data=array('B', noise.integers(0, 256, rows * step, np.uint8).tobytes()))


def ours(message):
    return decode(message.data, message.encoding, message.height, message.width, message.step, message.is_bigendian)


def assert_same(theirs, message):
    """Compare exactly, 16 bit and YUV within 1: others round 16 bit otherwise, or run another OpenCV."""
    exact = '16' not in message.encoding and message.encoding.startswith(('rgb', 'bgr', 'mono', 'bayer'))
    np.testing.assert_allclose(ours(message).astype(int), theirs, atol=0 if exact else 1, err_msg=message.encoding)


def test_rosbags_image_reads_the_same():
    image = pytest.importorskip('rosbags.image.image', reason='rosbags-image is not installed (requirements/peers.txt)')
    both = [message for message in frames() if message.encoding in image.ENCODINGMAP]
    assert len(both) >= 22
    for message in both:
        expected = ours(message)
        message.height = len(message.data) // message.step      # it takes the rows of nv12 and nv21 for the height
        theirs = image.message_to_cvimage(message, 'rgb8')
        message.height = len(expected)
        assert_same(theirs, message)
