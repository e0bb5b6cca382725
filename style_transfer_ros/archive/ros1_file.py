# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
ROS 1 bags, with an index or without one, whole or damaged.

See http://wiki.ros.org/Bags/Format/2.0.
"""
from __future__ import annotations

from bz2 import BZ2Decompressor
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
import heapq
from io import BytesIO
import struct
from typing import Any, BinaryIO

import lz4.frame
from rosbags.convert.converter import LATCH
from rosbags.rosbag1.reader import Header, normalize, read_bytes, read_uint32, ReaderError, RecordType

from style_transfer_ros.archive.records import Damage, Definition, FOREVER, Message, Topic
from style_transfer_ros.engine.errors import ArchiveError

MAGIC = b'#ROSBAG V2.0\n'
_DAMAGED = (ReaderError, struct.error, UnicodeDecodeError, ValueError, KeyError)


@dataclass
class _Chunk:
    offset: int
    start: int = FOREVER
    end: int = 0
    counts: dict[int, int] = field(default_factory=dict)


class Ros1File:
    """:class:`~style_transfer_ros.archive.records.BagFile` of a ROS 1 bag."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._size = file.seek(0, 2)
        self._topics: dict[int, Topic] = {}
        self._chunks: list[_Chunk] = []
        self.counts: dict[Topic, int] = {}
        self.damage: list[Damage] = []
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise ArchiveError(f"'{name}' is no ROS 1 bag of version 2.0; restore it, or convert it with 'rosbag fix'.")
        try:
            indexed = self._read_index()
        except _DAMAGED:
            indexed = False
        if not indexed:
            self._chunks.clear()
            self._scan()
        self.start = min((chunk.start for chunk in self._chunks), default=FOREVER)
        self.end = max((chunk.end for chunk in self._chunks), default=0)
        total: Counter[int] = Counter()
        for chunk in self._chunks:
            total.update(chunk.counts)
        for number, topic in self._topics.items():
            self.counts[topic] = self.counts.get(topic, 0) + total[number]

    def close(self) -> None:
        self._file.close()

    # Opening

    def _read_index(self) -> bool:
        """Read the connections and chunk descriptions at the end; tell whether they are there."""
        header = Header.read(self._file, RecordType.BAGHEADER)
        if header.get('encryptor'):
            raise ArchiveError(f"'{self._name}' is encrypted; decrypt it with the tool that encrypted it.")
        at, connections, chunks = (header.get_uint64('index_pos'), header.get_uint32('conn_count'),
                                   header.get_uint32('chunk_count'))
        if not at or at >= self._size and chunks:
            return False
        self._file.seek(at)
        for _ in range(connections):
            self._learn(Header.read(self._file, RecordType.CONNECTION), Header.read(self._file))
        for _ in range(chunks):
            header = Header.read(self._file, RecordType.CHUNK_INFO)
            counts = BytesIO(read_bytes(self._file, read_uint32(self._file)))
            self._chunks.append(_Chunk(
                header.get_uint64('chunk_pos'), header.get_time('start_time'), header.get_time('end_time'),
                {read_uint32(counts): read_uint32(counts) for _ in range(header.get_uint32('count'))}))
        return all(chunk.offset < self._size for chunk in self._chunks)

    def _scan(self) -> None:
        """Look through the file from its beginning; a recorder that was killed leaves no index."""
        at, last = len(MAGIC), None
        self.damage.append(Damage('', None, f"'{self._name}'", 'the bag was not closed and has no index; it was looked '
                                  'through', 0))
        while at < self._size:
            self._file.seek(at)
            try:
                header = Header.read(self._file)
                length = read_uint32(self._file)
                kind = header.get_uint8('op')
                if kind == RecordType.CHUNK:
                    chunk = _Chunk(at)
                    try:
                        for time, number, _ in self._records(chunk):
                            chunk.start, chunk.end = min(chunk.start, time), max(chunk.end, time)
                            chunk.counts[number] = chunk.counts.get(number, 0) + 1
                    except _DAMAGED:
                        pass            # told below, or when it is read
                    if chunk.counts:
                        last = chunk.end
                        self._chunks.append(chunk)
                elif kind == RecordType.CONNECTION:
                    self._learn(header, Header.read(BytesIO(length.to_bytes(4, 'little')
                                                            + read_bytes(self._file, length))))
                self._file.seek(at)
                Header.read(self._file)
                at = self._file.tell() + 4 + length
                if at > self._size:
                    raise ReaderError('the file breaks off in the middle of a record')
            except _DAMAGED as error:
                self.damage.append(Damage('', last, f"'{self._name}', byte {min(at, self._size)}",
                                          f'the file is damaged or breaks off here ({error})', None))
                return

    def _learn(self, header: Header, fields: Header) -> None:
        """Take a connection."""
        number = header.get_uint32('conn')
        if number not in self._topics:
            latched = fields.get('latching', b'').strip() not in (b'', b'0')
            self._topics[number] = Topic(normalize(header.get_string('topic')), fields.get_string('type'), 'ros1',
                                         Definition('ros1msg', fields['message_definition']),
                                         tuple(LATCH) if latched else ())

    # Reading

    def messages(self, topics: Collection[Topic], start: int = 0, stop: int = FOREVER) -> Iterator[Message | Damage]:
        wanted = {number for number, topic in self._topics.items() if topic in topics}
        chunks = sorted((chunk for chunk in self._chunks
                         if chunk.start < stop and chunk.end >= start and not wanted.isdisjoint(chunk.counts)),
                        key=lambda chunk: (chunk.start, chunk.offset))
        waiting: list[tuple[int, int, int, Message | Damage]] = []
        for i, chunk in enumerate(chunks):
            for n, item in enumerate(self._read(chunk, wanted, start, stop)):
                heapq.heappush(waiting, (chunk.start if item.time is None else item.time, chunk.offset, n, item))
            until = chunks[i + 1].start if i + 1 < len(chunks) else FOREVER
            while waiting and waiting[0][0] < until:
                yield heapq.heappop(waiting)[-1]

    def _read(self, chunk: _Chunk, wanted: set[int], start: int, stop: int) -> Iterator[Message | Damage]:
        place, last, found, problem = f"'{self._name}', byte {chunk.offset}", chunk.start, Counter[int](), ''
        try:
            for time, number, data in self._records(chunk):
                found[number] += 1
                if number not in wanted or not start <= time < stop:
                    continue
                last = time
                yield Message(self._topics[number], time, data, place, time)
        except _DAMAGED as error:
            problem = str(error)
        lost = {self._topics[n].name: count - found[n] for n, count in chunk.counts.items()
                if n in wanted and count > found[n]}
        if lost and start <= last < stop:
            yield Damage(', '.join(sorted(lost)), last, place, f'the chunk is damaged ({problem or "it is too short"})',
                         sum(lost.values()))

    def _records(self, chunk: _Chunk) -> Iterator[tuple[int, int, bytes]]:
        """
        Give time, connection and bytes of the messages of a chunk; learn its connections.

        :raises ReaderError: the chunk is damaged; what is before the damage comes first.
        """
        self._file.seek(chunk.offset)
        header = Header.read(self._file, RecordType.CHUNK)
        length = read_uint32(self._file)
        packed = self._file.read(length)
        data, problem = _unpack(packed, header.get_string('compression'))
        content = BytesIO(data)
        while content.tell() < len(data):
            header = Header.read(content)
            kind, length = header.get_uint8('op'), read_uint32(content)
            body = read_bytes(content, length)
            if kind == RecordType.MSGDATA:
                yield header.get_time('time'), header.get_uint32('conn'), body
            elif kind == RecordType.CONNECTION:
                self._learn(header, Header.read(BytesIO(length.to_bytes(4, 'little') + body)))
        if problem or len(packed) < length:
            raise ReaderError(problem or 'the chunk breaks off')


def _unpack(packed: bytes, compression: str) -> tuple[bytes, str]:
    """Unpack a chunk, of a damaged one the beginning."""
    step: Any
    if compression == 'none':
        return packed, ''
    if compression == 'bz2':
        step = BZ2Decompressor()
    elif compression == 'lz4':
        step = lz4.frame.LZ4FrameDecompressor()
    else:
        return b'', f'its compression {compression[:20]!r} is not known'
    parts = []
    try:
        for at in range(0, len(packed), 1 << 16):
            parts.append(step.decompress(packed[at:at + (1 << 16)]))
    except (OSError, RuntimeError, EOFError) as error:
        return b''.join(parts), f'its {compression} data: {error}'
    return b''.join(parts), '' if step.eof else f'its {compression} data break off'
