# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Repaint a bag: plan, paint, join; whole, or again from where it was interrupted.

While a run is not complete everything is in ``OUT.unfinished``; ``OUT`` appears at its end.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
import time
from typing import Any

from style_transfer_ros.archive import image_messages
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.bag_writer import BagFolder, WindowWriter
from style_transfer_ros.archive.latched import latched_before
from style_transfer_ros.archive.painting import Cut, Frame, Job, paint_in_order, Painted, Painters
from style_transfer_ros.archive.plan import choose_topics, cut, fingerprints, Look, PaintedTopic, Plan, WINDOW_SECONDS
from style_transfer_ros.archive.records import Damage, Extra, Message, Topic
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import check, check_painted, Unfinished, unfinished
from style_transfer_ros.engine.errors import ArchiveError


def make_plan(bag: Bag, location: str, look: Look, *, topics: Sequence[str] = (), replace: bool = False,
              start: float = 0.0, stop: float | None = None, window: float = WINDOW_SECONDS
              ) -> tuple[Plan, list[str]]:
    """
    Plan how a bag is painted.

    :param topics: names; none: all image topics.
    :param replace: paint under the cameras' own names.
    :param start: of the time to paint, s since the beginning of the bag.
    :param stop: of the time to paint; None: the end of the bag.
    :param window: length of a window, s.
    :returns: the plan, and sentences about what is not painted.
    :raises ArchiveError: there is nothing to paint.
    """
    chosen, notes = choose_topics(bag, topics, replace)
    first = bag.start + round(start * 1e9)
    last = bag.stop if stop is None else min(bag.stop, bag.start + round(stop * 1e9))
    if first >= last:
        length = (bag.stop - bag.start) / 1e9
        raise ArchiveError(f"Nothing lies between --from and --to: the bag '{location}' is {length:.1f} s long.")
    messages = sum(max(0, count) for count in bag.counts.values())
    share = (last - first) / (bag.stop - bag.start)
    return Plan(location, fingerprints(location), look, tuple(chosen),
                cut(first, last, round(messages * share), window)), notes


def output_topics(bag: Bag, plan: Plan) -> tuple[list[Topic], dict[Topic, tuple[PaintedTopic, Topic]]]:
    """Return the topics of the new bag, and by painted topic its plan and the topic of its paintings."""
    by_key = {(topic.name, topic.type): topic for topic in plan.topics}
    written, painted = [], {}
    for topic in bag.topics:
        job = by_key.get((topic.name, topic.type))
        if job is None:
            written.append(topic)
            continue
        output = topic if job.replace else image_messages.painted_topic(topic, job.output)
        written += [output] if job.replace else [topic, output]
        painted[topic] = job, output
    return written, painted


def image_job(topic: PaintedTopic, look: Look) -> Job:
    """Say how the messages of an image topic are painted."""
    def decode(message: Message) -> tuple[Any, Any, float]:
        picture = image_messages.read(message.data, topic.type)
        return picture, picture.rgb, picture.stamp

    def encode(picture: image_messages.Picture, rgb: Any) -> memoryview:
        return image_messages.write(rgb, picture, topic.type, '' if topic.replace else 'rgb8')

    return Job(decode, encode, look.array(), look.settings)


def write_message(writer: WindowWriter, topic: Topic, source: Message, data: Any, report: Report) -> None:
    """Write a message at the times of another one."""
    writer.write(topic, source.time, data, source.published, source.sequence)
    report.written += 1


def write_painted(writer: WindowWriter, item: Painted, job: PaintedTopic, output: Topic, report: Report) -> None:
    """Write a frame, unless its painting replaces it, and behind it its painting, if there is one."""
    message: Message = item.item
    if not job.replace:
        write_message(writer, message.topic, message, message.data, report)
    if item.error is not None:
        report.damaged(Damage(message.topic.name, message.time, message.place, str(item.error)))
        return
    write_message(writer, output, message, item.result, report)
    report.painted[output.name] += 1


