"""
What a picture file says of itself before anything is decoded: its format, size and orientation.

A few hundred bytes can claim a picture that fills the memory, and OpenCV tells the size only after decoding.
"""
from __future__ import annotations

from collections.abc import Callable
import re
import struct

#: Parts of a JPEG or PNG to walk through; a large PNG has ten thousand, a hostile file any number.
_MAX_PARTS = 100_000


def _tiff_tags(data: bytes) -> dict[int, int]:
    """Read sizes and orientation of the first directory; the largest value where a tag is repeated."""
    order = {b'II*\0': '<', b'MM\0*': '>'}[data[:4]]
    start, = struct.unpack_from(order + 'I', data, 4)
    count, = struct.unpack_from(order + 'H', data, start)
    tags: dict[int, int] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + 'HH', data, at)
        if tag in (256, 257, 274, 322, 323):                # width, height, orientation, tile width, tile height
            value, = struct.unpack_from(order + {3: 'H', 4: 'I'}[kind], data, at + 8)
            tags[tag] = max(value, tags.get(tag, 0))
    return tags


def _tiff_size(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    # A whole tile is held in memory, however small the picture is.
    return max(tags[256], tags.get(322, 0)), max(tags[257], tags.get(323, 0))


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_MAX_PARTS):
        at = data.index(b'\xff', at)
        while data[at] == 0xff:
            at += 1
        marker, at = data[at], at + 1
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
            data.index(b'\xff\xd9', at)     # the end; old OpenCV fills up a truncated picture with grey
            height, width = struct.unpack_from('>HH', data, at + 3)
            return width, height
        if marker > 1 and not 0xd0 <= marker <= 0xd8:
            at += struct.unpack_from('>H', data, at)[0]
    raise ValueError('no frame header')


def _png_size(data: bytes) -> tuple[int, int]:
    at = 8
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack_from('>I4s', data, at)
        if at + length + 12 > len(data):    # new OpenCV asks for the memory of a chunk before it reads it
            raise ValueError('truncated chunk')
        if kind == b'IEND':
            width, height = struct.unpack_from('>II', data, 16)
            return width, height
        at += length + 12
    raise ValueError('no last chunk')


def _bmp_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from('<HH' if data[14] == 12 else '<ii', data, 18)
    return abs(width), abs(height)          # a negative height puts the top row first


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b'VP8X':
        size = struct.unpack_from('<HBHB', data, 24)
        return size[0] + (size[1] << 16) + 1, size[2] + (size[3] << 16) + 1
    if kind == b'VP8L':
        bits, = struct.unpack_from('<I', data, 21)
        return (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1
    width, height = struct.unpack_from('<HH', data, 26)
    return width & 0x3fff, height & 0x3fff


#: How a file begins, and how its header tells width and height.  OpenCV reads more formats, but not everywhere.
_FORMATS: dict[str, tuple[re.Pattern[bytes], Callable[[bytes], tuple[int, int]]]] = {
    'JPEG': (re.compile(rb'\xff\xd8\xff'), _jpeg_size),
    'PNG': (re.compile(rb'\x89PNG\r\n\x1a\n'), _png_size),
    'WebP': (re.compile(rb'RIFF....WEBP', re.DOTALL), _webp_size),
    'BMP': (re.compile(rb'BM'), _bmp_size),
    'TIFF': (re.compile(rb'II\*\0|MM\0\*'), _tiff_size),
}
#: For messages.
KNOWN_FORMATS = 'JPEG, PNG, WebP, BMP or TIFF'
#: What stands before the EXIF block, and the distance from there to the block.  OpenCV turns a TIFF by itself.
_EXIF = {'JPEG': (b'Exif\0\0', 6), 'PNG': (b'eXIf', 4), 'WebP': (b'EXIF', 8)}


def picture_format(data: bytes) -> str | None:
    """Tell one of :data:`KNOWN_FORMATS` by the first bytes; None for all others."""
    return next((name for name, (begin, _) in _FORMATS.items() if begin.match(data)), None)


def picture_size(data: bytes, form: str) -> tuple[int, int]:
    """
    Read width and height, pixels, from the header.

    :param form: what :func:`picture_format` says.
    :raises ValueError: the header is damaged or truncated.
    """
    try:
        return _FORMATS[form][1](data)
    except (struct.error, LookupError) as error:
        raise ValueError('damaged header') from error


def orientation(data: bytes, form: str) -> int:
    """Read the EXIF orientation, 1..8, that is still to be undone after OpenCV decoded with IMREAD_UNCHANGED."""
    if form not in _EXIF:
        return 1
    marker, distance = _EXIF[form]
    at = data.find(marker) + distance
    try:
        return _tiff_tags(data[at:at + 65536]).get(274, 1)
    except (struct.error, LookupError):     # none there, or damaged: the picture itself is whole
        return 1
