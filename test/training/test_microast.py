# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""MicroAST as we draw it computes what its paper says, here with random weights and written again in PyTorch."""
import numpy as np
import pytest

from style_transfer_ros.engine.errors import StyleTransferError
from training.microast import MicroAst, STYLE_LENGTH

torch = pytest.importorskip('torch', reason='PyTorch reads the weights; make train brings it')
pytest.importorskip('openvino', reason='OpenVINO is not installed')
F = torch.nn.functional

ENCODER = {'enc1.0': (16, 3, 9), 'enc1.2': (32, 1, 3), 'enc1.4': (32, 32, 1), 'enc1.6': (64, 1, 3),
           'enc1.8': (64, 64, 1), 'enc1.10.conv1': (64, 64, 3), 'enc1.10.conv2': (64, 64, 3),
           'enc2.0.conv1': (64, 64, 3), 'enc2.0.conv2': (64, 64, 3)}
SHAPES = {'content_encoder': ENCODER, 'style_encoder': ENCODER,
          'modulator': {f'{kind}{level}.0': (64, 1, 3) for kind in ('weight', 'bias') for level in (1, 2)},
          'decoder': {**{f'{block}.{conv}': (64, 64, 3) for block in ('dec1', 'dec2') for conv in ('conv1', 'conv2')},
                      'dec3.1': (32, 2, 3), 'dec3.3': (32, 32, 1), 'dec3.6': (16, 2, 3), 'dec3.8': (16, 16, 1),
                      'dec3.10': (3, 16, 9)}}


@pytest.fixture
def folder(tmp_path):
    """Write files as MicroAST's authors did, with random weights."""
    generator = torch.Generator().manual_seed(0)
    for part, layers in SHAPES.items():
        state = {}
        for name, (channels, inputs, side) in layers.items():
            std = (2 / (inputs * side * side)) ** 0.5 * (0.5 if 'conv' in name else 1)
            state[f'{name}.conv_layer.weight'] = torch.randn(channels, inputs, side, side, generator=generator) * std
            state[f'{name}.conv_layer.bias'] = torch.randn(channels, generator=generator) * 0.1
        torch.save(state, tmp_path / f'{part}_iter_160000.pth.tar')
    return tmp_path


def paint(folder, content, style, strength):
    """Paint as the paper says; pictures N,3,H,W in 0..1."""
    parts = {part: torch.load(folder / f'{part}_iter_160000.pth.tar', weights_only=True) for part in SHAPES}

    def conv(x, part, name, stride=1, groups=1):
        weight, bias = (parts[part][f'{name}.conv_layer.{kind}'] for kind in ('weight', 'bias'))
        return F.conv2d(F.pad(x, [weight.shape[2] // 2] * 4, mode='reflect'), weight, bias, stride, groups=groups)

    def residual(x, part, name, w=1.0, b=0.0):
        y = F.relu(w * conv(x, part, f'{name}.conv1') + b * x)
        return x + w * conv(y, part, f'{name}.conv2') + b * y

    def encode(x, part):
        x = F.relu(conv(x, part, 'enc1.0'))
        for layer, groups in ((2, 16), (6, 32)):
            x = F.relu(conv(F.relu(conv(x, part, f'enc1.{layer}', 2, groups)), part, f'enc1.{layer + 2}'))
        first = residual(x, part, 'enc1.10')
        return first, residual(first, part, 'enc2.0')

    def adain(x, like):
        moved = F.instance_norm(x) * like.std((2, 3), keepdim=True, correction=0) + like.mean((2, 3), keepdim=True)
        return strength * moved + (1 - strength) * x
    styles, (_, x) = encode(style, 'style_encoder'), encode(content, 'content_encoder')
    for level, block in ((2, 'dec1'), (1, 'dec2')):
        w, b = (conv(styles[level - 1], 'modulator', f'{kind}{level}.0', groups=64).mean((2, 3), keepdim=True)
                for kind in ('weight', 'bias'))
        x = residual(adain(x, styles[level - 1]), 'decoder', block, w, b)
    for layer, groups in ((1, 32), (6, 16)):
        x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        x = F.relu(conv(F.relu(conv(x, 'decoder', f'dec3.{layer}', groups=groups)), 'decoder', f'dec3.{layer + 2}'))
    return conv(x, 'decoder', 'dec3.10')


@pytest.mark.parametrize('strength', [1.0, 0.4])
def test_it_paints_what_the_paper_says(folder, strength):
    rng = np.random.default_rng(1)
    content, style = (rng.integers(0, 256, (h, w, 3)).astype(np.uint8) for h, w in ((48, 64), (64, 64)))
    network = MicroAst(folder)
    vector = network.learn_style(style)
    assert vector.shape == (STYLE_LENGTH,)
    tensors = [torch.from_numpy(p.transpose(2, 0, 1)[None] / np.float32(255)) for p in (content, style)]
    wanted = (paint(folder, *tensors, strength)[0].permute(1, 2, 0).numpy() * 255).round().clip(0, 255)
    assert 10 < wanted.std()                # else everything would be clipped, and equal
    np.testing.assert_allclose(network.paint(content, vector, strength=strength), wanted, atol=2)


def test_a_missing_file_is_one_sentence(folder):
    (folder / 'decoder_iter_160000.pth.tar').unlink()
    with pytest.raises(StyleTransferError, match="There is no '.*decoder_iter_160000.pth.tar'; give the folder"):
        MicroAst(folder)
