# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Draw the networks of ``networks.py`` as ONNX files, which ONNX Runtime and OpenVINO run."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from style_transfer_ros.engine.errors import ModelError

_OPSET, _IR_VERSION = 17, 8
#: Weights of this many numbers are large.
_MANY = 1000


class Pixels(str):
    """
    The name of a tensor N,H,W,C: a picture, or its blocks, as frames lie in memory; all else is N,C,H,W.

    CPUs convolve with channels last, too; told so, OpenVINO moves no pixel of swift twice.
    """


class Frame(Pixels):
    """The name of a tensor 1,H,W,3, or its blocks, in whole numbers 0..255, uint8."""


class OnnxOps:
    """
    :class:`~style_transfer_ros.engine.networks.Ops` that writes ONNX nodes; a tensor is its name.

    :param weights: float32 arrays by name; all that a network names must be there.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self._borders: dict[tuple[str, int], str] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add ``value`` once under ``name``."""
        self.initializers.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add a node with one output and return that output's name."""
        output = f'{kind}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def channels_last(self, x: str) -> Pixels:
        return x if isinstance(x, Pixels) else Pixels(self.node('Transpose', x, perm=[0, 2, 3, 1]))

    def planes(self, x: str) -> str:
        """Put the channels before height and width, where they are not."""
        return self.node('Transpose', x, perm=[0, 3, 1, 2]) if isinstance(x, Pixels) else x

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape as ONNX means it: 0 keeps the size of this axis, -1 is the one that follows from the others."""
        name = f"shape{'_'.join(map(str, shape))}"
        return self.node('Reshape', x, self.constant(name, np.array(shape, np.int64)))

    def _pair(self, kind: str, a: str, b: str) -> str:
        if isinstance(a, Pixels) or isinstance(b, Pixels):
            return Pixels(self.node(kind, self.channels_last(a), self.channels_last(b)))
        return self.node(kind, a, b)

    def conv(self, x: str, name: str, channels: int, kernel: int, stride: int = 1, *,
             depthwise: bool = False, padding: str = 'zero', bias: bool = True) -> str:
        half, pads = kernel // 2, [kernel // 2] * 4
        if padding == 'reflect':
            x, pads = self._mirrored(x, half), [0] * 4
        elif padding == 'same' and stride == 2:
            pads = [0, 0, half, half]
        if (maps := len(self.weights[f'{name}/weight'])) != channels:
            raise ModelError(f"The weights of '{name}' make {maps} maps, the network has {channels}; "
                             'take weights of this version of style_transfer_ros.')
        inputs = [self.constant(f'{name}/{part}', self.weights[f'{name}/{part}'])
                  for part in (('weight', 'bias') if bias else ('weight',))]
        return self.node('Conv', self.planes(x), *inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads,
                         group=channels if depthwise else 1)

    def _mirrored(self, x: str, border: int) -> str:
        """Mirror at the border, channels first; once for all convolutions of ``x``."""
        if (x, border) not in self._borders:
            axes = [0, border, border, 0] if isinstance(x, Pixels) else [0, 0, border, border]
            amounts = self.constant(f"reflect{'_'.join(map(str, axes))}", np.array(axes * 2, np.int64))
            self._borders[x, border] = self.planes(type(x)(self.node('Pad', x, amounts, mode='reflect')))
        return self._borders[x, border]

    def picture(self, name: str) -> Pixels:
        return pixels_in(self, self.constant(name, self.weights[name]))

    def instance_norm(self, x: str, channels: int) -> str:
        scale, shift = (self.constant(f'{name}{channels}', np.full(channels, value, np.float32))
                        for name, value in (('ones', 1), ('zeros', 0)))
        return self.node('InstanceNormalization', self.planes(x), scale, shift, epsilon=1e-5)

    def style_linear(self, vector: str, name: str, channels: int) -> str:
        y = self.node('Gemm', vector, self.constant(f'{name}/weight', self.weights[f'{name}/weight']),
                      self.constant(f'{name}/bias', self.weights[f'{name}/bias']), transB=1)
        return self.reshape(y, -1, channels, 1, 1)

    def flat(self, x: str) -> str:
        return self.reshape(x, 0, -1)

    def add(self, a: str, b: str) -> str:
        return self._pair('Add', a, b)

    def multiply(self, a: str, b: str) -> str:
        return self._pair('Mul', a, b)

    def divide(self, a: str, b: str) -> str:
        return self._pair('Div', a, b)

    def affine(self, x: str, factor: float, offset: float = 0.0) -> str:
        y = type(x)(self.node('Mul', x, self._number(factor)))
        return type(x)(self.node('Add', y, self._number(offset))) if offset else y

    def limited(self, x: str, low: float, high: float) -> str:
        return type(x)(self.node('Clip', x, self._number(low), self._number(high)))

    def _number(self, value: float) -> str:
        return self.constant(f'number {value:g}', np.array(value, np.float32))

    def relu(self, x: str) -> str:
        return type(x)(self.node('Relu', x))

    def sigmoid(self, x: str) -> str:
        return type(x)(self.node('Sigmoid', x))

    def upsample(self, x: str) -> str:
        scales = self.constant('double', np.array([1, 1, 2, 2], np.float32))
        return self.node('Resize', self.planes(x), '', scales, mode='nearest', nearest_mode='floor',
                         coordinate_transformation_mode='asymmetric')

    # One RGB frame at a time (N = 1) of unknown size: each step copies one of its two sizes (0) and infers one (-1).

    def space_to_depth(self, x: str, block: int) -> Pixels:
        columns = self.reshape(self.channels_last(x), 0, 0, -1, 3 * block)             # 1, H, w, block * 3
        rows = self.reshape(columns, -1, block, 0, 0)                                  # h, block, w, block * 3
        blocks = self.reshape(self.node('Transpose', rows, perm=[0, 2, 1, 3]), 0, 0, 3 * block * block)
        return Pixels(self.node('Unsqueeze', blocks, self.constant('axis0', np.array([0], np.int64))))

    def depth_to_space(self, x: str, block: int) -> Pixels:
        x = self.channels_last(x)
        blocks = self.node('Squeeze', x, self.constant('axis0', np.array([0], np.int64)))
        rows = self.node('Transpose', self.reshape(blocks, 0, 0, block, 3 * block), perm=[0, 2, 1, 3])
        columns = self.reshape(rows, 1, -1, 0, 3 * block)                               # 1, H, w, block * 3
        return type(x)(self.reshape(columns, 0, 0, -1, 3))

    def spatial_mean(self, x: str) -> str:
        return self.node('GlobalAveragePool', self.planes(x))

    def spatial_deviation(self, x: str) -> str:
        x = self.planes(x)
        centred = self.node('Sub', x, self.spatial_mean(x))
        return self.node('Sqrt', self.spatial_mean(self.node('Mul', centred, centred)))

    def concatenate(self, parts: Sequence[str]) -> str:
        return self.node('Concat', *map(self.planes, parts), axis=1)


class _FrameOps(OnnxOps):
    """Rounds to a frame as soon as what it will show is known: bytes move faster than floats."""

    def rounded(self, x: str) -> Frame:
        """Round 0..1 to uint8, limited."""
        step, zero = self.constant('one_255th', np.array(1 / 255, np.float32)), np.array(0, np.uint8)
        return Frame(self.node('QuantizeLinear', self.channels_last(x), step, self.constant('black', zero)))

    def depth_to_space(self, x: str, block: int) -> Pixels:
        return super().depth_to_space(self.rounded(x), block)


def pixels_in(ops: OnnxOps, name: str) -> Pixels:
    """Turn uint8 1,H,W,3 into float in 0..1; inside the graph it costs no pass in numpy."""
    scale = ops.constant('one_255th', np.array(1 / 255, np.float32))
    return Pixels(ops.node('Mul', ops.node('Cast', name, to=onnx.TensorProto.FLOAT), scale))


def _model(ops: OnnxOps, inputs: list, output: onnx.ValueInfoProto, last: str) -> onnx.ModelProto:
    ops.nodes.append(helper.make_node('Identity', [last], [output.name]))
    graph = helper.make_graph(ops.nodes, output.name, inputs, [output], list(ops.initializers.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', _OPSET)],
                              producer_name='style_transfer_ros', ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model


def transformer_model(network: Callable, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """
    Write a transformer: ``frame`` uint8 (1, H, W, 3) RGB, ``style_vector`` float32 (1, 100) -> ``painted`` as frame.

    :param network: a transformer of ``networks.py``.
    :param weights: its weights, float32 by name.
    """
    ops = _FrameOps(weights)
    painted = network(ops, pixels_in(ops, 'frame'), 'style_vector')
    if not isinstance(painted, Frame):
        painted = ops.rounded(painted)
    frame = [1, 'height', 'width', 3]
    return _model(ops, [helper.make_tensor_value_info('frame', onnx.TensorProto.UINT8, frame),
                        helper.make_tensor_value_info('style_vector', onnx.TensorProto.FLOAT, [1, 100])],
                  helper.make_tensor_value_info('painted', onnx.TensorProto.UINT8, frame), painted)


def predictor_model(network: Callable, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """
    Write a style predictor: ``picture`` uint8 (1, 256, 256, 3) RGB -> ``style_vector`` float32 (1, 100).

    :param network: a style predictor of ``networks.py``.
    :param weights: its weights, float32 by name.
    """
    ops = OnnxOps(weights)
    y = network(ops, pixels_in(ops, 'picture'))
    y = ops.reshape(y, 1, 100)
    return _model(ops, [helper.make_tensor_value_info('picture', onnx.TensorProto.UINT8, [1, 256, 256, 3])],
                  helper.make_tensor_value_info('style_vector', onnx.TensorProto.FLOAT, [1, 100]), y)


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Keep large weights in 16 bits, which halves the file; runtimes make 32 of them while they load it.

    Eight bits were enough for the predictor's weights where they come from, so nothing is lost.
    """
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= _MANY:
            weight = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
            casts.append(helper.make_node('Cast', [tensor.name], [f'{tensor.name} in 32'], to=onnx.TensorProto.FLOAT))
    wide = {cast.input[0]: cast.output[0] for cast in casts}
    for node in graph.node:
        for n, name in enumerate(node.input):
            node.input[n] = wide.get(name, name)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def load_weights(path: str) -> dict[str, np.ndarray]:
    """Read the weights of a file that this module wrote, by name; float32, pictures uint8."""
    arrays = {i.name: numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer if '/' in i.name}
    return {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in arrays.items()}
