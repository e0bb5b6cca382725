# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The one table between the fields of a ROS image (encoding, step, byte order, bytes) and an RGB array.

What becomes 0 and 255 is fixed for each encoding, never taken from the frame, so that live video does not flicker:

==================================  ==============================================================================
encoding                            range
==================================  ==============================================================================
rgb8 bgr8 mono8 bayer_*8            0..255 as it is
rgba8 bgra8                         as it is, alpha dropped
8UC1 8UC3 8UC4                      unlabelled bytes, read as mono8, bgr8 and bgra8, the order that OpenCV users mean
mono16 rgb16 bgr16 rgba16 bgra16    0..65535 to 0..255, rounded (v / 257, as cv_bridge does it)
bayer_*16                           0..65535 to 0..255, then as bayer_*8
16UC1                               depth in millimetres (REP 118): 0..10 m to 0..255, farther is 255; 10 m is what
                                    indoor depth cameras see, and Foxglove's default
32FC1 32FC3 (channels B, G, R)      0..1 to 0..255, clipped, NaN is 0: how OpenCV shows floats; of a depth picture in
                                    metres it shows the first metre
yuv422 = uyvy, yuv422_yuy2 = yuyv   BT.601, luma 16..235 (what cameras send and OpenCV reads), even width
nv12 nv21                           the same; even width and height
nv24                                the same; any size
==================================  ==============================================================================

