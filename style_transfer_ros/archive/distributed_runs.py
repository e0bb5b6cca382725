# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Bags, videos and pictures on a cluster; the results are those of one process, to the byte."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
import time
from typing import Any

from style_transfer_ros.archive import folders, locations, segments, video_file, videos
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.bags import begin_bag, finish
from style_transfer_ros.archive.cluster import Cluster, Task
from style_transfer_ros.archive.plan import Look, Plan, Segment, WINDOW_SECONDS
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import check, StopAtDamage, Unfinished, unfinished
from style_transfer_ros.engine.errors import ArchiveError, StyleTransferError


class _BagRun:
    """
    One bag on its way: its segments, then the windows that are complete, in order.

    :param fail: is given the error with which the bag is given up; what it raises ends the run of all bags.
    """

    def __init__(self, location: str, out: str, look: Look, report: Report, stack: ExitStack, on_error: str,
                 progress: Callable[[int, int], None], options: dict[str, Any], resume: bool,
                 fail: Callable[[StyleTransferError], None]) -> None:
        self.location, self.out, self._report, self._on_error = location, out, report, on_error
        self._fail, self._given_up = fail, False
        self._begin = time.monotonic()
        self._progress = progress
        self.run: Unfinished = stack.enter_context(unfinished(out, resume, [location], report.note))
        self.parts = self.run.parts()
        with Bag(location) as bag:
            self.plan, _, self.folder, self._total = begin_bag(bag, out, self.run, look, report, on_error, **options)
            self._has_extras = bool(bag.extras)
        stack.callback(self.folder.close)
        self._own = Report()
        for counts in self.folder.reports():
            self._own.add(counts)
        self._text = self.plan.to_json()
        self._finished = set(locations.listed(self.parts)) if locations.kind(self.parts) == 'folder' else set()
        self._left = {window.number: len(self.plan.topics) for window in self.plan.windows}
        self._lost: dict[int, list[int]] = {}
        self._joined: dict[int, dict[str, Any]] = {}
        self._painted = self._own.painted.total()

    def tasks(self) -> Iterator[Task]:
        """Give a task for each segment that is not painted yet, and for windows of which only the join is missing."""
        try:
            for task in self._tasks():
                if self._given_up:
                    return
                yield task
        except StyleTransferError as error:
            self._give_up(error)

    def _give_up(self, error: StyleTransferError) -> None:
        """Leave this bag out; what is running of it comes to nothing."""
        if not self._given_up:
            self._given_up = True
            self._report.add(self._own.counts())
            self._fail(error)

    def _tasks(self) -> Iterator[Task]:
        if self.folder.windows == len(self.plan.windows):
            self._finish()
        for window in self.plan.windows[self.folder.windows:]:
            ready = segments.window_of(window, self.parts).rsplit('/', 1)[-1]
            if ready in self._finished and (counts := self._report_of(ready)) is not None:
                yield from self._window_done(window.number)(counts)
                continue
            for n, topic in enumerate(self.plan.topics):
                segment = Segment(window, topic)
                done = self._segment_done(window.number, n)
                if (result := self._report_of(f'{segment.name}.mcap')) is not None:
                    yield from done(result)
                else:
                    yield Task(segments.paint_segment, (self._text, window.number, n, self.parts), done, self._give_up)

    def _report_of(self, part: str) -> dict[str, Any] | None:
        """Return what is told of a part that is finished, else None."""
        report = segments.report_of(part)
        return locations.read_report(locations.below(self.parts, report)) if report in self._finished else None

    def _segment_done(self, window: int, topic: int) -> Callable[[Any], Iterable[Task]]:
        def done(result: dict[str, Any] | None) -> Iterable[Task]:
            if result is None:
                self._lost.setdefault(window, []).append(topic)
                name = self.plan.topics[topic].name
                at = self.plan.windows[window].start / 1e9
                self._report.note(f"The segment of '{name}' from {at:.0f} s on killed two workers and is given up.")
            else:
                self._painted += result['painted']
                self._progress(self._painted, self._total)
            self._left[window] -= 1
            if self._left[window] or self._given_up:
                return []
            return [Task(segments.join_window, (self._text, window, self.parts, self._lost.get(window, [])),
                         self._window_done(window), self._give_up)]
        return done

    def _window_done(self, window: int) -> Callable[[Any], Iterable[Task]]:
        def done(counts: dict[str, Any] | None) -> Iterable[Task]:
            if self._given_up:
                return []
            if counts is None:
                raise ArchiveError(f"Joining window {window} of '{self.location}' killed two workers; give them more "
                                   'memory, and go on with --resume.')
            self._joined[window] = counts
            while self.folder.windows in self._joined:
                number = self.folder.windows
                one = self._joined.pop(number)
                for text in one['damage']:
                    self._report.tell.damage(f'Left out: {text}')
                self._own.add(one)
                if one['damage'] and self._on_error == 'stop':
                    raise StopAtDamage(f"Stopped at the first damage ({one['damage'][0]}); --on-error skip leaves it "
                                       'out.')
                location = segments.window_of(self.plan.windows[number], self.parts)
                self.folder.append(self.run.fetched(location), one)
                for topic in self.plan.topics:
                    self.run.forget(segments.part_of(Segment(self.plan.windows[number], topic), self.parts))
            if self.folder.windows == len(self.plan.windows):
                self._finish()
            return []
        return done

    def _finish(self) -> None:
        self.folder.close()         # its thread writes where a bag of which nothing was painted is removed
        with Bag(self.location) if self._has_extras else nullcontext() as bag:
            finish(self.location, self.folder, self.run, self._own, bag.extras if bag else ())
        self._report.add(self._own.counts())
        self._report.outputs.append(self.out)


