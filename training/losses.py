"""
What the student is asked for: the teacher's picture, its texture, and calm.

Pixels alone give the palette and blur the strokes; features of the teacher's own style predictor, and their means and
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

    :param average: the mean style vector (100,), which all styles share and which therefore says nothing.
    """

    def __init__(self, average: Tensor) -> None:
        super().__init__()
        self.register_buffer('average', average)
        self.ops = TorchOps(networks.magenta_predictor, magenta.predictor_weights()).requires_grad_(False)

    def forward(self, painted: Tensor, vector: Tensor) -> Tensor:
        """N,3,256,256 in 0..1 and the teacher's vectors (N, 100) -> the mean of 1 - cosine."""
        read = self.ops(painted).flatten(1)
        return 1 - F.cosine_similarity(read - self.average, vector - self.average).mean()


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
    """L1 at full, 1/2 and 1/4 resolution: the last keeps the palette when strokes do not fall together."""
    a2, b2 = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return F.l1_loss(a, b) + F.l1_loss(a2, b2) + F.l1_loss(F.avg_pool2d(a2, 2), F.avg_pool2d(b2, 2))


def feature_loss(a: List[Tensor], b: List[Tensor]) -> Tensor:
    """L1 between feature maps plus L1 between their means and deviations, each in units of the target's deviation."""
    total = torch.zeros(())
    for x, y in zip(a, b):
        spread = y.std((0, 2, 3), keepdim=True) + 1e-3
        x, y = x / spread, y / spread
        total = total + F.l1_loss(x, y)
        total = total + F.l1_loss(x.mean((2, 3)), y.mean((2, 3))) + 2 * F.l1_loss(x.std((2, 3)), y.std((2, 3)))
    return total / len(a)


def grid_loss(a: Tensor, b: Tensor) -> Tensor:
    """Penalize a pattern of period 4 (the depth-to-space grid) that the target does not have."""
    error = a - b
    n, c, h, w = error.shape
    pattern = error.reshape(n, c, h // 4, 4, w // 4, 4).mean((2, 4))
    return (pattern - pattern.mean((2, 3), keepdim=True)).abs().mean()
