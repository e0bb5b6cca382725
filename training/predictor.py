"""
Train the swift style predictor: ``python -m training.predictor --cache DIR`` (``make train`` runs all stages).

Its convolutions are the first 13 blocks of the teacher's predictor, kept as they are; the two dense layers behind
their pooled statistics learn the teacher's vectors.  So a picture is described once, and the learning is minutes.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Dict

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn, Tensor
import torch.nn.functional as F
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks, onnx_ops
from style_transfer_ros.engine.errors import StyleTransferError
from training.files import replacing
from training.pictures import gather
from training.samples import Pool, style_picture

#: Pictures that only judge; pictures of one training step.
_HELD_OUT, _BATCH = 1500, 256


def _trunk_weights() -> dict:
    last = max(networks.SWIFT_PREDICTOR_BLOCKS)
    kept = ('stem/', *(f'block{i}/' for i in range(last + 1)))
    return {name: w for name, w in magenta.predictor_weights().items() if name.startswith(kept)}


def _describer() -> onnxruntime.InferenceSession:
    """Return a session: picture uint8 (1, 256, 256, 3) -> pooled (1, 432, 1, 1), vector (1, 100, 1, 1)."""
    ops = onnx_ops.OnnxOps(magenta.predictor_weights())
    pixels = onnx_ops.pixels_in(ops, 'picture')
    outputs = networks.swift_pooled(ops, pixels), networks.magenta_predictor(ops, pixels)
    graph = onnx.helper.make_graph(
        ops.nodes, 'describe',
        [onnx.helper.make_tensor_value_info('picture', onnx.TensorProto.UINT8, [1, 256, 256, 3])],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        list(ops.initializers.values()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def describe(cache: Path, count: int, seed: int) -> tuple:
    """Describe ``count`` new style pictures, kept in ``cache/described_COUNT.npz``: (N, 432), vectors (N, 100)."""
    file = cache / f'described_{count}.npz'
    if not file.exists():
        pictures, session, rng = gather(cache / 'packages'), _describer(), np.random.default_rng(seed)
        rows = [session.run(None, {'picture': style_picture(pictures, rng)[None]})
                for _ in tqdm(range(count), desc='describe', unit='picture')]
        with replacing(file) as unfinished:
            np.savez(unfinished, pooled=np.stack([r[0].ravel() for r in rows]),
                     vectors=np.stack([r[1].ravel() for r in rows]))
    data = np.load(file)
    return data['pooled'], data['vectors']


class DenseLayers(nn.Module):
    """
    The layers of ``networks.swift_reader`` behind its pooled statistics; inputs of equal size, so that all learn.

    :param mean: of the pooled statistics, (432,).
    :param deviation: of the pooled statistics, (432,).
    :param weights: float32 by name, as ``networks.swift_reader`` names them; None: drawn at random.
    """

    def __init__(self, mean: Tensor, deviation: Tensor, weights: Dict[str, np.ndarray] | None = None) -> None:
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
        """(N, 432) -> style vectors (N, 100)."""
        return self.out(self.dropout(F.relu(self.hidden((pooled - self.mean) / self.deviation))))

    def weights(self) -> Dict[str, np.ndarray]:
        """Return the weights as ``networks.swift_reader`` takes them, the scaling of the inputs folded in."""
        first = self.hidden.weight / self.deviation
        found = {'dense1/weight': first[:, :, None, None], 'dense1/bias': self.hidden.bias - first @ self.mean,
                 'dense2/weight': self.out.weight[:, :, None, None], 'dense2/bias': self.out.bias}
        return {name: w.detach().cpu().numpy() for name, w in found.items()}


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


def pool_statistics(cache: Path) -> np.ndarray:
    """Return what the predictor's dense layers see of the pool's style pictures, (M, 432) float32."""
    session, pictures = _describer(), Pool(cache / 'pool').style_pictures
    return np.stack([session.run(None, {'picture': p[None]})[0].ravel()
                     for p in tqdm(pictures, desc='describe the pool', unit='picture')])


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
        np.savez(options.cache / 'predictor.npz', **weights)
        with replacing(options.cache / 'pooled.npy') as unfinished:         # its being there says: done
            np.save(unfinished, pool_statistics(options.cache))
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
