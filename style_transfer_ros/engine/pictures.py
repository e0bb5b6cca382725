# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Pictures: read with size limits, cut, pad, recolour and compress them; pure functions on RGB uint8 (H, W, 3).

A picture comes from strangers (a service call, a topic), so its size is read from its header before anything is
decoded, and a path is opened only below the folders that the user named.
"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from style_transfer_ros.engine.errors import ImageError, shown, StyleTransferError
from style_transfer_ros.engine.picture_headers import (
    alpha_kind,
    check_picture,
    check_size,
    description,
    KNOWN_FORMATS,
    MAX_PIXELS,
    orientation,
    picture_format,
    Read,
)
from style_transfer_ros.engine.quiet import silence
from style_transfer_ros.engine.reading import patiently, read_file
from style_transfer_ros.paths import local_path

#: The largest file, bytes: the largest picture with four 16-bit channels, not compressed.
_MAX_BYTES = 8 * MAX_PIXELS


def decode_picture(data: bytes, what: str = 'The picture') -> np.ndarray:
    """
    Decode a JPEG, PNG, WebP, BMP or TIFF; of an animation the first picture where OpenCV reads it.

    :param data: the file's bytes.
    :param what: how messages begin, such as ``The style picture 'waves'``.
    :returns: RGB uint8 (H, W, 3), upright as EXIF says, 16 bit reduced to 8, transparency on white.
    :raises ImageError: empty, another format, damaged, or more than :data:`MAX_PIXELS` by its header.
    """
    picture = decode_samples(data, what)
    if picture.dtype == np.uint16:
        picture = cv2.convertScaleAbs(picture, alpha=255 / 65535)
    if picture.dtype != np.uint8:
        raise ImageError(f'{what} has {picture.dtype} samples; save it with 8 or 16 bits per channel.')
    form = picture_format(data) or ''
    return _upright(_on_white(picture, alpha_kind(data, form)), orientation(data, form))


def decode_samples(data: bytes, what: str = 'The picture') -> np.ndarray:
    """
    Decode a JPEG, PNG, WebP, BMP or TIFF to what it holds, without any change.

    :param data: the file's bytes.
    :param what: how messages begin.
    :returns: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA of any type, as OpenCV decodes it.
    :raises ImageError: empty, another format, damaged, or more than :data:`MAX_PIXELS` by its header.
    """
    form = check_picture(data, what)
    try:
        with silence():
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise ValueError('OpenCV cannot decode it')
    except (ValueError, cv2.error) as error:
        kind = description(data, form)
        raise ImageError(f'{what} is a damaged or truncated {form} file ({len(data)} bytes)' + (
            f', or of a kind that is not read ({kind}); save it again as PNG.' if kind else '; send it again.')
                         ) from error
    return picture


def _on_white(picture: np.ndarray, alpha: str) -> np.ndarray:
    """Turn what OpenCV decoded (grey, BGR or BGRA) into RGB; ``alpha`` as :func:`alpha_kind` tells it."""
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if picture.shape[2] == 3:
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    rgb, seen = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB), cv2.extractChannel(picture, 3)
    if alpha == 'none':
        return rgb
    seen = cv2.cvtColor(seen, cv2.COLOR_GRAY2RGB)
    weighted = rgb if alpha == 'premultiplied' else cv2.multiply(rgb, seen, scale=1 / 255)
    return cv2.add(weighted, cv2.bitwise_not(seen))


def _upright(picture: np.ndarray, turn: int) -> np.ndarray:
    """Undo an EXIF orientation; OpenCV does this for some formats only, and never where it keeps alpha."""
    if turn in (5, 6, 7, 8):
        picture = cv2.transpose(picture)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(turn)
    return picture if flip is None else cv2.flip(picture, flip)


def read_picture(path: str | Path) -> np.ndarray:
    """
    Read a picture file as :func:`decode_picture` does.

    :returns: RGB uint8 (H, W, 3).
    :raises ImageError: the file is missing, not readable, too large or no picture.
    """
    what = f'The picture {shown(str(path))}'

    def check(read: Read, size: int) -> None:
        if not size:
            raise ImageError(f'{what} is empty; choose a {KNOWN_FORMATS} file.')
        form = picture_format(read(0, 64))
        if form is None:
            raise ImageError(f'{what} is no {KNOWN_FORMATS} file (it begins with {read(0, 8)!r}); convert it to one.')
        try:
            check_size(read, form, size, what)
        except ValueError as error:
            raise ImageError(f'{what} is a damaged or truncated {form} file ({size} bytes); choose another.') from error
    try:
        data = read_file(path, _MAX_BYTES, check)
    except FileNotFoundError:
        raise ImageError(f'There is no picture file {shown(str(path))}; check the path.') from None
    except OSError as error:
        raise ImageError(f'{what} cannot be read ({error.strerror or error}); choose another file or change its '
                         'permissions.') from error
    except ValueError as error:
        raise ImageError(f'{what} has a path that is not possible ({error}); check its spelling.') from error
    return decode_picture(data, what)


