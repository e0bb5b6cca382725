# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What workers do: paint a segment of a bag into a part, join the parts of a window, paint windows of videos and pictures.

Each function depends on its arguments alone, reads and writes below paths or URLs, and returns counts.  A part is
written under another name and moved to its place, and its report (JSON) comes last and says that it is there; so a
worker that is lost costs one segment, and nothing is painted twice.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from style_transfer_ros.archive import folders, locations, video_file, videos
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.bag_writer import WindowWriter
from style_transfer_ros.archive.bags import image_job, output_topics, write_message, write_painted
from style_transfer_ros.archive.cluster import cores_of_worker
from style_transfer_ros.archive.latched import latched_before
from style_transfer_ros.archive.mcap_file import McapFile
from style_transfer_ros.archive.painting import Cut, Frame, paint_in_order, Painted, Painters
from style_transfer_ros.archive.plan import fingerprints, Look, Plan, Segment, Window
from style_transfer_ros.archive.records import Damage, Message, Topic
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.session import painters_for
from style_transfer_ros.engine.errors import ArchiveError, ImageError


@lru_cache(maxsize=2)
def painters(look: Look) -> Painters:
    """Return the painters of this process, on the cores of its worker; they are kept for the next segment."""
    return painters_for(look, cores=cores_of_worker())


def part_of(segment: Segment, parts: str) -> str:
    """Return the location of a segment's part."""
    return locations.below(parts, f'{segment.name}.mcap')


def report_of(part: str) -> str:
    """Return the location of a part's report."""
    return f'{part.rsplit(".", 1)[0]}.json'


def paint_segment(plan_text: str, window: int, topic: int, parts: str) -> dict[str, Any]:
    """
    Paint one topic of one window of a bag.

    :param plan_text: the plan as JSON.
    :param parts: folder of the parts, a path or a URL.
    :returns: its report: frames, paintings, and by number of the frame why it could not be painted.
    :raises StyleTransferError: the bag or the model is not that of the plan, or nothing can be read.
    """
    plan = Plan.from_json(plan_text)
    segment = Segment(plan.windows[window], plan.topics[topic])
    if fingerprints(plan.source) != plan.inputs:
        raise ArchiveError(f"The bag '{plan.source}' has changed since it was planned; begin the run again.")
    with Bag(plan.source) as bag, TemporaryDirectory(prefix='style_transfer_part_') as folder:
        source = next(one for one in bag.topics if (one.name, one.type) == (segment.topic.name, segment.topic.type))
        _, painted = output_topics(bag, plan)
        output = painted[source][1]

        def frames() -> Iterator[Any]:
            yield Cut(window)
            if window:
                for item in bag.messages([source], plan.lead_in(window), segment.window.start):
                    if isinstance(item, Message):
                        yield Frame(source, item, shown=False)
            for item in _messages(bag, segment.window, [source]):
                if isinstance(item, Message):
                    yield Frame(source, item)

        path = Path(folder) / 'part.mcap'
        writer = WindowWriter(path, [output])
        errors, number = {}, 0
        for item in paint_in_order(frames(), {source: image_job(segment.topic, plan.look)},
                                   painters(plan.look)):
            if isinstance(item, Painted):
                if item.error is None:
                    writer.write(output, item.item.time, item.result, sequence=number)
                else:
                    errors[number] = str(item.error)
                number += 1
        writer.close()
        part = part_of(segment, parts)
        locations.publish(path, part)
    report = {'frames': number, 'painted': number - len(errors), 'errors': errors}
    locations.write_text(report_of(part), json.dumps(report))
    return report


def _messages(bag: Bag, window: Window, topics: Sequence[Topic] | None = None) -> Iterator[Message | Damage]:
    """Read a window; what is latched at the beginning of the first one comes first."""
    if not window.number:
        yield from latched_before(bag, window.start, topics)
    yield from bag.messages(topics, window.start, window.stop)


def join_window(plan_text: str, window: int, parts: str, lost: Sequence[int] = ()) -> dict[str, Any]:
    """
    Join the parts of a window with all other messages into the MCAP file of the window, below ``parts``.

    :param lost: numbers of the topics whose segment was given up; their frames are named as left out.
    :returns: counts, as of :meth:`Report.counts`.
    """
    plan = Plan.from_json(plan_text)
    report = Report()
    with Bag(plan.source) as bag, TemporaryDirectory(prefix='style_transfer_part_') as folder:
        written, painted = output_topics(bag, plan)
        readers = {}
        for n, topic in enumerate(plan.topics):
            segment = Segment(plan.windows[window], topic)
            source = next(one for one in painted if (one.name, one.type) == (topic.name, topic.type))
            readers[source] = None if n in lost else _Part(part_of(segment, parts))
        path = Path(folder) / 'window.mcap'
        writer = WindowWriter(path, written)
        for item in _messages(bag, plan.windows[window]):
            if isinstance(item, Damage):
                report.damaged(item)
            elif item.topic in painted:
                reader = readers[item.topic]
                error = ImageError('its segment was given up: it killed two workers')
                result = Painted(item.topic, item, error=error) if reader is None else reader.next(item)
                write_painted(writer, result, *painted[item.topic], report)
            else:
                write_message(writer, item.topic, item, item.data, report)
        writer.close()
        for reader in readers.values():
            if reader is not None:
                reader.close()
        target = window_of(plan.windows[window], parts)
        locations.publish(path, target)
    locations.write_text(report_of(target), json.dumps(report.counts()))
    return report.counts()


def window_of(window: Window, parts: str) -> str:
    """Return the location of a joined window."""
    return locations.below(parts, f'window-{window.number:05d}.mcap')


class _Part:
    """The paintings of a segment, one after the other."""

    def __init__(self, location: str) -> None:
        self._errors = json.loads(locations.read_text(report_of(location)))['errors']
        self._file = McapFile(locations.opened(location), location.rsplit('/', 1)[-1])
        self._messages = self._file.messages(list(self._file.counts))
        self._number = 0

    def next(self, message: Message) -> Painted:    # noqa: A003 - there is no better word
        """
        Return what became of the next frame.

        :raises ArchiveError: the part is damaged.
        """
        number, self._number = self._number, self._number + 1
        if str(number) in self._errors:
            return Painted(message.topic, message, error=ImageError(self._errors[str(number)]))
        painting = next(self._messages, None)
        if not isinstance(painting, Message) or painting.sequence != number:
            raise ArchiveError(f'A part is damaged ({painting}); remove the unfinished run and begin again.')
        return Painted(message.topic, message, painting.data)

    def close(self) -> None:
        self._file.close()


def paint_video_window(plan_text: str, window: int, parts: str) -> dict[str, Any]:
    """
    Paint one window of a video into its part.

    :param parts: a folder on this machine or on a disk that all machines share.
    """
    plan = Plan.from_json(plan_text)
    report = Report()
    with video_file.Video(plan.source) as video:
        videos.paint_parts(video, plan, [plan.windows[window]], Path(parts), painters(plan.look), report)
    return report.counts()


def paint_pictures(look_text: str, tasks: Sequence[tuple[int, str, str]], folder: str) -> dict[str, Any]:
    """
    Paint some pictures.

    :param look_text: a plan as JSON, for its look.
    :param tasks: fields of :class:`style_transfer_ros.archive.folders.Task`.
    """
    report = Report()
    look = Plan.from_json(look_text).look
    folders.paint_tasks([folders.Task(*task) for task in tasks], look, Path(folder), painters(look), report)
    return report.counts()
