# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Pictures from strangers are read or refused in one sentence; those from us are cut, padded and recoloured rightly."""
import os
import struct
import threading
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.errors import ImageError
from style_transfer_ros.engine.picture_headers import picture_format, picture_size, reader
from style_transfer_ros.engine.pictures import (
    decode_picture,
    encode_jpeg,
    encode_png,
    read_picture,
    resolve_uri,
    square,
    thumbnail,
)
from style_transfer_ros.engine.reading import patiently

RNG = np.random.default_rng(3)
SMOOTH = cv2.resize(RNG.integers(0, 256, (4, 5, 3), np.uint8), (41, 33), interpolation=cv2.INTER_LINEAR)
LOSSLESS_WEBP, LOSSY_WEBP = (cv2.IMWRITE_WEBP_QUALITY, 101), (cv2.IMWRITE_WEBP_QUALITY, 80)


def written(ending, rgb, *options):
    """Compress with OpenCV; ``rgb`` may have alpha or be grey."""
    order = {2: None, 3: cv2.COLOR_RGB2BGR}.get(rgb.ndim if rgb.ndim == 2 else rgb.shape[2], cv2.COLOR_RGBA2BGRA)
    return cv2.imencode(ending, rgb if order is None else cv2.cvtColor(rgb, order), options)[1].tobytes()


FILES = {'JPEG': written('.jpg', SMOOTH), 'PNG': written('.png', SMOOTH), 'BMP': written('.bmp', SMOOTH),
         'WebP': written('.webp', SMOOTH, *LOSSLESS_WEBP), 'TIFF': written('.tiff', SMOOTH)}


def refusal(data, what='The style'):
    """Return the one sentence with which data is refused."""
    with pytest.raises(ImageError) as caught:
        decode_picture(data, what)
    text = str(caught.value)
    assert text.startswith(what) and text.endswith('.') and '\n' not in text
    return text


@pytest.mark.parametrize('form', FILES)
def test_each_format_is_decoded(form):
    back = decode_picture(FILES[form])
    assert back.dtype == np.uint8 and back.flags.c_contiguous
    assert np.abs(back.astype(int) - SMOOTH).mean() <= (4 if form == 'JPEG' else 0)


@pytest.mark.parametrize('height, width', [(1, 1), (1, 300), (300, 1), (17, 31), (256, 256), (257, 259)])
@pytest.mark.parametrize('ending, channels, options', [
    ('.jpg', 3, ()), ('.jpg', 3, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)), ('.jpg', 3, (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)),
    ('.png', 3, ()), ('.png', 4, ()), ('.bmp', 3, ()), ('.bmp', 4, ()), ('.tiff', 3, ()), ('.tiff', 4, ()),
    ('.webp', 3, LOSSLESS_WEBP), ('.webp', 4, LOSSLESS_WEBP), ('.webp', 3, LOSSY_WEBP), ('.webp', 4, LOSSY_WEBP)])
def test_the_header_tells_the_size_that_opencv_decodes(ending, channels, options, height, width):
    data = written(ending, RNG.integers(0, 256, (height, width, channels), np.uint8), *options)
    assert picture_size(reader(data), picture_format(data)) == (width, height)
    assert decode_picture(data).shape == (height, width, 3)


@pytest.mark.parametrize('ending', ['.png', '.tiff'])
@pytest.mark.parametrize('dtype, scale', [(np.uint8, 1), (np.uint16, 257)])
def test_grey_and_16_bit_are_accepted(ending, dtype, scale):
    grey = RNG.integers(0, 256, (5, 7), np.uint8)
    wide = (SMOOTH.astype(dtype) * scale).astype(dtype)
    np.testing.assert_array_equal(decode_picture(written(ending, grey.astype(dtype) * dtype(scale))),
                                  grey[..., None].repeat(3, axis=2))
    np.testing.assert_array_equal(decode_picture(written(ending, wide)), SMOOTH)


@pytest.mark.parametrize('ending, options, dtype, scale', [
    ('.png', (), np.uint8, 1), ('.png', (), np.uint16, 257), ('.webp', LOSSLESS_WEBP, np.uint8, 1)])
