# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The ONNX files lay pixels out as the networks mean it, and the shipped 8-bit file rounds only what it should."""
import numpy as np
import onnx
from onnx import helper, numpy_helper
import pytest

from style_transfer_ros.engine.onnx_ops import OnnxOps, Pixels
from style_transfer_ros.paths import share_folder


def run(draw, picture):
    """Run what ``draw(ops, name)`` draws on a picture (1, H, W, 3)."""
    onnxruntime = pytest.importorskip('onnxruntime', reason='onnxruntime is not installed (requirements/runtime.txt)')
    ops = OnnxOps({})
    output = draw(ops, Pixels('picture'))
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(ops.nodes, 'test', [helper.make_tensor_value_info('picture', kind, [1, 'h', 'w', 3])],
                              [helper.make_tensor_value_info(output, kind, None)], list(ops.initializers.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {'picture': picture})[0]


@pytest.mark.parametrize('block, height, width', [(2, 4, 6), (4, 8, 24), (4, 24, 8)])
def test_blocks_are_row_column_channel_and_go_back_where_they_came_from(block, height, width):
    picture = np.random.default_rng(0).random((1, height, width, 3), np.float32)
    wanted = picture.reshape(height // block, block, width // block, block, 3).transpose(0, 2, 1, 3, 4)
    blocks = run(lambda ops, x: ops.space_to_depth(x, block), picture)
    np.testing.assert_array_equal(blocks[0], wanted.reshape(height // block, width // block, -1))
    back = run(lambda ops, x: ops.depth_to_space(ops.relu(ops.planes(ops.space_to_depth(x, block))), block), picture)
    np.testing.assert_array_equal(back, picture)


def test_the_8_bit_file_takes_pixels_as_they_are_and_weights_that_no_cpu_overflows_on():
    graph = onnx.load(share_folder() / 'models' / 'swift' / 'transformer_int8.onnx').graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == 'Conv']
    pixels = makers[convolutions[0].input[0]]
    assert constants[pixels.input[1]] == pytest.approx(1 / 255) and constants[pixels.input[2]] == 0
    for convolution in convolutions:
        weights = constants[makers[convolution.input[1]].input[0]]
        assert weights.dtype == np.int8 and np.abs(weights.astype(int)).max() <= 64
    rounded = {node.input[0] for node in graph.node if node.op_type == 'QuantizeLinear'}
    assert not rounded & {node.output[0] for node in convolutions}


@pytest.mark.parametrize('flags, fast', [('fma avx2 avx512_vnni', True), ('sse4_2 avx2', True), ('sse4_2 avx', False)])
def test_8_bits_are_taken_where_they_are_faster(flags, fast, monkeypatch):
    pytest.importorskip('openvino', reason='openvino is not installed (requirements/runtime.txt)')
    from style_transfer_ros.engine.runtimes import openvino_runtime
    monkeypatch.setattr(openvino_runtime.Path, 'read_text', lambda *_, **__: f'flags : {flags}')
    assert openvino_runtime._fast_in_8_bits() is fast
