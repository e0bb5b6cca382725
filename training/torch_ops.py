# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The networks of ``engine/networks.py`` in PyTorch, for training on a CPU or a GPU."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

from style_transfer_ros.engine.errors import StyleTransferError


class TorchOps(nn.Module):
    """
    :class:`~style_transfer_ros.engine.networks.Ops` whose weights are parameters, made at their first use.

    :param network: the function that it draws; calling the module calls it.
    :param weights: float32 arrays to start from, by name; what is missing is drawn at random (He 2015).
    """

    def __init__(self, network: Callable, weights: dict[str, np.ndarray] | None = None) -> None:
        super().__init__()
        self.network = network
        self.parameters_by_name = nn.ParameterDict()
        for name, value in (weights or {}).items():
            self.parameters_by_name[name.replace('.', '_')] = nn.Parameter(torch.from_numpy(value.astype(np.float32)))

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.network(self, *inputs)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the parameters as float32 arrays by name, as ``OnnxOps`` takes them."""
        return {name: p.detach().float().cpu().numpy() for name, p in self.parameters_by_name.items()}

    def load_weights(self, weights: dict[str, np.ndarray]) -> None:
        """Set the parameters to these arrays, by name."""
        with torch.no_grad():
            for name, value in weights.items():
                self.parameters_by_name[name].copy_(torch.from_numpy(value))

    def parameter(self, name: str, shape: tuple, std: float, mean: float = 0.0) -> Tensor:
        """
        Return the parameter ``name``, drawn from a normal distribution where it is new.

        :raises StyleTransferError: it was given with another shape.
        """
        if name not in self.parameters_by_name:
            self.parameters_by_name[name] = nn.Parameter(torch.randn(shape) * std + mean)
        parameter = self.parameters_by_name[name]
        if parameter.shape != shape:
            raise StyleTransferError(f"The weight '{name}' to start from has the shape {tuple(parameter.shape)}, the "
                                     f'network needs {shape}; start from a model of this version.')
        return parameter

    def conv(self, x: Tensor, name: str, channels: int, kernel: int, stride: int = 1, *,
             depthwise: bool = False, padding: str = 'zero', bias: bool = True) -> Tensor:
        inputs, half = 1 if depthwise else x.shape[1], kernel // 2
        weight = self.parameter(f'{name}/weight', (channels, inputs, kernel, kernel),
                                (2 / (inputs * kernel * kernel)) ** 0.5 * (0.1 if name == 'head' else 1))
        offset = self.parameter(f'{name}/bias', (channels,), 0.0) if bias else None
        if padding == 'reflect':
            x, half = F.pad(x, [half] * 4, mode='reflect'), 0
        elif padding == 'same' and stride == 2:
            x, half = F.pad(x, [0, half, 0, half]), 0
        return F.conv2d(x, weight, offset, stride, half, groups=channels if depthwise else 1)

    def picture(self, name: str) -> Tensor:
        return self.parameters_by_name[name].permute(0, 3, 1, 2) / 255

    def instance_norm(self, x: Tensor, channels: int) -> Tensor:
        return F.instance_norm(x, eps=1e-5)

    def style_linear(self, vector: Tensor, name: str, channels: int) -> Tensor:
        weight = self.parameter(f'{name}/weight', (channels, vector.shape[1]), 0.02)
        bias = self.parameter(f'{name}/bias', (channels,), 0.0, 1.0 if name.endswith('scale') else 0.0)
        return F.linear(vector, weight, bias)[:, :, None, None]

    def flat(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def divide(self, a: Tensor, b: Tensor) -> Tensor:
        return a / b

    def affine(self, x: Tensor, factor: float, offset: float = 0.0) -> Tensor:
        return x * factor + offset

    def limited(self, x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    def relu(self, x: Tensor) -> Tensor:
        return F.relu(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def upsample(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode='nearest')

    def space_to_depth(self, x: Tensor, block: int) -> Tensor:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // block, block, w // block, block)
        return x.permute(0, 3, 5, 1, 2, 4).reshape(n, c * block * block, h // block, w // block)

    def depth_to_space(self, x: Tensor, block: int) -> Tensor:
        n, c, h, w = x.shape
        x = x.reshape(n, block, block, c // block ** 2, h, w)
        return x.permute(0, 3, 4, 1, 5, 2).reshape(n, c // block ** 2, h * block, w * block)

    def channels_last(self, x: Tensor) -> Tensor:
        return x

    def spatial_mean(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)

    def spatial_deviation(self, x: Tensor) -> Tensor:
        return x.std((2, 3), keepdim=True, correction=0)

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), 1)


def average_gradients(parameters: Sequence[Tensor], shares: Sequence[tuple]) -> None:
    """Give each parameter the mean of its gradients in the shares of a step; None where it has none."""
    for parameter, *gradients in zip(parameters, *shares):
        parameter.grad = None if gradients[0] is None else torch.stack(gradients).mean(0)