def test_transparency_is_put_on_white(ending, options, dtype, scale):
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [10, 20, 30, 51]]], dtype) * dtype(scale)
    back = decode_picture(written(ending, rgba, *options))
    np.testing.assert_allclose(back.astype(int), [[[10, 20, 30], [255] * 3, [206, 208, 210]]], atol=1)


def whole_tiff(pixel, bits, extra=None, compression=1):
    """Write a TIFF of one pixel, its fourth channel marked as ``extra`` says."""
    samples = np.array(pixel, f'<u{bits // 8}').tobytes()
    tags = [(256, 3, 1), (257, 3, 1), (258, 3, bits), (259, 3, compression), (262, 3, 2), (273, 4, 0),
            (277, 3, len(pixel)), (278, 3, 1), (279, 4, len(samples))] + [(338, 3, extra)] * (extra is not None)
    tags[5] = 273, 4, len(tiff(*tags))
    return tiff(*tags) + samples


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('extra, pixel, seen', [
    (2, (200, 100, 50, 128), (227, 177, 152)), (None, (200, 100, 50, 128), (227, 177, 152)),
    (1, (100, 50, 25, 128), (227, 177, 152)), (0, (200, 100, 50, 0), (200, 100, 50))])
def test_the_fourth_channel_of_a_tiff_is_what_the_file_says(bits, extra, pixel, seen):
    """Programs write 2; libtiff weights the colours of 8 bits with it by itself."""
    back = decode_picture(whole_tiff([value * (257 if bits == 16 else 1) for value in pixel], bits, extra))
    np.testing.assert_allclose(back[0, 0].astype(int), seen, atol=1)


@pytest.mark.parametrize('masks, seen', [(0, (200, 100, 50)), (0xff << 24, (255, 255, 255))])
def test_a_bmp_is_transparent_only_if_its_header_has_a_mask_for_it(masks, seen):
    """Programs fill the fourth byte with 0."""
    pixel = bytes((50, 100, 200, 0))
    size = 108 if masks else 40
    head = struct.pack('<IiiHHIIiiII', size, 1, 1, 1, 32, 3, 4, 0, 0, 0, 0) + struct.pack(
        '<III', 0xff0000, 0xff00, 0xff) + (struct.pack('<I', masks) + bytes(52) if masks else b'')
    data = b'BM' + struct.pack('<IHHI', 14 + len(head) + 4, 0, 0, 14 + len(head)) + head + pixel
    np.testing.assert_array_equal(decode_picture(data)[0, 0], seen)


@pytest.mark.parametrize('data, fact', [
    (lambda: whole_tiff((1, 2, 3), 8, compression=34712), 'compression 34712'),      # JPEG 2000: OpenCV gives black
    (lambda: whole_tiff((1, 2, 3), 8, compression=50002), 'compression 50002'),
    (lambda: whole_tiff((1, 2, 3, 4, 5), 8), '5 samples per pixel'),
    (lambda: whole_tiff((1, 2, 3), 32), '32 bits per sample'),
    (lambda: FILES['JPEG'].replace(b'\xff\xc0\0\x11\x08', b'\xff\xc1\0\x11\x0c'), '12 bits per sample'),
    (lambda: FILES['JPEG'].replace(b'\xff\xc0', b'\xff\xc3'), 'SOF3')])
def test_a_kind_that_is_not_read_is_named(data, fact):
    """A whole file is not called damaged alone."""
    assert fact in refusal(data())


def test_a_jpeg_of_thousands_of_scans_is_refused_before_decoding(monkeypatch):
    """Each scan of a few bytes costs a pass over the whole picture."""
    data = written('.jpg', SMOOTH, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    decode_picture(data)
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('was decoded'))
    last = data[data.rfind(b'\xff\xda'):-2]
    assert 'scans' in refusal(data[:-2] + last * 10_000 + data[-2:])


def test_float_samples_are_refused():
    text = refusal(written('.tiff', SMOOTH.astype(np.float32)))
    assert 'float32' in text


def exif(orientation, order='>'):
    return ({'<': b'II*\0', '>': b'MM\0*'}[order] + struct.pack(order + 'IHHHI', 8, 1, 0x112, 3, 1)
            + struct.pack(order + 'HHI', orientation, 0, 0))


