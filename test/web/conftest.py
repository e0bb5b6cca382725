# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The page's server with a stand-in for the painting node, and what the tests of both kinds share."""
import asyncio
import http.client
import importlib.util
import json
from pathlib import Path
import shutil
import subprocess
import threading

import pytest


class _Needs(pytest.Module):
    """A test file that is skipped as a whole, with its reason."""

    def collect(self):
        pytest.skip(self.reason, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    for module, reason in (('rclpy', 'rclpy is not importable: neither a sourced ROS 2 installation nor '
                                     'requirements/ros.txt is here'),
                           ('aiohttp', 'aiohttp is not installed: requirements/web.txt'),
                           ('selenium', 'selenium is not installed: requirements/test.txt')):
        if module == 'selenium' and module_path.name != 'test_page.py':
            continue
        if importlib.util.find_spec(module) is None:
            found = _Needs.from_parent(parent, path=module_path)
            found.reason = reason
            return found


JPEG = bytes.fromhex('ffd8ffc0000b080010001001011100ffd9')      # the header of 16x16 pixels, and the end


class FakeRobot:
    """Answers as the node does, and remembers what it was asked."""

    def __init__(self):
        from style_transfer_msgs.msg import StyleInfo
        self.present, self.painter = True, '/style_transfer'
        self.status = {'state': 'painting', 'style': 'wave', 'message': '', 'model': 'swift', 'runtime': 'openvino',
                       'mix': {}}
        self.parameters = {'strength': 1.0, 'enabled': True, 'processing_height': 0, 'image_topic': 'image_raw',
                           'image_transport': 'raw'}
        self.numbers = {'rate in (Hz)': '30.0'}
        self.camera_topic = '/image_raw'
        self.jpeg_topic, self.info_topic = '/stylized/image/compressed', '/stylized/camera_info'
        self.styles = [StyleInfo(name=name, source=f'bundled {name}.jpg', thumbnail=list(JPEG))
                       for name in ('poppies', 'wave')]
        self.asked, self.said, self.cameras = [], [], []
        self.gate = threading.Event()       # a style is learned while this is set
        self.gate.set()
        self.removable = threading.Event()      # a style is removed while this is set
        self.removable.set()
        self.switch, self.switching = threading.Event(), False      # the camera is changed while this is set
        self.switch.set()

    def log(self, sentence):
        self.said.append(sentence)

    async def wish(self, request, seconds=10.0):
        from style_transfer_msgs.srv import ListStyles, RemoveStyle, RenameStyle, SetStyle
        from style_transfer_ros.ros.web.robot import RobotError
        if isinstance(request, ListStyles.Request):
            return ListStyles.Response(success=True, styles=self.styles)
        self.asked.append(request)
        if isinstance(request, RemoveStyle.Request):
            await asyncio.to_thread(self.removable.wait, 10)
            self.styles = [style for style in self.styles if style.name != request.name]
            return RemoveStyle.Response(success=True, message='Removed.')
        if isinstance(request, RenameStyle.Request):
            return RenameStyle.Response(success=True, message='Renamed.')
        await asyncio.to_thread(self.gate.wait, 10)
        if request == SetStyle.Request(name='nonesuch'):
            raise RobotError("The style 'nonesuch' is not in the library.")
        answer = SetStyle.Response(success=True, message='Painting.')
        answer.style.name = getattr(request, 'name', '')
        return answer

    async def set(self, values):
        self.parameters = {**self.parameters, **values}

    async def in_executor(self, function):
        return function()

    async def use_camera(self, topic, transport):
        self.switching = True
        await asyncio.to_thread(self.switch.wait, 10)
        self.switching = False
        self.cameras.append((topic, transport))
        self.parameters = {**self.parameters, 'image_topic': topic, 'image_transport': transport}


@pytest.fixture
def robot():
    """Give a stand-in for the painting node."""
    return FakeRobot()


class Page:
    """A running server, and a client that is as honest or as hostile as a test wants it."""

    TOKENS = {'viewer': 'v' * 32, 'operator': 'o' * 32}

    def __init__(self, folder, undo_time=8.0, most_viewers=64):
        from style_transfer_ros.ros.web.gate import Gate
        from style_transfer_ros.ros.web.own_camera import OwnCamera
        from style_transfer_ros.ros.web.recording import Recordings
        from style_transfer_ros.ros.web.server import Server
        from style_transfer_ros.ros.web.styles import StyleBook
        from style_transfer_ros.ros.web.viewers import Streams, Viewers
        from style_transfer_ros.ros.web_node import free_port
        self.robot, self.port, self.own = FakeRobot(), free_port('127.0.0.1'), []
        self.viewers = Viewers(Streams(), most_viewers)
        self.streams = self.viewers.streams
        self.styles = StyleBook(self.robot, lambda content: self.viewers.tell('styles', content), self.viewers.notify,
                                undo_time)
        self.server = Server(
            self.robot, lambda public, report: Gate(self.TOKENS, ['127.0.0.1', 'localhost'], self.port, False, public,
                                                    report),
            self.viewers, self.styles,
            OwnCamera(self.robot, '/page/image_raw', lambda jpeg, age: self.own.append((jpeg, age)), folder.parent),
            Recordings(folder, None, self.robot),
            lambda role: [f'http://127.0.0.1:{self.port}/#token={self.TOKENS[role]}'], lambda: 5_000_000_000)
        self.server.start('127.0.0.1', self.port, None)

    @property
    def origin(self):
        return f'http://127.0.0.1:{self.port}'

    def bearer(self, role):
        return {'Authorization': f'Bearer {self.TOKENS[role]}'} if role else {}

    def ask(self, method, path, body=None, role='operator', **headers):
        """Return status, headers and body; ``Origin`` is ours unless a header says otherwise (empty: none)."""
        given = {'Origin': self.origin, **self.bearer(role), **{k.replace('_', '-'): v for k, v in headers.items()}}
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            data = json.dumps(body) if isinstance(body, (dict, list)) else body
            connection.request(method, path, data, {k: v for k, v in given.items() if v})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def sentence(self, *arguments, **options):
        """Return status and the sentence for people."""
        status, _, body = self.ask(*arguments, **options)
        return status, json.loads(body)['message']


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """Give a function that starts a page with options."""
    from style_transfer_ros.ros.web import gate, server, viewers
    monkeypatch.setattr(gate, '_BODY_TIME', 2.0)
    monkeypatch.setattr(server, '_IDLE', 2.0)           # or every test of a slow client would take so long
    monkeypatch.setattr(viewers, '_STUCK', 2.0)
    running = []

    def start(**options):
        running.append(Page(tmp_path / 'recordings', **options))
        return running[-1]
    yield start
    for started in running:
        started.robot.gate.set()
        started.robot.removable.set()
        started.robot.switch.set()
        started.server.stop()


@pytest.fixture
def page(pages):
    return pages()


@pytest.fixture(scope='session')
def npm():
    """Give the folder of the npm packages of package.json."""
    if shutil.which('npm') is None:
        pytest.skip('npm is not installed')
    folder = Path(__file__).parents[2] / '.pytest_cache' / 'npm'
    wanted = (Path(__file__).parent / 'package.json').read_text(encoding='utf-8')
    kept = folder / 'package.json'
    if not kept.is_file() or kept.read_text(encoding='utf-8') != wanted or not (folder / 'node_modules').is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(wanted, encoding='utf-8')
        done = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts'], cwd=folder,
                              capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder)
            pytest.skip(f'the npm registry cannot be reached: {done.stderr.strip().splitlines()[-1:]}')
    return folder / 'node_modules'
