# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A stream paints frame after frame, and forgets the past exactly when it would show through."""
from pathlib import Path

import numpy as np
import pytest

from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.stream import PaintSettings, Stream
from style_transfer_ros.engine.stylizer import Stylizer

STILL = np.full((32, 48, 3), 100, np.uint8)
RED, BLUE = (np.eye(100, dtype=np.float32)[n] for n in (0, 2))


@pytest.fixture
def stream():
    return Stream(Stylizer(Model('fake', Path(), 'fake', 1, np.zeros(100, np.float32), False), FakeRuntime()))


def noisy(change):
    """Return the still scene with a change that is too small to be motion."""
    return (STILL + change).astype(np.uint8)


def test_a_still_scene_is_smoothed_over_time(stream):
    first = stream.paint(noisy(0), RED, PaintSettings(smoothing=0.8), stamp=1.0)
    second = stream.paint(noisy(3), RED, PaintSettings(smoothing=0.8), stamp=1.0 + 1 / 30)
    alone = stream.stylizer.paint(noisy(3), RED)
    assert np.abs(second.astype(int) - first).max() < np.abs(alone.astype(int) - first).max()


@pytest.mark.parametrize('vector, settings', [(BLUE, PaintSettings()), (RED, PaintSettings(strength=0.5)),
                                              (RED, PaintSettings(preserve_color=True)),
                                              (RED, PaintSettings(smoothing=0.5))])
def test_a_new_style_or_setting_is_seen_at_once(stream, vector, settings):
    stream.paint(STILL, RED, PaintSettings(), stamp=1.0)
    painted = stream.paint(STILL, vector, settings, stamp=1.01)
    alone = stream.stylizer.paint(STILL, vector, strength=settings.strength, preserve_color=settings.preserve_color)
    assert (painted == alone).all()


def test_a_new_size_is_painted_as_if_it_were_the_first_frame(stream):
    stream.paint(STILL, RED, stamp=1.0)
    larger = np.full((40, 48, 3), 100, np.uint8)
    assert (stream.paint(larger, RED, stamp=1.01) == stream.stylizer.paint(larger, RED)).all()


def test_an_equal_vector_is_the_same_style(stream):
    first = stream.paint(noisy(0), RED, stamp=1.0)
    second = stream.paint(noisy(3), RED.copy(), stamp=1.01)
    assert np.abs(second.astype(int) - first).max() < 2


def test_forgetting_begins_anew(stream):
    stream.paint(noisy(0), RED, stamp=1.0)
    stream.forget()
    assert (stream.paint(noisy(3), RED, stamp=1.01) == stream.stylizer.paint(noisy(3), RED)).all()
