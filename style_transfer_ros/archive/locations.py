"""Paths and URLs: the few things that the archive does with files, here or in object storage through fsspec."""
from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

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


def opened(location: str) -> BinaryIO:
    """Open a file to read at any place."""
    if not is_url(location):
        return open(location, 'rb')
    system, path = _filesystem(location)
    return system.open(path, 'rb', block_size=_AHEAD, cache_type='readahead')


def local_copy(location: str, stack: ExitStack) -> Path:
    """Return a path on this machine; what is elsewhere is copied until ``stack`` is closed."""
    if not is_url(location):
        return Path(location)
    folder = stack.enter_context(TemporaryDirectory(prefix='style_transfer_bag_'))
    path = Path(folder) / location.rsplit('/', 1)[-1]
    with opened(location) as source, path.open('wb') as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return path
