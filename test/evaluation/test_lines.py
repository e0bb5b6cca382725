# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Measures of lines tell lines from blur and beads, on pictures whose answer is known."""
import cv2
import numpy as np
import pytest

from evaluation import lines


def stripes(blur: float = 0.0) -> np.ndarray:
    """Return slanted black and white stripes, 20 pixels wide."""
    y, x = np.mgrid[:240, :320]
    picture = np.where((x + y // 2) // 20 % 2, 220, 30).astype(np.uint8)[..., None].repeat(3, 2)
    return cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture


def beads() -> np.ndarray:
    """Return the stripes' edges as rows of dots."""
    picture = np.full((240, 320, 3), 120, np.uint8)
    for y, x in np.argwhere(lines.edges(stripes()))[::9]:
        cv2.circle(picture, (int(x), int(y)), 3, (240, 240, 240), -1, cv2.LINE_AA)
    return picture


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)


def test_edges_are_found_on_edges_and_not_at_the_border():
    found = lines.edges(stripes())
    assert found.mean() > 0.02 and not found[:8].any() and not found[:, -8:].any()
    assert not lines.edges(np.full((240, 320, 3), 99, np.uint8)).any()


def test_a_picture_agrees_with_its_own_edges_and_noise_does_not():
    assert lines.edge_agreement(stripes(), stripes()) > 0.9
    assert lines.edge_agreement(stripes(), 255 - stripes()) > 0.9          # direction, not sign
    assert abs(lines.edge_agreement(stripes(), noise())) < 0.1


def test_beads_are_rounder_than_lines():
    assert lines.edge_blobness(stripes(), beads()) > 2 * lines.edge_blobness(stripes(), stripes())


def test_a_blurred_edge_is_wider():
    sharp, soft = (lines.edge_width(stripes(), stripes(blur)) for blur in (0.0, 2.0))
    assert soft > 1.5 * sharp


@pytest.mark.parametrize(('period', 'octave'), [(3, 0), (6, 1), (12, 2), (24, 3), (48, 4)])
def test_detail_is_counted_in_its_octave(period, octave):
    wave = 128 + 60 * np.sin(2 * np.pi * np.arange(288) / period)
    picture = np.tile(wave, (288, 1)).astype(np.uint8)[..., None].repeat(3, 2)
    found = lines.octaves(picture)
    assert found.argmax() == octave and found[octave] > 0.9 * found.sum()
    assert found[octave] == pytest.approx(60 ** 2 / 2, rel=0.15)
