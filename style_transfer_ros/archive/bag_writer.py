# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
A new rosbag2 bag in MCAP, written window by window.

The one file of the bag grows by complete windows, and what is needed to go on after an interruption is kept beside it.
A window that a worker wrote is a file of its own; its chunks are moved to the end of the bag, byte for byte.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
import errno
import json
import os
from pathlib import Path
import struct
from typing import Any

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import (
    AttachmentIndex,
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import CompressionType, MCAP0_MAGIC, Writer
from rosbags.rosbag2.metadata import dump_qos_v9
import yaml

from style_transfer_ros.archive.records import Extra, Topic
from style_transfer_ros.engine.atomic import replacing

LIBRARY = 'style_transfer_ros'
_VERSION = 9
#: A chunk is closed when it is longer than this, bytes; a reader that was cut off loses less than two.
CHUNK_BYTES = 1 << 20


class WindowWriter:
    """
    Messages of one window as MCAP, with all topics of the bag, in which some of them may have no message.

    :param target: the path of a file, which is made anew; or a binary file that is open to write.
    """

    def __init__(self, target: Path | Any, topics: Sequence[Topic]) -> None:
        self._file = target.open('wb') if isinstance(target, Path) else target
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        self._writer.start('ros2', LIBRARY)
        self._schemas: dict[tuple, int] = {}
        self._channels: dict[Topic, int] = {}
        for topic in topics:
            self.add(topic)

    def add(self, topic: Topic) -> None:
        """Add a topic."""
        key = topic.type, topic.definition
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(topic.type, topic.definition.encoding,
                                                              topic.definition.data)
        self._channels[topic] = self._writer.register_channel(
            topic.name, topic.encoding, self._schemas[key],
            {'offered_qos_profiles': _yaml(dump_qos_v9(list(topic.qos)))})

    def write(self, topic: Topic, time: int, data: bytes | memoryview, published: int = -1, sequence: int = 0) -> None:
        """Add a message; ``time`` and ``published`` in ns."""
        self._writer.add_message(self._channels[topic], time, data,     # type: ignore[arg-type]  # it takes any buffer
                                 time if published < 0 else published, sequence)

    def flush(self) -> None:
        """Close the chunk and give it to the kernel: it survives this process."""
        self._writer.flush()
        self._file.flush()

    def describe(self, information: dict[str, Any]) -> None:
        """Add what metadata.yaml says, for readers that have only the file."""
        self._writer.add_metadata('rosbag2', {'serialized_metadata': _yaml(information)})

    def finish(self) -> None:
        """Write the index."""
        self._writer.finish()

    def close(self) -> None:
        """Complete the file and bring it to the disk."""
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class _Tail:
    """The end of the one file of a bag, as a file for a writer; of later windows the head of the file is left out."""

    def __init__(self, file: Any, skip: int) -> None:
        self._file, self._skip = file, skip

    def write(self, data: bytes) -> int:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._file.write(memoryview(data)[skipped:])
        return len(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()


class BagFolder:
    """
    A rosbag2 folder that grows by windows; it is complete after :meth:`finish`.

    :param folder: made if it is not there; windows that it has already, by ``windows.json`` beside it, stay.
    :param name: of the bag, for its file.
    """

    def __init__(self, folder: Path, name: str, topics: Sequence[Topic]) -> None:
        self._topics = list(topics)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / f'{name}_0.mcap'
        self._state_path = folder.with_name('windows.json')     # it outlives the folder's move to its place
        self._state: list[dict[str, Any]] = []
        if self._state_path.is_file():
            self._state = json.loads(self._state_path.read_text(encoding='utf-8'))
        self._end = self._state[-1]['end'] if self._state else 0
        self._path.touch()
        os.truncate(self._path, self._end)
        self._disk = ThreadPoolExecutor(1, 'disk')      # brings windows to the disk while the next one is painted
        self._synced: Future | None = None

    @property
    def windows(self) -> int:
        """How many windows it has."""
        return len(self._state)

    def reports(self) -> list[Any]:
        """Return what :meth:`append` was told of each window."""
        return [window['report'] for window in self._state]

    @contextmanager
    def new_window(self) -> Iterator[WindowWriter]:
        """
        Write the next window at the end; call :meth:`keep` behind the block.

        :raises OSError: also for the window before, which could not be brought to the disk.
        """
        with self._path.open('r+b') as file:
            file.seek(self._end)
            try:
                writer = WindowWriter(_Tail(file, _HEAD if self._end else 0), self._topics)
                yield writer
                writer.finish()
                file.flush()
            except BaseException:
                file.truncate(self._end)
                raise

    def keep(self, report: Any = None) -> None:
        """
        Take the window that was just written.

        :param report: anything that JSON can hold; it is kept with the window.
        """
        with self._path.open('rb') as file:
            summary = make_reader(file).get_summary()
            self._end = _data_end(file)
        os.truncate(self._path, self._end)
        self._note(summary, 0, report)

    def append(self, window: Path, report: Any = None) -> None:
        """
        Move the messages of a file of a window, which a worker wrote, to the end.

        :param report: anything that JSON can hold; it is kept with the window.
        """
        with window.open('rb') as file:
            summary = make_reader(file).get_summary()
            end = _data_end(file)
        with window.open('rb', 0) as source, self._path.open('ab', 0) as target:
            begin = _HEAD if self._end else 0
            shift = self._end - begin
            _copy(source, begin, end, target)
            self._end = target.tell()
        self._note(summary, shift, report)
        window.unlink()

    def _note(self, summary: Any, shift: int, report: Any) -> None:
        """Remember a window, on the disk, too, as soon as its messages are there."""
        chunks = [{**vars(index), 'chunk_start_offset': index.chunk_start_offset + shift, 'message_index_offsets':
                   {channel: at + shift for channel, at in index.message_index_offsets.items()}}
                  for index in summary.chunk_indexes]
        counts = {channel: count for channel, count in summary.statistics.channel_message_counts.items() if count}
        state = {'end': self._end, 'chunks': chunks, 'counts': counts, 'report': report,
                 'first': summary.statistics.message_start_time, 'last': summary.statistics.message_end_time}
        self._state.append(json.loads(json.dumps(state)))
        self._wait()
        self._synced = self._disk.submit(self._sync, json.dumps(self._state))

    def _sync(self, state: str) -> None:
        with self._path.open('rb') as file:
            os.fsync(file.fileno())
        beside = self._state_path.with_suffix('.new')
        with beside.open('w', encoding='utf-8') as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._state_path)

    def _wait(self) -> None:
        if self._synced is not None:
            self._synced.result()

    def close(self) -> None:
        """Wait for the disk."""
        self._disk.shutdown()

    def finish(self, extras: Sequence[Extra] = ()) -> int:
        """
        Complete the bag.

        :param extras: attachments and metadata to copy.
        :returns: how many messages it has.
        """
        self._wait()
        counts: Counter[int] = Counter()
        for window in self._state:
            counts.update({int(channel): count for channel, count in window['counts'].items()})
        written = [window for window in self._state if window['counts']]
        start = min((window['first'] for window in written), default=0)
        end = max((window['last'] for window in written), default=0)
        information = describe(self._path.name, self._topics, counts, start, end)
        with self._path.open('r+b') as file:
            file.seek(self._end)
            if not self._end:
                file.write(MCAP0_MAGIC + _header())
            indexes = []
            for extra in extras:
                indexes.append(replace(extra.index, offset=file.tell()))
                file.writelines(extra.pieces())
            self._write_summary(file, counts, start, end, _yaml(information), indexes)
            file.flush()
            os.fsync(file.fileno())
        write_metadata(self.folder, information)
        return sum(counts.values())

    def _write_summary(self, file: Any, counts: Counter[int], start: int, end: int, metadata: str,
                       extras: Sequence[AttachmentIndex | MetadataIndex]) -> None:
        record = RecordBuilder()
        at = file.tell()
        Metadata(name='rosbag2', metadata={'serialized_metadata': metadata}).write(record)
        attachments = [index for index in extras if isinstance(index, AttachmentIndex)]
        described = [*(index for index in extras if isinstance(index, MetadataIndex)),
                     MetadataIndex(offset=at, length=record.count, name='rosbag2')]
        DataEnd(0).write(record)
        summary_start = at + record.count
        schemas: dict[tuple, int] = {}
        for topic in self._topics:
            schemas.setdefault((topic.type, topic.definition), len(schemas) + 1)
        chunks = [ChunkIndex(**{**chunk, 'message_index_offsets': {
            int(channel): offset for channel, offset in chunk['message_index_offsets'].items()}})
            for window in self._state for chunk in window['chunks']]
        groups: list[tuple[Opcode, list[Any]]] = [
            (Opcode.SCHEMA, [Schema(id=number, name=kind, encoding=definition.encoding, data=definition.data)
                             for (kind, definition), number in schemas.items()]),
            (Opcode.CHANNEL, [Channel(id=n + 1, topic=topic.name, message_encoding=topic.encoding,
                                      metadata={'offered_qos_profiles': _yaml(dump_qos_v9(list(topic.qos)))},
                                      schema_id=schemas[topic.type, topic.definition])
                              for n, topic in enumerate(self._topics)]),
            (Opcode.STATISTICS, [Statistics(attachment_count=len(attachments), channel_count=len(self._topics),
                                            channel_message_counts=dict(counts), chunk_count=len(chunks),
                                            message_count=sum(counts.values()), message_end_time=end,
                                            message_start_time=start, metadata_count=len(described),
                                            schema_count=len(schemas))]),
            (Opcode.CHUNK_INDEX, chunks), (Opcode.ATTACHMENT_INDEX, attachments), (Opcode.METADATA_INDEX, described)]
        offsets = []
        for opcode, records in groups:
            begin = record.count
            for one in records:
                one.write(record)
            if records:
                offsets.append(SummaryOffset(group_opcode=opcode, group_start=at + begin,
                                             group_length=record.count - begin))
        offsets_start = at + record.count
        for offset in offsets:
            offset.write(record)
        Footer(summary_start=summary_start, summary_offset_start=offsets_start, summary_crc=0).write(record)
        file.write(record.end() + MCAP0_MAGIC)


def describe(file: str, topics: Sequence[Topic], counts: Counter[int], start: int, end: int) -> dict[str, Any]:
    """
    Describe a bag of one file as rosbag2 does in metadata.yaml.

    :param counts: of the messages of the topics, by their places from 1 on.
    :param start: time of the first message, ns.
    :param end: time of the last message, ns.
    """
    times = {'starting_time': {'nanoseconds_since_epoch': start}, 'duration': {'nanoseconds': end - start},
             'message_count': sum(counts.values())}
    return {
        'version': _VERSION, 'storage_identifier': 'mcap', 'relative_file_paths': [file], **times,
        'topics_with_message_count': [
            {'topic_metadata': {'name': topic.name, 'type': topic.type, 'serialization_format': topic.encoding,
                                'offered_qos_profiles': dump_qos_v9(list(topic.qos)),
                                'type_description_hash': topic.digest},
             'message_count': counts[n + 1]} for n, topic in enumerate(topics)],
        'compression_format': '', 'compression_mode': '', 'files': [{'path': file, **times}],
        'custom_data': None, 'ros_distro': 'jazzy'}


def write_metadata(folder: Path, information: dict[str, Any]) -> None:
    """Write metadata.yaml, with which a folder becomes a bag."""
    with replacing(folder / 'metadata.yaml') as file:
        file.write(f"{_yaml({'rosbag2_bagfile_information': information})}\n".encode())


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False).strip() if value else ''


def _header() -> bytes:
    record = RecordBuilder()
    Header(profile='ros2', library=LIBRARY).write(record)
    return record.end()


#: Bytes of a file before its first chunk.
_HEAD = len(MCAP0_MAGIC) + len(_header())


def _data_end(file: Any) -> int:
    """Find where the data of a complete MCAP file end."""
    file.seek(-len(MCAP0_MAGIC) - 20, os.SEEK_END)
    summary_start, = struct.unpack('<Q', file.read(8))
    return summary_start - 13       # the record DataEnd


def _copy(source: Any, begin: int, end: int, target: Any) -> None:
    """Append a part of one unbuffered file to another, within the kernel where it can do that."""
    while begin < end:
        try:
            begin += os.sendfile(target.fileno(), source.fileno(), begin, min(end - begin, 1 << 30))
        except (AttributeError, OSError) as error:
            if getattr(error, 'errno', 0) not in (0, errno.EINVAL, errno.ENOSYS):
                raise
            source.seek(begin)
            begin += target.write(source.read(min(end - begin, 1 << 20)))
