"""A progress bar with rate and time left, on the error stream, so that results may go through the other one."""
from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Frames per second since the beginning."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text('' if rate is None else f'{rate:.1f} frames/s')


def progress_bar(quiet: bool = False) -> Progress:
    """Return a bar for frames; use it as a context manager."""
    return Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), _Rate(),
                    TimeRemainingColumn(elapsed_when_finished=True), console=Console(stderr=True), disable=quiet)
