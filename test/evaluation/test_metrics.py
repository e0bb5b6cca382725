# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Each measure says what its name promises, on pictures whose answer is known."""
import cv2
import numpy as np
import pytest

from evaluation import metrics

RNG = np.random.default_rng(0)
#: A photograph without structure of its own at high frequencies; a blur of bytes would leave one.
SMOOTH = cv2.GaussianBlur(RNG.random((288, 320, 3), np.float32), (0, 0), 6)
PHOTOGRAPH = np.rint(cv2.normalize(SMOOTH, None, 30, 220, cv2.NORM_MINMAX)).astype(np.uint8)


def grid(period: int, amplitude: int) -> np.ndarray:
    """Return a pattern that lights one pixel of each cell."""
    pattern = np.zeros((288, 320, 1), np.int16)
    pattern[::period, ::period] = amplitude
    return pattern


def with_grid(period: int, amplitude: int) -> np.ndarray:
    return np.clip(metrics.noisy(PHOTOGRAPH, 3, RNG) + grid(period, amplitude), 0, 255).astype(np.uint8)


def test_a_picture_is_like_itself():
    assert metrics.histogram_distance(PHOTOGRAPH, PHOTOGRAPH) == pytest.approx(0, abs=1e-3)
    assert metrics.psnr(PHOTOGRAPH, PHOTOGRAPH) == 99
    assert metrics.border(PHOTOGRAPH, PHOTOGRAPH) == pytest.approx(1)


def test_disjoint_colours_are_at_distance_one():
    red, green = np.zeros((2, 16, 16, 3), np.uint8)
    red[..., 0] = green[..., 1] = 255
    assert metrics.histogram_distance(red, green) == pytest.approx(1)


def test_the_psnr_of_a_known_error():
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert metrics.psnr(grey, grey + np.uint8(10)) == pytest.approx(20 * np.log10(25.5), abs=1e-3)


def test_a_paler_painting_has_less_contrast():
    pale = np.rint(128 + 0.5 * (PHOTOGRAPH.astype(np.float32) - 128)).astype(np.uint8)
    assert metrics.contrast(pale, PHOTOGRAPH) == pytest.approx([0.5] * 3, rel=0.02)


def test_a_constant_scene_does_not_flicker_and_noise_flickers_by_its_deviation():
    assert metrics.flicker([PHOTOGRAPH] * 4) == 0
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert metrics.flicker([metrics.noisy(grey, 4, RNG) for _ in range(12)]) == pytest.approx(4, rel=0.05)


def test_a_painting_that_moves_with_the_camera_has_no_warping_error():
    before, now = PHOTOGRAPH[:, :-4], PHOTOGRAPH[:, 4:]
    positions, mask = metrics.motion(before, now)
    assert mask.mean() > 0.8
    assert np.median(positions[mask] - np.stack(np.meshgrid(np.arange(316), np.arange(288)), -1)[mask], 0) \
        == pytest.approx([4, 0], abs=0.3)
    steady = metrics.warping_error(255 - before, 255 - now, positions, mask)
    stuck = metrics.warping_error(255 - before, 255 - before, positions, mask)
    assert 10 * steady < 1 < stuck


def checkerboard(period: int, amplitude: int) -> float:
    return metrics.checkerboard(with_grid(period, amplitude) for _ in range(8))


def test_a_checkerboard_is_seen_and_a_photograph_is_none():
    plain = checkerboard(4, 0)
    assert plain == pytest.approx(1, abs=0.3)
    assert checkerboard(4, 16) > 20 * plain
    assert checkerboard(2, 16) > 5 * plain


def test_a_grid_of_another_period_is_no_checkerboard():
    assert checkerboard(5, 16) == pytest.approx(1, abs=0.3)


def test_the_amplitude_of_a_grid_is_in_grey_values():
    assert metrics.grid_amplitude(with_grid(4, 0)) < 0.2
    assert metrics.grid_amplitude(with_grid(4, 16)) == pytest.approx(16 * np.sqrt(15) / 16, rel=0.15)


def test_tiles_are_a_mosaic_however_faint_and_smooth_strokes_are_none():
    tiles = np.kron(RNG.random((48, 64)), np.ones((4, 4)))[..., None].repeat(3, 2)
    smooth = cv2.GaussianBlur(RNG.random((192, 256, 3)), (0, 0), 3)

    def shown(picture, contrast):
        return np.uint8(128 + contrast * (picture - picture.mean()))
    assert metrics.tiles(shown(tiles, 200)) > 0.95
    assert metrics.tiles(shown(tiles, 20)) > 0.9
    assert metrics.tiles(shown(smooth, 900)) < 0.1
    assert metrics.tiles(metrics.noisy(np.full((192, 256, 3), 128), 8, RNG)) < 0.1


def test_a_line_along_the_border_is_seen():
    framed = PHOTOGRAPH.copy()
    framed[:2] = framed[-2:] = framed[:, :2] = framed[:, -2:] = 255
    assert metrics.border(framed, PHOTOGRAPH) > 3


def test_blotches_are_slow_changes_and_not_noise():
    grey = np.full((128, 128, 3), 128, np.uint8)
    blotched = grey.copy()
    blotched[:64] = 168
    assert metrics.blotches(metrics.noisy(grey, 8, RNG)) < 0.5
    assert metrics.blotches(blotched) == pytest.approx(20, rel=0.1)
