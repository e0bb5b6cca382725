"""
What the student is asked for: the teacher's picture, palette, texture and style, the photograph's structure, no grid.

Pixels alone blur the strokes and pale the colours; features of the teacher's own style predictor, and their means and
deviations, ask for strokes of the same kind without asking for the same stroke (arXiv 1603.08155, 1703.06868).
"""
from __future__ import annotations

from itertools import islice
from typing import List

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from style_transfer_ros.engine import magenta, networks
from training.torch_ops import TorchOps

#: Blocks of the predictor whose features are compared: 1/2, 1/4, 1/8 resolution.
_FEATURE_BLOCKS = (0, 2, 5)


class StyleReader(nn.Module):
    """
    Magenta's whole style predictor, frozen: whether the painting reads as the style that was asked for.

    :param average: the mean style vector (100,): errors count relative to a style's distance from it.
    """

    def __init__(self, average: Tensor) -> None:
        super().__init__()
        self.register_buffer('average', average)
        self.ops = TorchOps(networks.magenta_predictor, magenta.predictor_weights()).requires_grad_(False)

    def forward(self, painted: Tensor, vector: Tensor, size: int) -> Tensor:
        """N,3,H,W in 0..1, read at ``size`` pixels, and the teacher's vectors (N, 100) -> loss (N,)."""
        read = self.ops(F.interpolate(painted, size, mode='area')).flatten(1)
        # about 1 - cosine of what is not the mean, but overshooting counts, too
        return (read - vector).square().sum(1) / (2 * (vector - self.average).square().sum(1) + 2)


class Features(nn.Module):
    """Feature maps of Magenta's style predictor, frozen, in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.ops = TorchOps(networks.mobilenet_blocks, magenta.predictor_weights()).requires_grad_(False)

    def forward(self, picture: Tensor) -> List[Tensor]:
        """N,3,H,W in 0..1 -> a list of feature maps."""
        blocks = list(islice(self.ops(picture), max(_FEATURE_BLOCKS) + 1))
        return [blocks[i] for i in _FEATURE_BLOCKS]


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


def palette_loss(a: Tensor, b: Tensor, directions: Tensor) -> Tensor:
    """
    Penalize colours that are rarer or commoner than in the target, wherever they are.

    The sliced Wasserstein distance (Rabin et al., SSVM 2011) at 1/4 resolution.  Pixel losses alone answer what is
    uncertain with its median, and whole pictures become paler and drift to one hue.

    :param directions: K,3, unit vectors in the space of colours.
    """
    a, b = (torch.einsum('nchw,kc->nkhw', F.avg_pool2d(x, 4), directions).flatten(2).sort(2)[0] for x in (a, b))
    return F.l1_loss(a, b)


def feature_loss(a: List[Tensor], b: List[Tensor]) -> Tensor:
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
    light = painted.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    painted, target, photograph = ((x * light).sum(1, keepdim=True) for x in (painted, target, photograph))
    return F.relu(_structure(painted, photograph) - _structure(target, photograph)).mean()


def _grid_kernels() -> Tensor:
    """Cosines and sines of period 2 and 4 pixels in both directions, (K, 1, 4, 4), each of gain 1."""
    steps, kernels = torch.arange(4) * torch.pi / 2, []
    for u, v in ((0, 1), (1, 0), (1, 1), (1, 3), (1, 2), (2, 1), (0, 2), (2, 0), (2, 2)):
        phase = u * steps[:, None] + v * steps[None, :]
        kernels += [wave / wave.square().sum() for wave in (phase.cos(), phase.sin()) if wave.abs().max() > 0.5]
    return torch.stack(kernels)[:, None]


def grid_loss(a: Tensor, b: Tensor) -> Tensor:
    """Penalize waves of period 2 and 4 (the depth-to-space grid) where they are stronger than in the target."""
    kernels = _grid_kernels().to(a)

    def strength(x: Tensor) -> Tensor:
        waves = F.conv2d(x.flatten(0, 1)[:, None], kernels, stride=2)
        return (F.avg_pool2d(waves.square(), 4) + 1e-8).sqrt()
    return F.relu(strength(a) - strength(b)).sum(1).mean()


def lattice_loss(a: Tensor, b: Tensor, window: int = 14) -> Tensor:
    """
    Penalize what repeats in every 4x4 block of a picture's parts, beyond what does in the target.

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
