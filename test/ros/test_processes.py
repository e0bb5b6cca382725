# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Camera and node as processes with the real network, read by an independent reader of the wire format."""
import os
from pathlib import Path
import queue
import re
import signal
import subprocess
import sys
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rclpy.utilities import get_rmw_implementation_identifier
from rosbags.typesys import get_typestore, Stores
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.environment import large_shared_memory
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros import messages

STORE = get_typestore(Stores.ROS2_JAZZY)


def stop(process, how):
    """Send a signal; return exit code, seconds until the end and what was said."""
    begin = time.monotonic()
    process.send_signal(how)
    said = process.communicate(timeout=20)[1]
    return process.returncode, time.monotonic() - begin, said


@pytest.fixture
def processes(tmp_path):
    """Give a function that starts a node's process in this test's ROS domain."""
    running = []

    def begin(module, *parameters):
        running.append(NodeProcess(module, *parameters, log_level='info', stderr=subprocess.PIPE, text=True,
                                   environment={'XDG_DATA_HOME': str(tmp_path)}))
        return running[-1].process
    yield begin
    for process in running:
        process.stop(signal.SIGKILL)


def test_a_camera_is_painted_live_and_every_stamp_is_the_cameras(ros, processes):
    user = ros.node()
    camera_stamps, paintings = set(), queue.Queue()

    def stamp(message):
        return message.header.stamp.sec, message.header.stamp.nanosec
    user.create_subscription(Image, 'image_raw', lambda m: camera_stamps.add(stamp(m)), QoSProfile(depth=50))
    user.create_subscription(Image, 'stylized/image', paintings.put, QoSProfile(depth=50), raw=True)
    infos = ros.listen(user, CameraInfo, 'stylized/camera_info')
    # slow enough that this process sees every frame, and seen before the node starts
    camera = processes('camera_node', 'source:=scene', 'width:=320', 'height:=240', 'encoding:=bgr8', 'rate:=10.0')
    ros.wait_until(lambda: camera_stamps, 'the camera publishes', 60)
    node = processes('style_transfer_node', 'period:=0.1')
    read = [STORE.deserialize_cdr(paintings.get(timeout=60), 'sensor_msgs/msg/Image') for _ in range(5)]
    assert all((m.width, m.height, m.encoding, m.step, m.header.frame_id) == (
        320, 240, 'rgb8', 960, 'camera_optical_frame') for m in read)
    assert all(m.data.reshape(240, 320, 3).std() > 10 for m in read)
    stamps = [stamp(m) for m in read]
    assert stamps == sorted(set(stamps))
    ros.wait_until(lambda: set(stamps) <= camera_stamps, 'every painted stamp is one of the camera')
    assert infos.get(timeout=10).header.frame_id == 'camera_optical_frame'
    assert stop(node, signal.SIGTERM)[0] == 0
    assert stop(camera, signal.SIGINT)[0] == 0


@pytest.mark.parametrize('module', ['camera_node', 'style_transfer_node'])
@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_node_quickly_with_exit_code_0_and_no_traceback(ros, processes, module, how):
    process = processes(module)
    name = {'camera_node': 'camera', 'style_transfer_node': 'style_transfer'}[module]
    user = ros.node()
    ros.wait_until(lambda: name in user.get_node_names(), f'{name} is up', 60)
    code, seconds, said = stop(process, how)
    assert code == 0 and 'Traceback' not in said, said
    assert seconds < 10      # a second where the cores are free; CI's are not


def test_a_signal_that_comes_while_the_node_is_made_or_stopped_lets_that_be_finished(own_lines):
    program = """
import os, signal
from rclpy.node import Node
from style_transfer_ros.ros.running import run

class Slow(Node):
    def __init__(self):
        os.kill(os.getpid(), signal.SIGINT)
        super().__init__('slow')
        self.timer = self.create_timer(1, print)
        os.kill(os.getpid(), signal.SIGTERM)
        print('made')

    def stop(self):
        os.kill(os.getpid(), signal.SIGINT)
        print('stopped')

run(Slow, [])
"""
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, own_lines(ended.stdout), ended.stderr) == (0, ['made', 'stopped'], '')


@pytest.mark.skipif(get_rmw_implementation_identifier() != 'rmw_fastrtps_cpp', reason='only Fast DDS has such files')
@pytest.mark.parametrize('module', ['camera_node', 'style_transfer_node'])
def test_a_node_that_ends_leaves_no_shared_memory_behind(ros, processes, module):
    process, user = processes(module), ros.node()
    ros.wait_until(lambda: module.removesuffix('_node') in user.get_node_names(), 'the node is up', 60)

    def segments(pid):
        maps = Path(f'/proc/{pid}/maps').read_text(encoding='utf-8')
        return {Path(path) for path in re.findall(r'/dev/shm/fastrtps_[0-9a-f]+$', maps, re.MULTILINE)}
    own = segments(process.pid) - segments('self')
    assert own
    assert stop(process, signal.SIGINT)[0] == 0
    assert not any(path.exists() for path in own)


