# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
MicroAST, which paintings are compared with, and which can teach our transformer in place of magenta.

Wang et al., *Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer*, AAAI 2023.  Its four weight files
(``*_iter_160000.pth.tar`` of the repository ``EndyWon/MicroAST``, MIT licence, trained by its authors on MS-COCO and
WikiArt) are not part of this package; give their folder.  The networks here are written from the paper.  A style is 512
numbers, and styles mix linearly in them: of each of two feature maps the means, deviations, filter weights and filter
biases, 64 each.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.onnx_ops import OnnxOps, pixels_in

#: Numbers in a style; maps that it says something about.
STYLE_LENGTH, _MAPS = 512, 64
_PARTS = ('content_encoder', 'style_encoder', 'modulator', 'decoder')
_FILE = '{}_iter_160000.pth.tar'


def load_weights(folder: Path) -> dict[str, np.ndarray]:
    """
    Read the four state dictionaries: float32 by ``part/layer/weight`` or ``part/layer/bias``.

    :raises StyleTransferError: a file is missing, or PyTorch, which reads them, is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise StyleTransferError("MicroAST's weights are read by PyTorch, which is not installed; run 'pip install -r "
                                 "requirements/train.txt'.") from error
    found = {}
    for part in _PARTS:
        file = folder / _FILE.format(part)
        if not file.is_file():
            raise StyleTransferError(f"There is no '{file}'; give the folder with MicroAST's four files "
                                     f"({_FILE.format('*')}).")
        for name, value in torch.load(file, map_location='cpu', weights_only=True).items():
            *layer, kind = name.replace('.conv_layer', '').split('.')
            found[f"{part}/{'.'.join(layer)}/{kind}"] = value.float().numpy()
    return found


class _Graph(OnnxOps):
    """Draws MicroAST: its convolutions mirror at the border."""

    def convolved(self, x: str, name: str, stride: int = 1, groups: int = 1, active: bool = False) -> str:
        weight = self.weights[f'{name}/weight']
        half = weight.shape[2] // 2
        if half:
            x = self.node('Pad', x, self.constant(f'mirror{half}', np.array([0, 0, half, half] * 2)), mode='reflect')
        x = self.node('Conv', x, *(self.constant(f'{name}/{kind}', self.weights[f'{name}/{kind}'])
                                   for kind in ('weight', 'bias')), strides=[stride] * 2, group=groups)
        return self.relu(x) if active else x

    def encoded(self, x: str, part: str) -> tuple[str, str]:
        """Return both feature maps of a picture, 1,64,H/4,W/4."""
        x = self.convolved(x, f'{part}/enc1.0', active=True)
        for layer, groups in ((2, 16), (6, 32)):
            x = self.convolved(x, f'{part}/enc1.{layer}', 2, groups, active=True)
            x = self.convolved(x, f'{part}/enc1.{layer + 2}', active=True)
        first = self.residual(x, f'{part}/enc1.10')
        return first, self.residual(first, f'{part}/enc2.0')

    def residual(self, x: str, name: str, weight: str | None = None, bias: str | None = None) -> str:
        """Add a residual block, its two convolutions filtered by ``weight`` and ``bias`` of the style where given."""
        def filtered(y: str, of: str) -> str:
            return y if weight is None or bias is None else self.add(self.multiply(weight, y), self.multiply(bias, of))
        y = self.relu(filtered(self.convolved(x, f'{name}.conv1'), x))
        return self.add(x, filtered(self.convolved(y, f'{name}.conv2'), y))

    def renormed(self, x: str, mean: str, deviation: str) -> str:
        """Give maps another mean and deviation (AdaIN, Huang and Belongie 2017)."""
        return self.add(self.multiply(self.instance_norm(x, _MAPS), deviation), mean)

    def style(self, picture: str) -> str:
        """Read a style from 1,3,H,W: 1,512,1,1."""
        numbers = []
        for level, x in enumerate(self.encoded(picture, 'style_encoder'), 1):
            numbers += [self.spatial_mean(x), self.spatial_deviation(x)]
            numbers += [self.spatial_mean(self.convolved(x, f'modulator/{kind}{level}.0', groups=_MAPS))
                        for kind in ('weight', 'bias')]
        return self.concatenate(numbers)

    def painted(self, content: str, style: str, strength: str) -> str:
        """Paint 1,3,H,W with a style (1, 512) and strength (1,)."""
        numbers = [self.node('Slice', self.reshape(style, 1, -1, 1, 1), *(self.constant(f'at{v}', np.array([v])) for v
                             in (i * _MAPS, (i + 1) * _MAPS, 1))) for i in range(STYLE_LENGTH // _MAPS)]
        _, x = self.encoded(content, 'content_encoder')
        rest = self.node('Sub', self.constant('one', np.array(1, np.float32)), strength)
        for block, (mean, deviation, weight, bias) in (('dec1', numbers[4:]), ('dec2', numbers[:4])):
            norm = self.renormed(x, mean, deviation)
            x = self.add(self.multiply(norm, strength), self.multiply(x, rest))
            x = self.residual(x, f'decoder/{block}', weight, bias)
        for layer, groups in ((1, 32), (6, 16)):
            x = self.node('Resize', x, '', self.constant('double', np.array([1, 1, 2, 2], np.float32)), mode='linear',
                          coordinate_transformation_mode='half_pixel')
            x = self.convolved(x, f'decoder/dec3.{layer}', groups=groups, active=True)
            x = self.convolved(x, f'decoder/dec3.{layer + 2}', active=True)
        return self.convolved(x, 'decoder/dec3.10')


def _drawn(weights: dict[str, np.ndarray]) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return what paints and what reads a style."""
    u8, f32, frame = onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT, [1, 'height', 'width', 3]

    def model(ops: OnnxOps, inputs: list, output: str, kind: int) -> onnx.ModelProto:
        graph = helper.make_graph(ops.nodes, 'microast', inputs, [helper.make_tensor_value_info(output, kind, None)],
                                  list(ops.initializers.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    ops = _Graph(weights)
    y = ops.painted(ops.planes(pixels_in(ops, 'frame')), 'style_vector', 'strength')
    y = ops.node('Round', ops.node('Mul', ops.channels_last(y), ops.constant('n255', np.array(255, np.float32))))
    y = ops.node('Clip', y, ops.constant('zero', np.array(0, np.float32)), 'n255')
    painter = model(ops, [helper.make_tensor_value_info('frame', u8, frame),
                          helper.make_tensor_value_info('style_vector', f32, [1, STYLE_LENGTH]),
                          helper.make_tensor_value_info('strength', f32, [1])], ops.node('Cast', y, to=u8), u8)
    ops = _Graph(weights)
    y = ops.reshape(ops.style(ops.planes(pixels_in(ops, 'picture'))), 1, -1)
    return painter, model(ops, [helper.make_tensor_value_info('picture', u8, frame)], y, f32)


class MicroAst:
    """
    MicroAST in OpenVINO, with the methods of :class:`~style_transfer_ros.engine.stylizer.Stylizer` that are needed.

    :param folder: of its four files.
    :param size: height and width of all frames where they are equal, which is faster; None: any.
    :raises StyleTransferError: see :func:`load_weights`.
    """

    def __init__(self, folder: Path, size: int | None = None, threads: int = 0, precision: str = 'f32') -> None:
        import openvino
        core, (painter, reader) = openvino.Core(), _drawn(load_weights(folder))
        options = {'INFERENCE_PRECISION_HINT': precision, 'INFERENCE_NUM_THREADS': threads,
                   'PERFORMANCE_HINT': 'LATENCY', 'ENABLE_CPU_PINNING': False}
        network = core.read_model(painter.SerializeToString())
        if size is not None:
            network.reshape({'frame': [1, size, size, 3], 'style_vector': [1, STYLE_LENGTH], 'strength': [1]})
        self._painter = core.compile_model(network, 'CPU', options)
        self._reader = core.compile_model(core.read_model(reader.SerializeToString()), 'CPU',
                                          {**options, 'INFERENCE_PRECISION_HINT': 'f32'})

    def learn_style(self, picture: np.ndarray) -> np.ndarray:
        """Read the style, (512,) float32, of (H, W, 3) uint8 RGB as it is."""
        return self._reader([np.ascontiguousarray(picture[None])])[0][0].copy()

    def paint(self, frame: np.ndarray, vector: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        """Paint (H, W, 3) uint8 RGB."""
        h, w = frame.shape[:2]
        padded = np.pad(frame, ((0, -h % 4), (0, -w % 4), (0, 0)), 'reflect')[None]
        painted = self._painter([np.ascontiguousarray(padded), np.asarray(vector, np.float32)[None],
                                 np.array([strength], np.float32)])
        return painted[0][0, :h, :w].copy()
