# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""QoS of the input: connect to any camera, and lose no frame to the transport."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    qos_profile_sensor_data,
    qos_profile_system_default,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

#: How often the publishers of an input are looked at, s: a late or restarted camera is met within this time.
_LOOK_PERIOD = 0.25


def preset(name: str) -> QoSProfile:
    """Return the profile of a preset other than ``auto``, keep last 1: only the newest frame is ever painted."""
    if name == 'default':
        return QoSProfile(depth=1)
    base = qos_profile_sensor_data if name == 'sensor_data' else qos_profile_system_default
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=base.reliability,
                      durability=base.durability)


def matching(publishers: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """
    Ask for as much as every publisher offers, as rqt and ros2cli do.

    Best effort towards a reliable publisher would connect, too, and lose most large images: Fast DDS's default
    shared-memory segment is smaller than a 640x480 frame.
    """
    def all_offer(policy: str, value: Any) -> bool:
        return bool(publishers) and all(getattr(p.qos_profile, policy) == value for p in publishers)
    reliable = all_offer('reliability', ReliabilityPolicy.RELIABLE)
    latched = all_offer('durability', DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(
        depth=1, reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


class CameraSubscription:
    """
    A subscription that, with ``auto``, waits for a publisher and follows what it offers.

    All its methods run in the node's executor thread.
    """

    def __init__(self, node: Node, message_type: Any, topic: str, callback: Callable, qos: str) -> None:
        self._node, self._type, self._callback = node, message_type, callback
        self._type_name = f"{message_type.__module__.split('.')[0]}/msg/{message_type.__name__}"
        #: The resolved topic.
        self.topic = node.resolve_topic_name(topic)
        self._subscription: Subscription | None = None
        self._profile: QoSProfile | None = None
        self._timer = None
        if qos != 'auto':
            return self._subscribe(preset(qos))
        # on the wall's clock: a camera is to be met before a bag's clock ticks
        self._timer = node.create_timer(_LOOK_PERIOD, self._follow, clock=Clock(clock_type=ClockType.STEADY_TIME))
        try:
            self._follow()
        except Exception:
            self.destroy()
            raise

    def _subscribe(self, profile: QoSProfile) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._subscription = self._node.create_subscription(
            self._type, self.topic, self._callback, profile,
            qos_overriding_options=None if self._timer else QoSOverridingOptions.with_default_policies())
        self._profile = profile         # now: what failed is tried again

    def _follow(self) -> None:
        publishers = self._cameras()
        if publishers and (self._profile is None or matching(publishers) != self._profile):
            self._subscribe(matching(publishers))

    def _cameras(self) -> list[TopicEndpointInfo]:
        """Return the publishers whose messages are of our type; DDS connects no others."""
        return [publisher for publisher in self._node.get_publishers_info_by_topic(self.topic)
                if publisher.topic_type == self._type_name]

    @property
    def obstacle(self) -> str:
        """Say why nothing can come from the publishers that are there, and what to do; or nothing."""
        publishers, cameras = self._node.get_publishers_info_by_topic(self.topic), self._cameras()
        if publishers and not cameras:
            return (f'it carries {publishers[0].topic_type[:100]} and not {self._type_name}; correct image_topic or '
                    'image_transport')
        if not cameras or self._profile is None:
            return ''
        for policy, asked in (('reliability', ReliabilityPolicy.RELIABLE),
                              ('durability', DurabilityPolicy.TRANSIENT_LOCAL)):
            offers = {getattr(camera.qos_profile, policy) for camera in cameras}
            if getattr(self._profile, policy) == asked and asked not in offers:
                return f'the camera does not offer the {policy} that qos asks for; set qos to auto'
        return ''

    @property
    def latched(self) -> bool:
        """Whether it was subscribed to as a topic that keeps its last message."""
        return self._profile is not None and self._profile.durability == DurabilityPolicy.TRANSIENT_LOCAL

    @property
    def publishers(self) -> int:
        """How many publishers the topic has."""
        return self._node.count_publishers(self.topic)

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
