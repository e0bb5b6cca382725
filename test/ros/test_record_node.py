# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``record_stylized`` records real topics of real publishers, with the QoS that they offer."""
import array
import errno
import time

from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from sensor_msgs.msg import Image

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_ros.archive import recording
from style_transfer_ros.ros.record_node import definition, RecordNode


def test_topics_are_recorded_as_they_appear(ros, tmp_path):
    recorder = ros.add(RecordNode(tmp_path / 'bag', context=ros.context, namespace='cam'))
    node = ros.node(namespace='cam')
    images = node.create_publisher(Image, 'stylized/image', QoSProfile(depth=10))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    status = node.create_publisher(StyleTransferStatus, 'style_transfer/status', latched)
    status.publish(StyleTransferStatus(message='painting'))
    ros.wait_until(lambda: images.get_subscription_count() and status.get_subscription_count(), 'subscriptions')
    for n in range(20):
        message = Image(height=2, width=2, encoding='rgb8', step=6, data=array.array('B', bytes(12)))
        message.header.stamp.sec = n
        images.publish(message)
        time.sleep(0.01)
    ros.wait_until(lambda: recorder.recorder.written == 21, 'all is recorded')
    recorder.stop()
    with AnyReader([tmp_path / 'bag']) as reader:
        found = [(c.topic, reader.deserialize(d, c.msgtype)) for c, _, d in reader.messages()]
        qos = {c.topic: c.ext.offered_qos_profiles[0].durability for c in reader.connections}
    assert [m.header.stamp.sec for name, m in found if name == '/cam/stylized/image'] == list(range(20))
    assert [m.message for name, m in found if name == '/cam/style_transfer/status'] == ['painting']
    assert qos == {'/cam/stylized/image': QosDurability.VOLATILE,
                   '/cam/style_transfer/status': QosDurability.TRANSIENT_LOCAL}


def test_a_malformed_parameter_is_refused_and_the_recorder_lives(ros, tmp_path):
    recorder, user = ros.add(RecordNode(tmp_path / 'bag', context=ros.context)), ros.node()
    for kind in (10, 255):
        request = SetParameters.Request(parameters=[Parameter(name='use_sim_time', value=ParameterValue(type=kind))])
        result, = ros.call(user, SetParameters, 'record_stylized/set_parameters', request).results
        assert not result.successful and result.reason.endswith('.')
    recorder.stop()


def test_a_recording_that_could_not_be_completed_is_no_success(ros, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(recording, 'write_metadata', full)
    assert ros.add(RecordNode(tmp_path / 'bag', context=ros.context)).stop() == 1
    said = capsys.readouterr()
    assert 'No space left on device' in said.err and 'Recorded 0 messages' in said.out


def test_definitions_come_from_rosbags_or_from_the_installed_package():
    for kind, part in (('sensor_msgs/msg/Image', b'is_bigendian'), ('style_transfer_msgs/msg/StyleTransferStatus',
                                                                    b'string message')):
        text, digest = definition(kind)
        assert part in text.data and digest.startswith('RIHS01_')
    assert definition('nobody_msgs/msg/None')[0].data == b''
