# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Styles: learned from pictures, found again, mixed; what a style goes through from its picture to its vector.

::

    styles = Styles(Stylizer.load(), StyleLibrary(default_folder()))
    wave = styles.learn(read_picture('wave.jpg'), 'wave', 'wave.jpg')
    both = styles.mix(['wave', 'starry_night'], [2, 1])
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
import os
from pathlib import Path
import re
from threading import RLock
import time

import numpy as np

from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.engine.library import checked_name, LONGEST_NAME, NameTaken, Style, StyleLibrary
from style_transfer_ros.engine.reading import may_be_file
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import bundled_styles, local_path, share_folder

#: An unkept style is offered to the disk again after this time, s.
_RETRY = 2.0


@dataclass(frozen=True, eq=False)
class Mix:
    """
    What is painted with: one style, or several with weights.

    :param style: the stored style; of several, a style that stands for the mix and is not stored.
    :param names: of the mixed styles; of one style its name.
    :param weights: in the order of the names, sum 1.
    :param note: one sentence if something about it must be told, such as that it is not kept; or empty.
    """

    style: Style
    names: tuple[str, ...]
    weights: tuple[float, ...]
    note: str = ''

    @property
    def title(self) -> str:
        """Its name for people, such as ``wave`` or ``67% wave + 33% starry_night``."""
        return self.style.name

    @property
    def vector(self) -> np.ndarray:
        """Return the style vector, (K,) float32, read-only."""
        return self.style.vector

    def renamed(self, name: str, new_name: str) -> Mix:
        """Return the mix after one of its styles got another name."""
        names = tuple(new_name if each == name else each for each in self.names)
        return replace(self, style=replace(self.style, name=_title(names, self.weights)), names=names)


def _title(names: Sequence[str], shares: Sequence[float]) -> str:
    """Return the name of a mix for people, at most as long as that of a style."""
    if len(names) == 1:
        return names[0]
    title = ' + '.join(f'{share:.0%} {name}' for share, name in zip(shares, names))
    return title if len(title) <= LONGEST_NAME else f'{title[:LONGEST_NAME - 1]}…'