@pytest.mark.skipif(get_rmw_implementation_identifier() != 'rmw_fastrtps_cpp', reason='only Fast DDS has such files')
def test_an_active_node_holds_all_of_its_own_shared_memory_and_no_others(ros, processes):
    """Else it would be counted page by page, as more of it is used, for hours."""
    node, _ = processes('style_transfer_node', 'model:=fake'), processes('camera_node', 'source:=scene', 'width:=64')
    paintings = ros.listen(ros.node(), Image, 'stylized/image')
    paintings.get(timeout=60)

    def held():
        """Return the share in RAM of each large segment: the node's own and the camera's."""
        smaps = Path(f'/proc/{node.pid}/smaps').read_text(encoding='ascii')
        sizes = re.findall(r'/fastrtps_[0-9a-f]{16}\nSize: +(\d+) kB\n.*\n.*\nRss: +(\d+) kB', smaps)
        return sorted(int(rss) / int(size) for size, rss in sizes if int(size) > 16_000)
    ros.wait_until(lambda: len(held()) == 2, 'the camera sends through shared memory', 60)
    camera, own = held()
    assert own == 1 and camera < 0.5


def test_a_camera_that_is_gone_is_said_and_tried_again_and_diagnosed(ros, processes):
    user = ros.node()
    diagnostics = ros.listen(user, DiagnosticArray, '/diagnostics')
    camera, node = processes('camera_node', 'source:=/dev/video77'), processes('style_transfer_node')
    while True:
        status = diagnostics.get(timeout=60).status[0]
        if "No frame comes on '/image_raw'" in status.message and 'a camera is there' in status.message:
            break
    assert stop(node, signal.SIGINT)[0] == 0
    code, _, said = stop(camera, signal.SIGINT)
    assert code == 0 and '/dev/video77' in said and 'Trying again' in said and 'Traceback' not in said


def test_a_wrong_parameter_ends_the_camera_with_a_sentence(ros, processes):
    camera = processes('camera_node', 'encoding:=klingon')
    said = camera.communicate(timeout=60)[1]
    assert camera.returncode == 1 and 'klingon' in said and 'Traceback' not in said


@pytest.mark.parametrize('module, parameter, part', [
    ('style_transfer_node', 'strength:=3.0', 'strength'), ('style_transfer_node', 'qos:=foo', 'sensor_data'),
    ('style_transfer_node', 'period:=soon', 'period'), ('camera_node', 'width:=0', 'width'),
    ('style_transfer_node', 'style:=off', 'quote it twice'), ('style_transfer_node', 'style:=', 'no value'),
    ('style_transfer_node', 'period:=.nan', "'period' is nan; choose 0.0 to 3600.0"),
    ('style_transfer_node', 'use_sim_time:=5', "'use_sim_time' is '5', but true or false"),
    ('style_transfer_node', 'image_topic:=stylized/image', 'own painting'),
    ('style_transfer_node', 'style_directories:=/home/robot/styles', 'list of texts')])
def test_a_wrong_parameter_at_start_ends_the_node_with_a_sentence(ros, processes, module, parameter, part):
    process = processes(module, parameter)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and part in said and 'Traceback' not in said, said


def test_ros_arguments_that_cannot_be_read_end_the_node_with_a_sentence(ros, processes):
    process = processes('style_transfer_node', 'model=magenta')
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "'model=magenta'" in said and len(said.splitlines()) == 1, said
    assert '.c:' not in said and 'Traceback' not in said, said


@pytest.mark.parametrize('parameters', [('period:=1', 'style_directories:=[]'), ('strength:=1',)])
def test_a_whole_number_serves_where_a_decimal_one_is_meant(ros, processes, parameters):
    process = processes('style_transfer_node', *parameters)
    user = ros.node()
    ros.wait_until(lambda: 'style_transfer' in user.get_node_names(), 'the node is up', 60)
    assert stop(process, signal.SIGINT)[0] == 0


def test_an_impossible_transition_is_refused_and_the_node_lives_on(ros, processes):
    processes('style_transfer_node')
    user = ros.node()

    def state():
        return ros.call(user, GetState, 'style_transfer/get_state', GetState.Request(), 60).current_state.id
    ros.wait_until(lambda: state() == State.PRIMARY_STATE_ACTIVE, 'the node is active')
    configure = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert not ros.call(user, ChangeState, 'style_transfer/change_state', configure, 60).success
    assert state() == State.PRIMARY_STATE_ACTIVE