def repaint_bags(cluster: Cluster, bags: Sequence[tuple[str, str]], look: Look, report: Report, *,
                 on_error: str = 'skip', resume: bool = False, topics: Sequence[str] = (), replace: bool = False,
                 start: float = 0.0, stop: float | None = None, window: float = WINDOW_SECONDS,
                 progress: Callable[[str], Callable[[int, int], None]] = lambda name: lambda done, total: None
                 ) -> list[str]:
    """
    Repaint bags on a cluster; the segments of the next bag follow those of the one before without a pause.

    :param bags: (bag, new bag) each, paths or URLs that all workers can reach.
    :param progress: is given the name of a bag, and returns what is told how many frames of how many are done.
    :returns: for each bag that could not be painted the reason.
    """
    begin = time.monotonic()
    cluster.check(look)
    options = {'topics': topics, 'replace': replace, 'start': start, 'stop': stop, 'window': window}
    failed: list[str] = []
    with ExitStack() as stack:
        def fail(error: StyleTransferError) -> None:
            if len(bags) == 1 or isinstance(error, StopAtDamage):
                raise error
            failed.append(str(error))
            report.damaged(str(error))

        def tasks() -> Iterator[Task]:
            for location, out in bags:
                try:
                    run = _BagRun(location, out, look, report, stack, on_error,
                                  progress(location.rstrip('/').rsplit('/', 1)[-1]), options, resume, fail)
                except StyleTransferError as error:
                    fail(error)
                    continue
                yield from run.tasks()
        cluster.run(tasks(), look)
    report.seconds += time.monotonic() - begin
    return failed


def repaint_video(cluster: Cluster, location: str, out: Path, look: Look, report: Report, *, start: float = 0.0,
                  stop: float | None = None, window: float = WINDOW_SECONDS, resume: bool = False,
                  on_error: str = 'skip', progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """
    Repaint a video on a cluster; ``OUT.unfinished`` is on a disk that all workers share.

    :raises ArchiveError: PyAV is missing, or nothing can be painted.
    """
    begin = time.monotonic()
    videos.check_ending(out)
    if not video_file.has_pyav():
        raise ArchiveError("A video on several workers needs PyAV; run 'pip install -r requirements/video.txt'.")
    cluster.check(look)
    with unfinished(out, resume, [location], report.note) as run:
        with video_file.Video(location) as video:
            plan = videos.make_plan(video, location, look, start, stop, window)
            total = video.frames
        run.agree(plan)
        parts = run.folder.absolute() / 'parts'
        parts.mkdir(exist_ok=True)

        def done(number: int) -> Callable[[Any], Iterable[Task]]:
            def count(counts: dict[str, Any] | None) -> Iterable[Task]:
                if counts is None:
                    raise ArchiveError(f'Window {number} of the video killed two workers; give them more memory, and '
                                       'go on with --resume.')
                before = len(report.damage)
                for text in counts['damage']:
                    report.tell.damage(f'Left out: {text}')
                report.add(counts)
                check(before, report, on_error)
                progress(report.painted.total(), total)
                return []
            return count

        def tasks() -> Iterator[Task]:
            for one in plan.windows:
                if (counts := videos.told(parts, one)) is not None:
                    done(one.number)(counts)
                else:
                    yield Task(segments.paint_video_window, (plan.to_json(), one.number, str(parts)), done(one.number))
        cluster.run(tasks(), look)
        videos.finish(location, plan, parts, out, run, report)
    report.outputs.append(str(out))
    report.seconds += time.monotonic() - begin


#: Pictures that a worker paints in one go.
_BATCH = 32


def repaint_pictures(cluster: Cluster, inputs: Sequence[str], out: Path, look: Look, report: Report, *,
                     resume: bool = False, on_error: str = 'skip',
                     progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """
    Repaint pictures on a cluster; inputs and ``OUT.unfinished`` are on a disk that all workers share.

    :raises ArchiveError: pictures are to be smoothed, which is one after the other, or nothing can be painted.
    """
    begin = time.monotonic()
    if look.settings.smoothing:
        raise ArchiveError('With --smoothing each picture depends on the one before; leave out --workers or '
                           '--smoothing.')
    cluster.check(look)
    with folders.picture_run(inputs, out, look, report, resume, on_error) as (left, folder, total):
        text = Plan('', {}, look, (), ()).to_json()

        def done(counts: dict[str, Any] | None) -> Iterable[Task]:
            if counts is None:
                report.damaged('Some pictures killed two workers and are left out; give the workers more memory.', None)
                return []
            before = len(report.damage)
            for damage in counts['damage']:
                report.tell.damage(f'Left out: {damage}')
            report.add(counts)
            check(before, report, on_error)
            progress(report.painted['pictures'], total)
            return []

        fields = [(task.number, str(Path(task.source).absolute()), task.name) for task in left]
        cluster.run((Task(segments.paint_pictures, (text, fields[at:at + _BATCH], str(folder.absolute())), done)
                     for at in range(0, len(fields), _BATCH)), look)
    report.seconds += time.monotonic() - begin
