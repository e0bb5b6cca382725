"""What the training does to the style predictor; PyTorch comes with ``make train``."""
import numpy as np
import pytest

from style_transfer_ros.engine import networks
from training.identity import identity_vector
from training.samples import mixed

torch = pytest.importorskip('torch', reason='PyTorch is not installed; make train brings it')


@pytest.fixture
def pooled():
    return torch.from_numpy(np.random.default_rng(0).gamma(2, 1, (300, 432)).astype(np.float32))


def layers(pooled):
    from training.predictor import DenseLayers
    rng = np.random.default_rng(1)
    weights = {'dense1/weight': rng.normal(0, 0.05, (512, 432, 1, 1)), 'dense1/bias': rng.normal(0, 1, 512),
               'dense2/weight': rng.normal(0, 0.05, (100, 512, 1, 1)), 'dense2/bias': rng.normal(0, 1, 100)}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    return DenseLayers(pooled.mean(0), pooled.std(0), weights).eval(), weights


def test_dense_layers_compute_what_the_predictor_does_and_return_their_weights(pooled):
    dense, weights = layers(pooled)
    hidden = np.maximum(pooled.numpy() @ weights['dense1/weight'][:, :, 0, 0].T + weights['dense1/bias'], 0)
    expected = hidden @ weights['dense2/weight'][:, :, 0, 0].T + weights['dense2/bias']
    np.testing.assert_allclose(dense(pooled).detach(), expected, rtol=1e-3, atol=1e-3)
    for name, found in dense.weights().items():
        np.testing.assert_allclose(found, weights[name], rtol=1e-4, atol=1e-5)


def test_a_student_mixes_styles_as_the_teacher_was_asked_to(pooled):
    from training.torch_ops import TorchOps
    from training.train import Student
    student = Student(TorchOps(networks.swift_transformer), layers(pooled)[0], pooled)
    mixes = np.array([[[3, 5], [1, 0]], [[7, 3], [0.5, -0.25]]], np.float32)
    np.testing.assert_allclose(student.condition(torch.from_numpy(mixes)).detach(),
                               mixed(student.vectors().numpy(), mixes), rtol=1e-4, atol=1e-4)


def test_learning_leaves_the_direction_of_the_identity_vector_unused(pooled):
    from training.torch_ops import TorchOps
    from training.train import Student
    student = Student(TorchOps(networks.swift_transformer), layers(pooled)[0], pooled)
    before, direction = student.vectors(), student.identity / student.identity.norm()
    np.testing.assert_allclose(student.identity, identity_vector(before.numpy()), rtol=1e-6)
    with torch.no_grad():
        for p in student.dense.out.parameters():
            p += torch.randn_like(p)
    student.leave_identity()
    after = student.vectors()
    assert (after - before).abs().mean() > 0.1
    np.testing.assert_allclose(after @ direction, before @ direction, atol=1e-3)