@pytest.mark.parametrize('home', [None, '/proc'])
def test_a_home_that_is_missing_or_read_only_stops_no_painting(ros, tmp_path, home):
    environment = {key: value for key, value in os.environ.items()
                   if key not in ('HOME', 'XDG_DATA_HOME', 'ROS_LOG_DIR')}
    process = subprocess.Popen(
        [sys.executable, '-m', 'style_transfer_ros.ros.style_transfer_node', '--ros-args', '-p', 'model:=fake', '-p',
         'period:=0.0'], env=environment | ({'HOME': home} if home else {'XDG_DATA_HOME': str(tmp_path)}))
    try:
        user = ros.node()
        paintings, camera = ros.listen(user, Image, 'stylized/image'), user.create_publisher(Image, 'image_raw', 1)
        ros.wait_until(camera.get_subscription_count, 'the node subscribes', 60)
        deadline = time.monotonic() + 60
        while paintings.empty():
            camera.publish(messages.to_image(np.full((48, 64, 3), 100, np.uint8), Header()))
            time.sleep(0.1)
            assert time.monotonic() < deadline, 'nothing is painted'
        assert stop(process, signal.SIGINT)[0] == 0
    finally:
        process.kill()


def test_of_many_broken_frames_only_the_nodes_own_sentence_is_said(ros, processes):
    user = ros.node()
    camera = user.create_publisher(CompressedImage, 'image_raw/compressed', 1)
    diagnostics = ros.listen(user, DiagnosticArray, '/diagnostics')
    node = processes('style_transfer_node', 'model:=fake', 'period:=0.0', 'image_transport:=compressed', 'lazy:=false')
    ros.wait_until(camera.get_subscription_count, 'the node subscribes', 60)
    rng, begin, counted, n = np.random.default_rng(0), time.monotonic(), 0, 0
    good = {ending: cv2.imencode(ending, rng.integers(0, 256, (64, 64, 3), np.uint8))[1] for ending in ('.jpg', '.png')}
    while counted < 100:
        ending = list(good)[n % 2]
        broken = good[ending].copy()
        broken[rng.integers(30, len(broken), 20)] = 0
        camera.publish(CompressedImage(format=f'{ending[1:]}', data=broken[:len(broken) // (1 + n % 3)].tobytes()))
        n += 1
        time.sleep(0.005)
        while not diagnostics.empty():
            values = {item.key: item.value for item in diagnostics.get().status[0].values}
            counted = int(values.get('dropped broken', 0))
        assert time.monotonic() - begin < 60, f'{counted} of {n} frames are counted as broken'
    said = stop(node, signal.SIGINT)[2].splitlines()
    about_frames = [line for line in said if 'Frame dropped' in line]
    assert 1 <= len(about_frames) <= 2 + (time.monotonic() - begin) / 5
    assert all('[style_transfer]' in line for line in said), said


@pytest.mark.skipif(get_rmw_implementation_identifier() != 'rmw_fastrtps_cpp', reason='a setting of Fast DDS')
def test_the_memory_of_a_large_image_is_free_again_after_smaller_ones(ros, processes):
    """Fast DDS would keep that of the largest image that it received, and of the largest that it sent."""
    user = ros.node()
    paintings = ros.listen(user, Image, 'stylized/image')
    camera = user.create_publisher(Image, 'image_raw', 1)
    node = processes('style_transfer_node', 'model:=fake', 'period:=0.0', 'style:=starry_night')
    ros.wait_until(camera.get_subscription_count, 'the node subscribes', 60)

    def memory_after(width, height, times):
        """Return what the node holds after that many paintings of this size, MB."""
        image = messages.to_image(np.zeros((height, width, 3), np.uint8), Header())
        for _ in range(times):
            while True:         # what comes before the style is learned, or while nobody looks, is dropped
                camera.publish(image)
                try:
                    painted = paintings.get(timeout=5)
                except queue.Empty:
                    continue
                if painted.width == width:
                    break
        return int(Path(f'/proc/{node.pid}/statm').read_text().split()[1]) * 4096 / 1e6
    before = memory_after(640, 480, 3)
    memory_after(4000, 3000, 1)         # 36 MB
    assert memory_after(640, 480, 5) < before + 60          # 105 MB if it kept both


@pytest.mark.parametrize('named, memory', [(None, '1'), ('ours', '1'), ('/of/the/user.xml', None)])
def test_the_profile_chooses_how_memory_is_kept_unless_it_is_the_users_own(monkeypatch, named, memory):
    ours = str(share_folder() / 'config' / 'fastdds.xml')
    monkeypatch.delenv('RMW_FASTRTPS_USE_QOS_FROM_XML', raising=False)
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(variable, raising=False)
    if named is not None:
        monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', ours if named == 'ours' else named)
    assert large_shared_memory().get('RMW_FASTRTPS_USE_QOS_FROM_XML') == memory
