"""Fixtures of the archive's tests: small bags, and painters of the fake model, which needs no networks."""
from pathlib import Path
import sys

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from style_transfer_ros.archive.painting import Painters  # noqa: E402
from style_transfer_ros.archive.plan import make_look  # noqa: E402
from style_transfer_ros.engine.stream import PaintSettings  # noqa: E402
from style_transfer_ros.engine.stylizer import Stylizer  # noqa: E402

ORANGE = np.zeros(100, np.float32)
ORANGE[:3] = 1, 0.5, 0


@pytest.fixture
def look():
    """Paint all in orange, with smoothing."""
    return make_look('fake', 'auto', 'orange', ORANGE, PaintSettings(smoothing=0.8))


@pytest.fixture
def painters():
    with Painters(lambda threads: Stylizer.load('fake', 'auto', threads), 2) as running:
        yield running