def turned(form, orientation, order='>', picture=SMOOTH):
    """Write a file with an EXIF orientation."""
    block = exif(orientation, order)
    if form == 'JPEG':
        data, block = written('.jpg', picture), b'Exif\0\0' + block
        return data[:2] + b'\xff\xe1' + struct.pack('>H', len(block) + 2) + block + data[2:]
    if form == 'PNG':
        data = written('.png', picture)
        chunk = struct.pack('>I', len(block)) + b'eXIf' + block + struct.pack('>I', zlib.crc32(b'eXIf' + block))
        return data[:33] + chunk + data[33:]
    height, width = picture.shape[:2]
    size = (width - 1).to_bytes(3, 'little') + (height - 1).to_bytes(3, 'little')
    chunks = (b'VP8X' + struct.pack('<II', 10, 8) + size + written('.webp', picture, *LOSSLESS_WEBP)[12:]
              + b'EXIF' + struct.pack('<I', len(block)) + block)
    return b'RIFF' + struct.pack('<I', len(chunks) + 4) + b'WEBP' + chunks


UPRIGHT = {1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud, 5: lambda p: p.swapaxes(0, 1),
           6: lambda p: np.rot90(p, -1), 7: lambda p: np.rot90(p, 2).swapaxes(0, 1), 8: np.rot90}


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('orientation', UPRIGHT)
@pytest.mark.parametrize('form', ['JPEG', 'PNG', 'WebP'])
def test_a_picture_is_turned_upright_as_exif_says(form, orientation, order):
    back = decode_picture(turned(form, orientation, order))
    stored = decode_picture(FILES[form])
    np.testing.assert_array_equal(back, UPRIGHT[orientation](stored))


@pytest.mark.parametrize('orientation', UPRIGHT)
def test_opencv_agrees_on_the_turn(orientation):
    """A JPEG that is read for colour only is turned by OpenCV itself."""
    data = turned('JPEG', orientation)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode_picture(data), theirs[..., ::-1])


@pytest.mark.parametrize('block', [b'', b'Exif\0\0', exif(99), exif(6)[:14], b'II*\0' + b'\xff' * 99])
def test_damaged_exif_leaves_the_picture_as_it_is(block):
    data, block = FILES['JPEG'], b'Exif\0\0' + block
    data = data[:2] + b'\xff\xe1' + struct.pack('>H', len(block) + 2) + block + data[2:]
    np.testing.assert_array_equal(decode_picture(data), decode_picture(FILES['JPEG']))


def tiff(*tags, order='<'):
    entries = b''.join(struct.pack(order + 'HHII' if kind == 4 else order + 'HHIHxx', tag, kind, 1, value)
                       for tag, kind, value in tags)
    return {'<': b'II*\0', '>': b'MM\0*'}[order] + struct.pack(order + 'IH', 8, len(tags)) + entries + bytes(4)


def riff(kind, body):
    return b'RIFF' + struct.pack('<I', len(body) + 12) + b'WEBP' + kind + struct.pack('<I', len(body)) + body


def png(width, height):
    ihdr = b'IHDR' + struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    idat = b'IDAT' + zlib.compress(bytes(100_000))
    return b'\x89PNG\r\n\x1a\n' + b''.join(struct.pack('>I', len(c) - 4) + c + struct.pack('>I', zlib.crc32(c))
                                           for c in (ihdr, idat, b'IEND'))


def jpeg(width, height, before=b''):
    return (b'\xff\xd8' + before + b'\xff\xc0' + struct.pack('>HBHHB', 17, 8, height, width, 3)
            + bytes((1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0)) + b'\xff\xd9')


