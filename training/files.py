"""Files that are there whole or not at all, though a run can be stopped at any time."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a path to write to, with the same ending; it takes the place of ``file`` when the block is done."""
    unfinished = file.with_name(f'.new-{file.name}')
    yield unfinished
    unfinished.replace(file)
