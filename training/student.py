# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What learns: the transformer, and the two dense layers of the style predictor."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

from style_transfer_ros.engine import networks
from training.reserved import identity_vector, install_identity
from training.torch_ops import TorchOps


class DenseLayers(nn.Module):
    """
    The layers of ``networks.swift_reader`` behind its pooled statistics; inputs of equal size, so that all learn.

    :param mean: of the pooled statistics, (470,).
    :param deviation: of the pooled statistics, (470,).
    :param weights: float32 by name, as ``networks.swift_reader`` names them; None: drawn at random.
    """

    def __init__(self, mean: Tensor, deviation: Tensor, weights: dict[str, np.ndarray] | None = None) -> None:
        super().__init__()
        self.register_buffer('mean', mean)
        self.register_buffer('deviation', deviation)
        self.hidden, self.out = nn.Linear(len(mean), 512), nn.Linear(512, networks.STYLE_VECTOR_LENGTH)
        self.dropout = nn.Dropout(0.1)
        if weights:
            with torch.no_grad():
                for layer, name in ((self.hidden, 'dense1'), (self.out, 'dense2')):
                    layer.weight.copy_(torch.from_numpy(weights[f'{name}/weight'][:, :, 0, 0].copy()))
                    layer.bias.copy_(torch.from_numpy(weights[f'{name}/bias'].copy()))
                self.hidden.bias += self.hidden.weight @ mean
                self.hidden.weight *= deviation

    def forward(self, pooled: Tensor) -> Tensor:
        """(N, 470) -> style vectors (N, 100)."""
        return self.out(self.dropout(F.relu(self.hidden((pooled - self.mean) / self.deviation))))

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights as ``networks.swift_reader`` takes them, the scaling of the inputs folded in."""
        first = self.hidden.weight / self.deviation
        found = {'dense1/weight': first[:, :, None, None], 'dense1/bias': self.hidden.bias - first @ self.mean,
                 'dense2/weight': self.out.weight[:, :, None, None], 'dense2/bias': self.out.bias}
        return {name: w.detach().cpu().numpy() for name, w in found.items()}


class Student(nn.Module):
    """
    What learns: the transformer, and the predictor's dense layers, so that vectors say what their style asks for.

    :param pooled: what the dense layers see of the pool's style pictures, (M, 470).
    """

    def __init__(self, transformer: TorchOps, dense: DenseLayers, pooled: Tensor) -> None:
        super().__init__()
        self.transformer, self.dense = transformer, dense.eval()        # one vector for both views: no dropout
        self.register_buffer('pooled', pooled, persistent=False)
        self.register_buffer('mean', self.vectors().mean(0))
        self.register_buffer('identity', torch.from_numpy(identity_vector(self.vectors().cpu().numpy())))
        self.to(pooled.device)
        # what the last layer answers along it; in the checkpoint, as another direction would come out another time
        weight, bias = dense.out.parameters()
        self.register_buffer('along_weight', self.unused @ weight.detach())
        self.register_buffer('along_bias', self.unused @ bias.detach())

    @property
    def unused(self) -> Tensor:
        """Return the direction of the identity vector, (100,), of length 1."""
        return self.identity / self.identity.norm()

    @torch.no_grad()
    def vectors(self) -> Tensor:
        """Return the vectors of the pool's style pictures, (M, 100)."""
        return self.dense(self.pooled)

    def condition(self, mixes: Tensor) -> Tensor:
        """Return the vectors (K, 100) of paintings, mixed as by ``pool.mixed``, (K, 2, 2)."""
        apart = self.dense(self.pooled[mixes[:, 0].long()]) - self.mean
        return self.mean + (mixes[:, 1, :, None] * apart).sum(1)

    def with_identity(self) -> dict[str, np.ndarray]:
        """Return the transformer's weights with its answers to the identity vector set."""
        identity, average = (x.cpu().numpy() for x in (self.identity, self.vectors().mean(0)))
        return install_identity(self.transformer.weights(), identity, average)

    @torch.no_grad()
    def leave_identity(self) -> None:
        """Keep styles from the direction of the identity vector, which must stay unused."""
        for p, along in zip(self.dense.out.parameters(), (self.along_weight, self.along_bias)):
            p -= torch.tensordot(self.unused, self.unused @ p - along, 0)
