# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Repaint pictures: files, folders with all below them, and patterns such as ``trip/*.jpg``."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
import glob
import os
from pathlib import Path
import time
from typing import Any

import numpy as np

from style_transfer_ros.archive.painting import Frame, Job, paint_in_order, Painted, Painters
from style_transfer_ros.archive.plan import Look, Plan
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import check, check_painted, unfinished
from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import ArchiveError
from style_transfer_ros.engine.picture_headers import picture_format
from style_transfer_ros.engine.pictures import decode_picture, encode_jpeg, encode_png, read_picture
from style_transfer_ros.engine.reading import may_be_file

JPEG_QUALITY = 95
#: Of pictures that can be written.
ENDINGS = ('.jpg', '.jpeg', '.png')
#: Of a file, bytes.
_LONGEST_NAME = 255
_CAMERA = 'pictures'


@dataclass(frozen=True)
class Task:
    """
    One picture.

    :param number: in the order of names; with smoothing pictures are frames of a video of 30 frames/s.
    :param source: the file.
    :param name: of the painting, below the folder of the result.
    """

    number: int
    source: str
    name: str


def find(inputs: Sequence[str]) -> tuple[list[Task], int, list[OSError]]:
    """
    Find the pictures.

    :param inputs: files, folders and patterns.
    :returns: the pictures, those of a folder sorted by name, with the files that cannot be read; how many other files
        lie in the folders; and why folders cannot be read.
    :raises ArchiveError: there is nothing, or no picture.
    """
    found: list[tuple[Path, Path]] = []     # file, name below its input
    others = 0
    closed: list[OSError] = []
    for text in inputs:
        path = Path(text)
        if os.path.isdir(path):
            files = sorted(file for folder, _, names in os.walk(path, onerror=closed.append) for name in names
                           if may_be_file(file := Path(folder, name)))
            is_picture = [_is_picture(file) for file in files]
            found += [(file, file.relative_to(path)) for file, good in zip(files, is_picture) if good]
            others += is_picture.count(False)
        elif os.path.isfile(path):
            found.append((path, Path(path.name)))
        else:
            matches = [Path(match) for match in sorted(glob.glob(text, recursive=True)) if may_be_file(match)]
            if not matches and may_be_file(path):
                matches = [path]
            if not matches:
                raise ArchiveError(f"There is no picture, folder or pattern '{text}'; check the path.")
            found += [(match, Path(match.name)) for match in matches]
    if not found and closed:
        raise ArchiveError(f"The folder '{closed[0].filename}' cannot be read ({closed[0].strerror}); change its "
                           'permissions.')
    if not found:
        raise ArchiveError(f"There is no picture in {', '.join(map(repr, inputs))[:200]}; give a folder with JPEG, "
                           'PNG, WebP, BMP or TIFF files.')
    tasks, taken = [], set()
    for number, (file, name) in enumerate(found):
        stem, ending = (name.stem, name.suffix) if name.suffix.lower() in ENDINGS else (name.name, '.png')
        unique, n = _named(name, stem, ending), 1
        while str(unique).lower() in taken:
            n += 1
            unique = _named(name, stem, f'_{n}{ending}')
        taken.add(str(unique).lower())
        tasks.append(Task(number, str(file), str(unique)))
    return tasks, others, closed


def _named(path: Path, stem: str, ending: str) -> Path:
    """Give a file another name; a stem with which the name is longer than file systems allow is cut."""
    while len(os.fsencode(f'{stem}{ending}')) > _LONGEST_NAME:
        stem = stem[:-1]
    return path.with_name(f'{stem}{ending}')


def _is_picture(path: Path) -> bool:
    try:
        with path.open('rb') as file:
            return picture_format(file.read(64)) is not None
    except OSError:
        return True     # perhaps; why it cannot be read is said where it is painted


def encode(rgb: np.ndarray, name: str) -> bytes:
    """
    Compress a picture as the ending of its name says.

    :raises ImageError: it is too large.
    """
    return encode_png(rgb) if name.lower().endswith('.png') else encode_jpeg(rgb, JPEG_QUALITY)


