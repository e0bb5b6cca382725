# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
From a camera's message to the painting, without DDS: the node is a stand-in that holds callbacks and publications.

The same over real DDS is in test_style_transfer_node.py.
"""
from dataclasses import replace
from pathlib import Path
import queue
import threading
import time
from types import SimpleNamespace

from builtin_interfaces.msg import Time
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from style_transfer_ros.engine.library import Style
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.styles import Mix
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.live import Live
from style_transfer_ros.ros.loaded import Loaded
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.settings import StyleTransferParameters

SOON, NEVER = 10, 0.2       # s: a deadline, and how long it is watched that nothing comes
GREY = np.full((48, 64, 3), 100, np.uint8)
RED = np.zeros(100, np.float32)
RED[0] = 1
GREY_PAINTED_RED = (177, 50, 50)


class Publications(queue.Queue):
    """A publisher whose messages the test reads; ``viewers`` of them subscribe."""

    viewers = 1

    def publish(self, message):
        self.put(message)

    def get_subscription_count(self):
        return self.viewers


class StandIn:
    """The part of a node that Live uses."""

    def __init__(self):
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.published, self.subscribed, self.timers, self.said = {}, {}, {}, []

    def create_publisher(self, kind, topic, *_, **__):
        return self.published.setdefault(topic, Publications())

    def destroy_publisher(self, publisher):
        pass

    def create_subscription(self, kind, topic, callback, *_, **__):
        self.subscribed[topic] = callback
        return topic

    def destroy_subscription(self, topic):
        del self.subscribed[topic]

    def create_timer(self, period, callback, clock=None):
        timer = SimpleNamespace(period=period)
        self.timers[id(timer)] = (timer, callback)
        return timer

    def destroy_timer(self, timer):
        del self.timers[id(timer)]

    def tick(self, period):
        """Let the timers of this period be due."""
        for timer, callback in list(self.timers.values()):
            if timer.period == period:
                callback()

    def resolve_topic_name(self, topic):
        return f'/{topic}'

    def count_publishers(self, topic):
        return 1

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=time.time_ns()))

    def get_logger(self):
        return SimpleNamespace(warning=lambda text, **_: self.said.append(text),
                               error=lambda text, **_: self.said.append(text))


class Studio:
    """Live on a stand-in, with a runtime that paints what is known."""

    def __init__(self, mix=True, **parameters):
        self.node, self.statistics, self.runtime = StandIn(), Statistics(), FakeRuntime()
        self.settings = StyleTransferParameters(**{'period': 0.0, 'qos': 'default', 'smoothing': 0.0, **parameters})
        self.loaded = Loaded(self.node)
        model = Model('fake', Path(), 'fake', 1, np.zeros(100, np.float32), False)
        self.loaded.stylizer = Stylizer(model, self.runtime)
        self.loaded.mix = Mix(Style('red', '', 'fake', RED, b'', 0.0), ('red',), (1.0,)) if mix else None
        self.live = Live(self.node, self.loaded, self.settings, self.statistics)
        self.live.update(self.settings, self.loaded)
        self.stamp = 0

    @property
    def paintings(self):
        return self.node.published['stylized/image']

    def camera(self, message):
        self.node.subscribed['/image_raw'](message)

    def show(self, frame=GREY, encoding='rgb8'):
        self.stamp += 1
        message = messages.to_image(frame, Header(stamp=Time(sec=self.stamp), frame_id='eye'), encoding)
        self.camera(message)
        return message

    def paint(self):
        """Show a frame; return the colour of its painting."""
        header = self.show().header
        painting = self.paintings.get(timeout=SOON)
        assert painting.header == header
        return tuple(messages.to_rgb(painting)[0, 0])

    def change(self, **values):
        self.settings = replace(self.settings, **values)
        self.live.update(self.settings, self.loaded)

    def count(self, key):
        return int(self.statistics.values().get(key, 0))

    def wait_for(self, key, seconds=SOON, number=1):
        deadline = time.monotonic() + seconds
        while self.count(key) < number:
            assert time.monotonic() < deadline, key
            time.sleep(0.01)

    def expect_nothing(self):
        with pytest.raises(queue.Empty):
            self.paintings.get(timeout=NEVER)

    def close(self):
        if self.node.subscribed:
            self.live.stop()
        self.node.context.try_shutdown()


@pytest.fixture
def make():
    made = []

    def begin(**parameters):
        made.append(Studio(**parameters))
        return made[-1]
    yield begin
    for studio in made:
        studio.close()


def test_a_frame_is_painted_and_counted_and_its_header_stays(make):
    studio = make()
    assert studio.paint() == GREY_PAINTED_RED
    studio.wait_for('frames painted')
    assert studio.count('frames in') == 1


def test_with_a_period_the_newest_frame_is_painted_when_the_timer_ticks(make):
    studio = make(period=0.5)
    for _ in range(3):
        studio.show()
    studio.expect_nothing()
    studio.node.tick(0.5)
    assert studio.paintings.get(timeout=SOON).header.stamp.sec == 3
    assert studio.count('dropped newer') == 2


def test_another_period_replaces_the_timer_and_other_settings_leave_it(make):
    studio = make(period=0.5)
    before = set(studio.node.timers)
    studio.change(strength=0.5)
    assert set(studio.node.timers) == before
    studio.change(period=2.0)
    assert sorted(timer.period for timer, _ in studio.node.timers.values()) == [0.25, 2.0]


def test_a_frame_before_there_is_a_style_is_not_ready_and_one_that_nobody_sees_is_unwanted(make):
    studio = make(mix=False)
    studio.show()
    assert studio.count('dropped not ready') == 1
    unseen = make()
    unseen.paintings.viewers = 0
    unseen.show()
    assert unseen.count('dropped unwanted') == 1 and not unseen.live.has_viewer()
    unseen.change(lazy=False)
    unseen.show()
    assert unseen.paintings.get(timeout=SOON)


def test_a_broken_frame_and_an_error_of_the_network_are_counted_said_and_survived(make, monkeypatch):
    studio = make()
    broken = messages.to_image(GREY, Header())
    broken.data = broken.data[:100]
    studio.camera(broken)
    studio.wait_for('dropped broken')
    monkeypatch.setattr(studio.runtime, 'paint', lambda *_: 1 / 0)
    studio.show()
    studio.wait_for('dropped error')
    monkeypatch.undo()
    assert studio.paint() == GREY_PAINTED_RED
    assert [said.partition(':')[0] for said in studio.node.said] == ['Frame dropped'] * 2
    assert '100 bytes' in studio.node.said[0] and 'ZeroDivisionError' in studio.node.said[1]


def test_a_disabled_node_passes_on_the_very_message_of_the_camera(make):
    studio = make(mix=False, enabled=False)
    message = studio.show(encoding='bgr8')
    assert studio.paintings.get(timeout=SOON) is message
    studio.loaded.mix = Mix(Style('red', '', 'fake', RED, b'', 0.0), ('red',), (1.0,))
    studio.change(enabled=True)
    assert studio.paint() == GREY_PAINTED_RED


def test_a_disabled_node_passes_on_the_cameras_jpeg_and_unpacks_it_for_the_raw_topic(make):
    studio = make(enabled=False, image_transport='compressed', publish_compressed=True)
    jpeg = messages.to_jpeg(GREY, Header(frame_id='eye'), 95)
    studio.node.subscribed['/image_raw/compressed'](jpeg)
    assert studio.node.published['stylized/image/compressed'].get(timeout=SOON) is jpeg
    assert np.abs(messages.to_rgb(studio.paintings.get(timeout=SOON)).astype(int) - 100).max() <= 2


def test_a_jpeg_is_published_only_if_it_is_asked_for_and_somebody_sees_it(make):
    studio = make()
    jpegs = studio.node.published['stylized/image/compressed']
    studio.paint()
    studio.change(publish_compressed=True)
    jpegs.viewers = 0
    studio.paint()
    studio.wait_for('frames painted')
    assert jpegs.empty()
    jpegs.viewers = 1
    studio.paint()
    jpeg = jpegs.get(timeout=SOON)
    assert isinstance(jpeg, CompressedImage) and 'jpeg' in jpeg.format


def test_the_calibration_follows_each_painting_with_its_header(make):
    studio = make()
    studio.paint()
    studio.node.subscribed['camera_info'](CameraInfo(width=64, height=48))
    for _ in range(2):
        header = studio.show().header
        assert studio.node.published['stylized/camera_info'].get(timeout=SOON).header == header


def test_a_frame_at_work_is_not_published_after_stop(make, monkeypatch):
    studio, begun, gate = make(), threading.Event(), threading.Event()
    paint = studio.runtime.paint

    def slow(frame, vector):
        begun.set()
        gate.wait(SOON)
        return paint(frame, vector)
    monkeypatch.setattr(studio.runtime, 'paint', slow)
    studio.show()
    assert begun.wait(SOON)
    studio.live.stop()
    gate.set()
    studio.expect_nothing()
    assert not studio.node.subscribed and not studio.node.timers


def test_a_frame_is_finished_in_the_style_in_which_it_was_begun(make, monkeypatch):
    studio, begun, gate = make(), threading.Event(), threading.Event()
    paint = studio.runtime.paint

    def slow(frame, vector):
        begun.set()
        gate.wait(SOON)
        return paint(frame, vector)
    monkeypatch.setattr(studio.runtime, 'paint', slow)
    studio.show()
    assert begun.wait(SOON)
    studio.loaded.mix = Mix(Style('blue', '', 'fake', np.roll(RED, 2), b'', 0.0), ('blue',), (1.0,))
    studio.change()
    studio.show()
    gate.set()
    colours = [tuple(messages.to_rgb(studio.paintings.get(timeout=SOON))[0, 0]) for _ in range(2)]
    assert colours == [GREY_PAINTED_RED, GREY_PAINTED_RED[::-1]]


def test_a_still_picture_is_painted_once_more_for_each_new_viewer_and_each_new_scene(make, monkeypatch):
    studio = make()
    assert studio.paint() == GREY_PAINTED_RED
    later = time.monotonic() + 100
    monkeypatch.setattr('style_transfer_ros.ros.still_picture.time', SimpleNamespace(monotonic=lambda: later))

    def look():
        for _ in range(3):
            studio.node.tick(0.25)
    studio.change(strength=0.0)
    look()
    assert tuple(messages.to_rgb(studio.paintings.get(timeout=SOON))[0, 0]) == (100, 100, 100)
    studio.expect_nothing()
    studio.paintings.viewers = 2
    look()
    assert studio.paintings.get(timeout=SOON)
    studio.expect_nothing()
    studio.paintings.viewers = 1
    look()
    studio.expect_nothing()


def test_the_memory_of_larger_frames_is_given_back_for_two_seconds_though_no_other_frame_comes(make, monkeypatch):
    """Some of it is let go only later."""
    studio, now, given = make(), [100.0], []
    monkeypatch.setattr('style_transfer_ros.ros.live.time', SimpleNamespace(
        monotonic=lambda: now[0], perf_counter=time.perf_counter, thread_time=time.thread_time))
    monkeypatch.setattr('style_transfer_ros.ros.live.give_back', lambda: given.append(now[0]))

    def paint(frame, number):
        studio.show(frame)
        assert studio.paintings.get(timeout=SOON)
        studio.wait_for('frames painted', number=number)
        studio.node.tick(0.25)
    paint(np.tile(GREY, (2, 2, 1)), 1)
    paint(np.tile(GREY, (2, 2, 1)), 2)
    assert not given
    paint(GREY, 3)
    assert given == [100.0, 100.0]      # with the frame, and soon after
    now[0] = 101.9
    studio.node.tick(0.25)
    assert given[2:] == [101.9]
    now[0] = 102.1
    paint(GREY, 4)
    assert len(given) == 3
