# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The slot of the newest frame: one waits at most, none is taken twice, and nobody waits for the painter."""
import queue
import threading

import pytest

from style_transfer_ros.ros.newest_frame import NewestFrame

SOON, NEVER = 10, 0.2       # s: a deadline, and how long it is watched that nothing comes


class Slot:
    """A slot whose frames come in a queue; while ``gate`` is cleared, the thread is busy with a frame."""

    def __init__(self):
        self.taken, self.dropped, self.begun = queue.Queue(), [], queue.Queue()
        self.gate = threading.Event()
        self.gate.set()
        self.slot = NewestFrame(self.take, lambda: self.dropped.append(1))

    def take(self, frame):
        self.begun.put(frame)
        self.gate.wait(SOON)
        self.taken.put(frame)

    def expect_nothing(self):
        with pytest.raises(queue.Empty):
            self.taken.get(timeout=NEVER)


@pytest.fixture
def box():
    made = Slot()
    yield made
    made.gate.set()
    made.slot.stop()


def test_a_frame_is_taken_at_the_next_tick_and_only_once(box):
    box.slot.submit('a')
    box.expect_nothing()
    box.slot.tick()
    assert box.taken.get(timeout=SOON) == 'a'
    box.slot.tick()
    box.expect_nothing()


def test_each_frame_is_taken_as_it_comes_when_every_frame_is_wanted(box):
    box.slot.set_every_frame(True)
    for frame in 'abc':
        box.slot.submit(frame)
        assert box.taken.get(timeout=SOON) == frame
    box.slot.set_every_frame(False)
    box.slot.submit('d')
    box.expect_nothing()


def test_a_due_frame_is_taken_at_once_between_ticks(box):
    box.slot.submit('a', due=True)
    assert box.taken.get(timeout=SOON) == 'a'


def test_the_newest_frame_replaces_the_one_that_waits_and_the_drop_is_counted(box):
    for frame in 'abc':
        box.slot.submit(frame)
    box.slot.tick()
    assert box.taken.get(timeout=SOON) == 'c' and len(box.dropped) == 2


def test_frames_that_come_during_the_work_do_not_wait_for_it_and_only_the_newest_is_next(box):
    box.gate.clear()
    box.slot.set_every_frame(True)
    box.slot.submit('a')
    assert box.begun.get(timeout=SOON) == 'a'
    for frame in 'bcd':
        box.slot.submit(frame)      # returns although the thread is busy
    box.gate.set()
    assert [box.taken.get(timeout=SOON) for _ in range(2)] == ['a', 'd']
    assert len(box.dropped) == 2


def test_a_false_frame_is_a_frame(box):
    box.slot.submit(0, due=True)
    assert box.taken.get(timeout=SOON) == 0


def test_stop_forgets_the_frame_that_waits_and_waits_for_the_one_at_work(box):
    box.gate.clear()
    box.slot.submit('a', due=True)
    assert box.begun.get(timeout=SOON) == 'a'
    box.slot.submit('b', due=True)
    threading.Timer(0.1, box.gate.set).start()
    box.slot.stop(timeout=SOON)
    assert box.taken.get_nowait() == 'a'        # stop() returned after it
    box.expect_nothing()


def test_work_that_takes_long_does_not_hold_up_stop(box):
    box.gate.clear()
    box.slot.submit('a', due=True)
    box.begun.get(timeout=SOON)
    box.slot.stop(timeout=0.01)
    assert box.taken.empty()


def test_the_work_itself_may_stop_the_slot():
    ended = threading.Event()

    def take(_):
        slot.stop(timeout=SOON)
        ended.set()
    slot = NewestFrame(take, lambda: None)
    slot.submit('a', due=True)
    assert ended.wait(SOON)
