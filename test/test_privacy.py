# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Nothing leaves the machine, and nothing is written outside data, cache, log and output folders.

Programs run under strace, which sees every packet and file of Python and of the C++ libraries.
"""
from __future__ import annotations

from collections.abc import Sequence
import ipaddress
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from style_transfer_ros.engine.runtimes import installed
from style_transfer_ros.paths import share_folder

_SENDING = 'connect,sendto,sendmsg,sendmmsg'
_WRITING = 'open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat'
_ADDRESS = re.compile(r'sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6?, "|'
                      r'sin6_addr=in6addr_)([0-9a-f.:]+|loopback|any)')
#: A call with the folder of its descriptor, which -y shows, and the last path that it names.
_CALL = re.compile(r'\b(?P<call>[a-z0-9]+)\((?:.*, )?(?:[A-Z0-9_]+<(?P<folder>/[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"'
                   r'(?:, (?P<flags>[A-Z_|0-9]+))?')
#: How DDS finds the other processes of this machine, also where it is told to stay on it.
_DISCOVERY = ipaddress.ip_address('239.255.0.1')


def works() -> bool:
    """Tell whether strace may trace here."""
    return bool(shutil.which('strace')) and subprocess.run(
        ['strace', '-qq', '-o', '/dev/null', 'true'], capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not works(), reason='strace is not installed or may not trace; it watches sockets '
                                                      'and files: sudo apt install strace')


def own_addresses() -> set:
    """Return the addresses of this machine."""
    text = Path('/proc/net/fib_trie').read_text(encoding='ascii')
    return {ipaddress.ip_address(found) for found in re.findall(r'-- ([0-9.]+)\n\s+/32 host LOCAL', text)}


class Traced:
    """
    A program under strace, with a home folder of its own and without the variables by which CI silences libraries.

    :param arguments: of Python.
    :param folder: for the home folder and the trace.
    """

    def __init__(self, arguments: Sequence[str | Path], folder: Path, **environment: str) -> None:
        self.home = folder / 'home'
        self.home.mkdir(exist_ok=True)
        self._trace = folder / f'trace_{len(list(folder.iterdir()))}'
        kept = {k: v for k, v in os.environ.items()
                if k != 'CI' and not k.startswith(('ORT_', 'OPENVINO', 'KERAS', 'XDG_', 'ROS_LOG_DIR', 'DO_NOT_TRACK'))}
        # -D: strace is the child, so that signals reach the program
        command = ['strace', '-D', '-f', '-qq', '-y', '-s', '4096', '-e', 'signal=none',
                   '-e', f'trace={_SENDING},{_WRITING}', '-o', self._trace, sys.executable, *arguments]
        kept |= {'HOME': str(self.home), 'PYTHONDONTWRITEBYTECODE': '1', **environment}
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env=kept)
        self._folder = folder

    def finish(self, seconds: float = 100.0, number: int | None = None) -> str:
        """Wait for the end, after a signal if one is given; return what was printed."""
        if number is not None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=seconds)[0]
        assert self.process.returncode == 0, said
        return said

    def _lines(self) -> list[str]:
        return self._trace.read_text(encoding='utf-8', errors='replace').splitlines()

    def packets(self) -> list[str]:
        """Return the calls that reach or look up another machine."""
        here = own_addresses()

        def is_foreign(port: str, address: str) -> bool:
            if address in ('loopback', 'any'):
                return False
            there = ipaddress.ip_address(address)
            return port == '53' or not (there.is_loopback or there in here or there == _DISCOVERY
                                        or there.is_unspecified)
        return [line for line in self._lines() if any(is_foreign(*found) for found in _ADDRESS.findall(line))]

    def written(self) -> set[Path]:
        """Return the files and folders that were made or opened for writing, but for those of the kernel."""
        paths = set()
        for line in self._lines():
            call = _CALL.search(line)
            if call is None or ' = -1 ' in line or call['call'] not in _WRITING.split(','):
                continue
            if call['call'] not in ('open', 'openat') or re.search('O_WRONLY|O_RDWR|O_CREAT', call['flags'] or ''):
                paths.add(os.path.normpath(self._folder / (call['folder'] or '') / call['path']))
        return {Path(path) for path in paths if not path.startswith(('/dev/', '/proc/', '/sys/'))}


pytestmark = [needs_strace, pytest.mark.timeout(400)]
SCENE = share_folder() / 'scenes' / 'mountains.jpg'
#: Below the home folder: where a program may write, by the XDG and ROS rules.
ALLOWED = ('.local/share/style_transfer_ros', '.cache/style_transfer_ros', '.ros/log')
#: Paints one picture in one runtime.
PAINT = """
import numpy as np
from style_transfer_ros.engine.stylizer import Stylizer
stylizer = Stylizer.load(runtime={runtime!r})
stylizer.paint(np.zeros((64, 64, 3), np.uint8), stylizer.learn_style(np.zeros((64, 64, 3), np.uint8)))
"""


def assert_private(program, *outputs):
    """Check what a program that has ended sent and wrote; it may write below ``outputs``."""
    assert program.packets() == []
    allowed = [*(program.home / folder for folder in ALLOWED), *outputs]
    parents = {parent for folder in allowed for parent in folder.parents}       # made on the way
    elsewhere = {path for path in program.written()
                 if not any(path.is_relative_to(folder) for folder in allowed) and path not in parents}
    assert {path for path in elsewhere if not (is_nameless(path) or is_moved(path, outputs))} == set()


def is_nameless(path):
    """Tell a temporary file that is gone again: Python and libffi try with one whether a folder can be written."""
    return path.parent in (Path(tempfile.gettempdir()), Path('/var/tmp'), Path('/usr/tmp')) and not path.exists()


def is_moved(path, outputs):
    """Tell the file that a result was written to before it was moved to its place (engine/atomic.py)."""
    return (path.parent in {output.parent for output in outputs} and not path.exists()
            and re.fullmatch(r'\.[0-9a-f]{32}\.new', path.name) is not None)


def test_a_packet_and_a_file_are_seen(tmp_path):
    """The net has no holes: what a library would do is caught, from Python and from C."""
    program = Traced(['-c', """
