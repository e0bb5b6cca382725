"""What the node tells about itself: the latched status and the diagnostics once a second."""
from __future__ import annotations

import threading
from typing import Callable, NamedTuple, Tuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros.parameters import StyleTransferParameters
from style_transfer_ros.ros.statistics import STALE_AFTER, Statistics
from style_transfer_ros.ros.style_services import Look


class Facts(NamedTuple):
    """The node at one moment."""

    active: bool
    #: Why nothing can be painted, and what is being learned; or empty.
    failure: str
    learning: str
    values: StyleTransferParameters
    stylizer: Stylizer | None
    look: Look | None
    topic: str
    #: Count the camera's publishers, None while the node is not active and expects none; only in the executor's thread.
    publishers: Callable[[], int | None]
    #: Tell whether somebody subscribes to the painting.
    viewed: Callable[[], bool]


class Reports:
    """
    Publishes ``~/status`` when told to or when the state has changed by itself, and ``/diagnostics``.

    :param node: that publishes, in any of its threads.
    :param statistics: what the diagnostics are made of.
    :param facts: tells how the node is; called from any thread.
    """

    def __init__(self, node: Node, statistics: Statistics, facts: Callable[[], Facts]) -> None:
        self._node, self._statistics, self._facts = node, statistics, facts
        self._told = ('', '')                   # the state that was published last, and its sentence
        self._lock = threading.Lock()           # the worker and the executor publish; the newest must be the last
        self._status = node.create_publisher(StyleTransferStatus, '~/status',
                                             QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # on the wall's clock: a paused bag must not silence them
        node.create_timer(1.0, self._every_second, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _state(self, facts: Facts) -> Tuple[str, str]:
        """Return one of the constants of StyleTransferStatus and a sentence for people."""
        if facts.failure:
            return StyleTransferStatus.FAILED, facts.failure
        if not facts.active:
            return StyleTransferStatus.INACTIVE, 'The lifecycle state is not active.'
        if facts.stylizer is None:
            return StyleTransferStatus.LOADING, f"Loading the model '{facts.values.model}'."
        if facts.learning:
            return StyleTransferStatus.LEARNING, facts.learning
        if not facts.values.enabled:
            return StyleTransferStatus.PAUSED, 'The images of the camera pass through untouched.'
        if self._statistics.seconds_since('painted') < max(STALE_AFTER, 2 * facts.values.period):
            return StyleTransferStatus.PAINTING, ''
        if self._statistics.seconds_since('arrived') > STALE_AFTER:
            return StyleTransferStatus.WAITING, f"No frame comes on '{facts.topic}'."
        if facts.values.lazy and not facts.viewed():
            return StyleTransferStatus.WAITING, 'Nobody subscribes to the painting.'
        return StyleTransferStatus.WAITING, 'Frames come, none is painted yet; see the log and /diagnostics.'

    def status(self) -> None:
        """Publish the status as it is now."""
        with self._lock:
            facts = self._facts()
            self._told = self._state(facts)
            message = StyleTransferStatus(stamp=self._node.get_clock().now().to_msg(), state=self._told[0],
                                          strength=facts.values.strength, message=self._told[1])
            if facts.look is not None:
                message.style = facts.look.style.name
                if len(facts.look.names) > 1:
                    message.mix_names, message.mix_weights = list(facts.look.names), list(facts.look.weights)
            if facts.stylizer is not None:
                message.network, message.runtime = facts.stylizer.model.name, facts.stylizer.runtime.name
            self._status.publish(message)

    def _every_second(self) -> None:
        facts = self._facts()
        state = self._state(facts)
        if state != self._told:                 # some states begin without an event: a camera falls silent, say
            self.status()
        stylizer = facts.stylizer
        details = {'state': state[0], 'style': facts.look.style.name if facts.look else '',
                   'network': stylizer.model.name if stylizer else '',
                   'runtime': stylizer.runtime.name if stylizer else ''}
        status = self._statistics.diagnostic(self._node.get_fully_qualified_name(), facts.publishers(),
                                             facts.failure, details)
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(message)
