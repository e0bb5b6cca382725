"""Make the residual blocks of a trained transformer as narrow as ours: keep the maps that matter most."""
from __future__ import annotations

from typing import Dict

import numpy as np

from style_transfer_ros.engine.networks import SWIFT_WIDTHS

#: The maps of an instance norm are taken as normal noise of so many values.
_VALUES = 200


def _power(weights: Dict[str, np.ndarray], block: str, vectors: np.ndarray) -> np.ndarray:
    """Return how much each inner map of a block varies behind its second convolution, mean over styles."""
    scale, shift = (vectors @ weights[f'{block}/norm1/{part}/weight'].reshape(-1, vectors.shape[1]).T
                    + weights[f'{block}/norm1/{part}/bias'].ravel() for part in ('scale', 'shift'))
    values = np.random.default_rng(0).standard_normal((_VALUES, 1, 1))
    maps = np.maximum(values * scale + shift, 0).var(0).mean(0)
    return maps * np.square(weights[f'{block}/conv2/weight']).sum((0, 2, 3))


def narrowed(weights: Dict[str, np.ndarray], vectors: np.ndarray) -> Dict[str, np.ndarray]:
    """
    Cut the inner maps of the residual blocks to ``networks.SWIFT_WIDTHS``; what is as narrow already stays as it is.

    The norm behind a block takes away the mean that a lost map had, so only what varies is lost (as in
    arXiv 1608.08710, which ranks by weights alone).

    :param weights: float32 by name, with ``residual1`` to ``residual5``.
    :param vectors: some hundred style vectors of this transformer, (N, 100).
    """
    found = dict(weights)
    for number, width in enumerate(SWIFT_WIDTHS, 1):
        block = f'residual{number}'
        if len(weights[f'{block}/conv1/weight']) <= width:
            continue
        kept = np.sort(np.argsort(-_power(weights, block, vectors), kind='stable')[:width])
        for name in weights:
            if name.startswith((f'{block}/conv1/', f'{block}/norm1/')):
                found[name] = np.ascontiguousarray(weights[name][kept])
        found[f'{block}/conv2/weight'] = np.ascontiguousarray(weights[f'{block}/conv2/weight'][:, kept])
    return found
