# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The folder of a run that is not complete, ``OUT.unfinished``; ``OUT`` appears at its end."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import shutil

from style_transfer_ros.archive import locations
from style_transfer_ros.archive.plan import Plan
from style_transfer_ros.archive.report import Report
from style_transfer_ros.engine.atomic import replacing, sync_folder
from style_transfer_ros.engine.errors import ArchiveError, StyleTransferError

_PLAN = 'plan.json'


class Unfinished:
    """
    The folder of a run that is not complete.

    :param out: where the result will be, a path or a URL; of a URL the folder is in the working directory, and parts
        of workers are below the URL.
    :param sources: what is painted, paths or URLs.
    :param note: is given a sentence if nothing keeps another run out.
    :raises ArchiveError: there is something, another run works there, or it was begun differently.
    """

    def __init__(self, out: str | Path, resume: bool, sources: Sequence[str],
                 note: Callable[[str], None] = lambda text: None) -> None:
        self.out = str(out)
        check_outside(self.out, sources)
        self._url = locations.is_url(self.out)
        name = self.out.rstrip('/').rsplit('/', 1)[-1]
        self.folder = Path(f'{name}.unfinished') if self._url else Path(out).with_name(f'{name}.unfinished')
        if os.path.lexists(self.out) or self._url and locations.kind(self.out):
            raise ArchiveError(f"'{out}' exists already and is not overwritten; choose another name.")
        if not self.folder.absolute().parent.is_dir():
            raise ArchiveError(f"The folder '{self.folder.parent}' for '{name}' does not exist; make it.")
        if os.path.lexists(self.folder) and not resume:
            raise ArchiveError(f"'{self.folder}' holds an unfinished run; go on with it with --resume, or remove it.")
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = (self.folder / 'lock').open('w')
        except OSError as error:
            raise ArchiveError(f"'{self.folder}' cannot be made ({error.strerror}); choose another place.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveError(f"Another run is at work in '{self.folder}'; wait for its end.") from None
        except OSError as error:
            note(f"'{self.folder}' lies on a file system without locks ({error.strerror}): nothing keeps a second run "
                 'out of it, so begin none.')

    def parts(self) -> str:
        """Return the folder for the parts of workers, which all of them reach."""
        if self._url:
            return f'{self.out.rstrip("/")}.unfinished'
        folder = self.folder.absolute() / 'parts'
        folder.mkdir(exist_ok=True)
        return str(folder)

    def fetched(self, part: str) -> Path:
        """Return a part as a file of this machine, which may be used up."""
        if not self._url:
            return Path(part)
        path = self.folder / part.rsplit('/', 1)[-1]
        with locations.opened(part) as source, path.open('wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
        locations.remove(part)
        return path

    def forget(self, part: str) -> None:
        """Remove a part that is joined; its report stays, and says that it was painted."""
        if self._url:
            locations.remove(part)
        else:
            Path(part).unlink(missing_ok=True)

    def agree(self, plan: Plan) -> None:
        """
        Keep the plan, or compare it with the one that the run was begun with.

        :raises ArchiveError: they differ.
        """
        path = self.folder / _PLAN
        if path.is_file():
            begun = Plan.from_json(path.read_text(encoding='utf-8'))
            if begun != plan:
                what = next(name for name in ('schema', 'source', 'inputs', 'look', 'topics', 'windows')
                            if getattr(begun, name) != getattr(plan, name))
                told = {'look': 'style, model or settings', 'inputs': 'input files', 'topics': 'topics',
                        'windows': 'time range or window length', 'source': 'input', 'schema': 'version'}[what]
                raise ArchiveError(f"The run in '{self.folder}' was begun with other {told}; give the same ones, or "
                                   'remove that folder to begin again.')
            return
        with replacing(path) as file:
            file.write(plan.to_json().encode())

    def publish(self, result: Path) -> None:
        """
        Move the result to its place and remove the rest.

        :raises ArchiveError: something has appeared there.
        """
        if self._url:
            # metadata.yaml comes last: without it a folder in object storage is no bag yet
            for path in sorted(result.iterdir(), key=lambda path: path.name == 'metadata.yaml'):
                locations.publish(path, locations.below(self.out, path.name))
            locations.remove(self.parts())
        else:
            if os.path.lexists(self.out):
                raise ArchiveError(f"'{self.out}' has appeared meanwhile and is not overwritten; move it away and go "
                                   'on with --resume.')
            os.rename(result, self.out)
            sync_folder(Path(self.out).absolute().parent)
        self.remove()
        self._lock.close()

    def close(self) -> None:
        """Let another run go on; a folder in which nothing is finished is removed."""
        if self.folder.is_dir() and not (any(self.folder.rglob('windows.json')) or any(self.folder.rglob('parts/*'))
                                         or self._url and locations.kind(self.parts())):
            self.remove()
        self._lock.close()

    def remove(self) -> None:
        """Give up what is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def unfinished(out: str | Path, resume: bool, sources: Sequence[str],
               note: Callable[[str], None] = lambda text: None) -> Iterator[Unfinished]:
    run = Unfinished(out, resume, sources, note)
    try:
        yield run
    finally:
        run.close()


def check_outside(out: str, sources: Sequence[str]) -> None:
    """
    Refuse a place that has no name, and one inside what is painted, which would be changed by that.

    :raises ArchiveError: it is such a place.
    """
    url = locations.is_url(out)
    if not (out.rstrip('/') if url else Path(out).name.strip('.')):
        raise ArchiveError(f"'{out}' is no name for the result; write one, such as painted.")
    for source in sources:
        if url or locations.is_url(source):
            inside = out.startswith(f'{source.rstrip("/")}/')
        else:
            inside = os.path.isdir(source) and Path(os.path.realpath(source)) in Path(os.path.realpath(out)).parents
        if inside:
            raise ArchiveError(f"'{out}' lies inside the input '{source}', which is never changed; choose a place "
                               'outside.')


class StopAtDamage(StyleTransferError):
    """Something is damaged, and the user wants to know that first."""


def check(damage_before: int, report: Report, on_error: str) -> None:
    """
    Stop at the first damage if that is asked for.

    :raises StopAtDamage: there is some.
    """
    if on_error == 'stop' and len(report.damage) > damage_before:
        raise StopAtDamage(f'Stopped at the first damage ({report.damage[-1].rstrip(".")}); --on-error skip leaves it '
                           'out.')


def check_painted(run: Unfinished, report: Report, what: str, otherwise: str) -> None:
    """
    Give a run up if nothing was painted.

    :param what: could not be painted.
    :param otherwise: why, where nothing is damaged.
    :raises ArchiveError: so it is.
    """
    if not report.painted.total():
        run.remove()
        raise ArchiveError(f'{what} could be painted; {(*report.damage, otherwise)[0].rstrip(".")}.')
