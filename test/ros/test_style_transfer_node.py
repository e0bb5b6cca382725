# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The node over real DDS, with a fake model: what it paints is known, so every promise can be checked."""
import array
from pathlib import Path
import queue
import threading
import time
from unittest.mock import Mock
import zlib

from builtin_interfaces.msg import Time
import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
import pytest
from rcl_interfaces.msg import Log, ParameterValue
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_msgs.srv import ListStyles, MixStyles, NextStyle, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine import encodings, pictures
from style_transfer_ros.engine.errors import ParameterError
from style_transfer_ros.engine.library import StyleLibrary
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros import messages, style_services, style_transfer_node
from style_transfer_ros.ros.style_transfer_node import StyleTransferNode
from style_transfer_ros.ros.worker import LARGEST_QUEUE

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RED = np.full((64, 64, 3), (255, 0, 0), np.uint8)
GREY = np.full((48, 64, 3), 100, np.uint8)
GREY_PAINTED_RED = (177, 50, 50)        # half the frame, half the style's colour


def fake_stylizer(model='fake', runtime='auto', threads=0):
    """Stand for Stylizer.load; it paints with FakeRuntime."""
    return Stylizer(Model('fake', Path(), 'fake', 1, np.zeros(100, np.float32), False), FakeRuntime())


class Gate(FakeRuntime):
    """A fake runtime that waits: ``predict`` for a permit to learn, ``paint`` until ``paint_now`` is set."""

    def __init__(self):
        self.permits, self.paint_now, self.painting = threading.Semaphore(1000), threading.Event(), threading.Event()
        self.paint_now.set()

    def predict(self, picture):
        assert self.permits.acquire(timeout=20)
        return super().predict(picture)

    def paint(self, frame, vector):
        self.painting.set()
        assert self.paint_now.wait(20)
        return super().paint(frame, vector)

    def load(self, model, runtime, threads):
        stylizer = fake_stylizer()
        stylizer.runtime = self
        return stylizer


class Studio:
    """A style transfer node with a fake model, a camera that publishes on demand, and a viewer."""

    def __init__(self, ros, folder, autostart=True, namespace='', camera_qos=None, viewer=True, load=fake_stylizer,
                 **parameters):
        values = {'period': 0.0, 'style_library': str(folder), 'autostart': autostart, **parameters}
        self.ros = ros
        self.node = ros.add(StyleTransferNode(
            load, context=ros.context, namespace=namespace,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()]))
        self.user = ros.node(f'user_{id(self)}', namespace=namespace)
        self.camera = self.user.create_publisher(Image, 'image_raw', camera_qos or QoSProfile(depth=1))
        self.paintings = ros.listen(self.user, Image, 'stylized/image') if viewer else None
        self.status = ros.listen(self.user, StyleTransferStatus, 'style_transfer/status', LATCHED)
        self.statuses: list = []
        self.user.create_subscription(StyleTransferStatus, 'style_transfer/status', self.statuses.append, LATCHED)
        ros.wait_until(lambda: self.statuses, 'the latched status comes')
        self.diagnostics = ros.listen(self.user, DiagnosticArray, '/diagnostics')
        self.stamp = 0
        if autostart:
            ros.run(self.node.trigger_configure)
            ros.run(self.node.trigger_activate)
            self.last_status = self.wait_for_state('waiting', 'painting', 'paused', 'failed')

    def wait_for_state(self, *states, seconds=10):
        """Return the first status whose state is one of these."""
        while True:
            status = self.status.get(timeout=seconds)
            if status.state in states:
                return status

    def wait_for_style(self, style, seconds=10):
        """Wait until the newest status says that this style is painted."""
        self.ros.wait_until(lambda: self.statuses and self.statuses[-1].style == style, f'{style} is painted', seconds)

    def call(self, kind, service, /, **fields):
        """Call a service of the node."""
        return self.ros.call(self.user, kind, f'style_transfer/{service}', kind.Request(**fields))

    def start(self, kind, service, /, **fields):
        """Call a service of the node without waiting; the answer comes in the returned queue."""
        return self.ros.start(self.user, kind, f'style_transfer/{service}', kind.Request(**fields))

    def learn(self, picture, name='red'):
        """Learn a picture that is sent as Image."""
        return self.call(SetStyle, 'set_style', name=name, image=messages.to_image(picture, Header()))

    def connect(self):
        """Wait until the node has subscribed to the camera, and the viewer to the node."""
        self.ros.wait_until(self.camera.get_subscription_count, 'the node subscribes to the camera')
        if self.paintings is not None:
            self.ros.wait_until(lambda: self.user.count_publishers('stylized/image'), 'the node publishes')
            self.ros.wait_until(lambda: self.viewers('stylized/image'), 'the viewer is seen')

    def viewers(self, topic):
        """Count whom the node itself has found subscribing to its topic."""
        return self.node.count_subscribers(self.user.resolve_topic_name(topic))

    def count(self, key):
        """Return a count of the node's diagnostics, as it is within a second."""
        with self.diagnostics.mutex:
            messages_ = list(self.diagnostics.queue)
        name = self.node.get_fully_qualified_name()
        values = [{v.key: v.value for v in status.values} for message in messages_ for status in message.status
                  if status.name == name]
        return int(values[-1].get(key, 0)) if values else 0

    def parameter(self, name):
        """Read a parameter over its service."""
        value, = self.ros.call(self.user, GetParameters, 'style_transfer/get_parameters',
                               GetParameters.Request(names=[name])).values
        return value.string_value

    def show(self, frame, encoding='rgb8'):
        """Publish a frame with a stamp of its own; return its header."""
        self.stamp += 1
        header = Header(stamp=Time(sec=self.stamp), frame_id='camera_optical_frame')
        message = messages.to_image(frame, header, encoding)
        self.camera.publish(message)
        return message.header

    def paint(self, frame, encoding='rgb8', seconds=10):
        """Publish a frame and return its painting as RGB and header."""
        header = self.show(frame, encoding)
        painting = self.paintings.get(timeout=seconds)
        assert painting.header == header
        return messages.to_rgb(painting)

    def set_parameters(self, **values):
        """Set parameters over the service, all or none; return the result."""
        request = SetParametersAtomically.Request(
            parameters=[ParameterMessage(name=n, value=Parameter(n, value=v).get_parameter_value())
                        for n, v in values.items()])
        return self.ros.call(self.user, SetParametersAtomically, 'style_transfer/set_parameters_atomically',
                             request).result


