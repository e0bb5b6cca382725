# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The node ``web`` as a process, beside a painting node that tests play: how it starts, ends and asks."""
import asyncio
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from diagnostic_msgs.msg import DiagnosticArray
import pytest
from rcl_interfaces.msg import ParameterEvent, SetParametersResult
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from style_transfer_msgs.msg import StyleInfo, StyleTransferStatus
from style_transfer_msgs.srv import ListStyles, RemoveStyle
from style_transfer_ros.demo import live
from style_transfer_ros.ros import record_node
from style_transfer_ros.ros.web import recording
from style_transfer_ros.ros.web.robot import Robot, RobotError
from style_transfer_ros.ros.web.viewers import CAMERA, PAINTING

JPEG = bytes.fromhex('ffd8ffc0000b080010001001011100ffd9')


class WebProcess:
    """The node as a process; ``ask`` makes wishes as an operator."""

    def __init__(self, data: Path, *parameters: str) -> None:
        arguments = [part for parameter in ('port:=0', *parameters) for part in ('-p', parameter)]
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'style_transfer_ros.ros.web_node', '--ros-args', *arguments], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'XDG_DATA_HOME': str(data)})

    def open(self) -> None:
        self.link = re.search(r'http\S+', self.process.stdout.readline())[0]
        self.origin, self.token = self.link.split('/#token=')

    def ask(self, action, **body):
        request = urllib.request.Request(f'{self.origin}/do/{action}', json.dumps(body).encode(), {
            'Authorization': f'Bearer {self.token}', 'Origin': self.origin})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def end(self):
        """Send SIGINT; return what it said on standard error."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[1]


@pytest.fixture
def web(tmp_path):
    """Give a function that starts the node with parameters."""
    running = []

    def start(*parameters, data=tmp_path):
        running.append(WebProcess(data, *parameters))
        return running[-1]
    yield start
    for started in running:
        if started.process.poll() is None:
            started.process.kill()
            started.process.communicate()


class Painter:
    """What the page asks of the painting node; removals take a while."""

    def __init__(self, ros) -> None:
        self.node, self.removed = ros.node('style_transfer'), []
        self.node.create_service(ListStyles, '~/list_styles', self._list)
        self.node.create_service(RemoveStyle, '~/remove_style', self._remove)
        status = self.node.create_publisher(StyleTransferStatus, '~/status', QoSProfile(
            depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        diagnostics = self.node.create_publisher(DiagnosticArray, '/diagnostics', 1)
        paintings = self.node.create_publisher(CompressedImage, 'stylized/image/compressed', 10)

        def tick():
            status.publish(StyleTransferStatus(state='painting'))
            diagnostics.publish(DiagnosticArray())
            paintings.publish(CompressedImage(format='jpeg', data=list(JPEG)))
        self.node.create_timer(0.05, tick)

    def _list(self, request, response):
        response.success = True
        response.styles = [StyleInfo(name=name) for name in 'abc' if name not in self.removed]
        return response

    def _remove(self, request, response):
        self.removed.append(request.name)
        response.success = True
        return response


def test_numpy_and_opencv_take_no_memory_until_a_picture_is_decoded(ros, web):
    Painter(ros)
    page = web()
    page.open()
    request = urllib.request.Request(f'{page.origin}/snapshot.jpg', headers={'Authorization': f'Bearer {page.token}'})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.read() == JPEG
    mapped = Path(f'/proc/{page.process.pid}/maps').read_text(encoding='utf-8')
    assert 'aiohttp' in mapped and 'numpy' not in mapped and 'cv2' not in mapped


def test_what_is_imported_lean_is_whole_when_it_is_used():
    done = subprocess.run([sys.executable, '-c', """
import os
from style_transfer_ros.environment import lean_imports
os.environ['SSL_CERT_FILE'] = 'mine'
with lean_imports():
    import sensor_msgs.msg
import numpy
info = sensor_msgs.msg.CameraInfo(k=[1.0] * 9)
assert type(info.k) is numpy.ndarray and info.k.sum() == 9 and os.environ['SSL_CERT_FILE'] == 'mine'
"""], capture_output=True, text=True, timeout=60)
    assert done.stderr == ''


def test_what_is_used_while_imports_are_lean_is_imported_whole():
    done = subprocess.run([sys.executable, '-c', """
from style_transfer_ros.environment import lean_imports
with lean_imports():
    import numpy
    here = numpy.float32(1)
    import numpy.typing
    from numpy import ndarray
