# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Paintings come out of Qt's resource files, styles are mixed as the pool says."""
import struct
import zlib

import cv2
import numpy as np

from training.gcompris import mosaic, read_paintings, resources
from training.pool import mixed


def resource_file(files):
    """Write a Qt resource file (version 3) with one folder, every second file packed by zlib."""
    names, contents, nodes = b'', b'', []
    for n, (title, content) in enumerate(files.items()):
        stored = struct.pack('>I', len(content)) + zlib.compress(content) if n % 2 else content
        nodes.append(struct.pack('>IHHHIQ', len(names), n % 2, 0, 0, len(contents), 0))
        names += struct.pack('>HI', len(title), 0) + title.encode('utf-16-be')
        contents += struct.pack('>I', len(stored)) + stored
    root = struct.pack('>IHIIQ', 0, 2, len(nodes), 1, 0)
    tree, head = root + b''.join(nodes), 20
    return b'qres' + struct.pack('>4I', 3, head, head + len(tree), head + len(tree) + len(contents)) + \
        tree + contents + names


def webp(colour, height=100, width=120):
    picture = np.full((height, width, 3), colour, np.uint8)
    return cv2.imencode('.webp', picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()


def test_every_file_of_a_resource_file_is_found():
    files = {'one.txt': b'plain', 'zwei.webp': b'packed' * 50, 'drei': b''}
    assert dict(resources(resource_file(files))) == files


def test_paintings_are_read_and_the_bundled_ones_are_not(tmp_path):
    (tmp_path / 'details.rcc').write_bytes(resource_file({
        'VincentVanGogh0012_background.webp': webp((200, 10, 10), 90), 'VincentVanGogh0012_1.webp': webp((0, 0, 0)),
        'Gogh4_background.webp': webp((0, 0, 0)), 'TajMahal_background.webp': webp((0, 0, 0))}))
    (tmp_path / 'paintings.rcc').write_bytes(resource_file({
        'GreatWave_a1.webp': webp((0, 0, 0)), 'GreatWave_a2.webp': webp((0, 0, 0)),
        'degas_class-dance_1.webp': webp((10, 200, 10)), 'degas_class-dance_2.webp': webp((10, 10, 200))}))
    whole, puzzle = read_paintings(tmp_path)
    assert whole.shape == (90, 120, 3) and (whole[0, 0] == (200, 10, 10)).all()
    assert {tuple(colour) for colour in puzzle.reshape(-1, 3)} == {(10, 200, 10), (10, 10, 200)}


def test_a_mosaic_is_square_and_shows_every_piece():
    pieces = [np.full((80, 60, 3), n, np.uint8) for n in range(5)]
    laid = mosaic(pieces, np.random.default_rng(0))
    assert laid.shape[0] == laid.shape[1] and set(np.unique(laid)) == set(range(5))


def test_styles_are_mixed_about_their_mean():
    vectors = np.array([[1, 0], [0, 1], [-1, -1]], np.float32)          # their mean is 0
    found = mixed(vectors, np.array([[[0, 1], [0.5, 0.25]], [[0, 2], [1, -1]], [[1, 0], [1, 0]]]))
    np.testing.assert_allclose(found, [[0.5, 0.25], [2, 1], [0, 1]], atol=1e-6)