HUGE = {
    'PNG': png(20_000, 10_000),
    'PNG of two thousand million': png(2 ** 31 - 1, 1),
    'JPEG': jpeg(20_000, 10_000),
    'JPEG after a thumbnail': jpeg(20_000, 10_000, b'\xff\xe1' + struct.pack('>H', len(FILES['JPEG']) + 2)
                                   + FILES['JPEG']),
    'JPEG after fill bytes': jpeg(20_000, 10_000, b'\xff\xff\xff\xfe\0\2'),
    'WebP lossy': riff(b'VP8 ', b'\x10\0\0\x9d\x01\x2a' + struct.pack('<HH', 16_383, 16_383)),
    'WebP lossless': riff(b'VP8L', b'\x2f' + struct.pack('<I', 16_382 | 16_382 << 14)),
    'WebP extended': riff(b'VP8X', bytes(4) + (19_999).to_bytes(3, 'little') + (9_999).to_bytes(3, 'little')),
    'BMP': b'BM' + bytes(12) + struct.pack('<Iii', 40, 20_000, 10_000) + bytes(30),
    'BMP top down': b'BM' + bytes(12) + struct.pack('<Iii', 40, 20_000, -10_000) + bytes(30),
    'BMP of OS/2': b'BM' + bytes(12) + struct.pack('<IHH', 12, 20_000, 10_000) + bytes(30),
    'TIFF': tiff((256, 4, 20_000), (257, 4, 10_000)),
    'TIFF of Motorola': tiff((256, 3, 20_000), (257, 3, 10_000), order='>'),
    'TIFF with repeated tags': tiff((256, 4, 20_000), (256, 4, 1), (257, 4, 10_000), (257, 4, 1)),
    'TIFF of one pixel in a huge tile': tiff((256, 4, 1), (257, 4, 1), (322, 4, 20_000), (323, 4, 10_000)),
}


