# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What holds for every encoding, size, padding and byte order (hypothesis looks for a case where it does not)."""
import numpy as np
import pytest

from style_transfer_ros.engine.encodings import decode, encode, ENCODINGS
from style_transfer_ros.engine.errors import ImageError

hypothesis = pytest.importorskip('hypothesis', reason='hypothesis is not installed (requirements/peers.txt)')
st = hypothesis.strategies

COLOUR = [name for name, e in ENCODINGS.items() if e.samples > 2]
GREY = [name for name, e in ENCODINGS.items() if e.samples == 1 and not name.startswith(('bayer', 'nv'))]
YUV = [name for name in ENCODINGS if name.startswith(('yuv', 'uyvy', 'yuyv', 'nv'))]
BAYER = [name for name in ENCODINGS if name.startswith('bayer')]


@st.composite
def layouts(draw, names=tuple(ENCODINGS)):
    """Draw (encoding, height, width, padding in bytes, is_bigendian, a generator of noise)."""
    name = draw(st.sampled_from(names))
    needs = ENCODINGS[name]
    height, width = (draw(st.integers(-(-needs.smallest // multiple), 20)) * multiple for multiple in needs.multiple)
    return (name, height, width, draw(st.integers(0, 9)), draw(st.booleans()),
            np.random.default_rng(draw(st.integers(0, 2 ** 32 - 1))))


def padded(data, step, height, padding, noise):
    """Lengthen every row by noise that nobody may read; chroma rows of nv24 are twice as long."""
    if len(data) == 3 * height * step:
        luma, chroma = data[:height * step], data[height * step:]
        return np.concatenate((padded(luma, step, height, padding, noise),
                               padded(chroma, 2 * step, height, 2 * padding, noise)))
    rows = data.reshape(-1, step)
    return np.hstack((rows, noise.integers(0, 256, (len(rows), padding), np.uint8))).reshape(-1)


def round_trip(picture, layout):
    name, height, width, padding, is_bigendian, noise = layout
    data, step = encode(picture, name, is_bigendian=is_bigendian)
    if name == 'nv24' or len(data) != 3 * height * step:
        data = padded(data, step, height, padding, noise)
        step += padding
    return decode(data.tobytes(), name, height, width, step, is_bigendian)


@hypothesis.given(layouts(COLOUR))
def test_whole_colour_pixels_come_back_exactly(layout):
    picture = layout[-1].integers(0, 256, (*layout[1:3], 3), np.uint8)
    np.testing.assert_array_equal(round_trip(picture, layout), picture)


@hypothesis.given(layouts(GREY))
def test_a_grey_picture_comes_back_exactly(layout):
    picture = layout[-1].integers(0, 256, (*layout[1:3], 1), np.uint8).repeat(3, axis=2)
    np.testing.assert_array_equal(round_trip(picture, layout), picture)


@hypothesis.given(layouts(YUV))
def test_yuv_comes_back_where_the_chroma_that_pixels_share_is_the_same(layout):
    """Within 3: rounding Y, Cb and Cr to 8 bit moves blue by 1.6, OpenCV's integer arithmetic a little more."""
    height, width = layout[1:3]
    down, across = ENCODINGS[layout[0]].multiple
    cells = layout[-1].integers(0, 256, (height // down, width // across, 3), np.uint8)
    picture = cells.repeat(down, axis=0).repeat(across, axis=1)
    np.testing.assert_allclose(round_trip(picture, layout).astype(int), picture, atol=3)


@hypothesis.given(layouts(BAYER))
def test_a_mosaic_keeps_the_colour_of_each_cell(layout):
    """At the border OpenCV repeats the pixel inside."""
    name, height, width = layout[:3]
    picture = layout[-1].integers(0, 256, (height, width, 3), np.uint8)
    back = round_trip(picture, layout)
    for i, letter in enumerate(name[6:10]):
        y, x = 1 + (i // 2 + 1) % 2, 1 + (i % 2 + 1) % 2
        cells = (slice(y, -1, 2), slice(x, -1, 2), 'rgb'.index(letter))
        np.testing.assert_array_equal(back[cells], picture[cells])


@hypothesis.given(layouts())
def test_any_bytes_of_the_right_length_are_a_frame(layout):
    """The result is fit for the network, and the bytes after the frame do not matter."""
    name, height, width, padding, is_bigendian, noise = layout
    needs = ENCODINGS[name]
    step = width * needs.samples * np.dtype(needs.dtype).itemsize + padding
    data = noise.integers(0, 256, step * height * needs.rows_per_two // 2, np.uint8).tobytes()
    frame = decode(data, name, height, width, step, is_bigendian)
    assert frame.dtype == np.uint8 and frame.shape == (height, width, 3) and frame.flags.c_contiguous
    np.testing.assert_array_equal(decode(data + b'xyz', name, height, width, step, is_bigendian), frame)


@hypothesis.given(layouts(), st.data())
def test_a_truncated_frame_is_refused_with_both_lengths(layout, more):
    name, height, width, _, is_bigendian, noise = layout
    data, step = encode(noise.integers(0, 256, (height, width, 3), np.uint8), name, is_bigendian=is_bigendian)
    length = more.draw(st.integers(0, len(data) - 1))
    with pytest.raises(ImageError, match=f'has {length} bytes.* need {len(data)}'):
        decode(data[:length], name, height, width, step, is_bigendian)
    hypothesis.assume(step > 1)         # 0 means rows without padding
    with pytest.raises(ImageError, match=f'step is {step - 1} bytes.* needs {step}'):
        decode(data, name, height, width, step - 1, is_bigendian)
