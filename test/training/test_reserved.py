# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What is set by construction in directions that styles leave unused."""
import numpy as np
import pytest

from training.reserved import colour_directions, identity_vector, install_colours, install_identity

RNG = np.random.default_rng(0)
#: Style vectors that use 60 of their 100 dimensions.
VECTORS = (RNG.normal(0, 1, (400, 60)) @ np.linalg.qr(RNG.normal(0, 1, (100, 60)))[0].T).astype(np.float32)
AVERAGE, IDENTITY = VECTORS.mean(0), identity_vector(VECTORS)
LAYERS = {'residual1/norm1/scale': 32, 'head/scale': 3, 'head/shift': 3, 'gate': 3}


def drawn() -> dict:
    rng, weights = np.random.default_rng(1), {}
    for layer, channels in LAYERS.items():
        weights |= {f'{layer}/weight': rng.normal(0, 0.1, (channels, 100)), f'{layer}/bias': rng.normal(0, 1, channels)}
    weights |= {'bottleneck/weight': rng.normal(0, 1, (100, 512, 1, 1)), 'bottleneck/bias': rng.normal(0, 1, 100)}
    return {name: w.astype(np.float32) for name, w in weights.items()}


def answers(weights: dict, layer: str, vectors: np.ndarray) -> np.ndarray:
    return vectors @ weights[f'{layer}/weight'].T + weights[f'{layer}/bias']


def test_the_identity_vector_opens_the_gate_and_touches_no_style():
    before, after = drawn(), install_identity(drawn(), IDENTITY, AVERAGE)
    for layer in LAYERS:
        np.testing.assert_allclose(answers(after, layer, VECTORS), answers(before, layer, VECTORS), atol=1e-3)
    for layer, wanted in (('gate', 1), ('head/scale', 0), ('head/shift', 0)):
        np.testing.assert_allclose(answers(after, layer, IDENTITY), wanted, atol=1e-4)
    np.testing.assert_allclose(answers(after, 'residual1/norm1/scale', IDENTITY),
                               answers(before, 'residual1/norm1/scale', AVERAGE), atol=1e-3)


@pytest.fixture
def corrected():
    directions = colour_directions(VECTORS, IDENTITY)
    return directions, install_colours(install_identity(drawn(), IDENTITY, AVERAGE), directions, IDENTITY, AVERAGE)


def test_six_directions_move_the_colours_of_the_head_and_nothing_else(corrected):
    directions, weights = corrected
    np.testing.assert_allclose(directions @ directions.T, np.eye(6), atol=1e-5)
    np.testing.assert_allclose(directions @ IDENTITY, 0, atol=1e-4)
    changes = np.array([0.1, -0.2, 0.3, 0.4, 0.05, -0.6], np.float32)
    moved = AVERAGE + weights['reserved/weight'][:, :, 0, 0] @ changes
    for layer, wanted in (('residual1/norm1/scale', 0), ('gate', 0), ('head/scale', changes[:3]),
                          ('head/shift', changes[3:])):
        difference = answers(weights, layer, moved) - answers(weights, layer, AVERAGE)
        np.testing.assert_allclose(difference, np.broadcast_to(wanted, difference.shape), atol=1e-4)


def test_styles_and_the_photo_are_painted_as_before(corrected):
    directions, weights = corrected
    before = install_identity(drawn(), IDENTITY, AVERAGE)
    unused = VECTORS - VECTORS @ directions.T @ directions
    for layer in LAYERS:
        np.testing.assert_allclose(answers(weights, layer, unused), answers(before, layer, VECTORS), atol=2e-3)
        np.testing.assert_allclose(answers(weights, layer, IDENTITY), answers(before, layer, IDENTITY), atol=1e-3)


def test_the_predictor_stays_out_of_the_directions(corrected):
    directions, weights = corrected
    hidden = np.random.default_rng(2).random((20, 512), np.float32)
    vectors = hidden @ weights['bottleneck/weight'][:, :, 0, 0].T + weights['bottleneck/bias']
    np.testing.assert_allclose(vectors @ directions.T, 0, atol=1e-3)
    np.testing.assert_allclose(vectors @ IDENTITY, 0, atol=1e-3)
