# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the export does to trained weights."""
import numpy as np
import onnx
import pytest

from style_transfer_ros.engine import networks, onnx_ops
from style_transfer_ros.engine.models import load_model
from training.export import rounded


def test_rounded_weights_keep_the_sum_of_each_kernel():
    weight = np.random.default_rng(0).normal(0, 1, (8, 5, 3, 3)).astype(np.float32)
    coarse = rounded(weight)
    step = np.abs(weight).max((1, 2, 3), keepdims=True) / 64
    assert np.abs(coarse / step - np.round(coarse / step)).max() < 1e-3
    assert np.abs(coarse - weight).max() < step.max()
    np.testing.assert_allclose(np.abs(coarse).max((1, 2, 3)), np.abs(weight).max((1, 2, 3)), rtol=1e-6)
    assert np.all(np.abs((coarse - weight).sum((2, 3))) <= 0.501 * step[..., 0, 0])


def test_the_8_bit_weights_are_those_that_were_rounded():
    model = load_model('swift')
    exact, coarse = (onnx_ops.load_weights(model.path(file)) for file in ('transformer.onnx', 'transformer_int8.onnx'))
    kernels = [name for name, weight in exact.items() if weight.ndim == 4]
    assert kernels and {f'{name}_quantized' for name in kernels} == {
        name for name in coarse if name.endswith('weight_quantized')}
    for name in kernels:
        scale = coarse[f'{name}_scale'][:, None, None, None]
        np.testing.assert_allclose(coarse[f'{name}_quantized'] * scale, rounded(exact[name]), atol=1e-6)


@pytest.mark.parametrize('name', ['swift', 'fine'])
def test_the_shipped_files_are_what_the_code_draws(name):
    model = load_model(name)
    files = 'transformer.onnx', 'predictor.onnx'
    for file, draw, network in zip(files, (onnx_ops.transformer_model, onnx_ops.predictor_model), networks.PAIRS[name]):
        path = model.path(file)
        drawn = draw(network, onnx_ops.load_weights(path))
        assert (onnx_ops.halved(drawn) if file == 'predictor.onnx' else drawn).graph == onnx.load(path).graph


def test_the_8_bit_network_mirrors_bytes_and_adds_up_what_was_never_rounded():
    graph = onnx.load(load_model('swift').path('transformer_int8.onnx')).graph
    made_by = {output: node for node in graph.node for output in node.output}
    wide = [node for node in graph.node if node.op_type == 'Conv'
            and next(a for a in node.attribute if a.name == 'kernel_shape').ints[0] > 1]
    pixels = wide[0].input[0]
    others = [made_by[node.input[0]] for node in wide if node.input[0] != pixels]
    assert {node.op_type for node in others} == {'Pad'}
    assert {made_by[node.input[0]].op_type for node in others} == {'DequantizeLinear'}
    sums = {name for node in graph.node if node.op_type == 'Add' for name in node.input}
    assert not [name for name in sums if name in made_by and made_by[name].op_type == 'DequantizeLinear']
