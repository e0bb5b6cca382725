# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``record_stylized``: record paintings into a rosbag2 bag on machines without rosbag2."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import lru_cache
import importlib
import os
from pathlib import Path
import sys
from typing import Any, cast

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.utilities import remove_ros_args
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from style_transfer_ros.archive.recording import Recorder
from style_transfer_ros.archive.records import Definition, Topic
from style_transfer_ros.engine.errors import ArchiveError
from style_transfer_ros.ros.guarded import guard_services
from style_transfer_ros.ros.qos import matching
from style_transfer_ros.ros.running import run

TOPICS = ('stylized/image', 'stylized/camera_info', 'style_transfer/status')
#: Messages that may wait for this process, beside those in the recorder's queue.
_DEPTH = 100
#: How often new publishers are looked for, s.
_LOOK_PERIOD = 0.25
_EVER = QosTime(2147483647, 4294967295)


@lru_cache(maxsize=1)
def _store() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


def definition(kind: str) -> tuple[Definition, str]:
    """
    Return definition and hash of a type such as ``sensor_msgs/msg/Image``, empty ones where they are not known.

    What rosbags does not know is read from the installed packages.
    """
    store = _store()
    try:
        _learn(store, kind)
        return Definition('ros2msg', store.generate_msgdef(kind, ros_version=2)[0].encode()), store.hash_rihs01(kind)
    except Exception:       # noqa: BLE001 - rosbags raises whatever a foreign definition leads it to
        return Definition(), ''


def _learn(store: Typestore, kind: str) -> None:
    """Read a type and those in it from ``share/<package>/msg/<type>.msg``."""
    if kind in store.fielddefs:
        return
    package, _, name = kind.split('/')
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)), sys.prefix]
    text = next(path for prefix in prefixes if (path := Path(prefix) / 'share' / package / 'msg' / f'{name}.msg'
                                                ).is_file()).read_text(encoding='utf-8')
    types = get_types_from_msg(text, kind)
    for _, fields in types.values():
        for _, field in fields:
            inner: Any = field
            while isinstance(inner[1], tuple) and inner[0] in (3, 4):       # an array or a sequence of
                inner = inner[1][0]
            if inner[0] == 2:
                _learn(store, inner[1])
    store.register(types)


class Subscriptions:
    """
    Subscribes a node to topics as soon as they are published, with what their publishers offer, and records them.

    :param topics: names; relative ones are in the node's namespace.
    """

    def __init__(self, node: Node, recorder: Recorder, topics: Sequence[str] = TOPICS) -> None:
        self._node, self._recorder = node, recorder
        self._wanted = [node.resolve_topic_name(topic) for topic in topics]
        self._told = 0
        self._subscriptions: list[Any] = []
        self._timer = node.create_timer(_LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._look()

    def close(self) -> None:
        """Unsubscribe; in the executor's thread."""
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _look(self) -> None:
        """Subscribe to what is published by now; tell what was dropped since the last look."""
        for topic in list(self._wanted):
            publishers = self._node.get_publishers_info_by_topic(topic)
            if publishers:
                self._wanted.remove(topic)
                self._record(topic, publishers[0].topic_type, matching(publishers))
        dropped = self._recorder.dropped.total()
        if dropped > self._told:
            self._told = dropped
            self._node.get_logger().warning(f'{dropped} messages were dropped: the disk is too slow, or full.',
                                            throttle_duration_sec=5.0)

    def _record(self, name: str, kind: str, profile: QoSProfile) -> None:
        package, _, short = kind.split('/')
        try:
            message_type = getattr(importlib.import_module(f'{package}.msg'), short)
        except (ImportError, AttributeError):
            self._node.get_logger().error(f"The topic '{name}' is not recorded: its type '{kind[:100]}' is not "
                                          'installed; install its package.')
            return
        profile.depth = _DEPTH
        text, digest = definition(kind)
        topic = Topic(name, kind, 'cdr', text, (_recorded_qos(profile),), digest)

        def take(data: bytes, info: Any) -> None:
            published = info.get('source_timestamp', 0) if isinstance(info, dict) else 0
            self._recorder.put(topic, self._node.get_clock().now().nanoseconds, data, published or -1)
        # rclpy gives the times, too, to who takes two arguments; its types do not know that of raw messages
        self._subscriptions.append(self._node.create_subscription(message_type, name, cast(Any, take), profile,
                                                                  raw=True))


class RecordNode(Node):
    """
    Records topics into a new bag.

    :param folder: of the bag.
    :param topics: as of :class:`Subscriptions`.
    """

    def __init__(self, folder: Path, topics: Sequence[str] = TOPICS, **options: Any) -> None:
        super().__init__('record_stylized', **options)
        guard_services(self)
        self.recorder = Recorder(folder)
        self._recorded = Subscriptions(self, self.recorder, topics)

    def stop(self) -> int:
        """Complete the bag and say what is in it; return the exit code, 1 if it could not be completed."""
        code = 0
        try:
            self.recorder.close()
        except ArchiveError as error:
            print(error, file=sys.stderr)
            code = 1
        print(self.recorder.summary())
        return code


def _recorded_qos(profile: QoSProfile) -> Qos:
    """Write a profile as rosbag2 records it."""
    return Qos(QosHistory.KEEP_LAST, 1, QosReliability[profile.reliability.name],
               QosDurability[profile.durability.name], _EVER, _EVER, QosLiveliness.AUTOMATIC, _EVER, False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Record until SIGINT, SIGTERM or SIGHUP."""
    given = list(sys.argv if arguments is None else ['record_stylized', *arguments])
    parser = argparse.ArgumentParser(prog='record_stylized', description='Record topics into a rosbag2 bag (MCAP), '
                                     'until Ctrl-C; works without rosbag2.')
    parser.add_argument('output', type=Path, metavar='OUT', help='the new bag, a folder that does not exist yet')
    parser.add_argument('topics', nargs='*', default=TOPICS, metavar='TOPIC',
                        help=f"topics to record (default: {' '.join(TOPICS)})")
    options = parser.parse_args(remove_ros_args(given)[1:])
    run(lambda: RecordNode(options.output, options.topics), given)


if __name__ == '__main__':
    main()
