# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Directions of the style vector that styles leave unused, and what the network answers to them, set by construction.

Style vectors lie near a plane in their 100 dimensions.  What the network's linear style layers answer at right angles
to it can be set freely without touching any style:

- The *identity vector* points along the least used direction.  The gate for the camera's pixels opens, the painting's
  scale and shift close, and the norms before answer as to an average style, so that strengths between paint sensibly.
  Strength 0 returns the photo exactly.
- Six more directions move the scale and shift of red, green and blue in the head and nothing else.  The predictor
  writes into them what a trial of a new style shows to be missing (``networks.swift_predictor``).
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Length of the identity vector; styles are kept from its direction, along which they reach about 0.02.
_LENGTH = 3.0
#: What the six directions move, in their order.
_MOVED = ('head/scale', 'head/shift')


def identity_vector(vectors: np.ndarray) -> np.ndarray:
    """Find the identity vector (100,) for style vectors (M, 100)."""
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors / len(vectors))
    return (_LENGTH * directions[:, 0]).astype(np.float32)


def without(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return float32 vectors (M, 100) without their parts along directions (K, 100), at right angles to each other."""
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return (vectors - vectors @ units.T @ units).astype(np.float32)


def _style_layers(weights: dict[str, np.ndarray]) -> Iterator[str]:
    for name, weight in weights.items():
        layer, _, part = name.rpartition('/')
        if part == 'weight' and weight.ndim == 2:
            yield layer


def install_identity(weights: dict[str, np.ndarray], identity: np.ndarray,
                     average: np.ndarray) -> dict[str, np.ndarray]:
    """
    Set the answers to the identity vector in the weights of ``networks.swift_transformer``.

    :param weights: float32 by name.
    :param identity: see :func:`identity_vector`; what is at right angles to it is answered as before.
    :param average: the mean of all style vectors, (100,).
    :returns: the changed weights; a weight of a style layer changes by a matrix of rank one.
    """
    changed = dict(weights)
    for layer in _style_layers(weights):
        weight, bias = weights[f'{layer}/weight'], weights[f'{layer}/bias']
        wanted = {'head/scale': 0.0, 'head/shift': 0.0, 'gate': 1.0}.get(layer, weight @ average + bias)
        missing = wanted - (weight @ identity + bias)
        changed[f'{layer}/weight'] = weight + np.outer(missing, identity / _LENGTH ** 2).astype(np.float32)
    return changed


def colour_directions(vectors: np.ndarray, identity: np.ndarray) -> np.ndarray:
    """Find the six least used directions at right angles to the identity vector, (6, 100), for vectors (M, 100)."""
    unit = identity.astype(np.float64) / np.linalg.norm(identity)
    apart = vectors - np.outer(vectors @ unit, unit)
    _, directions = np.linalg.eigh(apart.T @ apart / len(apart) + np.outer(unit, unit) * 1e6)   # that one comes last
    return directions[:, :6].T.astype(np.float32)


def install_colours(weights: dict[str, np.ndarray], directions: np.ndarray, identity: np.ndarray,
                    average: np.ndarray) -> dict[str, np.ndarray]:
    """
    Set the answers to the six directions, and keep what the predictor reads out of them and of the identity vector's.

    What an average style has along them goes into the layers' biases, so that it paints as before.

    :param weights: of transformer and predictor, float32 by name.
    :param directions: see :func:`colour_directions`.
    :param average: the mean of all style vectors, (100,).
    :returns: the changed weights, with ``reserved/weight``, which the predictor adds its corrections by.
    """
    changed = dict(weights)
    for layer in _style_layers(weights):
        weight = weights[f'{layer}/weight'].astype(np.float64)
        answers = weight @ directions.T                                             # (C, 6)
        changed[f'{layer}/bias'] = (weights[f'{layer}/bias'] + answers @ (directions @ average)).astype(np.float32)
        weight -= answers @ directions
        if layer in _MOVED:
            first = 3 * _MOVED.index(layer)
            weight += directions[first:first + 3]
        changed[f'{layer}/weight'] = weight.astype(np.float32)
    kept = np.concatenate([directions, identity[None]])
    read, bias = weights['bottleneck/weight'][:, :, 0, 0], weights['bottleneck/bias']
    changed['bottleneck/weight'] = np.ascontiguousarray(without(read.T, kept).T[:, :, None, None])
    changed['bottleneck/bias'] = without(bias[None], kept)[0]
    changed['reserved/weight'] = np.ascontiguousarray(directions.T[:, :, None, None])
    return changed
