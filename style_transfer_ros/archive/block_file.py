# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What MCAP files and ROS 1 bags share: messages lie in blocks, and an index at the end of the file describes the blocks.

A format says how its index is read, how a file without one is looked through, and how a record of a block is read.
Here blocks are read past damaged records, the messages of all blocks become one row in the order of time, and what is
missing of a block is told.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
import heapq
import math
from typing import Any, BinaryIO, ClassVar, Generic, TypeVar

from rosbags.interfaces import Qos
import zstandard

from style_transfer_ros.archive.records import Damage, Extra, FOREVER, Message, Topic


@dataclass
class Block:
    """
    A piece of a file that is read at once.

    :param start: time of the first message, ns; ``end`` of the last one.
    :param counts: messages by channel, as far as the file tells.
    :param told: its damage was told when the file was opened.
    """

    offset: int
    start: int = FOREVER
    end: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    told: bool = False

    def count(self, channel: int, time: int) -> None:
        """Add a message."""
        self.start, self.end = min(self.start, time), max(self.end, time)
        self.counts[channel] = self.counts.get(channel, 0) + 1


class BlockDamaged(Exception):
    """Why a block cannot be read to its end, or not be trusted."""


AnyBlock = TypeVar('AnyBlock', bound=Block)
#: Channel, time, content, time of publishing and number of a message; times in ns.
Record = tuple[int, int, 'bytes | memoryview', int, int]
#: Where a message begins in its block, its channel, and its time in ns, as an index tells it.
Entry = tuple[int, int, int]


