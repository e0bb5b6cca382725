# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""QoS of the input: presets by name, and as much as every publisher offers."""
from types import SimpleNamespace

import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from style_transfer_ros.ros.qos import CameraSubscription, matching, preset
from style_transfer_ros.settings import QOS_PRESETS

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
LATCHED, VOLATILE = DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE


def endpoint(reliability, durability):
    """Stand for a publisher as the ROS graph describes it."""
    return SimpleNamespace(qos_profile=QoSProfile(depth=10, reliability=reliability, durability=durability))


@pytest.mark.parametrize('name, reliability, durability', [
    ('sensor_data', BEST_EFFORT, VOLATILE), ('default', RELIABLE, VOLATILE),
    ('system_default', ReliabilityPolicy.SYSTEM_DEFAULT, DurabilityPolicy.SYSTEM_DEFAULT)])
def test_a_preset_keeps_only_the_newest_frame(name, reliability, durability):
    found = preset(name)
    assert (found.history, found.depth) == (HistoryPolicy.KEEP_LAST, 1)
    assert (found.reliability, found.durability) == (reliability, durability)
    assert name in QOS_PRESETS


@pytest.mark.parametrize('offered, reliability, durability', [
    ([(RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
    ([(BEST_EFFORT, VOLATILE)], BEST_EFFORT, VOLATILE),
    ([(RELIABLE, LATCHED)], RELIABLE, LATCHED),
    ([(RELIABLE, VOLATILE), (BEST_EFFORT, VOLATILE)], BEST_EFFORT, VOLATILE),
    ([(RELIABLE, LATCHED), (RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
    ([(RELIABLE, LATCHED), (BEST_EFFORT, LATCHED)], BEST_EFFORT, LATCHED),
    ([], BEST_EFFORT, VOLATILE),
])
def test_the_input_asks_for_what_all_publishers_offer_and_for_no_more(offered, reliability, durability):
    found = matching([endpoint(*policies) for policies in offered])
    assert (found.reliability, found.durability, found.depth) == (reliability, durability, 1)


def test_an_input_waits_for_its_publisher_follows_its_qos_and_leaves_nothing_behind(ros):
    node, camera = ros.node('node'), ros.node('camera')
    received = []
    subscription = ros.run(lambda: CameraSubscription(node, Image, 'image', received.append, 'auto'))
    assert (subscription.topic, subscription.publishers) == ('/image', 0)
    assert node.count_subscribers('/image') == 0
    for reliability in (RELIABLE, BEST_EFFORT):
        publisher = camera.create_publisher(Image, 'image', QoSProfile(depth=1, reliability=reliability))
        ros.wait_until(lambda p=publisher: p.get_subscription_count(), 'the input has found its publisher')
        subscriber, = camera.get_subscriptions_info_by_topic('/image')
        assert subscriber.qos_profile.reliability == reliability
        assert subscription.publishers == 1
        camera.destroy_publisher(publisher)
        ros.wait_until(lambda: subscription.publishers == 0, 'the publisher is gone')
    ros.run(subscription.destroy)
    ros.wait_until(lambda: node.count_subscribers('/image') == 0, 'the input is gone')


@pytest.mark.parametrize('kind, qos, part', [
    (CompressedImage, 'auto', 'it carries sensor_msgs/msg/CompressedImage and not sensor_msgs/msg/Image; correct'),
    (Image, 'default', 'the camera does not offer the reliability that qos asks for; set qos to auto'),
    (Image, 'sensor_data', ''), (Image, 'auto', '')])
def test_why_nothing_can_come_is_said(kind, qos, part, ros):
    node, camera = ros.node('node'), ros.node('camera')
    subscription = ros.run(lambda: CameraSubscription(node, Image, 'image', lambda image: None, qos))
    assert subscription.obstacle == ''
    camera.create_publisher(kind, 'image', QoSProfile(depth=1, reliability=BEST_EFFORT))
    ros.wait_until(lambda: subscription.publishers, 'the publisher is seen')
    assert ros.run(lambda: subscription.obstacle).startswith(part) and (part or subscription.obstacle == '')
    ros.run(subscription.destroy)


def test_a_subscription_that_fails_once_is_tried_again_and_leaves_nothing_behind(ros, monkeypatch):
    node, camera = Node('deaf', context=ros.context), ros.node('camera')        # not spun: the test itself follows
    camera.create_publisher(Image, 'image', 1)
    ros.wait_until(lambda: node.count_publishers('image'), 'the publisher is seen')

    def fails(*arguments, **options):
        raise RuntimeError('no memory')
    with monkeypatch.context() as patched:
        patched.setattr(node, 'create_subscription', fails)
        with pytest.raises(RuntimeError, match='no memory'):
            CameraSubscription(node, Image, 'image', print, 'auto')
    assert list(node.timers) == []
    late = CameraSubscription(node, Image, 'other', print, 'auto')
    camera.create_publisher(Image, 'other', 1)
    ros.wait_until(lambda: node.count_publishers('other'), 'the late publisher is seen')
    with monkeypatch.context() as patched:
        patched.setattr(node, 'create_subscription', fails)
        with pytest.raises(RuntimeError, match='no memory'):
            late._follow()
    late._follow()
    ros.wait_until(lambda: camera.count_subscribers('other'), 'the input is there')
    late.destroy()
    node.destroy_node()
