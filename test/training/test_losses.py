# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Each loss sees what it is for and nothing else."""
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')
F = torch.nn.functional


def picture(seed=2, side=64):
    noise = np.random.default_rng(seed).random((2, 3, side // 4, side // 4)).astype(np.float32)
    return F.interpolate(torch.from_numpy(noise), scale_factor=4, mode='bilinear')


def test_the_palette_loss_sees_a_cast_and_paleness_and_not_where_colours_are():
    from training.losses import palette_loss
    seen, directions = picture(), torch.eye(3)
    assert palette_loss(seen, seen.flip(3), directions) < 1e-6
    cast = seen + torch.tensor([0, 0.1, 0])[:, None, None]
    assert palette_loss(cast, seen, directions).item() == pytest.approx(0.1 / 3, rel=1e-3)
    assert palette_loss(0.5 + 0.8 * (seen - 0.5), seen, directions) > 0.02
    assert palette_loss(seen, F.interpolate(seen, scale_factor=2), directions) < 0.02       # of another size


def test_the_gradient_loss_sees_blur_and_not_brightness():
    from training.losses import gradient_loss
    seen = picture()
    assert gradient_loss(seen + 0.1, seen) < 1e-6
    assert gradient_loss(F.avg_pool2d(seen, 5, 1, 2), seen) > 0.005


def test_the_band_loss_asks_for_as_much_detail_wherever_it_is():
    from training.losses import band_loss
    generator = torch.Generator().manual_seed(0)
    first, second = (0.5 + 0.1 * torch.randn(1, 3, 64, 64, generator=generator) for _ in range(2))
    smooth = F.avg_pool2d(first, 3, 1, 1)
    assert band_loss(first, first) < 1e-6
    assert band_loss(second, first) < 0.5 * band_loss(smooth, first)


def test_the_lattice_loss_sees_what_repeats_in_every_block():
    from training.losses import lattice_loss
    plain, printed = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 64, 64), 0.5)
    printed[..., ::4, ::4] += 0.1
    noise = 0.5 + 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert lattice_loss(printed, plain) > 3 * lattice_loss(noise, plain)
    assert lattice_loss(plain, printed) < 1e-6


def test_the_seam_loss_sees_tiles_however_faint_and_not_where_they_are_asked_for():
    from training.losses import seam_loss
    plain, tiles = torch.full((1, 3, 64, 64), 0.5), picture()[..., ::4, ::4].repeat_interleave(4, 2)
    tiles = tiles.repeat_interleave(4, 3)
    faint = 0.5 + 0.1 * (tiles - 0.5)
    assert seam_loss(tiles, plain) > 1.9 and seam_loss(faint, plain) > 1.5
    assert seam_loss(0.5 + 0.9 * (tiles - 0.5), tiles) < 0.02 and seam_loss(plain, plain) < 1e-6
    aside = tiles.roll((2, 2), (2, 3))                          # strokes as wide as a block, but not on the seams
    assert seam_loss(aside, 0.5 + 0.9 * (aside - 0.5)) < 0.02 and seam_loss(aside, plain) > 1.9


def test_the_content_loss_forgives_what_the_teacher_lost_too():
    from training.losses import content_loss
    seen = picture()
    blurred = F.avg_pool2d(seen, 9, 1, 4)
    assert content_loss(blurred, blurred, seen) < 1e-6
    assert content_loss(blurred, seen, seen) > 0.05