class BlockFile(ABC, Generic[AnyBlock]):
    """
    :class:`~style_transfer_ros.archive.records.BagFile` of a format with blocks.

    :param file: is closed with this object.
    :param name: for people.
    :raises ArchiveError: nobody can read it, such as an encrypted one.
    """

    #: What damaged bytes lead the format's functions to.
    damaged: ClassVar[tuple[type[Exception], ...]]
    #: What is told of a block in which messages are missing, but nothing is wrong.
    too_short: ClassVar[str]
    #: A damaged block is noticed by its checksum; else its records are compared with the index.
    has_checksums: ClassVar[bool]

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._size = file.seek(0, 2)
        self._topics: dict[int, Topic] = {}     # by channel
        self._blocks: list[AnyBlock] = []
        self.counts: dict[Topic, int] = {}
        self.damage: list[Damage] = []
        self.extras: list[Extra] = []
        try:
            self._has_index = self._read_index()
        except self.damaged:
            self._has_index = False
        if not self._has_index:
            self._blocks.clear()
            self._scan()
        self.start = min((block.start for block in self._blocks), default=FOREVER)
        self.end = max((block.end for block in self._blocks), default=0)
        # one profile for each publisher; each has a channel in ROS 1
        offered: dict[Topic, tuple[Qos, ...]] = {}
        for topic in self._topics.values():
            offered[topic] = offered.get(topic, ()) + topic.qos
        self._topics = {channel: replace(topic, qos=offered[topic]) for channel, topic in self._topics.items()}
        total: Counter[int] = Counter()
        for block in self._blocks:
            total.update(block.counts)
        for channel, topic in self._topics.items():
            self.counts[topic] = self.counts.get(topic, 0) + total[channel]

    def close(self) -> None:
        self._file.close()

    @abstractmethod
    def _read_index(self) -> bool:
        """Find topics and blocks by the index; tell whether it is there and complete, or raise one of ``damaged``."""

    @abstractmethod
    def _scan(self) -> None:
        """Find topics and blocks from the beginning of the file on, as far as that is possible, and tell damage."""

    @abstractmethod
    def _content(self, block: AnyBlock) -> tuple[memoryview, str]:
        """Return the records of a block as far as they can be had, and what is wrong with them."""

    @abstractmethod
    def _record(self, block: AnyBlock, data: memoryview, at: int) -> tuple[int, Record | None] | None:
        """Read a record: where it ends, and the message if it is one; None if it is damaged."""

    @abstractmethod
    def _entries(self, block: AnyBlock) -> list[Entry]:
        """Return what the index behind a block says, as far as it is there and can be read."""

    def _records(self, block: AnyBlock) -> Iterator[tuple[int, Record]]:
        """
        Give all messages of a block, and where in it they begin.

        :raises BlockDamaged: it is damaged; what can be read comes first.
        """
        data, problem = self._content(block)
        offsets = self._offsets(block) if problem or not self.has_checksums else None
        at = 0
        while at < len(data):
            found = self._record(block, data, at)
            if found is not None and not (offsets and self._covers(block, data, at, found[0], offsets)):
                if found[1] is not None:
                    yield at, found[1]
                at = found[0]
                continue
            problem = problem or 'a record is damaged'
            offsets = self._offsets(block) if offsets is None else offsets
            at = next(iter(offsets[bisect_right(offsets, at):]), len(data))
        if problem:
            raise BlockDamaged(problem)

    def _offsets(self, block: AnyBlock) -> list[int]:
        return sorted(offset for offset, _, _ in self._entries(block))

    def _covers(self, block: AnyBlock, data: memoryview, at: int, end: int, offsets: list[int]) -> bool:
        """Tell whether a record reaches over the beginning of the next message, so that its length is wrong."""
        following = next(iter(offsets[bisect_right(offsets, at):]), end)
        return following < end and (self._record(block, data, following) or (0, None))[1] is not None

    def _keep(self, block: AnyBlock, problem: str, last: int | None) -> None:
        """Keep a block that was looked through, or tell that nothing of it can be read."""
        if block.counts:
            self._blocks.append(block)
        elif problem and not block.told:
            self.damage.append(Damage('', last, self._place(block.offset), problem, None))

    def _place(self, offset: int) -> str:
        """Name a place in the file, for people."""
        return f"'{self._name}', byte {offset}"

    def messages(self, topics: Collection[Topic], start: int = 0, stop: int = FOREVER) -> Iterator[Message | Damage]:
        wanted = {channel for channel, topic in self._topics.items() if topic in topics}
        blocks = sorted((block for block in self._blocks
                         if block.start < stop and block.end >= start and not wanted.isdisjoint(block.counts)),
                        key=lambda block: (block.start, block.offset))
        waiting: list[tuple[int, int, int, Message | Damage]] = []      # a heap by time, block, place in it
        for block, until in zip(blocks, [*(following.start for following in blocks[1:]), math.inf]):
            for n, item in enumerate(self._read(block, wanted, start, stop)):
                heapq.heappush(waiting, (block.start if item.time is None else item.time, block.offset, n, item))
            while waiting and waiting[0][0] < until:
                yield heapq.heappop(waiting)[-1]

    def _read(self, block: AnyBlock, wanted: set[int], start: int, stop: int) -> Iterator[Message | Damage]:
        """Read one block; what is lost of it comes last."""
        place, last, problem = self._place(block.offset), block.start, ''
        found: Counter[int] = Counter()
        begun: set[int] = set()
        try:
            for offset, (channel, time, data, published, sequence) in self._records(block):
                found[channel] += 1
                begun.add(offset)
                if channel in wanted and start <= time < stop:
                    last = time
                    # a large message is not copied; a small one would keep its whole block in memory
                    small = isinstance(data, memoryview) and 2 * len(data) <= memoryview(data.obj).nbytes
                    yield Message(self._topics[channel], time, bytes(data) if small else data, place, published,
                                  sequence)
        except BlockDamaged as error:
            problem = str(error)
        missing = {channel: count - found[channel] for channel, count in block.counts.items() if count > found[channel]}
        if missing:
            yield from self._lost(block, missing, begun, problem or self.too_short, last, wanted, start, stop)
        elif problem and not block.told and start <= last < stop:
            names = sorted({self._topics[channel].name for channel in block.counts if channel in wanted})
            # without an index nobody knows how many messages were behind those that are there
            yield Damage(', '.join(names), last, place, problem, 0 if self._has_index else None)

    def _lost(self, block: AnyBlock, missing: dict[int, int], begun: set[int], problem: str, last: int,
              wanted: set[int], start: int, stop: int) -> Iterator[Damage]:
        """Name what is lost of a block: each topic with the time and the place of its first lost message."""
        by_channel: dict[int, list[Entry]] = {}
        for entry in sorted(self._entries(block)):
            if entry[0] not in begun:
                by_channel.setdefault(entry[1], []).append(entry)
        if {channel: len(entries) for channel, entries in by_channel.items()} == missing:
            for channel in sorted(missing.keys() & wanted):
                entries = [entry for entry in by_channel[channel] if start <= entry[2] < stop]
                if entries:
                    more = f' ({len(entries)} messages, the last at {entries[-1][2] / 1e9:.3f} s)'
                    yield Damage(self._topics[channel].name, entries[0][2],
                                 f'{self._place(block.offset)}, {entries[0][0]} in the chunk',
                                 f"{problem}{more if len(entries) > 1 else ''}", len(entries))
            return
        lost = {self._topics[channel].name: count for channel, count in missing.items() if channel in wanted}
        if lost and start <= last < stop:
            yield Damage(', '.join(sorted(lost)), last, self._place(block.offset), problem, sum(lost.values()))


def unpacked(step: Any, packed: bytes | memoryview) -> tuple[bytes, Exception | None]:
    """
    Unpack data, of damaged ones the beginning.

    :param step: a decompressor.
    :returns: the data, and the error.
    """
    parts = []
    try:
        for at in range(0, len(packed), 1 << 16):
            parts.append(step.decompress(bytes(packed[at:at + (1 << 16)])))
    except (OSError, RuntimeError, EOFError, zstandard.ZstdError) as error:
        return b''.join(parts), error
    return b''.join(parts), None
