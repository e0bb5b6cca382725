# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
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
