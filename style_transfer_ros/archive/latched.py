# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What a part of a bag needs from before its beginning: the messages that publishers keep for late subscribers.

Without ``/tf_static`` and ``/robot_description``, which are sent once, RViz shows nothing of a part.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace
from itertools import chain
from operator import itemgetter
import sys

from rosbags.interfaces import QosDurability

from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.records import Damage, Message, Topic

#: The first step back in search of them, ns; each further one is four times as long.
_STEP = 10 * 10**9


def latched_before(bag: Bag, time: int, topics: Collection[Topic] | None = None) -> list[Message | Damage]:
    """
    Find what a subscriber gets that comes at ``time``, ns.

    :param topics: of the bag; None: all.
    :returns: the messages in the order of their times, but with ``time`` as theirs; what is damaged comes first.
    """
    left = {topic: number for topic in bag.topics if topics is None or topic in topics if (number := _kept(topic))}
    found: list[Message] = []
    damage: dict[Damage, None] = {}
    stop, step = time, _STEP
    while left and stop > bag.start:
        start = max(bag.start, stop - step)
        last: dict[Topic, deque[tuple[int, Message]]] = {topic: deque(maxlen=number) for topic, number in left.items()}
        for place, item in enumerate(bag.messages(list(left), start, stop)):
            if isinstance(item, Damage):
                damage[item] = None
            else:
                last[item.topic].append((place, replace(item, time=time)))
        found = [message for _, message in sorted(chain(*last.values()), key=itemgetter(0))] + found
        left = {topic: number - len(last[topic]) for topic, number in left.items() if number > len(last[topic])}
        stop, step = start, 4 * step
    return [*damage, *found]


def _kept(topic: Topic) -> int:
    """
    Return how many of a topic's messages late subscribers get.

    A bag has the offered QoS of each publisher, but often not its depth.  In ``/tf_static`` each message may tell of
    other frames, so all of them count.
    """
    if topic.name.endswith('/tf_static'):
        return sys.maxsize
    return sum(max(1, qos.depth) for qos in topic.qos if qos.durability is QosDurability.TRANSIENT_LOCAL)
