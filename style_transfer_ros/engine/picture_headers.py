# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What a picture file says of itself before anything is decoded: its format, size and orientation.

A few hundred bytes can claim a picture that fills the memory, and OpenCV tells the size only after decoding.  So sizes
are read through a function ``read(at, count)`` that gives bytes of a file, or fewer at its end: nothing is loaded that
is not looked at.
"""
from __future__ import annotations

from collections.abc import Callable
import re
import struct

from style_transfer_ros.engine.errors import ImageError

Read = Callable[[int, int], bytes]

#: The largest picture or frame, pixels; RGB of this size takes 150 MB.
MAX_PIXELS = 50_000_000
#: Bytes for each pixel that a file may need, at most.
_BYTES_PER_PIXEL = {'JPEG': 4, 'WebP': 4, 'PNG': 8, 'BMP': 8, 'TIFF': 16}
#: Parts of a JPEG or PNG to walk through; a large PNG has ten thousand, a hostile file any number.
_MAX_PARTS = 100_000
#: The size of a JPEG stands after its metadata, which take less than this, bytes.
_MAX_METADATA = 64 << 20
#: Bytes that are read at once.
_PIECE = 4096
#: Scans of a JPEG, each of which goes over the whole picture; programs write about ten.
_MAX_SCANS = 100
#: Compressions of TIFF that some OpenCV reads: none, fax, LZW, JPEG, deflate, PackBits, LZMA, Zstandard and WebP; of
#: others it makes black without a word.
_COMPRESSIONS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000, 50001))


def _unpack(read: Read, form: str, at: int) -> tuple:
    """Read numbers; struct.error at the end of the file."""
    return struct.unpack(form, read(at, struct.calcsize(form)))


#: Tags of a TIFF that are looked at, by their numbers.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA = (
    256, 257, 258, 259, 262, 274, 277, 322, 323, 338)


def _tiff_tags(read: Read, start: int = 0) -> dict[int, int]:
    """Read the first number of each tag in the first directory; the largest one where a tag is repeated."""
    order = {b'II*\0': '<', b'MM\0*': '>'}[read(start, 4)]
    directory = start + _unpack(read, order + 'I', start + 4)[0]
    count, = _unpack(read, order + 'H', directory)
    tags: dict[int, int] = {}
    for at in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, length = _unpack(read, order + 'HHI', at)
        if tag in (_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _TILE_WIDTH,
                   _TILE_HEIGHT, _EXTRA):
            form = order + {1: 'B', 3: 'H', 4: 'I'}[kind]
            elsewhere = tag == _BITS and length * struct.calcsize(form) > 4     # one number for each sample
            value, = _unpack(read, form, start + _unpack(read, order + 'I', at + 8)[0] if elsewhere else at + 8)
            tags[tag] = max(value, tags.get(tag, 0))
    return tags


def _tiff_size(read: Read) -> tuple[int, int]:
    tags = _tiff_tags(read)
    # A whole tile is held in memory, however small the picture is.
    return max(tags[_WIDTH], tags.get(_TILE_WIDTH, 0)), max(tags[_HEIGHT], tags.get(_TILE_HEIGHT, 0))


def _jpeg_frame(read: Read) -> int:
    """Find the frame header, which holds the size; return where it begins behind its marker."""
    at = 2
    for _ in range(_MAX_PARTS):
        piece = read(at, _PIECE)
        begin = piece.find(b'\xff')             # what stands between parts is skipped
        behind = piece[begin:].lstrip(b'\xff') if begin >= 0 else b''
        if not behind:                          # the marker comes in the next piece, or never
            if len(piece) < _PIECE:
                break
            at += _PIECE - (begin >= 0)
            continue
        kind, at = behind[0], at + len(piece) - len(behind) + 1
        if 0xc0 <= kind <= 0xcf and kind not in (0xc4, 0xc8, 0xcc):
            return at
        if kind > 1 and not 0xd0 <= kind <= 0xd8:
            at += _unpack(read, '>H', at)[0]
        if at > _MAX_METADATA:
            break
    raise ValueError('no frame header')


def _jpeg_size(read: Read) -> tuple[int, int]:
    height, width = _unpack(read, '>HH', _jpeg_frame(read) + 3)
    return width, height


def _png_size(read: Read) -> tuple[int, int]:
    width, height = _unpack(read, '>II', 16)
    return width, height


def _bmp_size(read: Read) -> tuple[int, int]:
    width, height = _unpack(read, '<HH' if read(14, 1) == b'\x0c' else '<ii', 18)
    return abs(width), abs(height)          # a negative height puts the top row first


def _webp_size(read: Read) -> tuple[int, int]:
    kind = read(12, 4)
    if kind == b'VP8X':
        size = _unpack(read, '<HBHB', 24)
        return size[0] + (size[1] << 16) + 1, size[2] + (size[3] << 16) + 1
    if kind == b'VP8L':
        bits, = _unpack(read, '<I', 21)
        return (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1
    width, height = _unpack(read, '<HH', 26)
    return width & 0x3fff, height & 0x3fff


#: How a file begins, and how its header tells width and height.  OpenCV reads more formats, but not everywhere.
_FORMATS: dict[str, tuple[re.Pattern[bytes], Callable[[Read], tuple[int, int]]]] = {
    'JPEG': (re.compile(rb'\xff\xd8\xff'), _jpeg_size),
    'PNG': (re.compile(rb'\x89PNG\r\n\x1a\n'), _png_size),
    'WebP': (re.compile(rb'RIFF....WEBP', re.DOTALL), _webp_size),
    'BMP': (re.compile(rb'BM'), _bmp_size),
    'TIFF': (re.compile(rb'II\*\0|MM\0\*'), _tiff_size),
}
#: How phones may write photographs that are not read here: HEIC and AVIF.
_PHONE = re.compile(rb'....ftyp(avif|heic|heix|heim|heis|mif1)', re.DOTALL)
#: For messages.
KNOWN_FORMATS = 'JPEG, PNG, WebP, BMP or TIFF'
#: What stands before the EXIF block, and the distance from there to the block.  OpenCV turns a TIFF by itself.
_EXIF = {'JPEG': (b'Exif\0\0', 6), 'PNG': (b'eXIf', 4), 'WebP': (b'EXIF', 8)}


def picture_format(data: bytes) -> str | None:
    """Tell one of :data:`KNOWN_FORMATS` by the first bytes; None for all others."""
    return next((name for name, (begin, _) in _FORMATS.items() if begin.match(data)), None)


def picture_size(read: Read, form: str) -> tuple[int, int]:
    """
    Read width and height, pixels, from the header.

    :param read: gives ``count`` bytes of the file from ``at`` on, fewer at its end.
    :param form: what :func:`picture_format` says.
    :raises ValueError: the header is damaged or truncated.
    """
    try:
        return _FORMATS[form][1](read)
    except (struct.error, LookupError) as error:
        raise ValueError('damaged header') from error


def check_whole(data: bytes, form: str) -> None:
    """
    Check that a file reaches its end, for decoders fill up what is missing or ask for memory that they do not need.

    :raises ValueError: it is truncated.
    """
    if form == 'JPEG':
        if data.find(b'\xff\xd9', _jpeg_frame(reader(data))) < 0:   # old OpenCV fills up what is missing with grey
            raise ValueError('no end')
    elif form == 'PNG':
        at = 8
        for _ in range(_MAX_PARTS):
            if at + 12 > len(data):
                raise ValueError('no last chunk')
            length, kind = struct.unpack_from('>I4s', data, at)
            if at + length + 12 > len(data):    # new OpenCV asks for the memory of a chunk before it reads it
                raise ValueError('truncated chunk')
            if kind == b'IEND':
                return
            at += length + 12
        raise ValueError('too many chunks')


def check_cost(data: bytes, form: str, what: str) -> None:
    """
    Check what only decoding would show: work without an end, and what OpenCV does not read and does not refuse.

    :param data: a whole file, see :func:`check_whole`.
    :param what: how messages begin.
    :raises ImageError: it is not to be decoded.
    """
    if form == 'JPEG':
        frame = _jpeg_frame(reader(data))
        scans = data.count(b'\xff\xda', frame, data.find(b'\xff\xd9', frame))
        if scans > _MAX_SCANS:
            raise ImageError(f'{what} is a JPEG of {scans} scans, more than {_MAX_SCANS}; save it again.')
    elif form == 'TIFF':
        compression = _tiff_tags(reader(data)).get(_COMPRESSION, 1)
        if compression not in _COMPRESSIONS:
            raise ImageError(f'{what} is a TIFF with compression {compression}, which is not read; save it with '
                             'LZW, deflate or no compression.')


def description(data: bytes, form: str) -> str:
    """Say of which kind a file is if its format has kinds that OpenCV does not read; else nothing."""
    try:
        if form == 'JPEG':
            frame = _jpeg_frame(reader(data))
            return f'SOF{data[frame - 1] - 0xc0} with {data[frame + 2]} bits per sample'
        if form == 'TIFF':
            tags = _tiff_tags(reader(data))
            return (f'{tags.get(_SAMPLES, 1)} samples per pixel, {tags.get(_BITS, 1)} bits per sample, photometric '
                    f'{tags.get(_PHOTOMETRIC, 0)}, compression {tags.get(_COMPRESSION, 1)}')
    except (struct.error, LookupError, ValueError):
        pass
    return ''


def alpha_kind(data: bytes, form: str) -> str:
    """
    Tell what the fourth channel is that OpenCV decodes of a file.

    :returns: ``straight``, ``premultiplied`` (the colours are weighted with it already), or ``none``: no transparency,
        if a channel is there at all.
    """
    if form == 'BMP':       # only a header of 56 bytes and more has a mask of alpha
        return 'straight' if data[14] >= 56 and any(data[66:70]) else 'none'
    if form != 'TIFF':
        return 'straight'
    tags = _tiff_tags(reader(data))
    # libtiff premultiplies 8-bit samples by itself
    return {None: 'straight', 0: 'none', 1: 'premultiplied'}.get(
        tags.get(_EXTRA), 'premultiplied' if tags.get(_BITS, 1) == 8 else 'straight')


def check_size(read: Read, form: str, size: int, what: str, most: int = MAX_PIXELS) -> None:
    """
    Check what a file claims to hold before it is decoded, or even read.

    :param form: what :func:`picture_format` says.
    :param size: of the whole file, bytes.
    :param what: how messages begin.
    :param most: pixels that it may have.
    :raises ImageError: it has too many pixels, or too many bytes for its pixels.
    :raises ValueError: its header is damaged.
    """
    width, height = picture_size(read, form)
    if width * height > most:
        raise ImageError(f'{what} has {width}x{height} = {width * height} pixels, more than {most}; shrink it.')
    if size > _MAX_METADATA + _BYTES_PER_PIXEL[form] * width * height:
        raise ImageError(f'{what} has {size} bytes, far more than its {width}x{height} pixels need; save it again.')


def check_picture(data: bytes, what: str = 'The picture', most: int = MAX_PIXELS) -> str:
    """
    Check a whole file by its header and its end; nothing is decoded.

    :param what: how messages begin.
    :param most: pixels that it may have.
    :returns: its format, one of :data:`KNOWN_FORMATS`.
    :raises ImageError: empty, another format, damaged, truncated, or too large.
    """
    if not data:
        raise ImageError(f'{what} is empty; send a {KNOWN_FORMATS} file.')
    form = picture_format(data)
    if form is None:
        phone = _PHONE.match(data)
        if phone:
            kind = 'AVIF' if phone[1] == b'avif' else 'HEIC'
            raise ImageError(f'{what} is an {kind} file, not {KNOWN_FORMATS}; save it as JPEG.')
        raise ImageError(f'{what} is no {KNOWN_FORMATS} file (it begins with {data[:8]!r}); convert it to one.')
    try:
        check_size(reader(data), form, len(data), what, most)
        check_whole(data, form)
        check_cost(data, form, what)
    except ValueError as error:
        raise ImageError(f'{what} is a damaged or truncated {form} file ({len(data)} bytes); send it again.') from error
    return form


def orientation(data: bytes, form: str) -> int:
    """Read the EXIF orientation, 1..8, that is still to be undone after OpenCV decoded with IMREAD_UNCHANGED."""
    if form not in _EXIF:
        return 1
    marker, distance = _EXIF[form]
    at = data.find(marker) + distance
    try:
        return _tiff_tags(reader(data[at:at + 65536])).get(_ORIENTATION, 1)
    except (struct.error, LookupError):     # none there, or damaged: the picture itself is whole
        return 1


def reader(data: bytes) -> Read:
    """Return the function ``read(at, count)`` of bytes that are in memory."""
    return lambda at, count: data[at:at + count]
