# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Paths and URLs: the few things that the archive does with files, here or in object storage through fsspec."""
from __future__ import annotations

from contextlib import ExitStack
import json
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import ArchiveError

#: Bytes that are read ahead from object storage: a few chunks of a bag.
_AHEAD = 8 << 20


def is_url(location: str) -> bool:
    """Tell a URL such as ``s3://bucket/bag`` from a path."""
    return re.match(r'[a-z][a-z0-9+.-]*://', location) is not None


def _filesystem(location: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
        return url_to_fs(location)
    except ImportError as error:
        raise ArchiveError(f"'{location}' needs a package that is not installed ({error.name}); run "
                           "'pip install -r requirements/scale.txt'.") from error
    except ValueError as error:
        raise ArchiveError(f"'{location}' is a URL of an unknown kind ({error}); s3://, gs:// and others of fsspec are "
                           'known.') from error


def kind(location: str) -> str | None:
    """Return ``file``, ``folder`` or None."""
    if not is_url(location):
        path = Path(location)
        return 'folder' if path.is_dir() else 'file' if path.is_file() else None
    system, name = _filesystem(location)
    return 'file' if system.isfile(name) else 'folder' if system.isdir(name) else None


def listed(folder: str) -> list[str]:
    """Return the names in a folder."""
    if not is_url(folder):
        return [path.name for path in Path(folder).iterdir()]
    system, path = _filesystem(folder)
    return [name.rstrip('/').rsplit('/', 1)[-1] for name in system.ls(path, detail=False)]


def below(folder: str, name: str) -> str:
    """Return the location of ``name`` in a folder."""
    return f'{folder.rstrip("/")}/{name}' if is_url(folder) else str(Path(folder) / name)


def opened(location: str, ahead: bool = True) -> BinaryIO:
    """
    Open a file to read at any place.

    :param ahead: fetch more from object storage than is read, for what comes next; else just that.
    """
    if not is_url(location):
        return open(location, 'rb')
    system, path = _filesystem(location)
    return system.open(path, 'rb', block_size=_AHEAD, cache_type='readahead' if ahead else 'none')


def local_copy(location: str, stack: ExitStack, beside: str) -> Path:
    """
    Return a path on this machine; what is elsewhere is copied until ``stack`` is closed.

    :param beside: ending of a second file, which is copied, too, if it is there.
    """
    if not is_url(location):
        return Path(location)
    folder = stack.enter_context(TemporaryDirectory(prefix='style_transfer_bag_'))
    path = Path(folder) / location.rsplit('/', 1)[-1]
    for ending in ('', beside) if kind(f'{location}{beside}') else ('',):
        with opened(f'{location}{ending}') as source, Path(f'{path}{ending}').open('wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return path


def publish(path: Path, location: str) -> None:
    """Put a complete file of this machine to its place, where it appears whole or not at all; ``path`` is used up."""
    if is_url(location):
        system, name = _filesystem(location)
        system.put_file(str(path), name)        # object storage shows an object when it is complete
        path.unlink()
        return
    target = Path(location)
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open('rb') as source, replacing(target) as file:
        shutil.copyfileobj(source, file, 1 << 20)
    path.unlink()


def write_text(location: str, text: str) -> None:
    """Write a small file, which appears whole or not at all."""
    if is_url(location):
        system, target = _filesystem(location)
        system.pipe_file(target, text.encode())
        return
    with replacing(Path(location)) as file:
        file.write(text.encode())


def read_text(location: str) -> str:
    """Read a small file."""
    with opened(location) as file:
        return file.read().decode()


def read_report(location: str) -> dict[str, Any] | None:
    """Read the report of a part; None where a failing power or an object store left no whole one."""
    try:
        found = json.loads(read_text(location))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def remove(folder: str) -> None:
    """Remove a folder with all in it."""
    if is_url(folder):
        system, path = _filesystem(folder)
        if system.exists(path):
            system.rm(path, recursive=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder(location: str) -> None:
    """Make a folder; object storage needs none."""
    if not is_url(location):
        Path(location).mkdir(exist_ok=True)
