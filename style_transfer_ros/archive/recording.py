# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Record messages into a rosbag2 bag (MCAP) as they come, without rosbag2; ``record_node`` of the ROS layer brings them.

Writing never holds up who brings the messages: they wait in a bounded queue, and what finds no room there is dropped
and counted.  A chunk goes to the disk at least every second, so that a recorder that is killed loses less than that.
"""
from __future__ import annotations

from collections import Counter, deque
import errno
from pathlib import Path
import threading
import time as clock

from style_transfer_ros.archive.bag_writer import describe, WindowWriter, write_metadata
from style_transfer_ros.archive.records import Topic
from style_transfer_ros.engine.errors import ArchiveError, sentence

#: Messages that may wait for the disk, bytes: nine seconds of raw 640x480 at 30 frames/s.
QUEUE_BYTES = 256 << 20
#: A chunk is closed at least so often, s.
_FLUSH = 1.0


class Recorder:
    """
    A bag that grows; any thread may bring messages.

    :param folder: of the bag, which does not exist yet.
    :raises ArchiveError: it exists, or cannot be made.
    """

    def __init__(self, folder: Path, queue_bytes: int = QUEUE_BYTES) -> None:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise ArchiveError(f"'{folder}' exists already and is not overwritten; choose another name.") from None
        except OSError as error:
            raise ArchiveError(f"'{folder}' cannot be made ({error.strerror}); choose another place.") from error
        self.folder, self._limit = folder, queue_bytes
        self._file = f'{folder.name}_0.mcap'
        self._writer = WindowWriter(folder / self._file, ())
        self._topics: list[Topic] = []
        self._changed = threading.Condition()       # guards what follows
        self._waiting: deque[tuple[Topic, int, bytes, int]] = deque()
        self._bytes = 0
        self._closing = False
        #: Messages that found no room in the queue, by topic.
        self.dropped: Counter[str] = Counter()
        #: Messages in the bag.
        self.written = 0
        #: Why nothing more can be written, such as a full disk.
        self.problem: OSError | None = None
        self._counts: Counter[int] = Counter()
        self._first, self._last = 1 << 63, 0
        self._thread = threading.Thread(target=self._write, name='recorder', daemon=True)
        self._thread.start()

    def put(self, topic: Topic, time: int, data: bytes, published: int = -1) -> bool:
        """
        Bring a message.

        :param time: of its arrival, ns; ``published`` as the publisher told it.
        :returns: whether it found room.
        """
        with self._changed:
            if self._closing or self.problem is not None or self._bytes + len(data) > self._limit:
                self.dropped[topic.name] += 1
                return False
            self._waiting.append((topic, time, data, published))
            self._bytes += len(data)
            self._changed.notify()
            return True

    def _write(self) -> None:
        flushed = clock.monotonic()
        try:
            while True:
                with self._changed:
                    if not self._waiting and not self._closing:
                        self._changed.wait(_FLUSH)
                    if not self._waiting and self._closing:
                        return
                    item = self._waiting.popleft() if self._waiting else None
                    self._bytes -= len(item[2]) if item else 0
                if item is not None:
                    self._write_one(*item)
                if clock.monotonic() - flushed > _FLUSH:
                    self._writer.flush()
                    flushed = clock.monotonic()
        except Exception as error:      # of any kind: a thread that ends silently would lose all that comes
            with self._changed:
                self.problem = error if isinstance(error, OSError) else OSError(errno.EIO, sentence(error))
                self.dropped.update(topic.name for topic, *_ in self._waiting)
                self._waiting.clear()

    def _write_one(self, topic: Topic, time: int, data: bytes, published: int) -> None:
        if topic not in self._topics:
            self._writer.add(topic)
            self._topics.append(topic)
        self._writer.write(topic, time, data, published)
        self._counts[self._topics.index(topic) + 1] += 1
        self._first, self._last = min(self._first, time), max(self._last, time)
        self.written += 1

    def close(self) -> None:
        """
        Write what waits and complete the bag.

        :raises ArchiveError: something could not be written; what is in the file can be read.
        """
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify()
        self._thread.join()
        if self.problem is None:
            try:
                information = describe(self._file, self._topics, self._counts, self._first if self.written else 0,
                                       self._last)
                self._writer.describe(information)
                self._writer.close()
                write_metadata(self.folder, information)
                return
            except OSError as error:
                self.problem = error
        raise ArchiveError(f"The bag '{self.folder}' could not be completed ({self.problem.strerror}); make room. What "
                           'is there can be read and painted.')

    def summary(self) -> str:
        """Say how many messages were recorded and dropped."""
        dropped = ', '.join(f'{count} of {name}' for name, count in sorted(self.dropped.items())) or '0'
        return f"Recorded {self.written} messages into '{self.folder}'; dropped {dropped}."