@pytest.fixture
def studio(ros, tmp_path):
    return Studio(ros, tmp_path)


@pytest.fixture
def red_studio(studio):
    assert studio.learn(RED).success
    studio.connect()
    return studio


def test_a_learned_style_paints_the_next_frame_with_the_header_unchanged(red_studio):
    painted = red_studio.paint(GREY)
    assert painted.shape == GREY.shape and tuple(painted[0, 0]) == GREY_PAINTED_RED


def test_a_style_can_be_sent_compressed_or_by_uri_and_answers_what_was_learned(studio):
    picture = CompressedImage(format='png', data=array.array('B', pictures.encode_png(RED)))
    answer = studio.call(SetStyle, 'set_style', compressed_image=picture)
    assert answer.success and answer.style.name == 'style_1' and answer.style.vector[0] == 1 and len(
        answer.style.vector) == 100
    answer = studio.call(SetStyle, 'set_style', uri='great_wave.jpg')
    assert answer.success and answer.style.name == 'great_wave' and answer.style.model == 'fake'
    assert answer.style.learned.sec > 1.6e9


def test_a_style_directory_that_is_not_there_is_said_and_painting_goes_on(ros, tmp_path):
    logged = ros.listen(ros.node('reader'), Log, '/rosout', LATCHED)
    studio = Studio(ros, tmp_path, style_directories=[str(tmp_path), '/nowhere'])
    assert studio.learn(RED).success
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED
    while "'/nowhere'" not in (said := logged.get(timeout=10).msg):
        pass
    assert 'style director' in said and said.endswith('.')


def test_a_stored_style_is_picked_by_name_and_the_parameter_follows(red_studio):
    answer = red_studio.call(SetStyle, 'set_style', name='starry_night')
    assert answer.success and red_studio.parameter('style') == 'starry_night'
    assert red_studio.set_parameters(style='red').successful
    red_studio.wait_for_style('red')
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


@pytest.mark.parametrize('fields, part', [
    ({}, 'empty'),
    ({'name': 'nobody'}, 'nobody'),
    ({'image': Image(height=2, width=2, encoding='rgb8', step=6)}, 'no data'),
    ({'image': Image(height=9, width=2, encoding='rgb8', step=6, data=[1] * 12)}, '12'),
    ({'image': Image(height=2, width=2, encoding='klingon', step=6, data=[1] * 12)}, 'klingon'),
    ({'image': Image(height=0, width=0, encoding='rgb8', step=0, data=[1])}, '0'),
    ({'compressed_image': CompressedImage(format='jpeg', data=b'not a picture')}, 'not a pi'),
    ({'uri': '/etc/passwd'}, 'passwd'),
    ({'uri': 'missing.jpg'}, 'missing.jpg'),
    ({'uri': 'starry_night.jpg', 'compressed_image': CompressedImage(data=b'x')}, 'several'),
    ({'name': 'x' * 101, 'uri': 'starry_night.jpg'}, '100'),
    ({'name': 'x' * 10_000}, 'xxx...'),
    ({'name': 'two\nlines', 'uri': 'starry_night.jpg'}, 'two'),
    ({'uri': 'x' * 10_000}, 'xxx...'),
    ({'uri': 'two\nlines.jpg'}, 'two'),
    ({'image': Image(height=2, width=2, encoding='x' * 10_000, step=6, data=[1] * 12)}, 'xxx...'),
    ({'image': Image(height=2, width=2, encoding='two\nlines', step=6, data=[1] * 12)}, 'two'),
    ({'compressed_image': CompressedImage(format='y' * 10_000, data=b'not a picture')}, 'not a pi'),
])
def test_a_bad_style_is_answered_by_one_sentence_and_painting_goes_on(red_studio, fields, part):
    answer = red_studio.call(SetStyle, 'set_style', **fields)
    assert not answer.success and part in answer.message and answer.message.endswith('.')
    assert '\n' not in answer.message and 'Traceback' not in answer.message and len(answer.message) < 500
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_a_picture_of_200_million_pixels_is_refused(red_studio):
    def chunk(kind, data):
        return len(data).to_bytes(4, 'big') + kind + data + zlib.crc32(kind + data).to_bytes(4, 'big')
    size = (20000).to_bytes(4, 'big') + (10000).to_bytes(4, 'big')
    bomb = (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', size + b'\x08\x02\x00\x00\x00')
            + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b''))
    answer = red_studio.call(SetStyle, 'set_style', compressed_image=CompressedImage(format='png', data=bomb))
    assert not answer.success and '20000' in answer.message


