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


def test_a_student_goes_on_with_the_identity_vector_of_its_checkpoint(pooled):
    from training.torch_ops import TorchOps
    from training.train import Student

    def student(statistics):
        new = Student(TorchOps(networks.swift_transformer), layers(pooled)[0], statistics)
        new.transformer(torch.zeros(1, 3, 64, 64), torch.zeros(1, 100))
        return new
    first, second = student(pooled), student(pooled[:150])      # which has another direction
    assert not torch.equal(first.identity, second.identity)
    second.load_state_dict(first.state_dict())
    second.leave_identity()
    np.testing.assert_array_equal(second.identity, first.identity)
    np.testing.assert_allclose(second.vectors(), first.vectors()[:150], atol=1e-4)


def test_noise_of_a_restless_video_is_grey_and_only_where_detail_is(monkeypatch):
    from training import train
    monkeypatch.setattr(train, '_NOISE', (0, 0.4))
    rng, grain = np.random.default_rng(0), torch.randn(2, 3, 64, 128, generator=torch.Generator().manual_seed(0))
    content = torch.full((2, 3, 64, 128), 0.5)
    content[..., 96:] += 0.2 * grain[..., 96:]
    found = train.noise(rng, content, grain)
    assert found.shape == content.shape and torch.equal(found[:, 0], found[:, 2])
    assert found[..., :64].abs().max() == 0 and found[..., 96:].std() > 1e-3


def test_learning_leaves_the_direction_of_the_identity_vector_unused(pooled):
    from training.torch_ops import TorchOps
    from training.train import Student
    student = Student(TorchOps(networks.swift_transformer), layers(pooled)[0], pooled)
    before, direction = student.vectors(), student.identity / student.identity.norm()
    np.testing.assert_allclose(student.identity, identity_vector(before.numpy()), rtol=1e-6)
    with torch.no_grad():
        for p in student.dense.out.parameters():
            p += torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    student.leave_identity()
    after = student.vectors()
    assert (after - before).abs().mean() > 0.1
    np.testing.assert_allclose(after @ direction, before @ direction, atol=1e-3)


def test_the_palette_loss_sees_a_cast_and_paleness_and_not_where_colours_are():
    from training.losses import palette_loss
    picture = torch.from_numpy(np.random.default_rng(2).random((2, 3, 16, 16)).astype(np.float32))
    picture = torch.nn.functional.interpolate(picture, scale_factor=4)
    directions = torch.eye(3)
    assert palette_loss(picture, picture.flip(3), directions) < 1e-6
    cast = picture + torch.tensor([0, 0.1, 0])[:, None, None]
    assert palette_loss(cast, picture, directions).item() == pytest.approx(0.1 / 3, rel=1e-3)
    assert palette_loss(0.5 + 0.8 * (picture - 0.5), picture, directions) > 0.02
