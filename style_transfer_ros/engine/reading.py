# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Reads files that strangers name: regular files only, within a size and within a time.

A pipe, a device or a network mount whose server is gone must not hang a node, nor fill its memory.
"""
from __future__ import annotations

from collections.abc import Callable
import errno
import os
from pathlib import Path
from stat import S_ISREG
import threading
from typing import Any, TypeVar

from style_transfer_ros.engine.picture_headers import Read

Result = TypeVar('Result')

#: A disk answers within this time, s; a network mount whose server is gone never does.
PATIENCE = 10.0


def patiently(work: Callable[[], Result], seconds: float = PATIENCE) -> Result:
    """
    Call ``work`` in a thread of its own and wait for it, but not for ever.

    :returns: what ``work`` returns.
    :raises TimeoutError: nothing came within ``seconds``; the thread is left waiting, for nothing can end it.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, work()))
        except BaseException as error:      # noqa: B036 - carried over to the caller
            outcome.extend((False, error))
    thread = threading.Thread(target=run, name='reading', daemon=True)
    thread.start()
    thread.join(seconds)
    if len(outcome) < 2:
        raise TimeoutError(f'it does not answer within {seconds:.0f} s, as a network mount whose server is gone')
    if not outcome[0]:
        raise outcome[1]
    return outcome[1]


def read_file(path: str | Path, largest: int, check: Callable[[Read, int], None] = lambda read, size: None) -> bytes:
    """
    Read a regular file as a whole.

    :param largest: bytes.
    :param check: is called first with a function ``read(at, count)`` and the size of the file; may raise.
    :raises OSError: it is missing, not readable, no regular file, too large, or does not answer in time.
    """
    def read() -> bytes:
        # without O_NONBLOCK a pipe would wait for its writer
        with open(path, 'rb', opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not S_ISREG(status.st_mode):
                raise OSError('it is no regular file')
            if status.st_size > largest:
                raise OSError(f'it has {status.st_size} bytes, more than {largest}')
            check(lambda at, count: os.pread(file.fileno(), count, at), status.st_size)
            return file.read(largest)
    return patiently(read)


def may_be_file(path: str | Path) -> bool:
    """Tell whether a regular file is there; what nobody lets us look at counts, and reading it says why not."""
    try:
        return S_ISREG(os.stat(path).st_mode)
    except ValueError:      # no file has such a name
        return False
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


def begins_with(path: str | Path, count: int = 64) -> bytes:
    """
    Read the first bytes of a regular file.

    :raises OSError: as :func:`read_file`, whatever the file's size.
    """
    found: list[bytes] = []

    class Enough(Exception):
        pass

    def check(read: Read, size: int) -> None:
        found.append(read(0, count))
        raise Enough
    try:
        read_file(path, 1 << 62, check)
    except Enough:
        pass
    return found[0]
