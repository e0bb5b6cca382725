# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Let swift begin as Magenta's transformer: ``python -m training.train_ends --cache DIR`` (``make train``).

The residual blocks are Magenta's own.  The two convolutions before them learn what Magenta's three give these blocks to
hear, minutes, as no painting is needed; the head is solved for by least squares.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import math
from pathlib import Path
import sys
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks
from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import StyleTransferError
from training.batches import CROP, draw, HELD_OUT
from training.pool import mixed, Pool
from training.torch_ops import average_gradients, TorchOps
from training.unfolded import ends, fine_weights

#: Samples of a step of each thread; largest step size.
_BATCH, _PEAK = 8, 4e-3
#: Samples and blocks of each that the head is solved for.
_SAMPLES, _BLOCKS = 120, 1500
#: Magenta ends in a sigmoid, ours does not: this line is near it where most colours are.
_SLOPE, _MIDDLE = 0.2, 0.5
#: Gain of the thin lines, so that they reach as far as what else the head hears, in 8 bits, too.
_LINES = 30.0


class _Teacher(TorchOps):
    """Magenta's transformer, which keeps what its residual blocks hear and what goes into its last norm."""

    def __init__(self) -> None:
        super().__init__(networks.fine_transformer, fine_weights(0))
        self.requires_grad_(False)

    def contracted(self, content: Tensor) -> Tensor:
        """N,3,H,W in 0..1 -> N,32,H/4,W/4."""
        return networks.fine_stem(self, self.space_to_depth(content, 4))

    def conv(self, x: Tensor, name: str, channels: int, kernel: int, stride: int = 1, **options: Any) -> Tensor:
        y = super().conv(x, name, channels, kernel, stride, **options)
        if name == 'expand3':
            self.last = F.instance_norm(y)
        return y


class _Swift(TorchOps):
    """Swift, which keeps what its head hears."""

    def conv(self, x: Tensor, name: str, channels: int, kernel: int, stride: int = 1, **options: Any) -> Tensor:
        if name == 'head':
            self.heard = x
        return super().conv(x, name, channels, kernel, stride, **options)


def stem(ops: TorchOps, content: Tensor) -> Tensor:
    """Draw what swift's residual blocks hear: N,3,H,W in 0..1 -> N,32,H/4,W/4."""
    return networks.swift_stem(ops, ops.space_to_depth(content, 4))


def train_stem(pool: Pool, teacher: _Teacher, minutes: float, seed: int) -> dict[str, np.ndarray]:
    """Teach :func:`stem` what the teacher's blocks hear, and return its weights."""
    network = TorchOps(stem)
    network(torch.zeros(1, 3, 64, 64))                                          # makes the parameters
    parameters = list(network.parameters())
    optimizer, threads = torch.optim.Adam(parameters, betas=(0.9, 0.99)), torch.get_num_threads()
    rngs = [np.random.default_rng([seed, n]) for n in range(threads)]
    spread = teacher.contracted(draw(pool, rngs[0], np.arange(HELD_OUT)).content).std((0, 2, 3), keepdim=True) + 1e-3

    def share(rng: np.random.Generator) -> tuple[tuple[Tensor, ...], float]:
        torch.set_num_threads(1)
        rows = rng.integers(HELD_OUT, len(pool.contents), _BATCH)
        content = draw(pool, rng, rows).content.contiguous(memory_format=torch.channels_last)
        missed = (network(content) - teacher.contracted(content)) / spread
        loss = missed.square().mean() + 0.3 * missed.abs().mean()
        return torch.autograd.grad(loss, parameters), float(missed.detach().square().mean())
    start, seen, error = time.monotonic(), 0, 1.0
    with ThreadPoolExecutor(threads) as workers, tqdm(desc='stem', unit='sample', mininterval=5) as bar:
        while (progress := (time.monotonic() - start) / (60 * minutes)) < 1:
            step = _PEAK * min(1, (seen + 50) / 400) * (0.5 + 0.5 * math.cos(math.pi * progress))
            results = list(workers.map(share, rngs))
            average_gradients(parameters, [gradients for gradients, _ in results])
            optimizer.param_groups[0]['lr'] = step
            optimizer.step()
            seen += _BATCH * threads
            error += 0.02 * (float(np.mean([value for _, value in results])) - error)
            bar.update(_BATCH * threads)
            bar.set_postfix(missed=f'{error:.3f}', refresh=False)
    torch.set_num_threads(threads)
    return network.weights()


def _samples(pool: Pool, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(seed)
    vectors = mixed(np.array(pool.style_vectors), np.array(pool.mixes))
    for row in tqdm(rng.integers(HELD_OUT, len(pool.contents), _SAMPLES), desc='head', unit='sample'):
        yield draw(pool, rng, np.array([row])).content, torch.from_numpy(vectors[[row]])


@torch.no_grad()
def solved(pool: Pool, teacher: _Teacher, weights: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """
    Return all weights of swift: the head, from what it hears, as near to the teacher's last norm as least squares go.

    :param weights: of swift's other layers.
    """
    swift = _Swift(networks.swift_transformer, weights)
    normal, wanted = torch.zeros(()), torch.zeros(())
    for content, vector in _samples(pool, seed):
        teacher(content, vector)
        swift(content, vector)
        chosen = torch.randperm((CROP // 4) ** 2)[:_BLOCKS]
        heard = F.unfold(F.pad(swift.heard, [1] * 4, mode='reflect'), 3)[0].T[chosen].double()
        targets = teacher.last[0].flatten(1).T[chosen].double()
        normal, wanted = normal + heard.T @ heard, wanted + heard.T @ targets
    head = torch.linalg.solve(normal + 0.1 * torch.eye(len(normal)), wanted).float().T
    found = swift.weights()
    found['head/weight'] = np.ascontiguousarray(head.reshape(found['head/weight'].shape).numpy())
    return found


def train(cache: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Return the weights of swift, float32 by name, that paint nearly as Magenta's transformer."""
    torch.manual_seed(seed)
    pool, teacher, former = Pool(cache / 'pool'), _Teacher(), magenta.transformer_weights()
    weights = {name: w for name, w in former.items() if name.startswith('residual')}
    weights |= {'strokes/weight': teacher.weights()['expand1/weight'].reshape(4, 16, 32, 3, 3).mean(0),
                'strokes/bias': former['expand1/bias'], **ends(_LINES)}
    for part in ('scale/weight', 'scale/bias', 'shift/weight', 'shift/bias'):
        weights[f'strokes/norm/{part}'] = former[f'expand1/norm/{part}']
        weights[f'head/{part}'] = _SLOPE * former[f'expand3/norm/{part}']
    weights['head/shift/bias'] = weights['head/shift/bias'] + np.float32(_MIDDLE)
    del weights['detail/colours/weight']                                        # the head colours them
    return solved(pool, teacher, {**weights, **train_stem(pool, teacher, minutes, seed)}, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder with the pool')
    parser.add_argument('--minutes', type=float, default=30.0, help='length of the training, minutes')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    try:
        weights = train(options.cache, options.minutes, options.seed)
        with replacing(options.cache / 'ends.npz') as unfinished:         # its being there says: done
            np.savez(unfinished, **weights)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
