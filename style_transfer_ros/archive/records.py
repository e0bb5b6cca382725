# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What a bag holds: topics, messages, and damage where a message should be."""
from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
import errno
from typing import Any, BinaryIO, Protocol

from mcap.records import AttachmentIndex, MetadataIndex
from rosbags.interfaces import Qos
from rosbags.rosbag2.metadata import parse_qos

#: Later than any message, ns.
FOREVER = 1 << 63
#: Bytes of an attachment that are in memory at once.
_PIECE = 1 << 20


@dataclass(frozen=True)
class Definition:
    """
    The text of a message type.

    :param encoding: ``ros2msg``, ``ros2idl``, ``jsonschema`` ...; empty where the bag has no definition.
    """

    encoding: str = ''
    data: bytes = b''


@dataclass(frozen=True)
class Topic:
    """
    Messages of one type under one name.  Equal are topics that one connection of the new bag can hold.

    :param encoding: of the messages: ``cdr``, ``ros1``, ``json``, ``protobuf`` ...
    :param qos: offered by the publishers, as recorded.
    :param digest: RIHS01 hash of the type where the bag tells it, or empty.
    """

    name: str
    type: str       # noqa: A003 - the word of ROS
    encoding: str = 'cdr'
    definition: Definition = field(default=Definition(), compare=False)
    qos: tuple[Qos, ...] = field(default=(), compare=False)
    digest: str = field(default='', compare=False)


def offered_qos(recorded: Any) -> tuple[Qos, ...]:
    """Read QoS profiles as a bag has them, YAML or what was read from it; what cannot be read is left out."""
    try:
        return tuple(parse_qos(recorded))
    except Exception:       # noqa: BLE001 - rosbags raises whatever the recorded YAML leads it to
        return ()


@dataclass(frozen=True)
class Message:
    """
    One message as it was recorded.

    :param time: when it was recorded, ns since the epoch.
    :param place: where it is, for people: file and offset or row.
    :param published: when it was published, ns; equal to ``time`` where the bag does not tell.
    :param sequence: of its publisher, 0 where the bag does not tell.
    """

    topic: Topic
    time: int
    data: bytes | memoryview
    place: str = ''
    published: int = -1
    sequence: int = 0


@dataclass(frozen=True)
class Damage:
    """
    Something that cannot be read.

    :param topic: its name; of several topics their names with commas; empty where that cannot be known.
    :param time: of the message, or of the last one before the damage, ns since the epoch; None: not known.
    :param place: file and offset or row.
    :param lost: messages that are lost; None: not known.
    """

    topic: str
    time: int | None
    place: str
    what: str
    lost: int | None = 1

    def __str__(self) -> str:
        # a damaged database gives anything for a time
        when = f'at {self.time // 10**9}.{self.time % 10**9:09d} s' if isinstance(self.time, int) else (
            'at an unknown time')
        return f"{self.topic or 'Some topic'} {when}, {self.place}: {self.what}"


@dataclass(frozen=True)
class Extra:
    """
    What an MCAP file holds beside messages: an attachment, or metadata of a program; it is copied as it is.

    :param index: describes it as the index of the file does; ``offset`` and ``length``, bytes, say where it is.
    :param file: open.
    """

    index: AttachmentIndex | MetadataIndex
    file: BinaryIO

    def pieces(self) -> Iterator[bytes]:
        """
        Read the record.

        :raises OSError: the file is shorter than it was.
        """
        for at in range(0, self.index.length, _PIECE):
            self.file.seek(self.index.offset + at)
            size = min(_PIECE, self.index.length - at)
            piece = self.file.read(size)
            if len(piece) < size:
                raise OSError(errno.EIO, 'a file has changed while it was read')
            yield piece


class BagFile(Protocol):
    """One file of a bag, open."""

    #: Messages of each topic; of a damaged file those that were found.
    counts: dict[Topic, int]
    #: Time of the first message, and of the last one, ns; ``FOREVER`` and 0 without messages.
    start: int
    end: int
    #: What was found while it was opened.
    damage: list[Damage]
    extras: list[Extra]

    def messages(self, topics: Collection[Topic], start: int, stop: int) -> Iterator[Message | Damage]:
        """
        Read messages in the order of their times; damaged places are told and passed.

        :param start: the first time, ns.
        :param stop: behind the last time, ns.
        """

    def close(self) -> None:
        """Close the file."""
