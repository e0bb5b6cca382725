"""What the export does to trained weights."""
import cv2
import numpy as np
import onnx

from style_transfer_ros.engine import networks, onnx_ops
from style_transfer_ros.engine.models import load_model
from training.export import rounded, softened, trial


def painted(head, features):
    """Paint features (h, w, C) by a last convolution (48, C, 3, 3): (4h, 4w, 3)."""
    height, width = features.shape[:2]
    wide = np.pad(features, [(1, 1), (1, 1), (0, 0)])
    blocks = sum(wide[y:y + height, x:x + width] @ head[:, :, y, x].T for y in range(3) for x in range(3))
    return blocks.reshape(height, width, 4, 4, 3).transpose(0, 2, 1, 3, 4).reshape(4 * height, 4 * width, 3)


def test_a_softened_convolution_paints_what_a_blur_of_its_painting_is():
    rng, inner = np.random.default_rng(0), slice(12, -12)
    head = rng.normal(0, 1, (48, 5, 3, 3)).astype(np.float32)
    features = cv2.GaussianBlur(rng.normal(0, 1, (24, 24, 5)).astype(np.float32), (0, 0), 2)
    plain = painted(head, features)
    blurred = cv2.GaussianBlur(plain, (3, 3), 0.5)
    soft = painted(softened({'head/weight': head}, 0.5)['head/weight'], features)
    assert np.abs(soft - blurred)[inner, inner].mean() < 0.05 * np.abs(plain - blurred)[inner, inner].mean()


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


def test_a_trial_is_read_at_two_thirds_of_its_size():
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (12, 18, 3)).astype(np.float32), (3, 3), 0)
    cells = picture.reshape(4, 3, 6, 3, 3).transpose(0, 2, 4, 1, 3)
    smaller = np.einsum('hwcyx,ocyx->hwo', cells, trial()['trial/smaller/weight'])
    found = smaller.reshape(4, 6, 2, 2, 3).transpose(0, 2, 1, 3, 4).reshape(8, 12, 3)
    np.testing.assert_allclose(found, cv2.resize(picture, (12, 8), interpolation=cv2.INTER_AREA), rtol=1e-4)


def test_the_shipped_files_are_what_the_code_draws():
    model = load_model('swift')
    for file, draw, network in (('transformer.onnx', onnx_ops.transformer_model, networks.swift_transformer),
                                ('predictor.onnx', onnx_ops.predictor_model, networks.swift_predictor)):
        path = model.path(file)
        assert draw(network, onnx_ops.load_weights(path)).graph == onnx.load(path).graph


def test_the_8_bit_network_mirrors_bytes_and_adds_up_what_was_never_rounded():
    graph = onnx.load(load_model('swift').path('transformer_int8.onnx')).graph
    made_by = {output: node for node in graph.node for output in node.output}
    _, *others = [made_by[node.input[0]] for node in graph.node if node.op_type == 'Conv']     # not of the pixels
    assert {node.op_type for node in others} == {'Pad'}
    assert {made_by[node.input[0]].op_type for node in others} == {'DequantizeLinear'}
    sums = {name for node in graph.node if node.op_type == 'Add' for name in node.input}
    assert not [name for name in sums if name in made_by and made_by[name].op_type == 'DequantizeLinear']
