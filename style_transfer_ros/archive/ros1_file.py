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
from io import BytesIO
import struct

import lz4.frame
from rosbags.convert.converter import LATCH
from rosbags.rosbag1.reader import Header, normalize, read_bytes, read_uint32, ReaderError, RecordType

from style_transfer_ros.archive.block_file import Block, BlockDamaged, BlockFile, Entry, Record, unpacked
from style_transfer_ros.archive.records import Damage, Definition, Topic
from style_transfer_ros.engine.errors import ArchiveError

MAGIC = b'#ROSBAG V2.0\n'
#: Of a message in the index behind its chunk: seconds, nanoseconds, offset.
_ENTRY = struct.Struct('<LLL')
_LENGTH = struct.Struct('<L')
_DECOMPRESSORS = {'bz2': BZ2Decompressor, 'lz4': lz4.frame.LZ4FrameDecompressor}


class Ros1File(BlockFile[Block]):
    """:class:`~style_transfer_ros.archive.records.BagFile` of a ROS 1 bag."""

    damaged = (ReaderError, struct.error, UnicodeDecodeError, ValueError, KeyError)
    too_short = 'the chunk is damaged (it is too short)'
    has_checksums = False

    def _read_index(self) -> bool:
        """Read the connections and chunk descriptions at the end; tell whether they are there."""
        self._file.seek(len(MAGIC))
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
            self._blocks.append(Block(
                header.get_uint64('chunk_pos'), header.get_time('start_time'), header.get_time('end_time'),
                {read_uint32(counts): read_uint32(counts) for _ in range(header.get_uint32('count'))}))
        return all(block.offset < self._size for block in self._blocks)

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
                following = self._file.tell() + length
                kind = header.get_uint8('op')
                if kind == RecordType.CHUNK:
                    block, problem = Block(at, told=following > self._size), ''
                    found = []
                    try:
                        for _, (number, time, *_) in self._records(block):
                            found.append((number, time))
                    except BlockDamaged as error:
                        problem = str(error)
                        listed = [entry[1:] for entry in self._entries(block) if entry[1] in self._topics]
                        found = max(found, listed, key=len)
                    for number, time in found:
                        block.count(number, time)
                    self._keep(block, problem, last)
                    if block.counts:
                        last = block.end
                elif kind == RecordType.CONNECTION:
                    self._learn(header, Header.read(BytesIO(length.to_bytes(4, 'little')
                                                            + read_bytes(self._file, length))))
                at = following
                if at > self._size:
                    raise ReaderError('the file breaks off in the middle of a record')
            except self.damaged as error:
                self.damage.append(Damage('', last, self._place(min(at, self._size)),
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

    def _record(self, block: Block, data: memoryview, at: int) -> tuple[int, Record | None] | None:
        """Learn connections beside what all formats do."""
        try:
            behind = at + 4 + _LENGTH.unpack_from(data, at)[0]
            header = Header.read(BytesIO(data[at:behind]))
            kind, size = header.get_uint8('op'), _LENGTH.unpack_from(data, behind)[0]
            begin = behind + 4
            if begin + size > len(data):
                return None
            if kind == RecordType.MSGDATA:
                channel, time = header.get_uint32('conn'), header.get_time('time')
                if channel in self._topics and (not block.counts or block.start <= time <= block.end):
                    return begin + size, (channel, time, data[begin:begin + size], time, 0)
            elif kind == RecordType.CONNECTION:
                self._learn(header, Header.read(BytesIO(size.to_bytes(4, 'little') + data[begin:begin + size])))
                return begin + size, None
        except self.damaged:
            pass
        return None

    def _chunk(self, block: Block) -> tuple[str, int]:
        """Find the content of a chunk: its compression, and its packed length; the file stands at its beginning."""
        self._file.seek(block.offset)
        header = Header.read(self._file, RecordType.CHUNK)
        length, compression = read_uint32(self._file), header.get_string('compression')
        return compression, header.get_uint32('size') if compression == 'none' else length

    def _content(self, block: Block) -> tuple[memoryview, str]:
        try:
            compression, length = self._chunk(block)
        except self.damaged as error:
            return memoryview(b''), f'the chunk is damaged ({error})'
        packed = self._file.read(length)
        data, problem = _unpack(packed, compression)
        if problem:
            problem = f'the chunk is damaged ({problem}; what is behind this place cannot be unpacked)'
        elif len(packed) < length:
            problem = 'the chunk is damaged (it breaks off)'
        return memoryview(data), problem

    def _entries(self, block: Block) -> list[Entry]:
        entries: list[Entry] = []
        try:
            _, length = self._chunk(block)
            self._file.seek(length, 1)
            while (header := Header.read(self._file)).get_uint8('op') == RecordType.IDXDATA:
                channel = header.get_uint32('conn')
                found = read_bytes(self._file, read_uint32(self._file))
                entries += ((offset, channel, seconds * 10**9 + nanoseconds)
                            for seconds, nanoseconds, offset in _ENTRY.iter_unpack(found))
        except self.damaged:
            pass        # what was found before
        return entries


def _unpack(packed: bytes, compression: str) -> tuple[bytes, str]:
    """Unpack a chunk, of a damaged one the beginning."""
    if compression == 'none':
        return packed, ''
    if compression not in _DECOMPRESSORS:
        return b'', f'its compression {compression[:20]!r} is not known'
    step = _DECOMPRESSORS[compression]()
    data, error = unpacked(step, packed)
    if error:
        return data, f'its {compression} data: {error}'
    return data, '' if step.eof else f'its {compression} data break off'
