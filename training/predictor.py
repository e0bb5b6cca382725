"""
Train the swift style predictor: ``python -m training.predictor --cache DIR`` (``make train`` runs all stages).

Its convolutions are the first 13 blocks of the teacher's predictor, kept as they are; the two dense layers behind
their pooled statistics learn the teacher's vectors.  So a picture is described once, and the learning is minutes.
"""
from __future__ import annotations

import argparse
from pathlib import Path
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from tqdm import tqdm

from style_transfer_ros.engine import magenta, networks, onnx_ops
from style_transfer_ros.engine.errors import StyleTransferError
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
        unfinished = cache / 'described.new.npz'
        np.savez(unfinished, pooled=np.stack([r[0].ravel() for r in rows]),
                 vectors=np.stack([r[1].ravel() for r in rows]))
        unfinished.replace(file)
    data = np.load(file)
    return data['pooled'], data['vectors']


def train(cache: Path, count: int, epochs: int, seed: int) -> dict:
    """
    Fit the dense layers.

    :returns: the predictor's weights by name, as ``networks.swift_predictor`` names them.
    """
    pooled, vectors = (torch.from_numpy(x.astype(np.float32)) for x in describe(cache, count, seed))
    torch.manual_seed(seed)
    mean, deviation = pooled.mean(0), pooled.std(0) + 1e-4
    inputs = (pooled - mean) / deviation
    dense = nn.Sequential(nn.Linear(inputs.shape[1], 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, vectors.shape[1]))
    optimizer = torch.optim.AdamW(dense.parameters(), lr=2e-3, weight_decay=0.02)
    rows, batch = len(inputs) - _HELD_OUT, _BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, epochs * (rows // batch))
    bar = tqdm(range(epochs), desc='dense layers', unit='epoch')
    for _ in bar:
        dense.train()
        order = torch.randperm(rows)
        for k in range(rows // batch):
            part = order[k * batch:(k + 1) * batch]
            loss = (dense(inputs[part]) - vectors[part]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        dense.eval()
        with torch.no_grad():
            error = (dense(inputs[rows:]) - vectors[rows:]).square().mean() / vectors[rows:].var(0).mean()
        bar.set_postfix(train=f'{loss.item():.4f}', unexplained=f'{error.item():.3f}')
    print(f"held-out pictures: {1 - error.item():.1%} of the variance of the teacher's vectors explained")
    first = dense[0].weight.detach() / deviation        # the scaling of the inputs, folded in
    found = {'dense1/weight': first[:, :, None, None], 'dense1/bias': dense[0].bias.detach() - first @ mean,
             'dense2/weight': dense[3].weight.detach()[:, :, None, None], 'dense2/bias': dense[3].bias.detach()}
    return {**_trunk_weights(), **{name: w.numpy() for name, w in found.items()}}


def pool_vectors(cache: Path, weights: dict) -> np.ndarray:
    """Read the pool's style pictures with the new predictor, (M, 100): the transformer trains on these vectors."""
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/predictor.onnx'
        onnx.save(onnx_ops.predictor_model(networks.swift_predictor, weights), path)
        session = onnxruntime.InferenceSession(path)
    pictures = Pool(cache / 'pool').style_pictures
    return np.concatenate([session.run(None, {'picture': p[None]})[0] for p in tqdm(pictures, desc='pool vectors')])


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
        np.save(options.cache / 'vectors.new.npy', pool_vectors(options.cache, weights))
        (options.cache / 'vectors.new.npy').replace(options.cache / 'vectors.npy')      # its being there says: done
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
