# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Files that are whole or not there at all, whatever crashes while they are written."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
import fcntl
import os
from pathlib import Path
import time
from typing import BinaryIO
from uuid import uuid4

#: An unfinished file has this ending, a dot before its name, and the lock of the process that writes it.
_UNFINISHED = '.new'
#: An unfinished file is locked within this time of being made, s.
_LOCKED_WITHIN = 2.0


@contextmanager
def replacing(path: Path, permissions: int = 0o666, anew: bool = False) -> Iterator[BinaryIO]:
    """
    Write a file beside ``path`` and move it there when the block ends without an error.

    A reader meets the old file or the new one and never a part.  After the block the file is on the disk, also if the
    power fails.

    :param path: the file to make or to replace; its folder exists.
    :param permissions: of the new file, less the umask.
    :param anew: replace nothing.
    :raises FileExistsError: ``path`` is there and nothing is to be replaced, whoever made it and when.
    :raises OSError: the folder cannot be written or the disk is full; ``path`` is as it was.
    """
    beside = path.with_name(f'.{uuid4().hex}{_UNFINISHED}')
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, permissions)
        with os.fdopen(descriptor, 'wb') as file:
            with suppress(OSError):     # a file system without locks: :func:`sweep` leaves the file alone there
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            (_move_anew if anew else os.replace)(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def _move_anew(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)       # unlike a move it fails where something is; the caller removes ``beside``
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):       # file systems without such links
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        os.replace(beside, path)


def sync_file(path: Path) -> None:
    """Make a file that something else wrote survive a power cut."""
    with path.open('rb') as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the last move or removal in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """
    Remove the unfinished files of processes that were killed while they wrote; those being written now stay.

    A folder that is not there or may not be written is left as it is.
    """
    try:
        leftovers = [path for path in folder.iterdir() if path.name.startswith('.') and path.suffix == _UNFINISHED]
    except OSError:
        return
    for path in leftovers:
        try:
            with path.open('rb') as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)        # fails while the writer lives
                if time.time() - path.stat().st_mtime > _LOCKED_WITHIN:
                    path.unlink()
        except OSError:
            continue
