# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
A bag of any kind as one stream of ROS 2 messages.

A bag is a rosbag2 folder (SQLite or MCAP, split, compressed by file or by message, with or without metadata.yaml), one
such file alone, or a ROS 1 bag; on this machine or below a URL that fsspec knows.  The first bytes tell what a file is.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from rosbags.interfaces import Qos
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore
import yaml
import zstandard

from style_transfer_ros.archive import locations, mcap_file, ros1_file
from style_transfer_ros.archive.records import BagFile, Damage, Definition, Extra, FOREVER, Message, offered_qos, Topic
from style_transfer_ros.archive.ros1_types import conversion
from style_transfer_ros.archive.sqlite_file import LOG_ENDING, SqliteFile
from style_transfer_ros.engine.errors import ArchiveError, sentence, shown, StyleTransferError

_SQLITE_MAGIC = b'SQLite format 3\0'
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_ENDINGS = ('.mcap', '.db3', '.bag', '.mcap.zstd', '.db3.zstd', '.active')
#: Distributions that put no type definitions into their bags, by the newest version of metadata.yaml that they write.
_OLD_STORES = ((4, Stores.ROS2_GALACTIC), (5, Stores.ROS2_HUMBLE), (99, Stores.ROS2_JAZZY))


@dataclass(frozen=True)
class _Taken:
    """How the messages of a recorded topic become messages of the bag's topic."""

    topic: Topic
    convert: Callable[[bytes], memoryview] | None = None