def test_a_broken_frame_is_dropped_and_the_next_one_painted(red_studio):
    bad = messages.to_image(GREY, Header(stamp=Time(sec=99)))
    bad.data = bad.data[:100]
    red_studio.camera.publish(bad)
    red_studio.ros.wait_until(lambda: red_studio.count('dropped broken'), 'the frame is dropped')
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


@pytest.mark.parametrize('encoding', sorted(encodings.ENCODINGS))
def test_every_encoding_is_painted_also_when_it_changes_in_mid_stream(red_studio, encoding):
    red_studio.paint(GREY)
    painted = red_studio.paint(np.full((32, 40, 3), 100, np.uint8), encoding)
    assert painted.shape == (32, 40, 3)
    assert np.abs(painted[16, 20].astype(int) - GREY_PAINTED_RED).max() <= 6


def test_no_frame_is_painted_twice_and_the_rest_is_counted_as_dropped(ros, tmp_path):
    studio = Studio(ros, tmp_path, period=0.2)
    studio.learn(RED)
    studio.connect()
    for _ in range(20):
        studio.show(GREY)
        time.sleep(0.02)        # faster, and DDS itself keeps only the newest
    keys = ('frames painted', 'dropped newer')
    ros.wait_until(lambda: sum(map(studio.count, keys)) == studio.count('frames in') > 5, 'every frame is counted')
    stamps = [studio.paintings.get(timeout=5).header.stamp.sec for _ in range(studio.count('frames painted'))]
    assert stamps == sorted(set(stamps)) and stamps[-1] == 20
    with pytest.raises(queue.Empty):
        studio.paintings.get(timeout=0.5)


def test_services_answer_while_a_frame_is_painted(ros, tmp_path):
    gate = Gate()
    studio = Studio(ros, tmp_path, load=gate.load)
    studio.learn(RED)
    studio.connect()
    gate.paint_now.clear()
    studio.show(GREY)
    assert gate.painting.wait(10)
    answer = studio.learn(RED[..., ::-1], 'blue')
    names = [s.name for s in studio.call(ListStyles, 'list_styles').styles]
    gate.paint_now.set()
    assert answer.success and 'blue' in names
    studio.paintings.get(timeout=10)


def slow_studio(ros, tmp_path):
    """Return a studio that is not configured, and the event that lets its model load."""
    may_load = threading.Event()

    def load(*arguments):
        studio.loads += 1
        assert may_load.wait(20)
        return fake_stylizer(*arguments)
    studio = Studio(ros, tmp_path, autostart=False, load=load)
    studio.loads = 0
    return studio, may_load


def test_a_cleanup_while_the_model_loads_leaves_nothing_loaded(ros, tmp_path):
    studio, may_load = slow_studio(ros, tmp_path)

    def change(transition):
        return studio.call(ChangeState, 'change_state', transition=Transition(id=transition)).success
    for _ in range(5):
        assert change(Transition.TRANSITION_CONFIGURE) and change(Transition.TRANSITION_CLEANUP)
    may_load.set()
    assert change(Transition.TRANSITION_CONFIGURE)      # waits behind the stale load
    assert change(Transition.TRANSITION_CLEANUP)
    for _ in range(20):
        assert 'not configured' in studio.learn(RED).message
    assert {status.model for status in studio.statuses} == {''}
    assert studio.loads <= 2, 'of those that nobody waits for, only the one that had begun was loaded'


def test_the_last_of_several_wishes_is_painted_also_when_an_earlier_one_takes_longer(ros, tmp_path):
    gate = Gate()
    studio = Studio(ros, tmp_path, load=gate.load)
    studio.learn(RED)
    gate.permits = threading.Semaphore(0)
    slow = studio.start(SetStyle, 'set_style', name='blue', image=messages.to_image(RED[..., ::-1], Header()))
    ros.wait_until(lambda: "'blue'" in studio.statuses[-1].message, 'blue is being learned')
    assert studio.set_parameters(style='red').successful        # the later wish
    gate.permits.release()
    assert slow.get(timeout=10).success
    ros.wait_until(lambda: studio.parameter('style') == 'red', 'the later wish is painted')
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def gated_studio(ros, tmp_path, *names):
    """Return a studio that has learned red pictures of these names and learns no more, and its gate."""
    gate = Gate()
    studio = Studio(ros, tmp_path, load=gate.load)
    for name in names:
        assert studio.learn(RED, name).success
    gate.permits = threading.Semaphore(0)
    return studio, gate


def start_learning(studio, name):
    """Begin to learn a blue picture, which waits for the gate; return the queue of the answer."""
    answer = studio.start(SetStyle, 'set_style', name=name, image=messages.to_image(RED[..., ::-1], Header()))
    studio.ros.wait_until(lambda: f"'{name}'" in studio.statuses[-1].message, f'{name} is being learned')
    return answer


