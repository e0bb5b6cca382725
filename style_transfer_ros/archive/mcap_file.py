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

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
import struct
from typing import BinaryIO
import zlib

import lz4.frame
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import AttachmentIndex, Channel, ChunkIndex, MessageIndex, MetadataIndex, Schema, Statistics
import zstandard

from style_transfer_ros.archive.block_file import Block, BlockFile, Entry, Record, unpacked
from style_transfer_ros.archive.records import Damage, Definition, Extra, offered_qos, Topic
from style_transfer_ros.engine.errors import shown

MAGIC = b'\x89MCAP0\r\n'
_RECORD = struct.Struct('<BQ')              # opcode, length
_MESSAGE = struct.Struct('<HIQQ')           # channel, sequence, log time, publish time
_CHUNK = struct.Struct('<QQQII')            # start, end, size, CRC, length of the compression's name
_FOOTER = 9 + 20 + len(MAGIC)
#: Records outside chunks are read in runs of about this size, bytes.
_RUN = 4 << 20
#: The names of an attachment end before this place in its record, bytes.
_NAMES = 1 << 16
_DECOMPRESSORS = {'zstd': lambda: zstandard.ZstdDecompressor().decompressobj(), 'lz4': lz4.frame.LZ4FrameDecompressor}


@dataclass
class _Block(Block):
    """A chunk, or records between chunks."""

    length: int = 0
    chunk: bool = True
    #: Of the message indexes behind the chunk, bytes.
    index_length: int = 0


class McapFile(BlockFile[_Block]):
    """:class:`~style_transfer_ros.archive.records.BagFile` of an MCAP file."""

    damaged = (McapError, struct.error, UnicodeDecodeError, ValueError, RuntimeError, zstandard.ZstdError)
    too_short = 'messages that the index lists are not there'
    has_checksums = True

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._schemas: dict[int, Schema] = {}
        super().__init__(file, name)
        self.extras = [extra for extra in self.extras if self._is_there(extra)]

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
        for opcode, body in _split(memoryview(summary)):
            if opcode == Opcode.CHUNK_INDEX:
                self._blocks.append(self._indexed(ChunkIndex.read(_stream(body))))
            elif opcode == Opcode.STATISTICS:
                statistics = Statistics.read(_stream(body))
            elif opcode == Opcode.ATTACHMENT_INDEX:
                self._list(AttachmentIndex.read(_stream(body)))
            elif opcode == Opcode.METADATA_INDEX:
                self._list(MetadataIndex.read(_stream(body)))
            else:
                self._learn(opcode, body)
        complete = statistics is None or (statistics.chunk_count == len(self._blocks)
                                          and statistics.channel_count <= len(self._topics))
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
        return _Block(index.chunk_start_offset, index.message_start_time, index.message_end_time,
                      {channel: count for channel, count in counts.items() if count > 0},
                      length=index.chunk_length, index_length=index.message_index_length)

    def _scan(self) -> None:
        """Look through the file from its beginning, as far as that is possible."""
        at, last = len(MAGIC), None
        run: _Block | None = None
        self.extras.clear()
        while at < self._size:
            self._file.seek(at)
            head = self._file.read(_RECORD.size)
            opcode, length = _RECORD.unpack(head) if len(head) == _RECORD.size else (0, 0)
            if at == self._size - len(MAGIC) and head[:len(MAGIC)] == MAGIC:
                return
            if not 0 < opcode < 0x80:
                self.damage.append(Damage('', last, self._place(at), 'what follows is no record of an MCAP file, and '
                                          'is left out', None))
                return
            cut = at + _RECORD.size + length > self._size
            if cut:
                self.damage.append(Damage('', last, self._place(self._size), 'the file breaks off in the middle of a '
                                          'record; it was not closed or not copied to its end', None))
                length = self._size - at - _RECORD.size
            if opcode == Opcode.CHUNK:
                run = None
                block = _Block(at, told=cut, length=length + _RECORD.size)
                self._keep(block, self._look_through(block), last)
                if block.counts:
                    last = max(last or 0, block.end)
            elif opcode == Opcode.MESSAGE and length >= _MESSAGE.size and not cut:
                channel, _, time, _ = _MESSAGE.unpack(self._file.read(_MESSAGE.size))
                if run is None or run.offset + run.length != at or run.length > _RUN:
                    run = _Block(at, chunk=False)
                    self._blocks.append(run)
                run.length += length + _RECORD.size
                run.count(channel, time)
                last = max(last or 0, time)
            elif opcode == Opcode.DATA_END:
                return
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                try:
                    self._learn(opcode, memoryview(self._file.read(length)))
                except self.damaged:
                    self.damage.append(Damage('', last, self._place(at), 'the description of a topic is damaged', None))
            elif opcode in (Opcode.ATTACHMENT, Opcode.METADATA) and not cut:
                try:
                    self._list(_described(opcode, at, length + _RECORD.size,
                                          memoryview(self._file.read(min(length, _NAMES)))))
                except self.damaged:
                    self.damage.append(Damage('', last, self._place(at), 'an attachment is damaged', 0))
            at += length + _RECORD.size

    def _list(self, index: AttachmentIndex | MetadataIndex) -> None:
        """Take an attachment or metadata, but for what rosbag2 says of the recording: the new bag has its own."""
        if isinstance(index, AttachmentIndex) or index.name != 'rosbag2':
            self.extras.append(Extra(index, self._file))

    def _is_there(self, extra: Extra) -> bool:
        """Tell whether the record is where the index says; if not, that is damage."""
        index = extra.index
        opcode = Opcode.ATTACHMENT if isinstance(index, AttachmentIndex) else Opcode.METADATA
        if _RECORD.size <= index.length < self._size - index.offset:
            self._file.seek(index.offset)
            if self._file.read(_RECORD.size) == _RECORD.pack(opcode, index.length - _RECORD.size):
                return True
        self.damage.append(Damage('', None, self._place(index.offset), f'the attachment {shown(index.name)} is damaged',
                                  0))
        return False

    def _look_through(self, block: _Block) -> str:
        """Find the topics, times and numbers of messages of a chunk that no index describes, and what is wrong."""
        data, problem = self._content(block)
        try:
            for opcode, body in _split(data):
                if opcode == Opcode.MESSAGE and len(body) >= _MESSAGE.size:
                    channel, _, time, _ = _MESSAGE.unpack_from(body)
                    block.count(channel, time)
                else:
                    self._learn(opcode, body)
        except self.damaged:
            problem = problem or 'a record is damaged'
        return problem

    def _learn(self, opcode: int, body: memoryview) -> None:
        """Take a schema or a channel."""
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(_stream(body))
            self._schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(_stream(body))
            kind = self._schemas.get(channel.schema_id)
            definition = Definition(kind.encoding, kind.data) if kind else Definition()
            qos = offered_qos(channel.metadata.get('offered_qos_profiles', ''))
            self._topics[channel.id] = Topic(channel.topic, kind.name if kind else '', channel.message_encoding,
                                             definition, qos)

    def _record(self, block: _Block, data: memoryview, at: int) -> tuple[int, Record | None] | None:
        opcode, body = _record(data, at)
        end = at + _RECORD.size + len(body)
        if opcode == Opcode.MESSAGE and len(body) >= _MESSAGE.size:
            channel, sequence, time, published = _MESSAGE.unpack_from(body)
            if channel in self._topics and block.start <= time <= block.end:
                return end, (channel, time, body[_MESSAGE.size:], published, sequence)
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL) or opcode and not block.chunk:
            return end, None
        return None

    def _entries(self, block: _Block) -> list[Entry]:
        self._file.seek(block.offset + block.length)
        data = memoryview(self._file.read(block.index_length))
        entries: list[Entry] = []
        try:
            for opcode, body in _split(data):
                if opcode == Opcode.MESSAGE_INDEX:
                    index = MessageIndex.read(_stream(body))
                    entries += ((offset, index.channel_id, time) for time, offset in index.records)
        except self.damaged:
            pass        # what was found before
        return entries

    def _content(self, block: _Block) -> tuple[memoryview, str]:
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
        if compression and compression not in _DECOMPRESSORS:
            return raw[:0], f'the compression {compression[:20]!r} of the chunk is not known'
        data, wrong = _unpack(packed, compression, size)
        problem = problem or wrong
        if not problem and crc and zlib.crc32(data) != crc:
            problem = 'the chunk fails its checksum; some of its messages may be wrong'
        return memoryview(data), problem