def resolve_uri(uri: str, directories: Sequence[Path]) -> Path:
    """
    Find the file that a URI or a path means (:func:`local_path`), only below the given folders.

    :param uri: absolute, or relative to the folders, the first that has the file; ``..`` and links are followed first.
    :param directories: the folders that may be read, with all below them.
    :returns: the file's path, absolute and without links.
    :raises ImageError: another kind of URI, outside the folders, or no file.
    """
    try:
        path = local_path(uri, 'uri')
        folders, found, allowed, file = patiently(lambda: _look_below(directories, path))
    except StyleTransferError as error:
        raise ImageError(str(error)) from error
    except (OSError, ValueError, RuntimeError) as error:        # too long, a NUL byte, links in a circle
        reason = getattr(error, 'strerror', None) or str(error)
        raise ImageError(f'The uri {shown(uri)} is not a usable path ({shown(reason)}); check its spelling.') from error
    if file is not None:
        return file
    if folders and allowed == found:
        raise ImageError(f'The uri {shown(uri)} names no file in the style directories; check its spelling.')
    names = ', '.join(map(str, folders)) or 'none is set'
    raise ImageError(f'The uri {shown(uri)} lies outside the style directories ({names}); put the picture there, or '
                     'add its folder to the style directories.')


def _look_below(directories: Sequence[Path], path: Path) -> tuple[list[Path], list[Path], list[Path], Path | None]:
    """Return the folders, where the path would be in each, which of these are allowed, and the file that is there."""
    folders = [Path(folder).resolve() for folder in directories]
    found = [(folder / path).resolve() for folder in folders]
    allowed = [file for file in found if any(file.is_relative_to(folder) for folder in folders)]
    return folders, found, allowed, next((file for file in allowed if file.is_file()), None)


def check_rgb(picture: np.ndarray, what: str = 'The picture') -> None:
    """
    Check that an array is a picture as all functions here take it.

    :param what: how messages begin.
    :raises ImageError: it is not (H, W, 3) uint8 with at least one pixel, or has too many.
    """
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 \
            or not picture.size:
        found = f'{picture.dtype} {picture.shape}' if isinstance(picture, np.ndarray) else type(picture).__name__
        raise ImageError(f'{what} is {found}, but a NumPy array (height, width, 3) of uint8, RGB, with at least one '
                         'pixel is needed.')
    if picture.size > 3 * MAX_PIXELS:
        raise ImageError(f'{what} has {picture.shape[1]}x{picture.shape[0]} pixels, more than {MAX_PIXELS}; shrink it.')


def fit(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """
    Scale a picture to cover width x height and cut off what is too much on both sides, equally.

    :param picture: uint8 (H, W, C).
    :returns: uint8 (height, width, C); the picture itself where nothing is to be done.
    """
    h, w = picture.shape[:2]
    scale = max(width / w, height / h)
    cut_w, cut_h = min(w, max(1, round(width / scale))), min(h, max(1, round(height / scale)))
    x, y = (w - cut_w) // 2, (h - cut_h) // 2
    cut = picture[y:y + cut_h, x:x + cut_w]
    if (cut_w, cut_h) == (width, height):
        return cut
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def square(picture: np.ndarray, size: int = 256) -> np.ndarray:
    """
    Cut the centre square and resize it, the form that a style predictor sees.

    :param picture: uint8 (H, W, 3).
    :param size: height and width of the result, pixels.
    :returns: uint8 (size, size, 3).
    """
    return fit(picture, size, size)


def thumbnail(picture: np.ndarray, size: int = 256) -> np.ndarray:
    """
    Shrink until the shorter side is ``size``, so that :func:`square` of it is that of the picture.

    :param picture: uint8 (H, W, 3).
    :returns: uint8, never enlarged; of a strip longer than 2:1 the centre.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = max(0, height - 2 * side) // 2, max(0, width - 2 * side) // 2
    picture = picture[top:top + 2 * side, left:left + 2 * side]
    if side <= size:
        return np.ascontiguousarray(picture)
    height, width = (max(size, round(length * size / side)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def pad_to_multiple(frame: np.ndarray, multiple: int) -> np.ndarray:
    """
    Mirror a frame at bottom and right until both sides are multiples.

    :param frame: uint8 (H, W, 3), of any size.
    :returns: uint8; ``frame`` itself where nothing is missing.
    """
    below, right = -frame.shape[0] % multiple, -frame.shape[1] % multiple
    if not (below or right):
        return frame
    return cv2.copyMakeBorder(frame, 0, below, 0, right, cv2.BORDER_REFLECT_101)


def preserve_color(painted: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """
    Give the painting's luma (BT.601) the camera's chroma.

    :param painted: uint8 (H, W, 3).
    :param frame: uint8 (H, W, 3), of the same size.
    :returns: uint8 (H, W, 3).
    """
    mixed = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)
    cv2.insertChannel(cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY), mixed, 0)
    return cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB)


def encode_jpeg(rgb: np.ndarray, quality: int = 90) -> bytes:
    """
    Compress as JPEG.

    :param rgb: uint8 (H, W, 3).
    :param quality: 0..100.
    :raises ImageError: a side is longer than a JPEG can hold.
    """
    return _compress(rgb, '.jpg', cv2.IMWRITE_JPEG_QUALITY, quality)


def encode_png(rgb: np.ndarray) -> bytes:
    """
    Compress as PNG, without loss.

    :param rgb: uint8 (H, W, 3).
    :raises ImageError: a side is longer than OpenCV writes.
    """
    return _compress(rgb, '.png', cv2.IMWRITE_PNG_COMPRESSION, 3)


def _compress(rgb: np.ndarray, ending: str, *options: int) -> bytes:
    try:
        with silence():
            done, data = cv2.imencode(ending, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f'A picture of {rgb.shape[1]}x{rgb.shape[0]} pixels cannot be saved as {ending}; shrink it.')
    return data.tobytes()
