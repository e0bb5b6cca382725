# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
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