def _described(opcode: int, at: int, length: int, head: memoryview) -> AttachmentIndex | MetadataIndex:
    """Describe an attachment or metadata by the beginning of its record, as an index would."""
    stream = _stream(head)
    if opcode == Opcode.METADATA:
        return MetadataIndex(offset=at, length=length, name=stream.read_prefixed_string())
    logged, created = stream.read8(), stream.read8()
    name, kind = stream.read_prefixed_string(), stream.read_prefixed_string()
    return AttachmentIndex(offset=at, length=length, log_time=logged, create_time=created, data_size=stream.read8(),
                           name=name, media_type=kind)


def _unpack(packed: memoryview, compression: str, size: int) -> tuple[bytes | memoryview, str]:
    """Unpack a chunk, of a damaged one the beginning."""
    if compression == '':
        return packed, '' if len(packed) == size else 'the chunk breaks off'
    data, error = unpacked(_DECOMPRESSORS[compression](), packed)
    if error:
        return data, f'the {compression} data of the chunk are damaged ({error})'
    return data, '' if len(data) == size else f'the chunk holds {len(data)} bytes instead of {size}'


def _record(data: memoryview, at: int) -> tuple[int, memoryview]:
    """Return the record at ``at``: opcode and content; opcode 0 if it is longer than the rest."""
    if at + _RECORD.size <= len(data):
        opcode, length = _RECORD.unpack_from(data, at)
        if at + _RECORD.size + length <= len(data):
            return opcode, data[at + _RECORD.size:at + _RECORD.size + length]
    return 0, data[:0]


def _split(data: memoryview) -> Iterator[tuple[int, memoryview]]:
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