import pathlib, socket
pathlib.Path.home().joinpath('intel').mkdir()
pathlib.Path.home().joinpath('intel', 'id').write_text('7')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.sendto(b'hello', ('192.0.2.1', 9))
    s.connect(('192.0.2.2', 443))
except OSError:
    pass
"""], tmp_path)
    program.finish()
    assert len(program.packets()) >= 1 and '192.0.2.1' in program.packets()[0]
    assert {program.home / 'intel', program.home / 'intel' / 'id'} <= program.written()


@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime', 'tensorflow'])
def test_a_runtime_loads_and_paints_in_private(runtime, tmp_path):
    if not installed(runtime):
        pytest.skip(f'{runtime} is not installed')
    program = Traced(['-c', PAINT.format(runtime=runtime)], tmp_path)
    program.finish(300)
    assert_private(program)


def test_style_gallery_is_private(tmp_path):
    program = Traced(['-m', 'style_transfer_ros.tools.gallery', SCENE, '--styles', 'starry_night'], tmp_path)
    program.finish()
    assert_private(program, tmp_path / 'gallery.png')


def test_stylize_bag_is_private(tmp_path):
    import numpy as np
    from rosbags.rosbag2 import Writer
    from rosbags.typesys import get_typestore, Stores
    store = get_typestore(Stores.ROS2_JAZZY)
    stamp = store.types['builtin_interfaces/msg/Time'](1, 0)
    image = store.types['sensor_msgs/msg/Image'](
        store.types['std_msgs/msg/Header'](stamp, 'eye'), 48, 64, 'rgb8', 0, 192, np.zeros(48 * 192, np.uint8))
    with Writer(tmp_path / 'in', version=9) as writer:
        connection = writer.add_connection('/image_raw', 'sensor_msgs/msg/Image', typestore=store)
        writer.write(connection, 1, store.serialize_cdr(image, 'sensor_msgs/msg/Image'))
    before = {path: path.read_bytes() for path in (tmp_path / 'in').iterdir()}
    program = Traced(['-m', 'style_transfer_ros.tools.stylize_bag', 'in', 'out', '--style', 'starry_night'], tmp_path)
    program.finish()
    assert (tmp_path / 'out' / 'metadata.yaml').is_file()
    # SQLite opens a database for writing also where it only reads
    assert {path: path.read_bytes() for path in (tmp_path / 'in').iterdir()} == before
    assert_private(program, tmp_path / 'in', *outputs(program, tmp_path))


def outputs(program, folder):
    """List what a program wrote in its own folder as ``out`` or, until that is whole, beside it."""
    return [folder / 'out', *(path for path in program.written()
                              if path.parent == folder and path.name.startswith(('out', '.out')))]


def test_stylize_images_is_private(tmp_path):
    program = Traced(['-m', 'style_transfer_ros.tools.stylize_images', SCENE, 'out', '--style', 'starry_night'],
                     tmp_path)
    program.finish()
    assert any((tmp_path / 'out').iterdir())
    assert_private(program, *outputs(program, tmp_path))


def test_stylize_video_is_private(tmp_path):
    import cv2
    import numpy as np
    video = cv2.VideoWriter(str(tmp_path / 'in.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48))
    for grey in range(0, 200, 50):
        video.write(np.full((48, 64, 3), grey, np.uint8))
    video.release()
    program = Traced(['-m', 'style_transfer_ros.tools.stylize_video', 'in.avi', 'out.avi', '--style', 'starry_night'],
                     tmp_path)
    program.finish()
    assert (tmp_path / 'out.avi').is_file()
    assert_private(program, *outputs(program, tmp_path))


def test_the_nodes_and_the_page_are_private(ros, tmp_path):
    """Over real DDS, while a camera is painted, a style is learned, and somebody looks at the page."""
    import http.client

    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from style_transfer_msgs.srv import SetStyle
    from style_transfer_ros.engine.pictures import read_picture
    from style_transfer_ros.ros import messages
    modules = {'camera_node': ['-p', 'source:=scene', '-p', 'rate:=5.0', '-p', 'width:=160', '-p', 'height:=120'],
               'style_transfer_node': ['-p', 'period:=0.2']}
    try:
        import aiohttp  # noqa: F401
        modules['web_node'] = ['-p', 'port:=0']
    except ImportError:
        pass
    programs = {}
    for module, parameters in modules.items():
        folder = tmp_path / module
        folder.mkdir()
        programs[module] = Traced(['-m', f'style_transfer_ros.ros.{module}', '--ros-args', *parameters], folder)
    folder = tmp_path / 'record_node'
    folder.mkdir()
    programs['record_node'] = Traced(['-m', 'style_transfer_ros.ros.record_node', 'out', 'stylized/image'], folder)
    try:
        user = ros.node()
        paintings = ros.listen(user, Image, 'stylized/image')
        paintings.get(timeout=200)
        picture = messages.to_image(read_picture(SCENE)[:200, :200], Header())
        answer = ros.call(user, SetStyle, 'style_transfer/set_style', SetStyle.Request(name='private', image=picture),
                          60)
        assert answer.success, answer.message
        paintings.get(timeout=60)
        if 'web_node' in programs:
            port = next(int(found[1]) for line in programs['web_node'].process.stdout
                        if (found := re.search(r'http://127[.0-9]*:(\d+)', line)))
            page = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
            page.request('GET', '/')
            assert page.getresponse().status in (200, 302, 401, 403)
        for program in programs.values():
            program.finish(60, signal.SIGINT)
    finally:
        for program in programs.values():
            program.process.kill()
    assert (folder / 'out' / 'metadata.yaml').is_file()
    for module, program in programs.items():
        own = {'web_node': [program.home / '.local/share'], 'record_node': outputs(program, folder)}
        assert_private(program, *own.get(module, []))
    stored = list((programs['style_transfer_node'].home / '.local/share/style_transfer_ros/styles').glob('*.style'))
    assert len(stored) == 9         # the trace has seen what was kept


def test_the_demo_is_private(tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    program = Traced(['-m', 'style_transfer_ros.demo.demo', '--seconds', '3', '--output', 'demo'], tmp_path)
    program.finish(300)
    assert json.loads((tmp_path / 'demo' / 'report.json').read_text(encoding='utf-8'))
    assert_private(program, tmp_path / 'demo')