import numpy as whole
assert type(here) is whole.float32 and ndarray is whole.ndarray and type(whole).__name__ == 'module'
"""], capture_output=True, text=True, timeout=60)
    assert done.stderr == ''


@pytest.mark.timeout(120)
def test_ctrl_c_finishes_the_recording_and_carries_out_all_removals(ros, web, tmp_path):
    from rosbags.rosbag2 import Reader
    painter, page = Painter(ros), web()
    page.open()
    assert page.ask('record')['success']
    for name in 'ab':
        ros.wait_until(lambda name=name: _works(page, 'remove', name=name), 'the styles are known', 30)
    ros.wait_until(lambda: painter.node.count_subscribers('stylized/image/compressed'), 'it is recorded', 20)
    recorded = tmp_path / 'style_transfer_ros/page/recordings'
    ros.wait_until(lambda: sum(file.stat().st_size for file in recorded.glob('*/*.mcap')) > 2000, 'paintings', 30)
    assert painter.removed == [], 'the time to undo is not over'
    errors = page.end()
    assert page.process.returncode == 0 and errors == ''
    assert sorted(painter.removed) == ['a', 'b']
    bag, = recorded.iterdir()
    with Reader(bag) as reader:
        assert reader.message_count > 0


def _works(page, action, **body):
    try:
        return page.ask(action, **body)['success']
    except urllib.error.HTTPError as error:
        error.close()
        return False


@pytest.mark.timeout(60)
@pytest.mark.parametrize('port', [0, 8642])
@pytest.mark.parametrize('listen', ['nonsense.invalid', 'a..b', '192.0.2.77', 'x' * 70])
def test_an_address_that_cannot_be_listened_on_is_said_in_a_sentence(web, listen, port):
    page = web(f'port:={port}', f'listen:={listen}')
    errors = page.process.communicate(timeout=50)[1]
    assert page.process.returncode == 1 and f"The page cannot be served on '{listen}'" in errors
    assert 'Traceback' not in errors and 'choose another' in errors


@pytest.mark.timeout(60)
@pytest.mark.parametrize('parameter, part', [
    ("hosts:=['http://robot/page']", "'hosts' holds 'http://robot/page'"), ("painter:='a b'", "'painter' is 'a b'"),
    ("painter:=''", "'painter' is ''")])
def test_a_name_that_is_not_possible_is_said_in_a_sentence(web, parameter, part):
    errors = web(parameter).process.communicate(timeout=50)[1]
    assert part in errors and len(errors.splitlines()) == 1


def test_a_page_that_cannot_keep_its_links_leaves_no_folder(web, tmp_path, monkeypatch):
    blocked, temporary = tmp_path / 'file', tmp_path / 'tmp'
    blocked.write_text('no folder')
    temporary.mkdir()
    monkeypatch.setenv('TMPDIR', str(temporary))
    page = web(data=blocked)
    page.open()
    assert [path.name for path in temporary.iterdir() if path.name.startswith('style_transfer_page_')]
    assert 'cannot be kept' in page.end()
    assert not [path.name for path in temporary.iterdir() if path.name.startswith('style_transfer')]


@pytest.fixture
def robot(ros):
    """Give the painting node as the page sees it; there is none."""
    node = ros.node('web')
    return ros.run(lambda: Robot(node, 'style_transfer', lambda stream: False, lambda *frame: None))


@pytest.fixture
def watched(ros):
    """Give a function that makes the same with somebody who watches, and the list of the frames."""
    def make():
        node, frames = ros.node('web'), []
        return ros.run(lambda: Robot(node, 'style_transfer', lambda stream: True, lambda *frame: frames.append(
            frame))), frames
    return make


class Quiet:
    """A painting node that tells nobody when its parameters change, as one that has just started again."""

    def __init__(self, ros) -> None:
        self.node = ros.node('style_transfer', start_parameter_services=False)
        self.values = {
            'strength': 1.0, 'preserve_color': False, 'smoothing': 0.5, 'processing_height': 0, 'period': 0.0,
            'enabled': True, 'image_topic': 'image_raw', 'image_transport': 'raw', 'publish_compressed': False}
        status = self.node.create_publisher(StyleTransferStatus, '~/status', QoSProfile(
            depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.node.create_timer(0.2, lambda: status.publish(StyleTransferStatus(state='painting')))

    def serve(self) -> None:
        """Answer from now on."""
        self.node.create_service(GetParameters, '~/get_parameters', self._get)
        self.node.create_service(SetParametersAtomically, '~/set_parameters_atomically', self._set)

    def _get(self, request, response):
        response.values = [Parameter(name, value=self.values[name]).to_parameter_msg().value for name in request.names]
        return response

    def _set(self, request, response):
        self.values.update((one.name, parameter_value_to_python(one.value)) for one in request.parameters)
        response.result.successful = True
        return response


def test_a_painter_that_starts_again_within_seconds_is_switched_to_jpeg_again(ros, watched):
    robot, _ = watched()
    painter = Quiet(ros)
    ros.run(painter.serve)
    ros.wait_until(lambda: painter.values['publish_compressed'], 'it sends JPEGs')
    ros.wait_until(lambda: robot.parameters == painter.values, 'and the page knows it')
    painter.values.update(publish_compressed=False, strength=0.25)      # another process with the same name
    ros.wait_until(lambda: painter.values['publish_compressed'], 'it sends JPEGs again')
    ros.wait_until(lambda: robot.parameters == painter.values, 'and the page shows its parameters')


def test_all_parameters_are_learned_also_when_one_of_them_changes_before(ros, watched):
    robot, _ = watched()
    painter = Quiet(ros)
    events = painter.node.create_publisher(ParameterEvent, '/parameter_events', 10)
    event = ParameterEvent(node='/style_transfer', changed_parameters=[
        Parameter('strength', value=1.0).to_parameter_msg()])
    ros.wait_until(lambda: robot.present, 'the node reports')
    ros.wait_until(lambda: events.publish(event) or robot.parameters == {'strength': 1.0}, 'the change is heard')
    ros.run(painter.serve)
    ros.wait_until(lambda: robot.parameters == painter.values, 'the rest is asked for')


def test_a_request_whose_answer_is_lost_is_forgotten_with_the_next_one(ros, robot):
    waiting = []

    class Deaf:

        def service_is_ready(self):
            return True

        def call_async(self, request):
            waiting.append(Future())
            return waiting[-1]

        def remove_pending_request(self, future):
            waiting.remove(future)
    robot._clients[GetParameters] = Deaf()
    for _ in range(3):
        ros.run(lambda: robot._ask(GetParameters, GetParameters.Request(), print))
    assert len(waiting) == 1


@pytest.mark.parametrize('watched_before', [True, False])
@pytest.mark.parametrize('image, jpeg, info', [
    ('stylized/image', 'stylized/image/compressed', 'stylized/camera_info'),
    ('art/image', 'art/image/compressed', 'art/camera_info'),
    ('art/image', 'stylized/image/compressed', 'stylized/camera_info'),
    ('stylized/image', 'art/jpeg', 'stylized/camera_info')])
def test_the_painters_topics_are_followed_however_they_are_remapped(
        ros, watched, tmp_path, monkeypatch, watched_before, image, jpeg, info):
    robot, frames = watched() if watched_before else (None, None)
    if watched_before:
        ros.wait_until(lambda: PAINTING in robot._subscriptions, 'the page waits at the usual topic')
    painter = ros.node('style_transfer')
    painter.create_publisher(Image, image, 1)
    painter.create_publisher(CameraInfo, info, 1)
    paintings = painter.create_publisher(CompressedImage, jpeg, 1)
    painter.create_timer(0.05, lambda: paintings.publish(CompressedImage(format='jpeg', data=list(JPEG))))
    if not watched_before:
        robot, frames = watched()
    ros.wait_until(lambda: (PAINTING, 0, JPEG) in frames, 'the painting is shown')
    ros.wait_until(lambda: (robot.painting_topic, robot.info_topic) == (f'/{image}', f'/{info}'), 'the rest is found')
    recorded = []
    monkeypatch.setattr(recording, 'Recording', lambda node, folder, topics: recorded.extend(topics))
    asyncio.run(recording.Recordings(tmp_path, None, robot).record())
    assert recorded == [f'/{jpeg}', f'/{info}', '/style_transfer/status']


def test_a_cameras_jpegs_are_found_where_their_topic_has_another_ending(ros, watched):
    _, frames = watched()
    ros.node('style_transfer').create_subscription(CompressedImage, 'front/jpeg', print, 1)
    camera = ros.node('camera')
    pictures = camera.create_publisher(CompressedImage, 'front/jpeg', 1)
    camera.create_timer(0.05, lambda: pictures.publish(CompressedImage(format='jpeg', data=list(JPEG))))
    ros.wait_until(lambda: (CAMERA, 0, JPEG) in frames, 'the camera is shown')


def test_what_fails_in_the_executor_fails_for_the_one_who_asked(robot):
    async def ask(function):
        return await asyncio.wait_for(robot.in_executor(function), 20)
    assert asyncio.run(ask(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(lambda: 1 / 0))
    assert asyncio.run(ask(lambda: 8)) == 8, 'and the executor goes on'


def test_the_painter_is_brought_up_again_when_the_new_camera_cannot_be_set(robot):
    asked = []

    async def call(request, seconds=10.0):
        if isinstance(request, SetParametersAtomically.Request):
            raise RobotError('The node has not answered within 10 s; try again.')
        asked.append(request.transition.id)
        return type('Answer', (), {'success': True})
    robot.call = call
    with pytest.raises(RobotError, match='not answered within 10 s'):
        asyncio.run(robot.use_camera('front/image_raw', 'raw'))
    assert asked == [4, 2, 1, 3], 'deactivate, cleanup, configure, activate'


def test_of_several_values_all_are_set_or_none(ros, robot):
    painter = ros.node('style_transfer')
    values = {'strength': 1.0, 'smoothing': 0.5}

    def check(updates):
        return SetParametersResult(successful=all(update.value < 2 for update in updates), reason='That is too much.')
    for name, value in values.items():
        painter.declare_parameter(name, value)
    painter.add_on_set_parameters_callback(check)
    ros.wait_until(lambda: all(robot._clients[kind].service_is_ready() for kind in robot._clients
                               if 'SetParameters' in kind.__name__), 'the node is found')
    robot.parameters = values
    with pytest.raises(RobotError, match='That is too much'):
        asyncio.run(robot.set({'strength': 0.5, 'smoothing': 2.0}))
    assert painter.get_parameter('strength').value == 1.0
    asyncio.run(robot.set({'strength': 0.5, 'smoothing': 0.25}))
    assert [painter.get_parameter(name).value for name in values] == [0.5, 0.25]


def test_two_wishes_to_record_at_once_make_one_recording(robot, tmp_path, monkeypatch):
    made = []

    class Made:

        def __init__(self, node, folder, topics):
            made.append(folder)

        def state(self):
            return {'problem': ''}

        def unsubscribe(self):
            made.remove(made[0])

        def finish(self):
            return 'Recorded.'
    monkeypatch.setattr(recording, 'Recording', Made)
    recordings = recording.Recordings(tmp_path, None, robot)

    async def record():
        answers = await asyncio.gather(recordings.record(), recordings.record(), return_exceptions=True)
        assert len(made) == 1
        stopped = await asyncio.gather(recordings.stop(), recordings.stop())
        return [str(answer) for answer in (*answers, *stopped)]
    first, second, *stopped = asyncio.run(record())
    assert first.startswith('Recording ') and 'being recorded already' in second and made == []
    assert stopped == ['Recorded.', 'Nothing is being recorded.']


def test_a_recording_whose_folder_is_removed_ends_and_is_told_once(ros, robot, tmp_path):
    recordings, told = recording.Recordings(tmp_path / 'recordings', ros.node(), robot), []

    async def record():
        following = asyncio.create_task(recordings.follow(told.append))
        await recordings.record()
        shutil.rmtree(tmp_path / 'recordings')
        await asyncio.to_thread(ros.wait_until, lambda: told and recordings.state is None, 'it has ended')
        await asyncio.sleep(2.5)            # twice as long as from one look to the next
        following.cancel()
        assert recordings.state is None and await recordings.stop() == 'Nothing is being recorded.'
        assert (await recordings.record()).startswith('Recording '), 'and another one can begin'
        await recordings.stop()
    asyncio.run(record())
    assert told == ['The recording has ended: No such file or directory.']


def test_the_executor_does_not_wait_for_what_the_first_recording_loads(ros, robot, tmp_path, monkeypatch):
    made, executor = [], ros.run(threading.get_ident)
    get_typestore = record_node.get_typestore

    def watched(store):
        made.append(threading.get_ident())
        return get_typestore(store)
    record_node._store.cache_clear()
    monkeypatch.setattr(record_node, 'get_typestore', watched)
    user = ros.node()
    paintings = user.create_publisher(CompressedImage, 'stylized/image/compressed', 10)
    recordings = recording.Recordings(tmp_path, user, robot)

    async def record():
        await recordings.record()
        await asyncio.to_thread(ros.wait_until, paintings.get_subscription_count, 'it is recorded')
        await recordings.stop()
    asyncio.run(record())
    assert len(made) == 1 and made[0] != executor


@pytest.mark.parametrize('value', [1 << 63, -1 << 70, 10 ** 400, 'x', None, True])
def test_a_value_that_ros_cannot_hold_is_refused_in_a_sentence(robot, value):
    for name, present in (('processing_height', 240), ('strength', 1.0)):
        robot.parameters = {name: present}
        with pytest.raises(RobotError, match=f"The parameter '{name}' is "):
            asyncio.run(robot.set({name: value}))


def test_the_operators_token_is_sent_to_the_page_and_to_no_proxy(monkeypatch):
    import http.server
    seen = []

    class Proxy(http.server.BaseHTTPRequestHandler):

        def do_GET(self):
            seen.append(self.headers['Authorization'])
            self.send_error(502)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        for name in ('http_proxy', 'HTTP_PROXY', 'https_proxy', 'all_proxy'):
            monkeypatch.setenv(name, f'http://127.0.0.1:{proxy.server_port}')
        for name in ('no_proxy', 'NO_PROXY'):
            monkeypatch.delenv(name, raising=False)
        assert not live._painting('http://127.0.0.1:9/#token=secret'), 'nobody listens on this port'
        proxy.shutdown()
    assert seen == []
