# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Train the style predictor alone: ``python -m training.train_predictor --cache DIR`` (``make train --start none``).

Its convolutions are the first 13 blocks of Magenta's predictor, kept as they are; the two dense layers behind their
pooled statistics learn Magenta's vectors, from which the training with the transformer begins.  So a picture is
described once, and the learning is minutes.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys

import numpy as np
import torch
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks
from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import StyleTransferError
from training.describe import describer
from training.packages import gather
from training.pool import style_picture
from training.student import DenseLayers

#: Pictures that only judge; pictures of one training step.
_HELD_OUT, _BATCH = 1500, 256


def _trunk_weights() -> dict:
    last = max(networks.SWIFT_PREDICTOR_BLOCKS)
    kept = ('stem/', *(f'block{i}/' for i in range(last + 1)))
    return {name: w for name, w in magenta.predictor_weights().items() if name.startswith(kept)}


def describe(cache: Path, count: int, seed: int) -> tuple:
    """Describe ``count`` new style pictures, kept in ``cache/described_COUNT.npz``: (N, 470), vectors (N, 100)."""
    file = cache / f'described_{count}.npz'
    if not file.exists():
        pictures, described, rng = gather(cache / 'packages'), describer(), np.random.default_rng(seed)
        rows = [described(style_picture(pictures, rng))
                for _ in tqdm(range(count), desc='describe', unit='picture')]
        with replacing(file) as unfinished:
            np.savez(unfinished, pooled=np.stack([r[0] for r in rows]),
                     vectors=np.stack([r[1] for r in rows]))
    data = np.load(file)
    return data['pooled'], data['vectors']


def train(cache: Path, count: int, epochs: int, seed: int) -> dict:
    """
    Fit the dense layers.

    :returns: the predictor's weights by name, as ``networks.swift_reader`` names them.
    """
    pooled, vectors = (torch.from_numpy(x.astype(np.float32)) for x in describe(cache, count, seed))
    torch.manual_seed(seed)
    dense = DenseLayers(pooled.mean(0), pooled.std(0) + 1e-4)
    optimizer = torch.optim.AdamW(dense.parameters(), lr=2e-3, weight_decay=0.02)
    rows, batch = len(pooled) - _HELD_OUT, _BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, epochs * (rows // batch))
    bar = tqdm(range(epochs), desc='dense layers', unit='epoch')
    for _ in bar:
        dense.train()
        order = torch.randperm(rows)
        for k in range(rows // batch):
            part = order[k * batch:(k + 1) * batch]
            loss = (dense(pooled[part]) - vectors[part]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        dense.eval()
        with torch.no_grad():
            error = (dense(pooled[rows:]) - vectors[rows:]).square().mean() / vectors[rows:].var(0).mean()
        bar.set_postfix(train=f'{loss.item():.4f}', unexplained=f'{error.item():.3f}')
    print(f"held-out pictures: {1 - error.item():.1%} of the variance of the teacher's vectors explained")
    return {**_trunk_weights(), **dense.weights()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder with packages and pool')
    parser.add_argument('--count', type=int, default=40000, help='style pictures to describe')
    parser.add_argument('--epochs', type=int, default=60)
    parser.add_argument('--seed', type=int, default=2)
    options = parser.parse_args()
    if options.count < _HELD_OUT + _BATCH:
        sys.exit(f'{options.count} style pictures are too few: {_HELD_OUT} only judge, at least {_BATCH} teach.')
    try:
        weights = train(options.cache, options.count, options.epochs, options.seed)
        with replacing(options.cache / 'predictor.npz') as unfinished:         # its being there says: done
            np.savez(unfinished, **weights)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
