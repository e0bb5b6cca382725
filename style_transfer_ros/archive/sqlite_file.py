# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
SQLite files of rosbag2 (``.db3``), whole or damaged.

The index of times is walked, and each message is fetched alone, so that a damaged page costs the messages on it and no
others.  SQLite keeps no checksums: a changed byte inside an image cannot be noticed.
"""
from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
import shutil
import sqlite3
from tempfile import TemporaryDirectory

from style_transfer_ros.archive.records import Damage, Definition, Extra, FOREVER, Message, offered_qos, Topic
from style_transfer_ros.engine.errors import ArchiveError

#: Of the file beside a database that has what was written last.
LOG_ENDING = '-wal'
#: Rows that are searched for behind the last one where a database does not tell how many it has.
_SEARCHED = 100_000


class SqliteFile:
    """
    :class:`~style_transfer_ros.archive.records.BagFile` of an SQLite file.

    :param path: on this machine; the file is not changed, nor is anything written beside it.
    :raises ArchiveError: it is no bag.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name, self._path = name, path
        self._copy: TemporaryDirectory | None = None
        log = path.with_name(path.name + LOG_ENDING)
        if log.is_file() and log.stat().st_size:
            # the recorder was killed and its last messages are in the log; only a copy may be put together again
            self._copy = TemporaryDirectory(prefix='style_transfer_bag_')
            for file in (path, log):
                shutil.copyfile(file, Path(self._copy.name) / file.name)
            uri = f'file:{_quoted(Path(self._copy.name) / path.name)}'
        else:
            uri = f'file:{_quoted(path)}?immutable=1'
        self.damage: list[Damage] = []
        self.extras: list[Extra] = []
        self.counts: dict[Topic, int] = {}
        self._cut_off = False
        self._topics: dict[int, Topic] = {}
        try:
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._database.text_factory = lambda data: data.decode('utf-8', 'replace')
            try:
                self._read_topics()
            except sqlite3.DatabaseError:
                # SQLite refuses a file that is shorter than its head says, but for repairs
                self._database.execute('PRAGMA writable_schema=ON')
                self._read_topics()
                self._cut_off = True
                self.damage.append(Damage('', None, f"'{name}', byte {path.stat().st_size}", 'the file breaks off; it '
                                          'was not copied to its end', None))
        except sqlite3.Error as error:
            self.close()
            raise ArchiveError(f"'{name}' cannot be read as an SQLite bag ({error}); restore it or leave it out."
                               ) from error
        self.start, self.end = self._limits()

    def close(self) -> None:
        if hasattr(self, '_database'):
            self._database.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _read_topics(self) -> None:
        columns = {row[1] for row in self._database.execute('PRAGMA table_info(topics)')}
        if not columns or not list(self._database.execute('PRAGMA table_info(messages)')):
            raise sqlite3.DatabaseError('it has no tables topics and messages')
        definitions = {}
        if list(self._database.execute('PRAGMA table_info(message_definitions)')):
            definitions = {name: Definition(encoding, text.encode()) for name, encoding, text in self._database.execute(
                'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions')}
        optional = [column if column in columns else "''" for column in ('offered_qos_profiles',
                                                                         'type_description_hash')]
        for number, name, kind, form, qos, digest in self._database.execute(
                f'SELECT id, name, type, serialization_format, {", ".join(optional)} FROM topics ORDER BY id'):
            topic = Topic(name, kind, form, definitions.get(kind, Definition()), offered_qos(qos), digest or '')
            self._topics[number] = topic
            self.counts.setdefault(topic, 0)
        try:
            for number, count in self._database.execute('SELECT topic_id, count(*) FROM messages GROUP BY topic_id'):
                if number in self._topics:
                    self.counts[self._topics[number]] += count
        except sqlite3.Error:
            # damaged: how many there are shows when they are read
            self.counts = dict.fromkeys(self.counts, -1)

    def _limits(self) -> tuple[int, int]:
        try:
            start, end = self._database.execute('SELECT min(timestamp), max(timestamp) FROM messages').fetchone()
            return (FOREVER, 0) if start is None else (start, end)
        except sqlite3.Error:
            return 0, FOREVER - 1

    def messages(self, topics: Collection[Topic], start: int = 0, stop: int = FOREVER) -> Iterator[Message | Damage]:
        wanted = {number for number, topic in self._topics.items() if topic in topics}
        read = self._database.cursor()
        last: int | None = None
        for row, time, there in self._rows(start, stop):
            if isinstance(row, Damage):
                yield row
                continue
            place = f"'{self._name}', message {row}"
            number = None
            try:
                number, = read.execute('SELECT topic_id FROM messages WHERE id = ?', (row,)).fetchone()
                if number not in wanted:
                    continue
                at, data = read.execute('SELECT timestamp, data FROM messages WHERE id = ?', (row,)).fetchone()
                if self._cut_off and not any(data[-16:]) and not self._readable(row + 1):
                    raise sqlite3.DatabaseError('the end of the message is missing')
            except (sqlite3.Error, TypeError) as error:
                if there and (number is None or number in wanted):
                    self._check()
                    name = self._topics[number].name if number in wanted else ''
                    yield Damage(name, time if time is not None else last, place, f'the database is damaged ({error})')
                continue
            last = at
            if start <= at < stop:
                yield Message(self._topics[number], at, data, place, at)

    def _rows(self, start: int, stop: int) -> Iterator[tuple[int | Damage, int | None, bool]]:
        """
        Give the numbers of the messages in the order of time; past a damaged index in the order of recording.

        :returns: number, time if it is known, and whether there is such a message for certain.
        """
        seen: set[int] = set()
        last = None
        try:
            # the index of timestamps alone: no page of messages is touched
            walk = self._database.execute('SELECT id, timestamp FROM messages WHERE timestamp >= ? AND timestamp < ? '
                                          'ORDER BY timestamp, id', (start, min(stop, FOREVER - 1)))
            for row, time in walk:
                seen.add(row)
                last = time
                yield row, time, True
        except sqlite3.Error as error:
            self._check()
            yield Damage('', last, f"'{self._name}'", f'the index of the database is damaged ({error}); what follows '
                         'is searched message by message', 0), None, False
            end = self._last_row()
            for row in range(1, (end or max(seen, default=0) + _SEARCHED) + 1):
                if row not in seen:
                    yield row, None, end > 0

    def _check(self) -> None:
        """
        Tell a file that is gone from a damaged one, which looks the same to SQLite.

        :raises OSError: it cannot be read any more, as that of a lost share.
        """
        with self._path.open('rb') as file:
            file.read(1)

    def _readable(self, row: int) -> bool:
        """
        Tell whether a message can be read.

        Where a file breaks off in front of the last page of a message, SQLite gives zeros for that page.
        """
        try:
            return self._database.execute('SELECT data FROM messages WHERE id = ?', (row,)).fetchone() is not None
        except sqlite3.Error:
            return False

    def _last_row(self) -> int:
        """Return the highest number of a message; 0 if that cannot be read."""
        try:
            return self._database.execute('SELECT max(id) FROM messages').fetchone()[0] or 0
        except sqlite3.Error:
            return 0


def _quoted(path: Path) -> str:
    """Escape what SQLite's URIs give a meaning."""
    return str(path.absolute()).replace('%', '%25').replace('?', '%3f').replace('#', '%23')
