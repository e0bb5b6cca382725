# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The camera node answers and ends whatever its source does."""
import threading
import time

from rcl_interfaces.msg import Log, ParameterValue
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import ListParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image

from style_transfer_ros.engine.errors import SourceGone
from style_transfer_ros.engine.sources import open_source
from style_transfer_ros.ros import camera_node
from style_transfer_ros.ros.camera_node import CameraNode

LATCHED = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def started(ros, **parameters):
    """Make and spin the node."""
    return ros.add(CameraNode(context=ros.context, parameter_overrides=[
        Parameter(name, value=value) for name, value in {'width': 64, 'height': 48, **parameters}.items()]))


def test_a_source_that_never_answers_is_said_and_does_not_hold_the_node(ros, monkeypatch):
    answer = threading.Event()

    def silent(*arguments):
        answer.wait(60)
        raise SourceGone('It came too late.')
    monkeypatch.setattr(camera_node, 'open_source', silent)
    monkeypatch.setattr(camera_node, '_PATIENCE', 0.2)
    user = ros.node()
    logged = ros.listen(user, Log, '/rosout', LATCHED)
    camera = started(ros)
    while 'has not answered' not in logged.get(timeout=20).msg:
        pass
    names = ros.call(user, ListParameters, 'camera/list_parameters', ListParameters.Request()).result.names
    assert 'source' in names
    begin = time.monotonic()
    camera.stop()
    assert time.monotonic() - begin < 5
    answer.set()


def test_any_error_of_a_source_is_said_and_the_next_frame_comes(ros, monkeypatch):
    class Faulty:

        def __init__(self, *arguments):
            self.source, self.reads = open_source(*arguments), 0

        def read(self):
            self.reads += 1
            if self.reads == 2:
                raise MemoryError('no room\nat all')
            return self.source.read()

        def close(self):
            pass
    monkeypatch.setattr(camera_node, 'open_source', Faulty)
    user = ros.node()
    logged, images = ros.listen(user, Log, '/rosout', LATCHED), ros.listen(user, Image, 'image_raw')
    camera = started(ros)
    while 'No frame: MemoryError: no room at all' not in logged.get(timeout=20).msg:
        pass
    assert all(images.get(timeout=20).width == 64 for _ in range(3))
    camera.stop()


def test_without_a_time_the_camera_names_the_clock(ros):
    logged = ros.listen(ros.node(), Log, '/rosout', LATCHED)
    camera = started(ros, use_sim_time=True)
    while "'/clock'" not in (said := logged.get(timeout=20).msg):
        pass
    assert 'use_sim_time' in said and said.endswith('.')
    camera.stop()


def test_a_malformed_parameter_is_refused_and_the_camera_lives(ros):
    user, camera = ros.node(), started(ros)
    images = ros.listen(user, Image, 'image_raw')
    for kind in (10, 255):
        request = SetParameters.Request(parameters=[ParameterMessage(name='rate', value=ParameterValue(type=kind))])
        result, = ros.call(user, SetParameters, 'camera/set_parameters', request).results
        assert not result.successful and result.reason.endswith('.') and len(result.reason) < 400
    images.queue.clear()
    assert images.get(timeout=10).width == 64
    camera.stop()
