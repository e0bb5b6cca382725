# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Smoothing calms what stands still and leaves alone what moves."""
import numpy as np

from style_transfer_ros.engine.smoothing import Smoother

GREY = np.full((64, 64, 3), 100, np.uint8)


def test_flicker_on_a_still_scene_shrinks():
    rng, smoother = np.random.default_rng(0), Smoother()
    paintings = [rng.integers(90, 110, (64, 64, 3)).astype(np.uint8) for _ in range(20)]
    smooth = [smoother.apply(GREY, p, 0.8).astype(float) for p in paintings]
    assert np.std(smooth[8:], 0).mean() < 0.5 * np.std(paintings[8:], 0).mean()


def test_what_moves_is_painted_anew_at_once():
    smoother = Smoother()
    smoother.apply(GREY, np.zeros_like(GREY), 0.9)
    moved = GREY.copy()
    moved[:, 32:] = 200
    painted = np.full_like(GREY, 255)
    out = smoother.apply(moved, painted, 0.9)
    assert (out[:, 40:] == 255).all() and (out[:, :12] < 60).all()


def test_the_past_fades_with_time_and_clocks_that_stand_still_do_not_freeze_the_painting():
    for stamps, share in (((5.0, 5.4), 0.9 ** 12), ((5.0, 5.0 + 1 / 30), 0.9), ((0.0, 0.0), 0.9), ((5.0, 4.0), 0.9)):
        smoother = Smoother()
        smoother.apply(GREY, np.zeros_like(GREY), 0.9, stamps[0])
        out = smoother.apply(GREY, np.full_like(GREY, 200), 0.9, stamps[1])
        assert abs(out.astype(float).mean() - 200 * (1 - share)) < 2


def test_zero_amount_and_a_new_size_pass_through():
    smoother = Smoother()
    smoother.apply(GREY, GREY, 0.9)
    half = GREY[:32]
    assert (smoother.apply(half, half + 9, 0.9) == 109).all()
    assert smoother.apply(half, half, 0) is half


def test_a_tall_frame_is_mixed_like_a_low_one():
    """Large frames are mixed in parts; nobody sees where they meet."""
    tall = np.full((700, 16, 3), 100, np.uint8)
    smoother = Smoother()
    smoother.apply(tall, np.full_like(tall, 200), 0.5)
    mixed = smoother.apply(tall, np.full_like(tall, 100), 0.5)
    assert (mixed == 150).all()
