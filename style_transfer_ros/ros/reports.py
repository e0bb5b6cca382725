# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the node tells about itself: the latched status and the diagnostics once a second, from one condition."""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_ros.engine.errors import shown
from style_transfer_ros.engine.styles import Mix
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.settings import StyleTransferParameters

#: A camera without a frame for this time is stale, s.
STALE_AFTER = 2.0


class Snapshot(NamedTuple):
    """The node at one moment."""

    settings: StyleTransferParameters
    #: Why nothing can be painted; or empty.
    failure: str = ''
    #: What is being learned; or empty.
    learning: str = ''
    stylizer: Stylizer | None = None
    mix: Mix | None = None
    #: Whether the lifecycle state is active; the camera's topic then, how many publish there, why nothing can come from
    #: them (and what to do, or empty), whether the camera keeps its last image, and whether somebody looks.
    active: bool = False
    topic: str = ''
    publishers: int = 0
    obstacle: str = ''
    latched: bool = False
    viewed: bool = False
    #: Whether the node's clock has a time: with use_sim_time it has none before the first message on /clock.
    has_time: bool = True
    #: Seconds since a frame came from the camera, and since one was painted; infinite before the first.
    since_arrived: float = float('inf')
    since_painted: float = float('inf')


class Condition(NamedTuple):
    """A constant of StyleTransferStatus, a level of DiagnosticStatus, and a sentence for people, or nothing."""

    state: str
    level: bytes
    sentence: str


def condition(now: Snapshot) -> Condition:
    """Judge the node; status and diagnostics tell the same."""
    status, ok, warn, error = StyleTransferStatus, DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
    if now.failure:
        return Condition(status.FAILED, error, now.failure)
    if not now.active:
        return Condition(status.INACTIVE, ok, 'The lifecycle state is not active.')
    if now.stylizer is None:
        return Condition(status.LOADING, ok, f'Loading the model {shown(now.settings.model)}.')
    if now.learning:
        return Condition(status.LEARNING, ok, now.learning)
    if not now.has_time:
        return Condition(status.WAITING, warn, "No time comes on '/clock', which use_sim_time asks for; play the bag "
                                               'with --clock, start the simulation, or set use_sim_time to false.')
    if now.publishers == 0:
        return Condition(status.WAITING, error, f"No frame comes on '{now.topic}': no camera publishes there.")
    if now.obstacle:
        return Condition(status.WAITING, error, f"No frame comes on '{now.topic}': {now.obstacle}.")
    if not now.settings.enabled:
        return Condition(status.PAUSED, ok, 'The images of the camera pass through untouched.')
    if now.since_arrived > STALE_AFTER and now.latched and now.since_painted < now.since_arrived:
        return Condition(status.PAINTING, ok, 'The camera shows a still picture.')
    if now.since_arrived > STALE_AFTER:
        return Condition(status.WAITING, warn, f"No frame comes on '{now.topic}', though a camera is there.")
    if now.since_painted < max(STALE_AFTER, 2 * now.settings.period):
        return Condition(status.PAINTING, ok, '')
    if now.mix is None:
        return Condition(status.WAITING, warn, 'No style is chosen; call ~/set_style.')
    if now.settings.lazy and not now.viewed:
        return Condition(status.WAITING, ok, 'Nobody subscribes to the painting.')
    return Condition(status.WAITING, ok, 'Frames come, none is painted yet; see /diagnostics.')


class Reports:
    """
    Publishes ``~/status`` when told to or when the state has changed by itself, and ``/diagnostics`` once a second.

    Only the executor's thread calls its methods.

    :param node: that publishes.
    :param statistics: of its frames.
    :param snapshot: tells how the node is.
    """

    def __init__(self, node: Node, statistics: Statistics, snapshot: Callable[[], Snapshot]) -> None:
        self._node, self._statistics, self._snapshot = node, statistics, snapshot
        self._last: tuple = ()                  # the condition, mix and strength that were published last
        self._status = node.create_publisher(StyleTransferStatus, '~/status',
                                             QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # on the wall's clock: a paused bag must not silence them
        node.create_timer(1.0, self._every_second, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def status(self) -> None:
        """Publish the status, if it differs from the last one."""
        now = self._snapshot()
        found = condition(now)
        if (found, now.mix, now.settings.strength, now.stylizer) == self._last:
            return
        self._last = found, now.mix, now.settings.strength, now.stylizer
        message = StyleTransferStatus(stamp=self._node.get_clock().now().to_msg(), state=found.state,
                                      strength=now.settings.strength, message=found.sentence)
        if now.mix is not None:
            message.style = now.mix.title
            if len(now.mix.names) > 1:
                message.mix_names, message.mix_weights = list(now.mix.names), list(now.mix.weights)
        if now.stylizer is not None:
            message.model, message.runtime = now.stylizer.model.name, now.stylizer.runtime.name
        self._status.publish(message)

    def _every_second(self) -> None:
        self.status()       # some states begin without an event: a camera falls silent, say
        now = self._snapshot()
        found = condition(now)
        values = {'state': found.state, 'style': now.mix.title if now.mix else '',
                  'model': now.stylizer.model.name if now.stylizer else '',
                  'runtime': now.stylizer.runtime.name if now.stylizer else '', **self._statistics.values()}
        status = DiagnosticStatus(level=found.level, name=self._node.get_fully_qualified_name(),
                                  message=found.sentence or found.state,
                                  values=[KeyValue(key=key, value=value) for key, value in values.items()])
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(message)
