# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
MCAP files, whole or damaged, with an index or without one.

A file is a row of blocks: chunks, and runs of records that lie outside chunks.  With an index only the blocks that are
asked for are read; without one (a recorder that was killed, a copy that broke off) the whole file is looked through
once.  See https://mcap.dev/spec.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
import heapq
from io import BytesIO
import struct
from typing import Any, BinaryIO
import zlib

import lz4.frame
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, MessageIndex, Schema, Statistics
from rosbags.rosbag2.metadata import parse_qos
import zstandard

from style_transfer_ros.archive.records import Damage, Definition, FOREVER, Message, Topic
from style_transfer_ros.engine.errors import ArchiveError

MAGIC = b'\x89MCAP0\r\n'
_RECORD = struct.Struct('<BQ')              # opcode, length
_MESSAGE = struct.Struct('<HIQQ')           # channel, sequence, log time, publish time
_CHUNK = struct.Struct('<QQQII')            # start, end, size, CRC, length of the compression's name
_FOOTER = 9 + 20 + len(MAGIC)
#: Records outside chunks are read in runs of about this size, bytes.
_RUN = 4 << 20
_DAMAGED = (McapError, struct.error, UnicodeDecodeError, ValueError, RuntimeError, zstandard.ZstdError)


@dataclass
class _Block:
    """A chunk, or records between chunks; ``counts`` are its messages by channel, as far as the file tells."""

    offset: int
    length: int
    chunk: bool
    start: int = FOREVER
    end: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    #: Of the message indexes behind the chunk, bytes.
    index_length: int = 0
    #: Its damage was told when the file was opened.
    told: bool = False

    def __lt__(self, other: _Block) -> bool:
        return (self.start, self.offset) < (other.start, other.offset)


