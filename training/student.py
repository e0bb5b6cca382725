# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What learns: the transformer, in the style vectors of Magenta's predictor."""
from __future__ import annotations

import numpy as np
import torch
from torch import nn, Tensor

from training.reserved import identity_vector, install_identity, without
from training.torch_ops import TorchOps


class Student(nn.Module):
    """
    A transformer, and the style vectors that it learns to paint.

    :param vectors: of the pool's style pictures, float32 (M, 100).
    """

    def __init__(self, transformer: TorchOps, vectors: np.ndarray) -> None:
        super().__init__()
        identity = identity_vector(vectors)
        vectors = without(vectors, identity[None])
        self.transformer = transformer
        self.identity: Tensor
        self.vectors: Tensor
        self.mean: Tensor
        for name, value in (('identity', identity), ('vectors', vectors), ('mean', vectors.mean(0))):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)

    def learned(self) -> list[nn.Parameter]:
        """Return the parameters that are trained: all but what finds thin lines, which is known."""
        return [p for name, p in self.transformer.parameters_by_name.items() if name != 'detail/weight']

    def condition(self, mixes: Tensor) -> Tensor:
        """Return the vectors (K, 100) of paintings, mixed as by ``pool.mixed``, (K, 2, 2)."""
        apart = self.vectors[mixes[:, 0].long()] - self.mean
        return self.mean + (mixes[:, 1, :, None] * apart).sum(1)

    def with_identity(self) -> dict[str, np.ndarray]:
        """Return the transformer's weights with its answers to the identity vector set."""
        return install_identity(self.transformer.weights(), self.identity.cpu().numpy(), self.mean.cpu().numpy())