@pytest.mark.parametrize('name', HUGE)
def test_a_huge_picture_is_refused_by_its_header(name, monkeypatch):
    """A few bytes that claim 200 million pixels never reach the decoder."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('was decoded'))
    assert f'pixels, more than {pictures.MAX_PIXELS}' in refusal(HUGE[name])


def test_a_png_that_claims_more_than_it_has_is_refused_before_decoding(monkeypatch):
    """New OpenCV asks for the memory of a chunk, up to 2 GB, before it reads it."""
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('was decoded'))
    data = FILES['PNG']
    assert 'damaged or truncated PNG' in refusal(data[:33] + struct.pack('>I', 2 ** 31 - 1) + data[37:])


@pytest.mark.parametrize('data, fact', [
    (b'', 'is empty'), (b'GIF89a' + bytes(50), "begins with b'GIF89a"), (b'<svg></svg>', 'is no JPEG'),
    (b'\0\0\0\x24ftypheic' + bytes(50), 'is an HEIC file, not JPEG, PNG, WebP, BMP or TIFF; save it as JPEG'),
    (b'\0\0\0\x20ftypavif' + bytes(50), 'is an AVIF file'),
    (b'not a picture', 'is no JPEG'), (bytes(1000), 'is no JPEG'), (b'\xff\xd8\xff', 'damaged or truncated JPEG'),
    (b'\xff\xd8' + b'\xff\xfe\0\2' * 100_000, 'damaged or truncated JPEG'), (png(0, 0), 'damaged'),
    (jpeg(0, 0), 'damaged'), (b'II*\0' + b'\xff' * 20, 'damaged or truncated TIFF'),
    (tiff((256, 16, 1), (257, 4, 1)), 'damaged or truncated TIFF')])
def test_what_is_no_picture_is_refused_in_one_sentence(data, fact):
    assert fact in refusal(data)


@pytest.mark.parametrize('form', FILES)
def test_a_truncated_file_is_refused(form):
    data = FILES[form]
    for length in {*range(60), *range(60, len(data) * 95 // 100, 37)} - {0}:
        assert 'begins with' in refusal(data[:length]) or 'damaged or truncated' in refusal(data[:length])


@pytest.mark.parametrize('form', FILES)
def test_a_file_with_wrong_bytes_is_read_or_refused_but_never_more(form):
    """Random damage in header and body raises ImageError or nothing."""
    noise = np.random.default_rng(4)
    for _ in range(300):
        data = bytearray(FILES[form])
        for at in noise.integers(0, min(len(data), noise.choice([40, 200, len(data)])), 3):
            data[at] = noise.integers(256)
        try:
            assert decode_picture(bytes(data)).shape[2] == 3
        except ImageError as error:
            assert str(error).startswith('The picture ')


def test_a_file_is_read(tmp_path):
    path = tmp_path / 'Große Welle 波.png'
    path.write_bytes(encode_png(SMOOTH))
    np.testing.assert_array_equal(read_picture(path), SMOOTH)
    np.testing.assert_array_equal(read_picture(str(path)), SMOOTH)


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path):
    (tmp_path / 'empty.png').touch()
    os.mkfifo(tmp_path / 'pipe.png')            # reading it would wait for ever
    with open(tmp_path / 'large.png', 'wb') as file:
        file.truncate(500_000_000)
    with open(tmp_path / 'hollow.jpg', 'wb') as file:
        file.write(encode_jpeg(SMOOTH)[:-2])
        file.truncate(350_000_000)
    for name, fact in (('missing.png', 'There is no picture file'), ('.', 'Is a directory'), ('a\0b', '.'),
                       ('pipe.png', 'no regular file'), ('empty.png', 'is empty'), ('x' * 300, '.'),
                       ('large.png', '500000000 bytes, more than'), ('hollow.jpg', '350000000 bytes, far more than')):
        with pytest.raises(ImageError, match=fact) as caught:
            read_picture(f'{tmp_path}/{name}')
        assert str(caught.value).endswith('.') and str(tmp_path) in str(caught.value)
    with pytest.raises(ImageError, match='cannot be read.*regular file'):
        read_picture('/dev/zero')


@pytest.mark.parametrize('head', [b'\xff\xd8\xff', encode_jpeg(SMOOTH)[:-2], encode_png(SMOOTH)[:60], b'BM' + bytes(60),
                                  b'II*\0\x08\0\0\0' + bytes(60), b'RIFF    WEBPVP8X' + bytes(60)])
def test_a_hollow_file_of_350_mb_is_refused_before_it_is_read(tmp_path, head):
    path = tmp_path / 'hollow'
    with open(path, 'wb') as file:
        file.write(head)
        file.truncate(350_000_000)
    tracemalloc.start()
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert str(caught.value).endswith('.') and len(str(caught.value)) < 400


def test_a_file_that_never_answers_is_given_up():
    forever = threading.Event()
    with pytest.raises(TimeoutError, match='does not answer'):
        patiently(forever.wait, 0.1)
    forever.set()
    assert patiently(lambda: 5) == 5
    with pytest.raises(KeyError):
        patiently(lambda: {}[1])


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two style folders with pictures, and a secret beside them."""
    for name in ('one/a.png', 'one/same.png', 'two/same.png', 'two/deep/b c.png', 'one-secret/s.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'one' / 'link.png').symlink_to(tmp_path / 'one-secret' / 's.png')
    (tmp_path / 'one' / 'inside.png').symlink_to('../two/same.png')
    (tmp_path / 'one' / 'circle.png').symlink_to('circle.png')
    (tmp_path / 'alias').symlink_to('two')
    for name in ('~a.png', '\udcff.png', 'package.xml'):
        (tmp_path / 'one' / name).write_bytes(b'x')
    (tmp_path / 'prefix' / 'share').mkdir(parents=True)
    (tmp_path / 'prefix' / 'share' / 'mine').symlink_to(tmp_path / 'one')
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    return tmp_path


@pytest.mark.parametrize('uri, file', [
    ('a.png', 'one/a.png'), ('same.png', 'one/same.png'), ('deep/b c.png', 'two/deep/b c.png'),
    ('deep/../same.png', 'one/same.png'), ('{}/two/same.png', 'two/same.png'), ('inside.png', 'two/same.png'),
    ('file://{}/two/deep/b%20c.png', 'two/deep/b c.png'), ('file://localhost{}/one/a.png', 'one/a.png'),
    ('FILE:{}/one/a.png', 'one/a.png'), ('file://LOCALHOST{}/one/a.png', 'one/a.png'), ('file:a.png', 'one/a.png'),
    ('~/one/a.png', 'one/a.png'), ('file:///~/one/a.png', 'one/a.png'), ('package://mine/a.png', 'one/a.png'),
    ('file://{}/one/%FF.png', 'one/\udcff.png'), ('~a.png', 'one/~a.png'), ('{}/alias/same.png', 'two/same.png'),
    ('../two/same.png', 'two/same.png')])
def test_a_uri_is_found_below_the_folders(folders, uri, file):
    found = resolve_uri(uri.format(folders), [folders / 'one', folders / 'alias'])
    assert found == folders.resolve() / file


@pytest.mark.parametrize('uri, fact', [
    ('/etc/passwd', 'outside'), ('file:///etc/passwd', 'outside'), ('../../../../../../../etc/passwd', 'outside'),
    ('file://{}/one/%2e%2e/one-secret/s.png', 'outside'), ('{}/one-secret/s.png', 'outside'), ('link.png', 'outside'),
    ('../one-secret/missing.png', 'outside'), ('missing.png', 'names no file'), ('', 'names no file'),
    ('deep', 'names no file'), ('http://host/a.png', 'no file on this machine'), ('file://host/a.png', 'another'),
    ('file://[', 'another machine'), ('package://nobody_has_this/a.png', 'not installed'),
    ('package://mine/../one-secret/s.png', 'outside'), ('~/one-secret/s.png', 'outside'),
    ('~no_such_user/a', 'not known'), ('a\0.png', 'not a usable path'), ('x' * 5000, 'usable|names no'),
    ('circle.png', 'usable|names no')])
def test_another_uri_is_refused_in_one_sentence(folders, uri, fact):
    with pytest.raises(ImageError, match=fact) as caught:
        resolve_uri(uri.format(folders), [folders / 'one', folders / 'two'])
    assert 'uri ' in str(caught.value) and str(caught.value).endswith('.')


def test_without_folders_no_uri_is_read(folders):
    with pytest.raises(ImageError, match='outside the style directories .none is set'):
        resolve_uri(f'{folders}/one/a.png', [])


@pytest.mark.parametrize('height, width', [(1, 1), (100, 300), (600, 257), (256, 256)])
def test_a_square_shows_the_centre(height, width):
    picture = np.zeros((height, width, 3), np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture[top:top + side, left:left + side] = 200
    np.testing.assert_array_equal(square(picture), np.full((256, 256, 3), 200))


@pytest.mark.parametrize('height, width, expected', [
    (480, 640, (256, 341)), (640, 480, (341, 256)), (100, 90, (100, 90)), (300, 9000, (256, 512)), (1, 50_000, (1, 2)),
    (257, 256, (257, 256))])
def test_a_thumbnail_has_the_shorter_side(height, width, expected):
    assert thumbnail(np.zeros((height, width, 3), np.uint8)).shape == (*expected, 3)


def test_a_style_can_be_learned_again_from_its_thumbnail():
    """What the style predictor sees of the thumbnail is what it saw of the picture."""
    picture = cv2.resize(SMOOTH, (1280, 720))
    difference = square(thumbnail(picture)).astype(int) - square(picture)
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize('height, width, multiple', [(1, 1, 8), (2, 3, 8), (477, 637, 4), (480, 640, 8), (9, 8, 8)])
def test_padding_mirrors_at_the_bottom_and_right(height, width, multiple):
    frame = RNG.integers(0, 256, (height, width, 3), np.uint8)
    padded = pictures.pad_to_multiple(frame, multiple)
    below, right = -height % multiple, -width % multiple
    np.testing.assert_array_equal(padded, np.pad(frame, ((0, below), (0, right), (0, 0)), mode='reflect'))
    assert (padded is frame) == (below == right == 0)


def test_preserve_color_keeps_the_luma_of_the_painting_and_the_chroma_of_the_camera():
    """Of muted pictures, whose mixture needs no clipping."""
    painted, frame = (RNG.integers(100, 156, (32, 48, 3), np.uint8) for _ in range(2))
    mixed, luma, chroma = (cv2.cvtColor(p, cv2.COLOR_RGB2YCrCb).astype(int)
                           for p in (pictures.preserve_color(painted, frame), painted, frame))
    assert np.abs(mixed[..., 0] - luma[..., 0]).max() <= 1
    assert np.abs(mixed[..., 1:] - chroma[..., 1:]).max() <= 2


def test_jpeg_and_png_come_back():
    np.testing.assert_array_equal(decode_picture(encode_png(SMOOTH)), SMOOTH)
    assert np.abs(decode_picture(encode_jpeg(SMOOTH, 95)).astype(int) - SMOOTH).mean() < 3
    assert len(encode_jpeg(SMOOTH, 10)) < len(encode_jpeg(SMOOTH, 95))


def test_a_picture_too_long_for_jpeg_is_refused():
    with pytest.raises(ImageError, match='70000x1 pixels cannot be saved as .jpg'):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8), 90)
