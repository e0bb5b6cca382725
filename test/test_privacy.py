"""Nothing leaves the machine, and nothing is written outside data, cache, log and output folders."""
import json
from pathlib import Path
import re
import signal
import sys
import tempfile

import pytest

from style_transfer_ros.engine.runtimes import installed
from style_transfer_ros.paths import share_folder

sys.path.insert(0, str(Path(__file__).parent))
from traced import needs_strace, Traced  # noqa: E402

pytestmark = [needs_strace, pytest.mark.timeout(400)]
SCENE = share_folder() / 'scenes' / 'mountains.jpg'
#: Below the home folder: where a program may write, by the XDG and ROS rules.
ALLOWED = ('.local/share/style_transfer_ros', '.cache/style_transfer_ros', '.ros/log', '.cache/matplotlib')
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
    assert {path for path in elsewhere if not is_nameless(path)} == set()


def is_nameless(path):
    """Tell a temporary file that is gone again: Python and libffi try with one whether a folder can be written."""
    return path.parent in (Path(tempfile.gettempdir()), Path('/var/tmp'), Path('/usr/tmp')) and not path.exists()


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
    assert_private(program, tmp_path / 'in', *(path for path in program.written() if path.is_relative_to(tmp_path)
                                               and path.name.startswith(('out', '.out'))), tmp_path / 'out')


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
    for module, program in programs.items():
        assert_private(program, *([program.home / '.local/share'] if module == 'web_node' else []))
    stored = list((programs['style_transfer_node'].home / '.local/share/style_transfer_ros/styles').glob('*.style'))
    assert len(stored) == 9         # the trace has seen what was kept


def test_the_demo_is_private(tmp_path):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    program = Traced(['-m', 'style_transfer_ros.demo.demo', '--seconds', '3', '--output', 'demo'], tmp_path)
    program.finish(300)
    assert json.loads((tmp_path / 'demo' / 'report.json').read_text(encoding='utf-8'))
    assert_private(program, tmp_path / 'demo')
