# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Write a model directory from trained weights: ``python -m training.export --cache DIR --output models/swift``.

The 8-bit transformer is quantized after training: what convolutions read, but not what they write or what is added up,
as rounding that too makes paintings flicker twice as much.  Activations take the range seen on samples of the pool
without the rarest values, which would make the steps of all others coarse; weights take 7 bits per channel, so that
CPUs without VNNI, which add two products in 16 bits, are exact, too.  It must look the same: the export prints
how far its paintings are from those in float.
"""
from __future__ import annotations

import argparse
import hashlib
import logging
from pathlib import Path
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
import onnxruntime

from style_transfer_ros.engine import magenta, networks, onnx_ops
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.models import write_model
from style_transfer_ros.engine.pictures import read_picture, square
from training.packages import fetch, TRIAL
from training.pool import mixed, Pool
from training.reserved import colour_directions, install_colours, without

_CALIBRATION_SAMPLES = 64
#: Share of the values that is clipped at each end of a range.
_RARE = 3e-5
#: ONNX Runtime's 7 bits are whole numbers from minus to plus this.
_LEVELS = 64
#: Photographs in scikit-image's wheel that are in the public domain or CC0: by NASA, Stéfan van der Walt, Rachel
#: Michetti and SpaceX.
_TRIAL_PHOTOGRAPHS = ('astronaut.png', 'chelsea.png', 'coffee.png', 'rocket.jpg')


def _feeds(pool: Pool, vectors: np.ndarray, rows: range) -> list:
    styles = mixed(vectors, pool.mixes)
    return [{'frame': np.array(pool.contents[n])[None], 'style_vector': styles[n][None]} for n in rows]


def _ranges(model: onnx.ModelProto, feeds: list) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest value of each convolution's input on ``feeds``, rare ones left out."""
    pixels, *names = dict.fromkeys(node.input[0] for node in model.graph.node if node.op_type == 'Conv')
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(probe.SerializeToString())
    seen = zip(*([value[..., ::2, ::2].ravel() for value in session.run(names, feed)] for feed in feeds))
    found = {name: np.quantile(np.concatenate(values), (_RARE, 1 - _RARE)) for name, values in zip(names, seen)}
    return {pixels: (0, 1), **{name: (min(low, 0), max(high, 0)) for name, (low, high) in found.items()}}


def rounded(weight: np.ndarray) -> np.ndarray:
    """
    Round a convolution's weights to 7 bits so that the sum over each kernel is kept, too.

    Rounded one by one the pixels of a block would each get an error of their own where features change little, and the
    last convolution would print a grid.  Of each kernel those weights are rounded the other way that lie nearest to the
    middle between two steps.

    :param weight: float32 (out, in, kh, kw).
    :returns: the same, multiples of a 64th of the largest weight of each output.
    """
    step = np.maximum(np.abs(weight).max((1, 2, 3), keepdims=True), 1e-12) / _LEVELS
    exact = (weight / step).reshape(*weight.shape[:2], -1)
    whole = np.round(exact)
    rest = exact - whole
    missing = np.round(rest.sum(-1, keepdims=True))
    rank = np.argsort(np.argsort(-rest * np.sign(missing), -1), -1)
    whole += np.sign(missing) * (rank < np.abs(missing))
    return (whole.reshape(weight.shape) * step).astype(np.float32)


