"""
The identity vector: strength 0 returns the photo, exactly, by construction and not by training.

Style vectors leave some directions of their 100 dimensions unused.  The identity vector points along the least used
one, so what the network's linear style layers answer to it can be set freely without touching any style: the gate for
the camera's pixels opens, the painting's scale and shift close, and the norms before answer as to an average style, so
that strengths between paint sensibly.
"""
from __future__ import annotations

from typing import Dict

import numpy as np

#: Length of the identity vector; styles reach about 0.01 along its direction.
_LENGTH = 3.0


def identity_vector(vectors: np.ndarray) -> np.ndarray:
    """Find the identity vector (100,) for style vectors (M, 100)."""
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors / len(vectors))
    return (_LENGTH * directions[:, 0]).astype(np.float32)


def install_identity(weights: Dict[str, np.ndarray], identity: np.ndarray,
                     average: np.ndarray) -> Dict[str, np.ndarray]:
    """
    Set the answers to the identity vector in the weights of ``networks.swift_transformer``.

    :param weights: float32 by name.
    :param identity: see :func:`identity_vector`; what is at right angles to it is answered as before.
    :param average: the mean of all style vectors, (100,).
    :returns: the changed weights; a weight of a style layer changes by a matrix of rank one.
    """
    changed = dict(weights)
    for name in weights:
        layer, _, part = name.rpartition('/')
        if part != 'weight' or weights[name].ndim != 2:
            continue
        weight, bias = weights[name], weights[f'{layer}/bias']
        wanted = {'head/scale': 0.0, 'head/shift': 0.0, 'gate': 1.0}.get(layer, weight @ average + bias)
        missing = wanted - (weight @ identity + bias)
        changed[name] = weight + np.outer(missing, identity / _LENGTH ** 2).astype(np.float32)
    return changed