def test_a_cleanup_ends_paintings_and_what_is_done_to_the_library_meanwhile_is_answered(ros, tmp_path):
    studio, gate = gated_studio(ros, tmp_path, 'red', 'rose', 'rust')
    learned = start_learning(studio, 'blue')
    removed = studio.start(RemoveStyle, 'remove_style', name='red')
    renamed = studio.start(RenameStyle, 'rename_style', name='rose', new_name='sky')
    listed = studio.start(ListStyles, 'list_styles')
    ros.wait_until(lambda: studio.node.worker._waiting >= 4, 'the worker has the requests')
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
        assert studio.call(ChangeState, 'change_state', transition=Transition(id=transition)).success
    gate.permits.release()
    answer = learned.get(timeout=10)
    assert not answer.success and 'cleaned up meanwhile' in answer.message and not answer.style.name
    for answer in (removed, renamed, listed):
        answer = answer.get(timeout=10)
        assert answer.success and 'cleaned up' not in answer.message
    assert studio.call(ChangeState, 'change_state', transition=Transition(id=Transition.TRANSITION_CONFIGURE)).success
    ros.wait_until(lambda: studio.call(ListStyles, 'list_styles').success, 'the styles are listed')
    names = {style.name for style in studio.call(ListStyles, 'list_styles').styles}
    assert {'blue', 'sky', 'rust'} <= names and not {'red', 'rose'} & names


def test_the_next_style_follows_the_one_that_was_asked_for_before(ros, tmp_path):
    studio, gate = gated_studio(ros, tmp_path, 'a', 'b', 'c', 'd')
    assert studio.set_parameters(style='d').successful
    answers = [start_learning(studio, 'a'), *(studio.start(NextStyle, 'next_style') for _ in range(2))]
    gate.permits.release()
    assert [answer.get(timeout=10).style.name for answer in answers] == ['a', 'b', 'c']


def test_the_parameter_follows_the_name_of_the_style_that_is_painted(red_studio):
    assert red_studio.call(RenameStyle, 'rename_style', name='red', new_name='sky').success
    assert red_studio.parameter('style') == 'sky'
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED
    assert red_studio.call(RenameStyle, 'rename_style', name='starry_night', new_name='night').success
    assert red_studio.parameter('style') == 'sky'


def test_a_style_is_set_while_the_disk_is_written(ros, tmp_path, monkeypatch):
    studio = Studio(ros, tmp_path)
    assert studio.learn(RED).success
    writing, written = threading.Event(), threading.Event()
    put = StyleLibrary.put

    def slow_put(self, style, anew=False):
        writing.set()
        assert written.wait(30)
        put(self, style, anew)
    monkeypatch.setattr(StyleLibrary, 'put', slow_put)
    learned = studio.start(SetStyle, 'set_style', name='blue', image=messages.to_image(RED, Header()))
    assert writing.wait(10)
    assert studio.set_parameters(style='starry_night').successful
    assert not studio.set_parameters(style='nobody').successful
    written.set()
    assert learned.get(timeout=10).success
    studio.wait_for_style('starry_night')


def test_the_library_is_looked_through_in_the_workers_thread(ros, tmp_path, monkeypatch):
    threads, problems = queue.Queue(), Styles.problems

    def watched(self):
        threads.put(threading.current_thread().name)
        return problems(self)
    monkeypatch.setattr(Styles, 'problems', watched)
    Studio(ros, tmp_path)
    assert threads.get(timeout=10) == 'worker'


def test_no_more_styles_wait_by_the_parameter_than_by_a_service(ros, tmp_path):
    studio, gate = gated_studio(ros, tmp_path, 'red')
    start_learning(studio, 'blue')
    results = [studio.set_parameters(style='red') for _ in range(LARGEST_QUEUE + 5)]
    refused = [result.reason for result in results if not result.successful]
    assert len(refused) >= 5 and set(refused) == {"The parameter 'style' is not set: 64 requests wait already, and no "
                                                  'more are taken; call again in a second.'}
    assert studio.set_parameters(strength=0.5).successful       # nothing waits for this one
    gate.permits.release()
    ros.wait_until(lambda: studio.set_parameters(style='starry_night').successful, 'there is room again')


@pytest.mark.parametrize('painted', ['starry_night', ''])
def test_a_style_that_is_not_there_when_the_model_is_loaded_is_not_named_as_painted(ros, tmp_path, painted):
    studio, may_load = slow_studio(ros, tmp_path)
    studio.set_parameters(style=painted)
    ros.run(studio.node.trigger_configure)
    ros.run(studio.node.trigger_activate)
    assert studio.set_parameters(style='nobody').successful
    may_load.set()
    if painted:
        ros.wait_until(lambda: studio.parameter('style') == painted, 'the parameter names what is painted')
    else:
        assert "'nobody' is not in the library" in studio.wait_for_state('failed').message
    assert studio.learn(RED).success
    ros.wait_until(lambda: studio.statuses[-1].state == 'waiting' and studio.parameter('style') == 'red', 'red')


def test_a_style_that_the_disk_did_not_take_is_stored_when_there_is_room(ros, tmp_path, monkeypatch):
    monkeypatch.setattr(style_services, 'LOOK_AGAIN', 0.2)
    (tmp_path / 'file').touch()
    studio = Studio(ros, tmp_path / 'file' / 'styles')
    assert 'not kept' in studio.learn(RED).message
    (tmp_path / 'file').unlink()
    ros.wait_until((tmp_path / 'file' / 'styles' / 'red.style').exists, 'red is stored')