def quantized(model: onnx.ModelProto, feeds: list) -> onnx.ModelProto:
    """Quantize what the convolutions of a transformer read to 8 bits, calibrated on ``feeds``."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static, QuantType

    class Reader(CalibrationDataReader):

        def __init__(self) -> None:
            self._left = iter(feeds[:1])            # it wants to see something; the ranges are ours

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._left, None)
    logging.getLogger().setLevel(logging.ERROR)     # it advises a preprocessing that these graphs do not need
    ranges = {name: [{'rmin': np.float32(low), 'rmax': np.float32(high)}]
              for name, (low, high) in _ranges(model, feeds).items()}
    coarse = onnx.ModelProto()
    coarse.CopyFrom(model)
    kernels = {node.input[1] for node in coarse.graph.node if node.op_type == 'Conv'}
    for tensor in coarse.graph.initializer:
        if tensor.name in kernels:
            tensor.CopyFrom(numpy_helper.from_array(rounded(numpy_helper.to_array(tensor)), tensor.name))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / 'float.onnx', Path(folder) / 'int8.onnx'
        onnx.save(coarse, source)
        quantize_static(source, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=['Conv'],
                        extra_options={'OpTypesToExcludeOutputQuantization': ['Conv'], 'TensorQuantOverrides': ranges})
        return _mirrored_in_8_bits(onnx.load(target))


def _mirrored_in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Round before a mirror instead of behind it: x, Pad, Q, DQ, Conv -> x, Q, DQ, Pad, Conv.

    Runtimes then mirror bytes, which costs next to nothing.  The residual sums go on reading x itself.
    """
    graph = model.graph
    readers: dict[str, list] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for pad in [node for node in graph.node if node.op_type == 'Pad']:
        x, (quantize,) = pad.input[0], readers[pad.output[0]]
        if quantize.op_type != 'QuantizeLinear':                # the camera's pixels have 8 bits anyway
            continue
        (dequantize,), mirrored = readers[quantize.output[0]], pad.output[0]
        convolution, = readers[dequantize.output[0]]
        quantize.input[0], pad.input[0], convolution.input[0] = x, dequantize.output[0], mirrored
        graph.node.remove(pad)
        graph.node.insert(list(graph.node).index(dequantize) + 1, pad)
    onnx.checker.check_model(model)
    return model


def trial(cache: Path) -> np.ndarray:
    """Return what new styles are tried on: four photographs in a square, uint8 (1, 288, 288, 3)."""
    folder, side = fetch(TRIAL, cache / 'packages') / 'skimage' / 'data', networks.TRIAL_SIZE // 2
    parts = [square(read_picture(folder / name), side) for name in _TRIAL_PHOTOGRAPHS]
    return np.concatenate([np.concatenate(parts[:2], 1), np.concatenate(parts[2:], 1)])[None]


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(20 * np.log10(255 / np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2) + 1e-9)))


def export(cache: Path, output: Path, architecture: str = 'swift') -> None:
    """
    Write the model directory ``output`` from the weights in ``cache``, and print how far 8 bits are from float.

    The model's name ends in the first digits of a checksum of all weights: vectors of others do not fit.

    :raises StyleTransferError: the training has left no weights.
    """
    file, pool = cache / 'trained.npz', Pool(cache / 'pool')
    if not file.exists():
        raise StyleTransferError(f"There is no '{file}'; run training.train_transformer first.")
    weights = {**dict(np.load(file)), **magenta.predictor_weights()}
    identity, vectors = weights.pop('identity'), weights.pop('vectors')
    directions = colour_directions(vectors, identity)
    weights = {**install_colours(weights, directions, identity, vectors.mean(0)), 'trial/photographs': trial(cache)}
    vectors = without(vectors, directions)
    draw_transformer, draw_predictor = networks.PAIRS[architecture]
    transformer = onnx_ops.transformer_model(draw_transformer, weights)
    predictor = onnx_ops.halved(onnx_ops.predictor_model(draw_predictor, weights))
    calibration = _feeds(pool, vectors, range(64, 64 + _CALIBRATION_SAMPLES))
    for n in range(4):      # strengths below 1 are painted, too
        calibration[n]['style_vector'] = identity[None] * (1 - n / 4) + calibration[n]['style_vector'] * (n / 4)
    int8 = quantized(transformer, calibration)
    exact, coarse = (onnxruntime.InferenceSession(m.SerializeToString()) for m in (transformer, int8))
    held_out = _feeds(pool, vectors, range(32))
    distances = [_psnr(exact.run(None, f)[0], coarse.run(None, f)[0]) for f in held_out]
    print(f'8-bit against float on {len(held_out)} held-out samples: {np.median(distances):.1f} dB (median), '
          f'{min(distances):.1f} dB (worst)')
    files = {'transformer.onnx': transformer.SerializeToString(), 'transformer_int8.onnx': int8.SerializeToString(),
             'predictor.onnx': predictor.SerializeToString()}
    digest = hashlib.sha256(b''.join(weights[key].tobytes() for key in sorted(weights)))
    name = f'{architecture}-{digest.hexdigest()[:8]}'
    write_model(output, name, architecture, 4, identity, files)
    print(f'wrote {output}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--cache', type=Path, required=True, help='folder of the training')
    parser.add_argument('--output', type=Path, help='the model directory (default models/ARCHITECTURE)')
    parser.add_argument('--architecture', choices=('swift', 'fine'), default='swift', help='size of the network')
    options = parser.parse_args()
    try:
        export(options.cache, options.output or Path('models') / options.architecture, options.architecture)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