def repaint_bag(location: str, out: str | Path, look: Look, painters: Painters, report: Report, *,
                topics: Sequence[str] = (), replace: bool = False, start: float = 0.0, stop: float | None = None,
                window: float = WINDOW_SECONDS, resume: bool = False, on_error: str = 'skip',
                progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """
    Repaint a bag in this process.

    :param location: path or URL of the bag.
    :param out: the new bag, a folder that does not exist yet; it appears when it is complete.
    :param painters: made with the model of ``look``.
    :param report: is filled.
    :param on_error: ``skip`` leaves out what is damaged, ``stop`` ends at the first damage.
    :param progress: is told how many frames of how many are done.
    :raises StyleTransferError: it is not possible; what is finished stays in ``OUT.unfinished``.
    """
    begin = time.monotonic()
    with Bag(location) as bag, unfinished(out, resume, [location], report.note) as run:
        plan, painted, folder, total = begin_bag(bag, str(out), run, look, report, on_error, topics=topics,
                                                 replace=replace, start=start, stop=stop, window=window)
        own = Report(report.tell)       # the report may hold other bags, too
        for done in folder.reports():
            own.add(done)
        first = folder.windows
        progress(own.painted.total(), total)
        jobs = {topic: image_job(job, look) for topic, (job, _) in painted.items()}
        results = paint_in_order(_frames(bag, plan, first, jobs), jobs, painters)
        try:
            next(results, None)         # the first cut
            for _ in plan.windows[first:]:
                part = Report(report.tell)
                with folder.new_window() as writer:
                    for item in results:
                        if isinstance(item, Cut):
                            break
                        before = len(part.damage)
                        if isinstance(item, Damage):
                            part.damaged(item)
                        elif isinstance(item, Painted):
                            write_painted(writer, item, *painted[item.camera], part)
                            progress(own.painted.total() + part.painted.total(), total)
                        else:
                            write_message(writer, item.topic, item, item.data, part)
                        check(before, part, on_error)
                folder.keep(part.counts())
                own.add(part.counts())
        finally:
            report.add(own.counts())
            results.close()
            folder.close()
        finish(location, folder, run, own, bag.extras)
    report.outputs.append(str(out))
    report.seconds += time.monotonic() - begin


def begin_bag(bag: Bag, out: str, run: Unfinished, look: Look, report: Report, on_error: str, **options: Any
              ) -> tuple[Plan, dict[Topic, tuple[PaintedTopic, Topic]], BagFolder, int]:
    """
    Plan a bag, or go on with its plan.

    :param options: of :func:`make_plan`.
    :returns: the plan, the painted topics as of :func:`output_topics`, the new bag, and about how many frames it gets.
    :raises ArchiveError: there is nothing to paint, or the run was begun differently.
    """
    plan, notes = make_plan(bag, bag.location, look, **options)
    for note in (*bag.notes, *notes):
        report.note(note)
    before = len(report.damage)
    for damage in bag.damage:
        report.damaged(damage)
    check(before, report, on_error)
    run.agree(plan)
    written, painted = output_topics(bag, plan)
    share = (plan.windows[-1].stop - plan.windows[0].start) / (bag.stop - bag.start)
    total = max(1, round(share * sum(max(0, bag.counts[topic]) for topic in painted)))
    return plan, painted, BagFolder(run.folder / 'bag', Path(out.rstrip('/')).name, written), total


def finish(location: str, folder: BagFolder, run: Unfinished, report: Report, extras: Sequence[Extra]) -> None:
    """
    Complete and publish the new bag.

    :param extras: what the bag holds beside messages.
    :raises ArchiveError: nothing was painted.
    """
    check_painted(run, report, f"Nothing of '{location}'", 'its image topics have no message in this time')
    folder.finish(extras)
    run.publish(folder.folder)


def _frames(bag: Bag, plan: Plan, first: int, jobs: dict[Topic, Job]) -> Iterator[Any]:
    """Read the windows from ``first`` on, each behind its :class:`Cut`, with what leads in to it."""
    for window in plan.windows[first:]:
        yield Cut(window.number)
        if not window.number:
            for item in latched_before(bag, window.start):
                yield Frame(item.topic, item) if isinstance(item, Message) and item.topic in jobs else item
        elif window.number == first:
            for item in bag.messages(list(jobs), plan.lead_in(first), window.start):
                if isinstance(item, Message):
                    yield Frame(item.topic, item, shown=False)
        for item in bag.messages(None, window.start, window.stop):
            if isinstance(item, Message) and item.topic in jobs:
                yield Frame(item.topic, item, leads=item.time >= plan.lead_in(window.number + 1))
            else:
                yield item