def test_the_status_says_what_is_being_learned_until_the_last_call_is_done(ros, tmp_path):
    gate = Gate()
    studio = Studio(ros, tmp_path, load=gate.load)
    studio.learn(RED)           # behind the bundled styles
    gate.permits = threading.Semaphore(0)

    def wait_for_message(part):
        ros.wait_until(lambda: part in studio.statuses[-1].message and studio.statuses[-1].state == 'learning', part)
    first, second = (studio.start(SetStyle, 'set_style', name=name, image=messages.to_image(RED, Header()))
                     for name in ('first', 'second'))
    wait_for_message("'first'")
    gate.permits.release()
    assert first.get(timeout=10).success
    wait_for_message("'second'")
    assert not studio.set_parameters(style='nobody').successful
    assert studio.statuses[-1].state == 'learning'
    gate.permits.release()
    assert second.get(timeout=10).success
    ros.wait_until(lambda: studio.statuses[-1].state != 'learning', 'the last call is done')


def test_styles_are_listed_mixed_changed_and_removed_and_survive_a_restart(red_studio, ros, tmp_path):
    red_studio.learn(RED[..., ::-1], 'blue')
    mix = red_studio.call(MixStyles, 'mix_styles', names=['red', 'blue'], weights=[3.0, 1.0])
    assert mix.success and mix.style.name == '75% red + 25% blue' and mix.style.vector[0] == 0.75
    assert tuple(red_studio.paint(GREY)[0, 0]) == (145, 50, 81)
    assert red_studio.parameter('style') == ''          # no one style is painted
    wrong = red_studio.call(MixStyles, 'mix_styles', names=['red', 'blue'], weights=[3.0, -1.0])
    assert not wrong.success and 'negative' in wrong.message
    names = [s.name for s in red_studio.call(ListStyles, 'list_styles').styles]
    assert names == sorted(names) and {'red', 'blue', 'starry_night', 'great_wave'} <= set(names)
    following = red_studio.call(NextStyle, 'next_style')
    assert following.success and following.style.name == names[(names.index('blue') + 1) % len(names)]
    renamed = red_studio.call(RenameStyle, 'rename_style', name='blue', new_name='sky')
    assert renamed.success and renamed.style.name == 'sky', renamed.message
    assert not red_studio.call(RenameStyle, 'rename_style', name='sky', new_name='red').success
    pictures_ = [bytes(s.thumbnail[:2]) for s in red_studio.call(ListStyles, 'list_styles', thumbnails=True).styles]
    assert set(pictures_) == {b'\xff\xd8'}              # JPEG
    assert red_studio.call(RemoveStyle, 'remove_style', name='great_wave').success
    assert not red_studio.call(RemoveStyle, 'remove_style', name='great_wave').success
    again = Studio(ros, tmp_path, namespace='again', style='red')
    names = [s.name for s in again.call(ListStyles, 'list_styles').styles]
    assert {'red', 'sky', 'starry_night'} <= set(names) and 'great_wave' not in names
    again.connect()
    assert tuple(again.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_enable_off_passes_the_camera_through_untouched(red_studio):
    assert red_studio.call(SetBool, 'enable', data=False).success
    red_studio.wait_for_state('paused')
    header = red_studio.show(GREY, 'bgr8')
    passed = red_studio.paintings.get(timeout=10)
    assert passed.header == header and passed.encoding == 'bgr8' and bytes(passed.data) == bytes([100]) * GREY.size
    assert red_studio.call(SetBool, 'enable', data=True).success
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_parameters_change_together_or_not_at_all(red_studio):
    result = red_studio.set_parameters(strength=0.0, style='nobody')
    assert not result.successful and 'nobody' in result.reason
    assert not red_studio.set_parameters(strength=1.5).successful
    refused = red_studio.set_parameters(model='magenta')
    assert not refused.successful and 'static' in refused.reason
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED
    assert red_studio.set_parameters(strength=0.0, preserve_color=False).successful
    assert (red_studio.paint(GREY) == GREY).all()


def test_processing_height_keeps_the_size_of_the_camera(red_studio):
    assert red_studio.set_parameters(processing_height=12, preserve_color=True, smoothing=0.5).successful
    assert red_studio.paint(GREY).shape == GREY.shape


def test_every_parameter_has_a_description_and_numbers_have_ranges(red_studio):
    listed = red_studio.ros.call(red_studio.user, ListParameters, 'style_transfer/list_parameters',
                                 ListParameters.Request()).result.names
    names = [n for n in listed if n not in ('use_sim_time',) and not n.startswith('qos_')]
    described = red_studio.ros.call(red_studio.user, DescribeParameters, 'style_transfer/describe_parameters',
                                    DescribeParameters.Request(names=names)).descriptors
    for about in described:
        if '.' not in about.name and about.name != 'start_type_description_service':
            assert about.description, about.name
            number = about.type in (2, 3)
            assert bool(about.integer_range or about.floating_point_range) == number, about.name


def test_lazy_paints_only_for_a_subscriber(ros, tmp_path):
    studio = Studio(ros, tmp_path, viewer=False)
    studio.learn(RED)
    studio.connect()
    studio.show(GREY)
    ros.wait_until(lambda: studio.count('dropped unwanted') == 1, 'the frame is not wanted')
    studio.paintings = ros.listen(studio.user, Image, 'stylized/image')        # a late joiner
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


@pytest.mark.parametrize('reliability', [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
@pytest.mark.parametrize('qos', ['auto', 'sensor_data'])
def test_any_camera_connects(ros, tmp_path, reliability, qos):
    studio = Studio(ros, tmp_path, qos=qos, camera_qos=QoSProfile(depth=1, reliability=reliability))
    studio.learn(RED)
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_a_camera_that_returns_with_another_qos_is_met_again(red_studio):
    red_studio.paint(GREY)
    red_studio.user.destroy_publisher(red_studio.camera)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    red_studio.camera = red_studio.user.create_publisher(Image, 'image_raw', best_effort)
    red_studio.connect()
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_compressed_in_and_out(ros, tmp_path):
    studio = Studio(ros, tmp_path, image_transport='compressed', publish_compressed=True)
    jpegs = ros.listen(studio.user, CompressedImage, 'stylized/image/compressed')
    camera = studio.user.create_publisher(CompressedImage, 'image_raw/compressed', 1)
    studio.learn(RED)
    ros.wait_until(camera.get_subscription_count, 'the node subscribes')
    ros.wait_until(lambda: studio.viewers('stylized/image/compressed'), 'the viewer is seen')
    header = Header(stamp=Time(sec=7), frame_id='eye')
    camera.publish(messages.to_jpeg(GREY, header, 95))
    jpeg = jpegs.get(timeout=10)
    assert jpeg.header == header and 'jpeg' in jpeg.format
    picture = cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(picture[20, 20].astype(int) - GREY_PAINTED_RED).max() < 5


def test_camera_info_follows_with_the_header_of_its_frame(red_studio):
    infos = red_studio.ros.listen(red_studio.user, CameraInfo, 'stylized/camera_info')
    red_studio.paint(GREY)
    with pytest.raises(queue.Empty):
        infos.get(timeout=0.3)
    camera = red_studio.user.create_publisher(CameraInfo, 'camera_info', 1)
    red_studio.ros.wait_until(camera.get_subscription_count, 'the node subscribes to camera_info')
    camera.publish(CameraInfo(width=64, height=48, k=[1.0] * 9))
    info = None
    for _ in range(50):         # the calibration comes on a topic of its own, so it may come after a frame
        header = red_studio.show(GREY)
        try:
            info = infos.get(timeout=0.2)
            break
        except queue.Empty:
            continue
    assert info.header == header and (info.width, info.height, info.k[0]) == (64, 48, 1)


def test_lifecycle_transitions_load_paint_stop_and_unload(ros, tmp_path):
    studio = Studio(ros, tmp_path, autostart=False, style='great_wave')

    def change(transition):
        return studio.call(ChangeState, 'change_state', transition=Transition(id=transition)).success

    def state():
        return studio.call(GetState, 'get_state').current_state.id
    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    assert 'not configured' in studio.learn(RED).message
    assert studio.set_parameters(qos='sensor_data').successful
    assert change(Transition.TRANSITION_CONFIGURE) and state() == State.PRIMARY_STATE_INACTIVE
    ros.wait_until(lambda: studio.call(ListStyles, 'list_styles').success, 'the model is loaded')
    assert change(Transition.TRANSITION_ACTIVATE) and state() == State.PRIMARY_STATE_ACTIVE
    studio.learn(RED)
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED
    assert change(Transition.TRANSITION_DEACTIVATE) and studio.camera.get_subscription_count() == 0
    assert studio.call(ListStyles, 'list_styles').success
    assert change(Transition.TRANSITION_CLEANUP)
    assert 'not configured' in studio.call(ListStyles, 'list_styles').message
    assert change(Transition.TRANSITION_CONFIGURE) and change(Transition.TRANSITION_ACTIVATE)
    ros.wait_until(lambda: studio.call(ListStyles, 'list_styles').success, 'the model is loaded again')
    studio.connect()
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_a_bad_model_is_refused_while_unconfigured_and_the_node_stays_up(ros, tmp_path):
    studio = Studio(ros, tmp_path, autostart=False)
    refused = studio.set_parameters(model=f'{tmp_path}/none')
    assert not refused.successful and 'model.yaml' in refused.reason
    broken = Studio(ros, tmp_path, namespace='broken', model='nonesuch', load=Stylizer.load)
    assert broken.last_status.state == 'failed' and "'nonesuch'" in broken.last_status.message
    assert "'nonesuch'" in broken.learn(RED).message


def test_a_topic_that_is_not_possible_is_refused_with_a_sentence(ros, tmp_path):
    studio = Studio(ros, tmp_path, autostart=False)
    refused = studio.set_parameters(image_topic='bad topic')
    assert not refused.successful and "'bad topic'" in refused.reason and '\n' not in refused.reason
    looped = studio.set_parameters(image_topic='stylized/image')
    assert not looped.successful and "node's own painting" in looped.reason
    assert studio.set_parameters(image_topic='other/image').successful
    with pytest.raises(ParameterError, match='bad topic'):
        StyleTransferNode(context=ros.context, parameter_overrides=[Parameter('image_topic', value='bad topic')])


def test_a_latched_picture_that_was_painted_is_no_fault(ros, tmp_path):
    studio = Studio(ros, tmp_path, camera_qos=LATCHED)
    studio.learn(RED)
    studio.connect()
    studio.paint(GREY)
    ros.wait_until(lambda: 'still picture' in studio.statuses[-1].message, 'the status speaks of a still picture')
    assert studio.statuses[-1].state == 'painting'


def test_sim_time_runs_the_timer(ros, tmp_path):
    studio = Studio(ros, tmp_path, use_sim_time=True, period=1.0)
    clock = studio.user.create_publisher(Clock, '/clock', 1)
    studio.learn(RED)
    studio.connect()
    ros.wait_until(clock.get_subscription_count, 'the node listens to the clock')
    studio.show(GREY)
    with pytest.raises(queue.Empty):
        studio.paintings.get(timeout=1.5)
    for second in range(10, 14):
        clock.publish(Clock(clock=Time(sec=second)))
        try:
            assert studio.paintings.get(timeout=1).header.stamp.sec == 1
            break
        except queue.Empty:
            continue
    else:
        pytest.fail('the clock of the simulation did not make the node paint')


def test_two_nodes_in_namespaces_paint_side_by_side(ros, tmp_path):
    left, right = (Studio(ros, tmp_path, namespace=name) for name in ('left', 'right'))
    left.learn(RED)
    right.learn(RED[..., ::-1], 'blue')
    left.connect()
    right.connect()
    assert tuple(left.paint(GREY)[0, 0]) == GREY_PAINTED_RED
    assert tuple(right.paint(GREY)[0, 0]) == GREY_PAINTED_RED[::-1]


def test_diagnostics_tell_of_a_missing_and_a_working_camera(ros, tmp_path):
    studio = Studio(ros, tmp_path)
    studio.learn(RED)
    studio.connect()
    studio.paint(GREY)

    def level(wanted, seconds=10):
        while (status := studio.diagnostics.get(timeout=seconds).status[0]).level != wanted:
            pass
        return status
    values: dict = {}
    while 'frames painted' not in values:       # the painting comes before it is counted
        values = {v.key: v.value for v in level(DiagnosticStatus.OK).values}
    assert values['model'] == 'fake' and values['frames painted'] == '1' and float(values['memory (MB)']) > 1
    assert 'No frame' in level(DiagnosticStatus.WARN).message
    studio.user.destroy_publisher(studio.camera)
    assert 'no camera publishes there' in level(DiagnosticStatus.ERROR).message


def test_a_stamp_of_another_clock_is_said_and_gives_no_latency(red_studio):
    red_studio.paint(GREY)
    red_studio.ros.wait_until(lambda: red_studio.count('frames painted'), 'the painting is counted')
    values = {v.key: v.value for v in red_studio.diagnostics.queue[-1].status[0].values}
    assert values['latency'] == 'unknown: stamps of another clock' and 'latency median (ms)' not in values


def test_a_still_picture_is_painted_when_somebody_looks_and_again_when_the_style_changes(ros, tmp_path):
    studio = Studio(ros, tmp_path, viewer=False, camera_qos=LATCHED)
    studio.learn(RED)
    studio.connect()
    header = studio.show(GREY)                                          # once, and never again
    ros.wait_until(lambda: studio.count('dropped unwanted') == 1, 'the picture is not wanted')
    paintings = ros.listen(studio.user, Image, 'stylized/image')
    painting = paintings.get(timeout=10)
    assert painting.header == header and tuple(messages.to_rgb(painting)[0, 0]) == GREY_PAINTED_RED
    studio.learn(RED[..., ::-1], 'blue')
    assert tuple(messages.to_rgb(paintings.get(timeout=10))[0, 0]) == GREY_PAINTED_RED[::-1]
    with pytest.raises(queue.Empty):
        paintings.get(timeout=1.5)


def test_a_malformed_parameter_is_refused_and_the_node_lives(red_studio):
    for kind in (4, 9, 10, 99, 255):
        request = SetParameters.Request(parameters=[ParameterMessage(name='strength', value=ParameterValue(type=kind))])
        result, = red_studio.ros.call(red_studio.user, SetParameters, 'style_transfer/set_parameters', request).results
        assert not result.successful and result.reason.endswith('.') and len(result.reason) < 400
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_an_impossible_transition_is_answered(red_studio):
    for transition in (Transition.TRANSITION_CONFIGURE, 77):
        assert not red_studio.call(ChangeState, 'change_state', transition=Transition(id=transition)).success
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_every_one_of_200_calls_at_once_is_answered(red_studio):
    picture = messages.to_image(RED, Header())
    answers = [red_studio.start(SetStyle, 'set_style', name=f'{n % 4}', image=picture) for n in range(200)]
    answers = [answer.get(timeout=60) for answer in answers]
    refused = [answer.message for answer in answers if not answer.success]
    assert all('wait already' in message for message in refused) and len(refused) < 200
    assert red_studio.learn(RED).success


def test_every_one_of_20_clients_is_answered(red_studio, ros):
    picture = messages.to_image(RED, Header())
    users = [ros.node(f'client_{n}') for n in range(20)]
    # a server loses the answer to a client whose reader it has not found yet
    for user in users:
        assert ros.call(user, ListStyles, 'style_transfer/list_styles', ListStyles.Request(), 60).success
    request = SetStyle.Request(name='many', image=picture)
    clients = [ros.call(user, SetStyle, 'style_transfer/set_style', request, 60) for user in users]
    answers = [ros.start(user, SetStyle, 'style_transfer/set_style', request) for user in users]
    assert all(answer.success for answer in clients)
    assert all(answer.get(timeout=60).success for answer in answers)


def test_the_list_of_styles_says_why_it_is_empty_while_the_model_loads(ros, tmp_path):
    studio, may_load = slow_studio(ros, tmp_path)
    ros.run(studio.node.trigger_configure)
    answer = studio.call(ListStyles, 'list_styles')
    assert not answer.success and list(answer.styles) == [] and 'still loading' in answer.message
    may_load.set()
    ros.wait_until(lambda: studio.call(ListStyles, 'list_styles').success, 'the styles are listed')


def test_where_no_library_can_be_written_the_bundled_styles_paint_and_the_answer_says_what_is_not_kept(ros, tmp_path):
    (tmp_path / 'file').touch()
    studio = Studio(ros, tmp_path / 'file' / 'styles', style='starry_night')
    studio.connect()
    assert studio.paint(GREY).shape == GREY.shape
    assert studio.parameter('style') == 'starry_night'
    answer = studio.learn(RED)
    assert answer.success and 'not kept' in answer.message
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_a_negative_stamp_does_not_stop_the_painter(red_studio):
    red_studio.camera.publish(messages.to_image(GREY, Header(stamp=Time(sec=-5))))
    assert red_studio.paintings.get(timeout=10).header.stamp.sec == -5
    assert tuple(red_studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_every_stored_style_can_be_mixed_and_the_parameter_leads_back_to_one(red_studio):
    names = [s.name for s in red_studio.call(ListStyles, 'list_styles').styles]
    mix = red_studio.call(MixStyles, 'mix_styles', names=names, weights=[1.0] * len(names))
    assert mix.success and len(names) == 9, mix.message
    assert red_studio.set_parameters(style='red').successful
    red_studio.wait_for_style('red')


@pytest.mark.parametrize('transition, where', [('configure', 'Loaded'), ('activate', 'Live')])
def test_a_transition_that_fails_says_why_and_can_be_tried_again(transition, where, ros, tmp_path, monkeypatch):
    studio = Studio(ros, tmp_path, autostart=False)
    logged = ros.listen(ros.node('reader'), Log, '/rosout', LATCHED)
    with monkeypatch.context() as patched:
        patched.setattr(style_transfer_node, where, Mock(side_effect=OSError('no memory')))
        ros.run(studio.node.trigger_configure)
        if studio.node.loaded is not None:
            ros.run(studio.node.trigger_activate)
    said = f'The node cannot {transition} (OSError: no memory); correct that'
    ros.wait_until(lambda: not logged.empty() and said in logged.get().msg, 'the node says why')
    assert said in studio.wait_for_state('failed').message
    assert said in studio.call(ListStyles, 'list_styles').message
    ros.run(studio.node.trigger_configure)
    ros.run(studio.node.trigger_activate)
    studio.connect()
    studio.wait_for_state('waiting')
    assert studio.learn(RED).success
    assert tuple(studio.paint(GREY)[0, 0]) == GREY_PAINTED_RED


def test_a_file_that_is_closed_while_shared_memory_is_claimed_keeps_no_node_from_painting(ros, tmp_path, monkeypatch):
    def closed_meanwhile(path, **options):
        raise FileNotFoundError(path)
    with monkeypatch.context() as patched:      # threads of DDS open and close files at any time
        patched.setattr('os.readlink', closed_meanwhile)
        studio = Studio(ros, tmp_path)
    assert studio.node.live is not None


@pytest.mark.parametrize('topic', ['/camera_info.subscription', '/stylized/camera_info.publisher'])
def test_a_transition_that_fails_half_way_leaves_nothing_behind(topic, ros, tmp_path):
    studio = Studio(ros, tmp_path, autostart=False, **{f'qos_overrides.{topic}.reliability': 'none'})
    node = studio.node

    def there():
        return [len(list(entities)) for entities in (node.publishers, node.subscriptions, node.timers)]
    before = ros.run(there)
    for _ in range(2):
        ros.run(node.trigger_configure)
        if node.loaded is not None:
            ros.run(node.trigger_activate)
        assert node.loaded is node.live is None and ros.run(there) == before
        ros.wait_until(lambda: 'QoS override' in studio.statuses[-1].message, 'the status says why')


def test_a_style_that_is_renamed_keeps_its_place_in_the_mix_that_is_painted(red_studio):
    assert red_studio.call(MixStyles, 'mix_styles', names=['red', 'starry_night'], weights=[3.0, 1.0]).success
    assert red_studio.call(RenameStyle, 'rename_style', name='red', new_name='sky').success
    red_studio.wait_for_style('75% sky + 25% starry_night')
    names, weights = red_studio.statuses[-1].mix_names, red_studio.statuses[-1].mix_weights
    assert names == ['sky', 'starry_night']
    assert red_studio.call(MixStyles, 'mix_styles', names=names, weights=weights).success


def test_a_style_that_is_renamed_while_the_node_is_configured_again_is_painted(ros, tmp_path):
    studio, gate = gated_studio(ros, tmp_path, 'red')
    assert studio.set_parameters(style='red').successful
    studio.wait_for_style('red')
    learned = start_learning(studio, 'blue')        # the worker is busy
    renamed = studio.start(RenameStyle, 'rename_style', name='red', new_name='sky')
    ros.wait_until(lambda: studio.node.worker._waiting >= 2, 'the worker has the requests')
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP, Transition.TRANSITION_CONFIGURE,
                       Transition.TRANSITION_ACTIVATE):
        assert studio.call(ChangeState, 'change_state', transition=Transition(id=transition)).success
    gate.permits.release(1000)
    learned.get(timeout=10)
    assert renamed.get(timeout=10).success
    studio.wait_for_style('sky')
    assert studio.parameter('style') == 'sky'