def repaint_bytes(data: bytes, name: str, look: Look, painters: Painters) -> bytes:
    """
    Repaint one picture file.

    :param name: of the painting, whose ending says what it is; empty: a JPEG stays a JPEG, all others become a PNG.
    :raises ImageError: it is no picture, or damaged.
    """
    rgb = decode_picture(data, 'The picture on the standard input')
    name = name or ('x.jpg' if picture_format(data[:64]) == 'JPEG' else 'x.png')
    job = _job(look)
    painted = painters.submit(lambda stylizer: stylizer.paint(
        rgb, job.vector, strength=look.settings.strength, preserve_color=look.settings.preserve_color,
        processing_height=look.settings.processing_height)).result()
    return encode(painted, name)


def _job(look: Look) -> Job:
    def decode(task: Task) -> tuple[Any, np.ndarray, float]:
        return task, read_picture(task.source), task.number / 30

    return Job(decode, lambda task, rgb: encode(rgb, task.name), look.array(), look.settings)


def paint_tasks(tasks: Sequence[Task], look: Look, folder: Path, painters: Painters, report: Report, *,
                on_error: str = 'skip', progress: Callable[[int], None] = lambda done: None) -> None:
    """Paint pictures into ``folder``; each appears when it is complete."""
    def frames() -> Iterator[Frame]:
        for task in tasks:
            yield Frame(_CAMERA, task)

    with closing(paint_in_order(frames(), {_CAMERA: _job(look)}, painters)) as results:
        for item in results:
            assert isinstance(item, Painted)
            before = len(report.damage)
            if item.error is not None:
                report.damaged(str(item.error))
            else:
                path = folder / item.item.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as file:
                    file.write(item.result)
                report.painted['pictures'] += 1
                report.written += 1
            check(before, report, on_error)
            progress(report.painted['pictures'])


@contextmanager
def picture_run(inputs: Sequence[str], out: Path, look: Look, report: Report, resume: bool, on_error: str
                ) -> Iterator[tuple[list[Task], Path, int]]:
    """
    Find pictures, have them painted by the block, and publish the folder.

    :returns: the pictures that are not painted yet, the folder for them, and how many pictures there are in all.
    :raises ArchiveError: there is no picture, or none could be painted.
    :raises StopAtDamage: a folder cannot be read, and ``on_error`` is ``stop``.
    """
    tasks, others, closed = find(inputs)
    before = len(report.damage)
    for error in closed:
        report.damaged(f"The folder '{error.filename}' cannot be read ({error.strerror}); change its permissions.",
                       None)
    check(before, report, on_error)
    if others:
        report.note(f'{others} files are no pictures and are left alone.')
    plan = Plan(' '.join(inputs), {task.source: _state(task.source) for task in tasks}, look, (), ())
    with unfinished(out, resume, inputs, report.note) as run:
        run.agree(plan)
        folder = run.folder / 'parts'
        folder.mkdir(exist_ok=True)
        left = [task for task in tasks if not _is_painted(folder / task.name)]
        if look.settings.smoothing and left:
            left = tasks        # each picture depends on those before it
        report.painted['pictures'] += len(tasks) - len(left)
        report.written += len(tasks) - len(left)
        yield left, folder, len(tasks)
        check_painted(run, report, 'No picture', 'the reason is not known')
        for beside in folder.rglob('.*.new'):       # a process was killed while it wrote a picture
            beside.unlink(missing_ok=True)
        run.publish(folder)
    report.outputs.append(str(out))


def _state(source: str) -> str:
    """Return what changes with a file; of one that cannot be looked at nothing: why is said where it is painted."""
    try:
        state = os.stat(source)
    except OSError:
        return ''
    return f'{state.st_size}-{state.st_mtime_ns}'


def _is_painted(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0       # a disk may empty a file when the power fails


def repaint_pictures(inputs: Sequence[str], out: Path, look: Look, painters: Painters, report: Report, *,
                     resume: bool = False, on_error: str = 'skip',
                     progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """
    Repaint pictures in this process.

    :param inputs: files, folders and patterns.
    :param out: a folder that does not exist yet; it appears when it is complete.
    :raises StyleTransferError: it is not possible; what is finished stays in ``OUT.unfinished``.
    """
    begin = time.monotonic()
    with picture_run(inputs, out, look, report, resume, on_error) as (left, folder, total):
        paint_tasks(left, look, folder, painters, report, on_error=on_error,
                    progress=lambda done: progress(done, total))
    report.seconds += time.monotonic() - begin
