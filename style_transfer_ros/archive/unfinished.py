"""The folder of a run that is not complete, ``OUT.unfinished``; ``OUT`` appears at its end."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import shutil

from style_transfer_ros.archive.plan import Plan
from style_transfer_ros.archive.report import Report
from style_transfer_ros.engine.errors import ArchiveError, StyleTransferError

_PLAN = 'plan.json'


class Unfinished:
    """
    The folder of a run that is not complete.

    :param out: where the result will be.
    :raises ArchiveError: there is something, another run works there, or it was begun differently.
    """

    def __init__(self, out: Path, resume: bool) -> None:
        self.out = out
        self.folder = out.with_name(f'{out.name}.unfinished')
        if os.path.lexists(out):
            raise ArchiveError(f"'{out}' exists already and is not overwritten; choose another name.")
        if not out.absolute().parent.is_dir():
            raise ArchiveError(f"The folder '{out.parent}' for '{out.name}' does not exist; make it.")
        if os.path.lexists(self.folder) and not resume:
            raise ArchiveError(f"'{self.folder}' holds an unfinished run; go on with it with --resume, or remove it.")
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = (self.folder / 'lock').open('w')
        except OSError as error:
            raise ArchiveError(f"'{self.folder}' cannot be made ({error.strerror}); choose another place.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArchiveError(f"Another run is at work in '{self.folder}'; wait for its end.") from None

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
        beside = path.with_suffix('.new')
        beside.write_text(plan.to_json(), encoding='utf-8')
        os.replace(beside, path)

    def publish(self, result: Path) -> None:
        """Move the result to its place and remove the rest."""
        os.rename(result, self.out)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def close(self) -> None:
        """Let another run go on; a folder in which nothing is finished is removed."""
        if self.folder.is_dir() and not (any(self.folder.rglob('windows.json')) or any(self.folder.rglob('parts/*'))):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def remove(self) -> None:
        """Give up what is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def unfinished(out: Path, resume: bool) -> Iterator[Unfinished]:
    run = Unfinished(out, resume)
    try:
        yield run
    finally:
        run.close()


class StopAtDamage(StyleTransferError):
    """Something is damaged, and the user wants to know that first."""


def check(damage_before: int, report: Report, on_error: str) -> None:
    """
    Stop at the first damage if that is asked for.

    :raises StopAtDamage: there is some.
    """
    if on_error == 'stop' and len(report.damage) > damage_before:
        raise StopAtDamage(f'Stopped at the first damage ({report.damage[-1]}); --on-error skip leaves it out.')
