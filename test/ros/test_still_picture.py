# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A still picture is painted again for a new viewer and for a new scene, and for nothing else."""
import pytest

from style_transfer_ros.ros import still_picture
from style_transfer_ros.ros.still_picture import StillPicture


@pytest.fixture
def clock(monkeypatch):
    """Give the time that the module reads, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(still_picture.time, 'monotonic', lambda: now[0])
    return now


@pytest.fixture
def still(clock):
    """Give a picture that came 2 s ago and was painted with scene 'a' for one viewer."""
    still = StillPicture()
    still.watched_by(1)
    still.arrived('picture')
    assert still.due('a', 0.0) is None              # a moment ago: the camera may go on
    still.painted('picture', 'a')
    clock[0] += 2
    return still


def test_nothing_is_due_while_nothing_changes(still):
    still.watched_by(1)
    assert still.due('a', 0.0) is None


def test_a_new_scene_makes_it_due_once(still):
    assert still.due('b', 0.0) == 'picture'
    assert still.due('b', 0.0) is None


def test_a_new_viewer_makes_it_due_once_and_one_that_leaves_does_not(still):
    still.watched_by(2)
    assert still.due('a', 0.0) == 'picture'
    assert still.due('a', 0.0) is None
    still.watched_by(0)
    assert still.due('a', 0.0) is None
    still.watched_by(1)                             # nobody looked in between
    assert still.due('a', 0.0) == 'picture'


def test_a_picture_that_was_never_painted_is_due(clock):
    still = StillPicture()
    assert still.due('a', 0.0) is None              # there is none
    still.arrived('picture')
    clock[0] += 2
    assert still.due('a', 0.0) == 'picture'


def test_a_frame_that_waits_for_its_turn_is_not_still(still, clock):
    assert still.due('b', 10.0) is None
    clock[0] += 30
    assert still.due('b', 10.0) == 'picture'


def test_a_frame_that_is_painted_slowly_is_not_painted_twice(still, clock):
    still.arrived('large frame')
    still.submitted('large frame', 'a')
    clock[0] += 9
    assert still.due('a', 0.0) is None
    still.painted('large frame', 'a')
    assert still.due('a', 0.0) is None and still.due('b', 0.0) == 'large frame'
