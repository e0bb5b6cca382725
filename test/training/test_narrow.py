"""How the training makes residual blocks narrower."""
import numpy as np

from style_transfer_ros.engine.networks import SWIFT_WIDTHS
from training.narrow import narrowed


def drawn(rng, widths):
    """Draw weights of residual blocks, as ``networks.py`` names them."""
    weights = {'stem1/weight': rng.normal(0, 1, (32, 48, 3, 3))}
    for number, width in enumerate(widths, 1):
        block = f'residual{number}'
        for layer, shape in (('conv1', (width, 32, 3, 3)), ('conv2', (32, width, 3, 3))):
            weights |= {f'{block}/{layer}/weight': rng.normal(0, 1, shape), f'{block}/{layer}/bias': np.zeros(shape[0])}
        for norm, maps in (('norm1', width), ('norm2', 32)):
            for part in ('scale', 'shift'):
                weights |= {f'{block}/{norm}/{part}/weight': rng.normal(0, 0.1, (maps, 100)),
                            f'{block}/{norm}/{part}/bias': rng.normal(0, 1, maps)}
    return {name: w.astype(np.float32) for name, w in weights.items()}


def test_maps_that_no_style_wakes_are_cut():
    rng, dead, wanted = np.random.default_rng(0), 5, {}
    weights = drawn(rng, [width + dead for width in SWIFT_WIDTHS])
    for number, width in enumerate(SWIFT_WIDTHS, 1):
        asleep = rng.permutation(width + dead)[:dead]
        for part, bias in (('scale', 0), ('shift', -1)):
            weights[f'residual{number}/norm1/{part}/weight'][asleep] = 0
            weights[f'residual{number}/norm1/{part}/bias'][asleep] = bias
        awake = np.setdiff1d(np.arange(width + dead), asleep)
        for name, w in weights.items():
            if name.startswith((f'residual{number}/conv1', f'residual{number}/norm1')):
                wanted[name] = w[awake]
        wanted[f'residual{number}/conv2/weight'] = weights[f'residual{number}/conv2/weight'][:, awake]
    found = narrowed(weights, rng.normal(0, 1, (20, 100)).astype(np.float32))
    assert set(found) == set(weights)
    for name, w in {**weights, **wanted}.items():
        np.testing.assert_array_equal(found[name], w)


def test_what_is_narrow_stays():
    weights = drawn(np.random.default_rng(0), SWIFT_WIDTHS)
    found = narrowed(weights, np.ones((3, 100), np.float32))
    assert set(found) == set(weights)
    for name, w in weights.items():
        np.testing.assert_array_equal(found[name], w)