class McapFile:
    """:class:`~style_transfer_ros.archive.records.BagFile` of an MCAP file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._size = file.seek(0, 2)
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Topic] = {}
        self._blocks: list[_Block] = []
        self.counts: dict[Topic, int] = {}
        self.damage: list[Damage] = []
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise ArchiveError(f"'{name}' is no MCAP file: it does not begin as one; restore it or leave it out.")
        try:
            indexed = self._read_index()
        except _DAMAGED:
            indexed = False
        if not indexed:
            self._blocks.clear()
            self._scan()
        self.start = min((block.start for block in self._blocks), default=FOREVER)
        self.end = max((block.end for block in self._blocks), default=0)
        total: Counter[int] = Counter()
        for block in self._blocks:
            total.update(block.counts)
        for channel, topic in self._channels.items():
            self.counts[topic] = self.counts.get(topic, 0) + total[channel]

    def close(self) -> None:
        self._file.close()

    # Opening

    def _read_index(self) -> bool:
        """Read the summary; tell whether there is one with all chunks."""
        self._file.seek(max(0, self._size - _FOOTER))
        footer = self._file.read(_FOOTER)
        if len(footer) < _FOOTER or footer[-len(MAGIC):] != MAGIC or footer[0] != Opcode.FOOTER:
            return False
        start, = struct.unpack_from('<Q', footer, 9)
        if not start:
            return False
        self._file.seek(start)
        summary = self._file.read(self._size - _FOOTER - start)
        statistics = None
        for opcode, body in _records(memoryview(summary)):
            if opcode == Opcode.CHUNK_INDEX:
                self._blocks.append(self._indexed(ChunkIndex.read(_stream(body))))
            elif opcode == Opcode.STATISTICS:
                statistics = Statistics.read(_stream(body))
            else:
                self._learn(opcode, body)
        complete = statistics is None or (statistics.chunk_count == len(self._blocks)
                                          and statistics.channel_count <= len(self._channels))
        # without chunks, or where messages may lie outside them, the whole file is looked through
        return bool(self._blocks) and complete and (
            statistics is None or sum(sum(b.counts.values()) for b in self._blocks) == statistics.message_count)

    @staticmethod
    def _indexed(index: ChunkIndex) -> _Block:
        """Describe a chunk by its index; its messages by channel follow from the lengths of their indexes."""
        at = sorted((offset, channel) for channel, offset in index.message_index_offsets.items())
        ends = [*(offset for offset, _ in at[1:]),
                index.chunk_start_offset + index.chunk_length + index.message_index_length]
        counts = {channel: (end - offset - 15) // 16 for (offset, channel), end in zip(at, ends)}
        return _Block(index.chunk_start_offset, index.chunk_length, True, index.message_start_time,
                      index.message_end_time, {channel: count for channel, count in counts.items() if count > 0},
                      index.message_index_length)

    def _scan(self) -> None:
        """Look through the file from its beginning, as far as that is possible."""
        at, last = len(MAGIC), None
        run: _Block | None = None
        while at < self._size:
            self._file.seek(at)
            head = self._file.read(_RECORD.size)
            opcode, length = _RECORD.unpack(head) if len(head) == _RECORD.size else (0, 0)
            if at == self._size - len(MAGIC) and head[:len(MAGIC)] == MAGIC:
                return
            if not 0 < opcode < 0x80:
                self.damage.append(Damage('', last, f"'{self._name}', byte {at}", 'what follows is no record of an '
                                          'MCAP file, and is left out', None))
                return
            cut = at + _RECORD.size + length > self._size
            if cut:
                self.damage.append(Damage('', last, f"'{self._name}', byte {self._size}", 'the file breaks off in the '
                                          'middle of a record; it was not closed or not copied to its end', None))
                length = self._size - at - _RECORD.size
            if opcode == Opcode.CHUNK:
                run = None
                block = _Block(at, length + _RECORD.size, True)
                self._look_through(block)
                block.told = cut
                if block.counts:
                    self._blocks.append(block)
                    last = max(last or 0, block.end)
            elif opcode == Opcode.MESSAGE and length >= _MESSAGE.size and not cut:
                channel, _, time, _ = _MESSAGE.unpack(self._file.read(_MESSAGE.size))
                if run is None or run.offset + run.length != at or run.length > _RUN:
                    run = _Block(at, 0, False)
                    self._blocks.append(run)
                run.length += length + _RECORD.size
                run.start, run.end, last = min(run.start, time), max(run.end, time), max(last or 0, time)
                run.counts[channel] = run.counts.get(channel, 0) + 1
            elif opcode == Opcode.DATA_END:
                return
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._learn(opcode, memoryview(self._file.read(length)))
            at += length + _RECORD.size

    def _look_through(self, block: _Block) -> None:
        """Find the topics, times and numbers of messages of a chunk that no index describes."""
        data, _ = self._content(block)
        try:
            for opcode, body in _records(data):
                if opcode == Opcode.MESSAGE and len(body) >= _MESSAGE.size:
                    channel, _, time, _ = _MESSAGE.unpack_from(body)
                    block.start, block.end = min(block.start, time), max(block.end, time)
                    block.counts[channel] = block.counts.get(channel, 0) + 1
                else:
                    self._learn(opcode, body)
        except _DAMAGED:
            return          # told when it is read

    def _learn(self, opcode: int, body: memoryview) -> None:
        """Take a schema or a channel."""
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(_stream(body))
            self._schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(_stream(body))
            kind = self._schemas.get(channel.schema_id)
            definition = Definition(kind.encoding, kind.data) if kind else Definition()
            self._channels[channel.id] = Topic(channel.topic, kind.name if kind else '', channel.message_encoding,
                                               definition, _qos(channel.metadata.get('offered_qos_profiles', '')))

    # Reading

    def messages(self, topics: Collection[Topic], start: int = 0, stop: int = FOREVER) -> Iterator[Message | Damage]:
        wanted = {channel for channel, topic in self._channels.items() if topic in topics}
        blocks = sorted(block for block in self._blocks
                        if block.start < stop and block.end >= start and not wanted.isdisjoint(block.counts))
        waiting: list[tuple[int, int, int, Message | Damage]] = []      # a heap by time, block, place in it
        for i, block in enumerate(blocks):
            for n, item in enumerate(self._read(block, wanted, start, stop)):
                heapq.heappush(waiting, (block.start if item.time is None else item.time, block.offset, n, item))
            until = blocks[i + 1].start if i + 1 < len(blocks) else FOREVER
            while waiting and waiting[0][0] < until:
                yield heapq.heappop(waiting)[-1]
        while waiting:
            yield heapq.heappop(waiting)[-1]

    def _read(self, block: _Block, wanted: set[int], start: int, stop: int) -> Iterator[Message | Damage]:
        """Read one block; what is lost of it comes last."""
        place = f"'{self._name}', byte {block.offset}"
        data, problem = self._content(block)
        found: Counter[int] = Counter()
        last, at = block.start, 0
        while at < len(data):
            opcode, body = _record(data, at)
            if opcode == Opcode.MESSAGE and len(body) >= _MESSAGE.size:
                channel, sequence, time, published = _MESSAGE.unpack_from(body)
                if channel in self._channels and block.start <= time <= block.end:
                    at += _RECORD.size + len(body)
                    found[channel] += 1
                    if channel in wanted and start <= time < stop:
                        last = time
                        content = body[_MESSAGE.size:]
                        # a large message is not copied; a small one would keep its whole chunk in memory
                        yield Message(self._channels[channel], time, content if 2 * len(content) > len(data)
                                      else bytes(content), place, published, sequence)
                    continue
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL) or opcode and not block.chunk:
                at += _RECORD.size + len(body)
                continue
            problem = problem or 'a record is damaged'
            at = next((offset for offset in self._offsets(block) if offset > at), len(data))
        missing = {channel: count - found[channel] for channel, count in block.counts.items()
                   if count > found[channel]}
        lost = {self._channels[channel].name: count for channel, count in missing.items()
                if channel in wanted and channel in self._channels}
        if lost and start <= last < stop:
            yield Damage(', '.join(sorted(lost)), last, place, problem or 'messages that the index lists are not there',
                         sum(lost.values()))
        elif problem and not missing and not block.told and start <= last < stop:
            names = sorted({self._channels[channel].name for channel in block.counts if channel in wanted})
            yield Damage(', '.join(names), last, place, problem, 0)

    def _offsets(self, block: _Block) -> list[int]:
        """Return where messages begin in a chunk, by the indexes behind it."""
        self._file.seek(block.offset + block.length)
        data = memoryview(self._file.read(block.index_length))
        offsets: list[int] = []
        try:
            for opcode, body in _records(data):
                if opcode == Opcode.MESSAGE_INDEX:
                    offsets += (offset for _, offset in MessageIndex.read(_stream(body)).records)
        except _DAMAGED:
            pass        # what was found before
        return sorted(offsets)

    def _content(self, block: _Block) -> tuple[memoryview, str]:
        """Return the records of a block as far as they can be had, and what is wrong with them."""
        self._file.seek(block.offset)
        raw = memoryview(self._file.read(block.length))
        if not block.chunk:
            return raw, '' if len(raw) == block.length else 'the file breaks off here'
        try:
            *_, size, crc, name = _CHUNK.unpack_from(raw, _RECORD.size)
            at = _RECORD.size + _CHUNK.size
            compression = bytes(raw[at:at + name]).decode()
            at += name
            length, = struct.unpack_from('<Q', raw, at)
            packed = raw[at + 8:at + 8 + length]
        except (struct.error, UnicodeDecodeError):
            return raw[:0], 'the head of the chunk is damaged'
        problem = '' if len(packed) == length else 'the chunk breaks off'
        try:
            data, unpacked = _unpack(packed, compression, size)
        except KeyError:
            return raw[:0], f'the compression {compression[:20]!r} of the chunk is not known'
        problem = problem or unpacked
        if not problem and crc and zlib.crc32(data) != crc:
            problem = 'the chunk fails its checksum; some of its messages may be wrong'
        return memoryview(data), problem


def _unpack(packed: memoryview, compression: str, size: int) -> tuple[bytes | memoryview, str]:
    """Unpack a chunk, of a damaged one the beginning; ``KeyError`` if the compression is unknown."""
    if compression == '':
        return packed, '' if len(packed) == size else 'the chunk breaks off'
    errors: tuple[type[Exception], ...]
    if compression == 'zstd':
        step, errors = zstandard.ZstdDecompressor().decompressobj(), (zstandard.ZstdError,)
    elif compression == 'lz4':
        step, errors = lz4.frame.LZ4FrameDecompressor(), (RuntimeError, EOFError)
    else:
        raise KeyError(compression)
    parts: list[bytes] = []
    try:
        for at in range(0, len(packed), 1 << 16):
            parts.append(step.decompress(bytes(packed[at:at + (1 << 16)])))
    except errors as error:
        return b''.join(parts), f'the {compression} data of the chunk are damaged ({error})'
    data = b''.join(parts)
    return data, '' if len(data) == size else f'the chunk holds {len(data)} bytes instead of {size}'


def _record(data: memoryview, at: int) -> tuple[int, memoryview]:
    """Return the record at ``at``: opcode and content; opcode 0 if it is longer than the rest."""
    if at + _RECORD.size <= len(data):
        opcode, length = _RECORD.unpack_from(data, at)
        if at + _RECORD.size + length <= len(data):
            return opcode, data[at + _RECORD.size:at + _RECORD.size + length]
    return 0, data[:0]


def _records(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """
    Split records.

    :raises ValueError: one is longer than the rest.
    """
    at = 0
    while at < len(data):
        opcode, body = _record(data, at)
        if not opcode:
            raise ValueError('a record is damaged or breaks off')
        yield opcode, body
        at += _RECORD.size + len(body)


def _stream(body: memoryview) -> ReadDataStream:
    return ReadDataStream(BytesIO(body))


def _qos(text: Any) -> tuple:
    """Read offered QoS profiles; what no reader would understand is left out."""
    try:
        return tuple(parse_qos(text))
    except Exception:       # noqa: BLE001 - rosbags raises whatever the recorded YAML leads it to
        return ()