class Bag:
    """
    An open bag; use it as a context manager.

    :param location: a path or a URL.
    :raises ArchiveError: there is no bag, or nothing of it can be read.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        self._stack = ExitStack()
        self._files: list[BagFile] = []
        self._taken: dict[Topic, _Taken] = {}
        #: Messages of each topic; -1: not known before they are read.
        self.counts: dict[Topic, int] = {}
        #: What was found while the bag was opened.
        self.damage: list[Damage] = []
        #: Sentences about topics that are copied without being understood, or left out.
        self.notes: list[str] = []
        try:
            self._open()
        except (StyleTransferError, OSError):
            self.close()
            raise
        except Exception as error:      # damaged bytes lead the readers to any error
            self.close()
            raise ArchiveError(f'The bag {shown(self.location)} is damaged ({sentence(error)}); restore it.') from error
        except BaseException:
            self.close()
            raise
        #: Time of the first message, ns; 0 for a bag without messages.
        self.start = min((file.start for file in self._files if file.start < FOREVER), default=0)
        #: Behind the time of the last message, ns.
        self.stop = max((file.end for file in self._files), default=-1) + 1

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        self._stack.close()

    @property
    def topics(self) -> list[Topic]:
        """Every topic, in the order of recording."""
        return list(self.counts)

    @property
    def extras(self) -> list[Extra]:
        """Attachments and metadata of all files; they are readable while the bag is open."""
        return [extra for file in self._files for extra in file.extras]

    def messages(self, topics: Collection[Topic] | None = None, start: int = 0, stop: int = FOREVER
                 ) -> Iterator[Message | Damage]:
        """
        Read messages in the order of their times; damaged places are told and passed.

        :param topics: of :attr:`topics`; None: all.
        :param start: the first time, ns.
        :param stop: behind the last time, ns.
        """
        recorded = {source for source, taken in self._taken.items() if topics is None or taken.topic in topics}
        for file in self._files:
            if file.start >= stop or file.end < start or recorded.isdisjoint(file.counts):
                continue
            try:
                for item in file.messages(recorded, start, stop):
                    yield self._as_taken(item) if isinstance(item, Message) else item
            except (StyleTransferError, OSError):
                raise
            except Exception as error:      # damaged bytes lead the readers to any error
                yield Damage('', None, f"'{self.location}'", f'a file is damaged ({sentence(error)}); the rest of it '
                             'is lost', None)

    def _as_taken(self, message: Message) -> Message | Damage:
        taken = self._taken[message.topic]
        data = message.data
        try:
            if message.topic.encoding == 'cdr' and bytes(data[:4]) == _ZSTD_MAGIC:
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            if taken.convert is not None:
                data = taken.convert(data)      # type: ignore[arg-type]  # it takes any buffer
        except Exception as error:      # noqa: BLE001 - rosbags raises whatever damaged bytes lead it to
            return Damage(taken.topic.name, message.time, message.place,
                          f'the message is damaged ({type(error).__name__}: {str(error)[:100]})')
        return replace(message, topic=taken.topic, data=data)

    # Opening

    def _open(self) -> None:
        names, metadata = self._find_files()
        for name in names:
            try:
                self._files.append(self._opened(name))
            except Exception as error:      # damaged bytes lead the readers to any error
                problem = str(error) if isinstance(error, ArchiveError) else (
                    f"'{name}' cannot be read ({error.strerror or error}); change its permissions or leave it out."
                    if isinstance(error, OSError) else
                    f"'{name}' is damaged ({sentence(error)}); restore it or leave it out.")
                if len(names) == 1:
                    raise ArchiveError(problem) from error
                self.damage.append(Damage('', None, f"'{name}'", problem, None))
        if not self._files:
            raise ArchiveError(f"Nothing of the bag '{self.location}' can be read; the first reason: "
                               f"{self.damage[0].what}")
        self._files.sort(key=lambda file: file.start)
        offered: dict[Topic, tuple[Qos, ...]] = {}      # a publisher may come in a later file
        for source in (source for file in self._files for source in file.counts):
            offered[source] = max(offered.get(source, ()), source.qos, key=len)
        described = _described(metadata)
        version = int(metadata.get('version') or 99)
        for file in self._files:
            self.damage += file.damage
            for source, count in file.counts.items():
                if source not in self._taken:
                    try:
                        self._taken[source] = self._take(replace(source, qos=offered[source]),
                                                         described.get((source.name, source.type)), version)
                    except ArchiveError as error:
                        self.notes.append(f"The topic '{source.name}' is left out: {error}")
                        continue
                topic = self._taken[source].topic
                known = self.counts.get(topic, 0)
                self.counts[topic] = -1 if -1 in (known, count) else known + count

    def _find_files(self) -> tuple[list[str], dict[str, Any]]:
        """Return the bag's files in order, and what its metadata.yaml says."""
        kind = locations.kind(self.location)
        if kind is None:
            raise ArchiveError(f"There is no bag '{self.location}'; check the path.")
        if kind == 'file':
            return [self.location], {}
        names = locations.listed(self.location)
        metadata: dict[str, Any] = {}
        listed: list[str] = []
        if 'metadata.yaml' in names:
            try:
                with locations.opened(locations.below(self.location, 'metadata.yaml')) as file:
                    metadata = dict(yaml.safe_load(file.read())['rosbag2_bagfile_information'])
                listed = [PurePosixPath(path).name for path in metadata['relative_file_paths']]
                _described(metadata)
                int(metadata.get('version') or 0)
            except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, ValueError) as error:
                metadata, listed = {}, []
                self.damage.append(Damage('', None, f"'{locations.below(self.location, 'metadata.yaml')}'",
                                          f'the file is damaged ({type(error).__name__}); the bag is read without it',
                                          0))
            for name in listed:
                if name not in names:
                    self.damage.append(Damage('', None, f"'{locations.below(self.location, name)}'",
                                              'this file of the bag is missing', None))
        found = [name for name in listed if name in names] or sorted(name for name in names if name.endswith(_ENDINGS))
        if not found:
            raise ArchiveError(f"The folder '{self.location}' holds no bag (no .mcap, .db3 or .bag file); give the "
                               'folder of one bag, or its file.')
        return [locations.below(self.location, name) for name in found], metadata

    def _opened(self, name: str) -> BagFile:
        """Open one file by its first bytes."""
        stream = locations.opened(name)
        head = stream.read(16)
        short = PurePosixPath(name).name
        if head[:4] == _ZSTD_MAGIC:
            path = self._unpacked(stream, short)
            stream.close()
            stream = path.open('rb')
            head = stream.read(16)
        else:
            path = None
        opened: BagFile
        if head.startswith(mcap_file.MAGIC):
            opened = mcap_file.McapFile(stream, short)
        elif head.startswith(ros1_file.MAGIC):
            opened = ros1_file.Ros1File(stream, short)
        elif head == _SQLITE_MAGIC:
            stream.close()
            opened = SqliteFile(path or locations.local_copy(name, self._stack, LOG_ENDING), short)
        else:
            stream.close()
            raise ArchiveError(f"'{name}' is no bag: it begins with {head[:8]!r}, as no MCAP, SQLite or ROS 1 bag does."
                               if head else f"'{name}' is empty; restore it or leave it out.")
        self._stack.callback(opened.close)
        return opened

    def _unpacked(self, stream: BinaryIO, name: str) -> Path:
        """Unpack a file that was compressed as a whole; of a damaged one the beginning."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix='style_transfer_bag_')))
        path = folder / name.removesuffix('.zstd')
        stream.seek(0)
        step = zstandard.ZstdDecompressor().decompressobj()
        with path.open('wb') as file:
            try:
                while block := stream.read(1 << 20):
                    file.write(step.decompress(block))
                broken = '' if step.eof else 'breaks off'
            except zstandard.ZstdError as error:
                broken = f'is damaged ({error})'
        if broken:
            self.damage.append(Damage('', None, f"'{name}'", f'the compressed file {broken} after '
                                      f'{path.stat().st_size} bytes; what is before is read', None))
        return path

    def _take(self, source: Topic, described: dict[str, Any] | None, version: int) -> _Taken:
        """
        Find out what a recorded topic is in ROS 2.

        :raises ArchiveError: its messages cannot be converted.
        """
        if source.encoding == 'ros1':
            text = source.definition.data.decode('utf-8', 'replace')
            kind, definition, digest, convert = conversion(source.type, text)
            return _Taken(Topic(source.name, kind, 'cdr', definition, source.qos, digest), convert)
        topic = source
        if described:
            qos = topic.qos or described['qos']
            topic = replace(topic, qos=qos, digest=topic.digest or described['digest'])
        if topic.encoding != 'cdr':
            return _Taken(topic)
        store = get_typestore(next(store for newest, store in _OLD_STORES if version <= newest))
        if not topic.definition.data:
            if topic.type in store.fielddefs:
                text = store.generate_msgdef(topic.type, ros_version=2)[0]
                topic = replace(topic, definition=Definition('ros2msg', text.encode()),
                                digest=topic.digest or store.hash_rihs01(topic.type))
            else:
                self.notes.append(f"The topic '{topic.name}' is copied as it is, without a definition: the bag holds "
                                  f"none of its type '{topic.type[:100]}'.")
        elif not topic.digest:
            topic = replace(topic, digest=_digest(topic))
        return _Taken(topic)


def _described(metadata: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return QoS and type hashes by topic and type, as far as metadata.yaml tells them."""
    found = {}
    for entry in metadata.get('topics_with_message_count') or ():
        if isinstance(entry, dict) and isinstance(told := entry.get('topic_metadata'), dict):
            found[told.get('name', ''), told.get('type', '')] = {
                'qos': offered_qos(told.get('offered_qos_profiles') or []),
                'digest': told.get('type_description_hash') or ''}
    return found


def _digest(topic: Topic) -> str:
    """Compute the hash of a type from its definition; empty where that is not possible."""
    try:
        return _hash(topic.type, topic.definition)
    except Exception:       # noqa: BLE001 - rosbags raises whatever a foreign definition leads it to
        return ''


def _hash(kind: str, definition: Definition) -> str:
    store: Typestore = get_typestore(Stores.EMPTY)
    text = definition.data.decode()
    if definition.encoding == 'ros2msg':
        store.register(get_types_from_msg(text, kind))
    else:
        rule = '=' * 80 + '\n'
        for part in text.split(rule)[1:] if text.startswith(rule) else [f'\n{text}']:
            store.register(get_types_from_idl(part.split('\n', 1)[1]))
    return store.hash_rihs01(kind)