``height`` is always the picture's own.  nv12 and nv21 hold ``height`` rows of luma and then ``height`` / 2 rows of
chroma, each of ``step`` bytes; nv24 holds ``height`` rows of chroma of 2 * ``step`` bytes.
"""
from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from style_transfer_ros.engine.errors import ImageError, shown, UnknownEncoding
from style_transfer_ros.engine.pictures import MAX_PIXELS


class Encoding(NamedTuple):
    """
    How one encoding lays out a picture; *rows* is uint8 (stored rows, row length), samples already 0..255.

    ``to_rgb`` gets rows that may be longer than the picture (padding) and the picture's width, and gives RGB uint8
    (H, W, 3), perhaps a view; ``from_rgb`` is its inverse without padding.
    """

    #: Samples in a row of ``step`` bytes for every pixel.
    samples: int
    to_rgb: Callable[[np.ndarray, int], np.ndarray]
    from_rgb: Callable[[np.ndarray], np.ndarray]
    #: numpy type of a sample, without byte order.
    dtype: str = 'u1'
    #: The sample that becomes 255; 0 becomes 0.
    white: float = 255
    #: Height and width are multiples of these.
    multiple: tuple[int, int] = (1, 1)
    #: The smallest height and width.
    smallest: int = 1
    #: Stored rows of ``step`` bytes for every two rows of the picture.
    rows_per_two: int = 2


def _packed(samples: int, to_rgb: int | None, from_rgb: int | None, dtype: str = 'u1', white: float = 255) -> Encoding:
    """Describe whole pixels side by side, converted by two OpenCV colour codes; None where they are RGB already."""
    def read(rows: np.ndarray, width: int) -> np.ndarray:
        pixels = rows[:, :width * samples].reshape(len(rows), width, samples)
        return pixels if to_rgb is None else cv2.cvtColor(pixels, to_rgb)

    def write(rgb: np.ndarray) -> np.ndarray:
        return (rgb if from_rgb is None else cv2.cvtColor(rgb, from_rgb)).reshape(len(rgb), -1)

    return Encoding(samples, read, write, dtype, white)


def _bayer(pattern: str, to_rgb: int, dtype: str = 'u1', white: float = 255) -> Encoding:
    """Describe a colour mosaic; ``pattern`` names the colours of its first two rows, left to right."""
    def read(rows: np.ndarray, width: int) -> np.ndarray:
        return cv2.cvtColor(rows[:, :width], to_rgb)

    def write(rgb: np.ndarray) -> np.ndarray:
        mosaic = np.empty(rgb.shape[:2], np.uint8)
        for i, letter in enumerate(pattern):
            y, x = divmod(i, 2)
            mosaic[y::2, x::2] = rgb[y::2, x::2, 'rgb'.index(letter)]
        return mosaic

    # OpenCV fills a mosaic of fewer than three rows or columns with black.
    return Encoding(1, read, write, dtype, white, smallest=3)


#: BT.601 for 8 bit with luma 16..235, as rows of (R, G, B, 1) -> Y, Cb, Cr, and back; OpenCV's own codes agree, but
#: none writes nv12, nv21 or nv24, and only the newest write the others.
_YUV_FROM_RGB = np.array([[65.481, 128.553, 24.966, 16 * 255],
                          [-37.797, -74.203, 112, 128 * 255],
                          [112, -93.786, -18.214, 128 * 255]]) / 255
_RGB_FROM_YUV = np.linalg.inv(np.vstack((_YUV_FROM_RGB, [0, 0, 0, 1])))[:3]


def _yuv(rgb: np.ndarray, down: int, across: int) -> tuple[np.ndarray, np.ndarray]:
    """Split into luma (H, W) and chroma (H / down, W / across, 2), averaged over its block."""
    yuv = cv2.transform(rgb, _YUV_FROM_RGB)
    height, width = rgb.shape[:2]
    chroma = cv2.resize(yuv, (width // across, height // down), interpolation=cv2.INTER_AREA)
    return yuv[..., 0], chroma[..., 1:]


def _interleaved(luma_first: bool, to_rgb: int) -> Encoding:
    """Describe 4:2:2 with Cb and Cr in turn between the luma samples."""
    def read(rows: np.ndarray, width: int) -> np.ndarray:
        return cv2.cvtColor(rows[:, :width * 2].reshape(len(rows), width, 2), to_rgb)

    def write(rgb: np.ndarray) -> np.ndarray:
        luma, chroma = _yuv(rgb, 1, 2)
        samples = (luma, chroma.reshape(luma.shape))
        return np.stack(samples if luma_first else samples[::-1], axis=2).reshape(len(rgb), -1)

    return Encoding(2, read, write, multiple=(1, 2))


def _semi_planar(block: int, order: int, to_rgb: int | None) -> Encoding:
    """Describe a plane of luma before one of chroma for each ``block`` x ``block``; ``order`` -1 is Cr before Cb."""
    def read(rows: np.ndarray, width: int) -> np.ndarray:
        if to_rgb is not None:
            return cv2.cvtColor(rows[:, :width], to_rgb)
        height = len(rows) // 3
        chroma = rows[height:].reshape(height, -1)[:, :2 * width].reshape(height, width, 2)
        return cv2.transform(np.dstack((rows[:height, :width], chroma)), _RGB_FROM_YUV)

    def write(rgb: np.ndarray) -> np.ndarray:
        luma, chroma = _yuv(rgb, block, block)
        return np.concatenate((luma, chroma[..., ::order].reshape(-1, luma.shape[1])))

    return Encoding(1, read, write, multiple=(block, block), rows_per_two=2 + 4 // block ** 2)


_GRAY = (1, cv2.COLOR_GRAY2RGB, cv2.COLOR_RGB2GRAY)
_RGB = (3, None, None)
_BGR = (3, cv2.COLOR_BGR2RGB, cv2.COLOR_RGB2BGR)
_RGBA = (4, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGB2RGBA)
_BGRA = (4, cv2.COLOR_BGRA2RGB, cv2.COLOR_RGB2BGRA)
_16_BIT = ('u2', 65535)
_UYVY = _interleaved(False, cv2.COLOR_YUV2RGB_UYVY)
_YUYV = _interleaved(True, cv2.COLOR_YUV2RGB_YUY2)

#: By ROS name, as in sensor_msgs/image_encodings.hpp.
ENCODINGS: dict[str, Encoding] = {
    'rgb8': _packed(*_RGB),
    'bgr8': _packed(*_BGR),
    'rgba8': _packed(*_RGBA),
    'bgra8': _packed(*_BGRA),
    'mono8': _packed(*_GRAY),
    '8UC1': _packed(*_GRAY),
    '8UC3': _packed(*_BGR),
    '8UC4': _packed(*_BGRA),
    'rgb16': _packed(*_RGB, *_16_BIT),
    'bgr16': _packed(*_BGR, *_16_BIT),
    'rgba16': _packed(*_RGBA, *_16_BIT),
    'bgra16': _packed(*_BGRA, *_16_BIT),
    'mono16': _packed(*_GRAY, *_16_BIT),
    '16UC1': _packed(*_GRAY, 'u2', 10_000),
    '32FC1': _packed(*_GRAY, 'f4', 1),
    '32FC3': _packed(*_BGR, 'f4', 1),
    # OpenCV names a mosaic by its second row from the second column, ROS by its first two rows.
    **{f'bayer_{pattern}{bits}': _bayer(pattern, code, *kind)
       for pattern, code in (('rggb', cv2.COLOR_BayerBG2RGB), ('bggr', cv2.COLOR_BayerRG2RGB),
                             ('gbrg', cv2.COLOR_BayerGR2RGB), ('grbg', cv2.COLOR_BayerGB2RGB))
       for bits, kind in ((8, ()), (16, _16_BIT))},
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': _semi_planar(2, 1, cv2.COLOR_YUV2RGB_NV12),
    'nv21': _semi_planar(2, -1, cv2.COLOR_YUV2RGB_NV21),
    'nv24': _semi_planar(1, 1, None),
}


def _look_up(encoding: str, height: int, width: int) -> Encoding:
    """Find the encoding and check that it can hold a picture of this size."""
    found = ENCODINGS.get(encoding)
    if found is None:
        raise UnknownEncoding(f"The encoding {shown(encoding)} is not known; known are {', '.join(sorted(ENCODINGS))}.")
    if height <= 0 or width <= 0:
        raise ImageError(f'The image is empty ({width}x{height} pixels); send one with at least one pixel.')
    if height * width > MAX_PIXELS:
        raise ImageError(f'The image has {width}x{height} = {width * height} pixels, more than {MAX_PIXELS}; '
                         'send a smaller one.')
    if height % found.multiple[0] or width % found.multiple[1]:
        needed = 'an even width and height' if found.multiple[0] > 1 else 'an even width'
        raise ImageError(f"The image has {width}x{height} pixels, but '{encoding}' needs {needed}.")
    if min(height, width) < found.smallest:
        raise ImageError(f"The image has {width}x{height} pixels, but '{encoding}' needs at least "
                         f'{found.smallest}x{found.smallest}.')
    return found


def decode(data: bytes | bytearray | memoryview | array[int] | np.ndarray, encoding: str, height: int, width: int,
           step: int, is_bigendian: bool) -> np.ndarray:
    """
    Read the fields of a sensor_msgs/Image.

    :param data: the bytes; more than needed is accepted, the rest is ignored.
    :param encoding: a name of :data:`ENCODINGS`.
    :param height: of the picture, pixels.
    :param width: of the picture, pixels.
    :param step: length of a row with its padding, bytes; 0, as some drivers leave it: without padding.
    :param is_bigendian: byte order of samples that are longer than a byte.
    :returns: RGB uint8 (H, W, 3), C-contiguous; shares memory with ``data`` (and is read-only where that is) only
        for rgb8 without padding.
    :raises UnknownEncoding: the table lacks ``encoding``.
    :raises ImageError: the fields contradict each other, or the image is empty or too large.
    """
    found = _look_up(encoding, height, width)
    row_bytes = width * found.samples * np.dtype(found.dtype).itemsize
    step = step or row_bytes
    if step < row_bytes:
        raise ImageError(f"The image's step is {step} bytes, but a row of {width} pixels in '{encoding}' needs "
                         f'{row_bytes}; set step to the length of a row in bytes, or to 0 for rows without padding.')
    count = height * found.rows_per_two // 2
    buffer = np.frombuffer(data, np.uint8)
    if buffer.size < step * count:
        raise ImageError(f"The image's data has {buffer.size} bytes, but {width}x{height} pixels in '{encoding}' with "
                         f'step {step} need {step * count}; send whole images.')
    rows: np.ndarray = buffer[:step * count].reshape(count, step)
    if found.dtype != 'u1':
        samples = rows[:, :row_bytes].view(('>' if is_bigendian else '<') + found.dtype).astype(found.dtype)
        rows = _to_8_bits(samples, found)
    return np.ascontiguousarray(found.to_rgb(rows, width))


def _to_8_bits(samples: np.ndarray, found: Encoding) -> np.ndarray:
    """Bring samples of ``found.dtype``, of any shape, to 0..255."""
    if found.dtype == 'f4':
        samples = np.nan_to_num(samples.clip(0, found.white))
    return cv2.convertScaleAbs(samples, alpha=255 / found.white)


def decode_samples(samples: np.ndarray, encoding: str) -> np.ndarray:
    """
    Read what OpenCV decoded of a compressed image as the raw image that was compressed.

    OpenCV's order of colours is BGR whatever the raw one was; the range, a mosaic and the meaning of the fourth
    channel are those of the raw encoding.

    :param samples: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, any type.
    :param encoding: a name of :data:`ENCODINGS`.
    :returns: RGB uint8 (H, W, 3).
    :raises ImageError: the samples are of another type than the encoding's, and not 8-bit either.
    """
    found = _look_up(encoding, *samples.shape[:2])
    if samples.dtype == found.dtype and found.dtype != 'u1':
        samples = _to_8_bits(samples, found)
    elif samples.dtype == np.uint16 and found.dtype == 'u1':
        samples = cv2.convertScaleAbs(samples, alpha=255 / 65535)
    if samples.dtype != np.uint8:       # JPEG, say, brings every encoding to 8 bits
        raise ImageError(f"The compressed image holds {samples.dtype} samples, which do not fit its encoding "
                         f"'{encoding}'; correct its format.")
    if samples.ndim == 3:
        return cv2.cvtColor(samples, cv2.COLOR_BGR2RGB if samples.shape[2] == 3 else cv2.COLOR_BGRA2RGB)
    mosaic = encoding.startswith('bayer_')
    return found.to_rgb(samples, samples.shape[1]) if mosaic else cv2.cvtColor(samples, cv2.COLOR_GRAY2RGB)


def encode(rgb: np.ndarray, encoding: str = 'rgb8', *, is_bigendian: bool = False) -> tuple[np.ndarray, int]:
    """
    Write a picture as the data of a sensor_msgs/Image, without padding.

    Grey encodings keep the luma (BT.601), mosaics one colour of each pixel, YUV the mean chroma of each block.

    :param rgb: RGB uint8 (H, W, 3).
    :param encoding: a name of :data:`ENCODINGS`.
    :param is_bigendian: byte order of samples that are longer than a byte.
    :returns: the data, uint8 (length,), which shares memory with ``rgb`` only for rgb8, and ``step`` in bytes.
    :raises UnknownEncoding: the table lacks ``encoding``.
    :raises ImageError: the picture is empty, too large or of a size that ``encoding`` cannot hold.
    """
    found = _look_up(encoding, *rgb.shape[:2])
    rows = found.from_rgb(np.ascontiguousarray(rgb))
    if found.dtype != 'u1':
        samples = rows * (found.white / 255)
        samples = samples if found.dtype == 'f4' else np.rint(samples)
        rows = samples.astype(('>' if is_bigendian else '<') + found.dtype).view(np.uint8)
    return rows.reshape(-1), rows.shape[1]