class Styles:
    """
    Learns, finds and mixes styles.  Every method may be called from any thread; learning takes about 10 ms.

    A style that the disk does not take (full, read-only, no home) is kept in memory and painted with like any other.
    :meth:`look_again` stores it once the disk takes it; it is lost with this object.

    :param stylizer: the loaded model.
    :param library: where styles are kept.
    :param directories: folders that a uri may name a picture in, besides the bundled styles.
    """

    def __init__(self, stylizer: Stylizer, library: StyleLibrary, directories: Sequence[Path] = ()) -> None:
        self._stylizer, self._library = stylizer, library
        self._directories = [*directories, share_folder() / 'styles']
        self._lock = RLock()            # guards what follows; never held while a picture is read or learned
        self._unkept: dict[str, Style] = {}             # styles that the disk did not take
        self._numbered: set[str] = set()                # of those, which have only a number for a name
        self._offered: set[str] = set()                 # bundled styles that this process has offered
        self._relearned: dict[str, tuple[Style, Style]] = {}    # styles of other models: as stored, and for this model
        self._retry_at = 0.0

    # Learn

    def learn(self, picture: np.ndarray, name: str = '', source: str = '') -> Mix:
        """
        Learn the style of a picture and keep it.

        Learning a picture under an existing name replaces that style.

        :param picture: (H, W, 3) uint8 RGB, any size.
        :param name: empty: the next free ``style_1``, ``style_2`` ...
        :param source: where the picture came from, for people.
        :raises StyleError: the name is not possible.
        """
        learned = self._learned(picture, checked_name(name or self._free_name()), source)     # the name before the work
        return self._kept(learned) if name else self._kept_numbered(learned)

    def _learned(self, picture: np.ndarray, name: str, source: str) -> Style:
        return Style(name=name, source=source, model=self._stylizer.model.name,
                     vector=self._stylizer.learn_style(picture),
                     thumbnail=pictures.encode_jpeg(pictures.thumbnail(picture), 90), learned=time.time())

    def learn_uri(self, uri: str, name: str = '') -> Mix:
        """
        Learn the picture file that a ``file://`` URI or a path names, only below the allowed folders.

        :param name: empty: the file's name without its ending.
        :raises ImageError: the file is outside the folders, missing, or no picture.
        :raises StyleError: the name is not possible.
        """
        path = pictures.resolve_uri(uri, self._directories)
        return self.learn(pictures.read_picture(path), name or path.stem[:LONGEST_NAME], uri)

    def learn_bundled(self, only: str = '') -> None:
        """
        Learn the bundled pictures that this library has never had; one that the user removed stays removed.

        :param only: just the one of this name; empty: all.
        """
        for name, path in bundled_styles().items():
            if only not in ('', name) or name in self._offered or self._library.is_marked(name):
                continue
            if not self._has(name):
                self.learn(pictures.read_picture(path), name, f'bundled {path.name}')
            self._offered.add(name)
            try:
                self._library.mark(name)
            except StyleError:      # a disk that takes nothing is told by `problems`
                continue

    def _kept_numbered(self, style: Style) -> Mix:
        """Keep a style that is called ``style_1``, or by a later number if another process has taken that."""
        while True:
            try:
                return self._kept(style, anew=True)
            except NameTaken:       # just now, or by a damaged file
                style = replace(style, name=f"style_{int(style.name.removeprefix('style_')) + 1}")

    def _kept(self, style: Style, anew: bool = False) -> Mix:
        """
        Store a style, or hold it in memory if the disk does not take it.

        :raises NameTaken: there is one of this name on the disk, and ``anew`` is set.
        """
        note = ''
        with self._lock:
            try:
                self._library.put(style, anew)
                self._unkept.pop(style.name, None)
            except NameTaken:
                raise
            except StyleError as error:
                self._unkept[style.name] = style
                (self._numbered.add if anew else self._numbered.discard)(style.name)
                note = f'It is used, but not kept yet: {error}'
        return Mix(style, (style.name,), (1.0,), note)

    def _keep_what_waits(self) -> None:
        if self._unkept and time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + _RETRY
            for name, style in list(self._unkept.items()):
                kept = self._kept_numbered(style) if name in self._numbered else self._kept(style)
                if kept.title != name:
                    self._unkept.pop(name)

    def _free_name(self) -> str:
        taken = {int(found[1]) for found in (re.fullmatch(r'style_(\d+)', name) for name in self.names()) if found}
        return f'style_{max(taken, default=0) + 1}'

    # Find

    def find(self, name: str) -> Mix:
        """
        Return a stored style; one of another model is learned again from its picture.

        :raises StyleError: it is unknown, or has no picture to learn again from.
        """
        name = checked_name(name)
        with self._lock:
            stored = self._unkept.get(name) or self._library.get(name)
            known, again = self._relearned.get(name, (None, stored))
        if (stored.model, len(stored.vector)) == (self._stylizer.model.name, self._stylizer.vector_length):
            return Mix(stored, (stored.name,), (1.0,))
        style = again if known is stored else self._learned_again(stored)
        with self._lock:
            self._relearned[name] = stored, style
        return Mix(style, (style.name,), (1.0,))

    def _learned_again(self, style: Style) -> Style:
        model = self._stylizer.model.name
        if not style.thumbnail:
            raise StyleError(f"The style '{style.name}' was learned with the model '{style.model}' and has no picture "
                             f"to learn it for the model '{model}'; learn its picture again.")
        picture = pictures.decode_picture(style.thumbnail, f"The thumbnail of the style '{style.name}'")
        return replace(style, model=model, vector=self._stylizer.learn_style(picture))

    def check(self, name: str) -> None:
        """
        Check that a style was there at the last look into the library; this never waits for the disk.

        :raises StyleError: it is unknown, or its file is damaged.
        """
        if checked_name(name) not in self._unkept:      # without the lock, which is held while the disk is written
            self._library.check(name)

    def _has(self, name: str) -> bool:
        with self._lock:
            if name in self._unkept:
                return True
        try:
            self._library.get(name)
        except StyleError:
            return False
        return True

    def choose(self, text: str) -> Mix:
        """
        Return what a user means by one word: a picture file (its path or a URL), a bundled style, or a stored style.

        A picture is learned and not stored.

        :raises ImageError: the file is no picture.
        :raises StyleError: there is nothing of this name.
        """
        if '://' in text:
            text = str(local_path(text, 'style'))
        path = Path(text) if may_be_file(text) else bundled_styles().get(text)
        if path is None:
            try:
                return self.find(text)
            except StyleError as error:
                raise StyleError(f"No picture file and no bundled style ({', '.join(bundled_styles())}) has this name: "
                                 f'{error}') from error
        style = self._learned(pictures.read_picture(path), path.stem[:LONGEST_NAME], str(path))
        return Mix(style, (style.name,), (1.0,))

    def mix(self, names: Sequence[str], weights: Sequence[float],
            find: Callable[[str], Mix] | None = None) -> Mix:
        """
        Mix styles.

        :param weights: one for each name, none negative, not all 0.
        :param find: how a name is looked up; by default :meth:`find`.
        :raises StyleError: a name is unknown or the weights do not fit.
        """
        found = [(find or self.find)(name) for name in names]
        vector = self._stylizer.mix([mix.vector for mix in found], weights)
        if len(found) == 1:
            return found[0]
        shares = tuple(abs(float(weight) / float(sum(weights))) for weight in weights)      # abs: a weight may be -0
        titles = tuple(mix.title for mix in found)
        style = Style(name=_title(titles, shares), source='mix', model=self._stylizer.model.name, vector=vector,
                      thumbnail=b'', learned=time.time())
        return Mix(style, titles, shares)

    # The library's list

    def look_again(self) -> None:
        """Look for what others changed in the library, and offer it the styles that the disk did not take."""
        with suppress(StyleError):      # `problems` tells it
            self.all()

    def all(self) -> list[Style]:
        """
        Return every style, sorted by name.

        :raises StyleError: the library's folder cannot be read.
        """
        with self._lock:
            self._keep_what_waits()
            try:
                stored = {style.name: style for style in self._library.styles()}
            except StyleError:
                if not self._unkept:
                    raise
                stored = {}
            return [style for _, style in sorted((stored | self._unkept).items())]

    def names(self) -> list[str]:
        """Return the names of all styles, sorted."""
        return [style.name for style in self.all()]

    def next_name(self, after: str) -> str:
        """
        Return the name that follows ``after``, the first after the last; ``after`` itself need not be there.

        :raises StyleError: there are no styles.
        """
        names = self.names()
        if not names:
            raise StyleError('There is no style yet; learn one first.')
        return next((name for name in names if name > after), names[0])

    def remove(self, name: str) -> None:
        """
        Delete a style for good.

        :raises StyleError: it is unknown, or the folder cannot be written.
        """
        name = checked_name(name)
        with self._lock:
            try:
                self._library.remove(name)      # an older one of this name may be there
            except StyleError:
                if name not in self._unkept or name in self._stored_names():
                    raise
            self._unkept.pop(name, None)

    def _stored_names(self) -> list[str]:
        try:
            return self._library.names()
        except StyleError:
            return []

    def rename(self, name: str, new_name: str) -> Style:
        """
        Give a style another name.

        :raises StyleError: it is unknown, the new name is not possible or taken, or the folder cannot be written.
        """
        with self._lock:
            unkept = self._unkept.get(checked_name(name))
            if checked_name(new_name) in (self._unkept if unkept is None else self.names()):
                raise StyleError(f'There is a style {new_name!r} already; remove it or choose another name.')
            if unkept is None:
                return self._library.rename(name, new_name)
            self.remove(name)       # first: it may fail; the other cannot
            return self._kept(replace(unkept, name=new_name)).style

    def problems(self) -> list[str]:
        """Return one sentence for each thing that the user should know: folders, damaged files, unkept styles."""
        missing = [f"The style directory '{folder}' is not there; make it or correct the list of style directories."
                   for folder in self._directories if not os.path.isdir(folder)]
        with self._lock:
            unkept = [f"{len(self._unkept)} styles are not kept ({', '.join(sorted(self._unkept)[:5])}"
                      f"{' ...' if len(self._unkept) > 5 else ''}): the style library {self._library.folder} cannot be "
                      'written; make room there or choose another one.'] if self._unkept else []
        try:
            damaged = self._library.problems()
        except StyleError as error:
            damaged = [str(error)]
        return [*missing, *damaged, *unkept]
