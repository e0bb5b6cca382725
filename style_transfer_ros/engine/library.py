# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The style library: a folder in which every learned style survives a restart.

One style is one file, ``<quoted name>.style``, a JSON document in UTF-8 with a schema version and a checksum.  It is
written beside its place and then moved onto it, so that a reader meets the old style or the new one and never a part,
whatever crashes.  Several processes may share a folder without a lock; who writes a name last wins.

Only the user may read the files, unless the folder was opened for others on purpose: a file gets the permissions of
its folder.
"""
from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass, replace
import hashlib
import json
import os
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import Any, NamedTuple
import unicodedata
from urllib.parse import quote

import numpy as np
import platformdirs

from style_transfer_ros.engine.atomic import replacing, sweep, sync_folder
from style_transfer_ros.engine.errors import shown, StyleError

#: Schema 1 called the model ``network``; it is read, too.
SCHEMA = 2
#: Numbers in a style vector, at most; a model says how many it takes.
LONGEST_VECTOR = 4096
LONGEST_NAME = 100
#: What the time of a ROS message can say, s since 1970.
_END_OF_TIME = 2 ** 31
#: Names that a message lists, and their characters, at most.
_MOST_LISTED, _LONGEST_LIST = 20, 300
#: Bytes; a style takes about 30 kB, so what is larger is something else.
LARGEST_FILE = 1 << 20
#: The folder of the notes that styles were offered once.
_MARKERS = '.offered'
#: Zero-width (non-)joiners: invisible, but spelling in Persian, in Indic scripts and in emoji.
_JOINERS = str.maketrans('', '', '\u200c\u200d')


def default_folder() -> Path:
    """Return the library's place when none is configured, below the user's data folder."""
    return platformdirs.user_data_path('style_transfer_ros') / 'styles'


def checked_name(name: str) -> str:
    """
    Return the name in the one spelling (NFC) under which the library knows it.

    :raises StyleError: it is empty, too long or holds control characters.
    """
    name = unicodedata.normalize('NFC', name)
    if not name.strip() or len(name) > LONGEST_NAME or not name.translate(_JOINERS).isprintable():
        shown = name if len(name) <= LONGEST_NAME else f'{name[:LONGEST_NAME]}...'
        raise StyleError(f"A style's name has 1 to {LONGEST_NAME} printable characters, but {shown!r} has "
                         f'{len(name)} characters or some that cannot be printed; choose another name.')
    return name


@dataclass(frozen=True, eq=False)
class Style:
    """
    A learned style.

    :param name: see :func:`checked_name`.
    :param source: where its picture came from, for people.
    :param model: the name of the model whose transformer reads the vector.
    :param vector: float32, (K,), finite; copied and made read-only.
    :param thumbnail: the picture as JPEG, shorter side 256 pixels, enough to learn it again with another network.
    :param learned: seconds since 1970.
    :raises StyleError: the name, the vector or the time is not possible.
    """

    name: str
    source: str
    model: str
    vector: np.ndarray
    thumbnail: bytes
    learned: float

    def __post_init__(self) -> None:
        if not 0 <= self.learned < _END_OF_TIME:
            raise StyleError(f'The style {shown(self.name)} was learned at {self.learned} s since 1970, but 0 to '
                             f'{_END_OF_TIME} is needed.')
        with np.errstate(over='ignore'):
            vector = np.array(self.vector, np.float32)
        if vector.ndim != 1 or not 1 <= len(vector) <= LONGEST_VECTOR or not np.isfinite(vector).all():
            raise StyleError(f'The vector of the style {self.name!r} has the shape {vector.shape} or numbers that are '
                             f'not finite, but 1 to {LONGEST_VECTOR} finite numbers are needed; learn the style again.')
        vector.flags.writeable = False
        object.__setattr__(self, 'vector', vector)
        object.__setattr__(self, 'name', checked_name(self.name))
        for field in ('source', 'model'):     # of a path with bytes that are no UTF-8
            object.__setattr__(self, field, getattr(self, field).encode('utf-8', 'replace').decode())


def _file_name(name: str) -> str:
    """Return the one file name of a style: plain ASCII, no dot, no slash, short enough for any file system."""
    quoted = quote(name, safe=' ').replace('.', '%2E').replace('~', '%7E')
    if len(quoted) > 120:   # ~ marks the cut, and no uncut name has one
        quoted = f'{quoted[:100]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}'
    return f'{quoted}.style'


def _checksum(document: dict[str, Any]) -> str:
    """Return the SHA-256 of the canonical form, the field ``checksum`` left out."""
    fields = {key: value for key, value in document.items() if key != 'checksum'}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


def _written(style: Style) -> bytes:
    document = {
        'schema': SCHEMA, 'name': style.name, 'source': style.source, 'model': style.model,
        'vector': style.vector.tolist(), 'learned': float(style.learned),
        'thumbnail': base64.b64encode(style.thumbnail).decode('ascii'),
    }
    document['checksum'] = _checksum(document)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _read(path: Path) -> Style:
    """
    Read one file.

    :raises StyleError: it is foreign, damaged, from a newer version, or another style's by its name.
    :raises OSError: it is gone or may not be read.
    """
    with path.open('rb') as file:
        data = file.read(LARGEST_FILE + 1)
    try:
        document: Any = json.loads(data) if len(data) <= LARGEST_FILE else None
        schema = document['schema']
    except (ValueError, TypeError, KeyError, RecursionError):
        raise StyleError(f'The file {path} is no style file, or only a part of one; remove it and learn the style '
                         'again.') from None
    if schema not in (1, SCHEMA):
        raise StyleError(f'The style file {path} has schema {schema!r}, but this version reads 1 to {SCHEMA}; update '
                         'style_transfer_ros or remove the file.')
    try:
        if document['checksum'] != _checksum(document):
            raise ValueError('checksum')
        model = document['network' if schema == 1 else 'model']
        style = Style(document['name'], document['source'], model, document['vector'],
                      base64.b64decode(document['thumbnail'], validate=True), float(document['learned']))
    except (ValueError, TypeError, KeyError, AttributeError, StyleError) as error:
        raise StyleError(f'The style file {path} is damaged: its checksum or a field is wrong; remove it and learn the '
                         'style again.') from error
    if path.name != _file_name(style.name):
        raise StyleError(f'The file {path} holds the style {style.name!r}, which is looked for in '
                         f'{_file_name(style.name)}; rename or remove the file.')
    return style


def _unknown(name: str, names: list[str]) -> StyleError:
    known = ''
    for count, other in enumerate(names):
        if count == _MOST_LISTED or len(known) + len(other) > _LONGEST_LIST:
            known += f' and {len(names) - count} more'
            break
        known += ', ' * bool(known) + other
    return StyleError(f'The style {name!r} is not in the library; it has {known or "none yet"}.')


class NameTaken(StyleError):
    """Another style has this name."""


class _Entry(NamedTuple):
    """A file as it was read: ``stamp`` tells whether it has been replaced since; ``problem`` is empty if it is good."""

    stamp: tuple[int, int, int]
    style: Style | None
    problem: str


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size


class StyleLibrary:
    """
    The styles of a folder, always as they are there now: another process may add and remove some at any time.

    Every method may be called from any thread; ``_lock`` guards what was read.

    :param folder: made when the first style is stored, for the user alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._entries: dict[str, _Entry] = {}
        self._told: dict[str, _Entry] = {}
        sweep(folder)

    def styles(self) -> list[Style]:
        """
        Return every readable style, sorted by name.

        :raises StyleError: the folder cannot be read.
        """
        return sorted((e.style for e in self._scan().values() if e.style), key=lambda style: style.name)

    def names(self) -> list[str]:
        """
        Return the names of all readable styles, sorted.

        :raises StyleError: the folder cannot be read.
        """
        return [style.name for style in self.styles()]

    def problems(self) -> list[str]:
        """Return one sentence for each unreadable file, none twice for the same file."""
        bad = {name: entry for name, entry in self._scan().items() if entry.problem}
        with self._lock:
            new = [entry.problem for name, entry in sorted(bad.items()) if self._told.get(name) != entry]
            self._told = bad
        return new

    def get(self, name: str) -> Style:
        """
        Return a style.

        :raises StyleError: the style is unknown or its file is damaged.
        """
        name = checked_name(name)
        try:
            entry = self._entry(_file_name(name))
        except OSError:
            raise _unknown(name, self.names()) from None
        if entry.style is None:
            raise StyleError(entry.problem)
        return entry.style

    def check(self, name: str) -> None:
        """
        Check that a style was there when the folder was read or written last; this never waits for the disk.

        :raises StyleError: it is unknown, or its file is damaged.
        """
        name = checked_name(name)
        with self._lock:
            entries = dict(self._entries)
        entry = entries.get(_file_name(name))
        if entry is None:
            raise _unknown(name, sorted(entry.style.name for entry in entries.values() if entry.style))
        if entry.style is None:
            raise StyleError(entry.problem)

    def put(self, style: Style, anew: bool = False) -> None:
        """
        Store a style in place of the one with the same name; when this returns, it is on the disk.

        :param anew: replace none, also if another process stores one of this name just now.
        :raises NameTaken: there is one, and none is to be replaced.
        :raises StyleError: the folder cannot be written, or the style is too large.
        """
        data = _written(style)
        if len(data) > LARGEST_FILE:
            raise StyleError(f'The style {style.name!r} takes {len(data)} bytes, more than the {LARGEST_FILE} that the '
                             'library stores; make its thumbnail smaller.')
        file = _file_name(style.name)
        try:
            permissions = self._make_folder()
            with replacing(self.folder / file, permissions, anew) as unfinished:
                unfinished.write(data)
                status = os.fstat(unfinished.fileno())
        except OSError as error:
            if anew and isinstance(error, FileExistsError) and self.folder.is_dir():
                raise NameTaken(f'There is a style {style.name!r} already; remove it or choose another name.'
                                ) from error
            raise StyleError(f'The style {style.name!r} cannot be stored in {self.folder}: {error.strerror}; '
                             'make room there or choose another style library.') from error
        with self._lock:        # what was just written need not be read again
            self._entries[file] = _Entry(_stamp(status), style, '')

    def _make_folder(self) -> int:
        """
        Make the folder if it is missing.

        :returns: the permissions of files in it.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return self.folder.stat().st_mode & 0o666

    def rename(self, name: str, new_name: str) -> Style:
        """
        Give a style another name.

        :returns: the style under its new name.
        :raises StyleError: the style is unknown, the new name is not possible or taken, or the disk cannot be written.
        """
        style, new_name = self.get(name), checked_name(new_name)
        if new_name == style.name:
            return style
        renamed = replace(style, name=new_name)
        self.put(renamed, anew=True)        # first: a crash between the two leaves both names, and loses neither
        try:
            self.remove(style.name)
        except StyleError:
            if os.path.lexists(self.folder / _file_name(style.name)):       # else it is gone, as it should be
                with suppress(StyleError):
                    self.remove(new_name)
                raise
        return renamed

    def is_marked(self, name: str) -> bool:
        """Tell whether :meth:`mark` was called for this name, by any process, ever."""
        return os.path.exists(self.folder / _MARKERS / _file_name(checked_name(name)))

    def mark(self, name: str) -> None:
        """
        Note that a style of this name was offered, so that it is not offered again when the user has removed it.

        The note is an empty file: it is there or not, and no two processes can lose each other's.

        :raises StyleError: the folder cannot be written.
        """
        try:
            self._make_folder()
            (self.folder / _MARKERS).mkdir(mode=0o700, exist_ok=True)
            (self.folder / _MARKERS / _file_name(checked_name(name))).touch()
        except OSError as error:
            raise StyleError(f'The style library {self.folder} cannot be written: {error.strerror}; make room there or '
                             'choose another style library.') from error

    def remove(self, name: str) -> None:
        """
        Delete a style for good.

        :raises StyleError: the style is unknown, or the folder cannot be written.
        """
        name = checked_name(name)
        try:
            (self.folder / _file_name(name)).unlink()
            with self._lock:
                self._entries.pop(_file_name(name), None)
            sync_folder(self.folder)
        except FileNotFoundError:
            raise _unknown(name, self.names()) from None
        except OSError as error:
            raise StyleError(f'The style {name!r} cannot be removed from {self.folder}: {error.strerror}; change the '
                             "folder's permissions or choose another style library.") from error

    def _scan(self) -> dict[str, _Entry]:
        try:
            files = [name for name in os.listdir(self.folder) if name.endswith('.style')]
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not self._entries:      # nothing was stored yet
                return {}
            raise StyleError(f'The style library {self.folder} cannot be read: {error.strerror}; restore the folder or '
                             'choose another one.') from error
        found = {}
        for file in files:
            try:
                found[file] = self._entry(file)
            except OSError:     # removed by another process since it was listed
                continue
        with self._lock:
            self._entries = found
        return found

    def _entry(self, file: str) -> _Entry:
        """
        Read a file, or take what was read before while it is still the same.

        :raises OSError: it is not there.
        """
        path = self.folder / file
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise FileNotFoundError(path)
        stamp = _stamp(status)
        with self._lock:
            entry = self._entries.get(file)
        if entry is None or entry.stamp != stamp:
            try:
                entry = _Entry(stamp, _read(path), '')
            except StyleError as error:
                entry = _Entry(stamp, None, str(error))
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                entry = _Entry(stamp, None, f'The style file {path} cannot be read: {error.strerror}; change its '
                                            'permissions or remove it.')
            with self._lock:
                self._entries[file] = entry
        return entry
