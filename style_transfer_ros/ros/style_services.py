"""What the style services do, apart from ROS's own wiring: pictures in, styles stored, chosen and mixed."""
from __future__ import annotations

from dataclasses import dataclass, replace
import os
from pathlib import Path
import re
import time
from typing import List, Tuple

from builtin_interfaces.msg import Time
import numpy as np

from style_transfer_msgs.msg import StyleInfo
from style_transfer_msgs.srv import SetStyle
from style_transfer_ros.engine import images
from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.engine.library import LONGEST_NAME, Style, StyleLibrary
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import bundled_styles, share_folder
from style_transfer_ros.ros import messages


@dataclass(frozen=True, eq=False)
class Look:
    """What is painted with: one style, or a mix; ``vector`` is (100,) float32."""

    style: Style
    names: Tuple[str, ...]
    weights: Tuple[float, ...]
    vector: np.ndarray


def style_info(style: Style) -> StyleInfo:
    """Describe a style as a message."""
    seconds = int(style.learned)
    return StyleInfo(name=style.name, source=style.source, network=style.network, vector=style.vector.tolist(),
                     learned=Time(sec=seconds, nanosec=int((style.learned - seconds) * 1e9)))


class StyleDesk:
    """
    Learns, finds and mixes styles; every method may take some 10 ms and runs in the node's worker thread.

    :param library: where styles are kept.
    :param stylizer: the loaded networks.
    :param directories: folders that a uri may name a picture in, besides the bundled styles.
    """

    def __init__(self, library: StyleLibrary, stylizer: Stylizer, directories: List[Path]) -> None:
        self.library, self._stylizer = library, stylizer
        self._directories = [*directories, share_folder() / 'styles']

    def problems(self) -> List[str]:
        """Return one sentence for each folder that is not there."""
        return [f"The style directory '{folder}' is not there; make it or correct the parameter 'style_directories'."
                for folder in self._directories if not os.path.isdir(folder)]

    def add_bundled(self, only: str = '') -> None:
        """
        Learn the bundled pictures that this library has never had; one that the user removed stays removed.

        :param only: just the one of this name; empty: all.
        """
        marker = self.library.folder / 'bundled.txt'
        known = set(marker.read_text(encoding='utf-8').splitlines()) if marker.is_file() else set()
        new = {name: path for name, path in bundled_styles().items() if name not in known and only in ('', name)}
        for name, path in new.items():
            if name not in self.library.names():
                self._learn(name, f'bundled {path.name}', images.read_picture(path))
        if new:
            marker.write_text('\n'.join(sorted(known | set(new))) + '\n', encoding='utf-8')

    def _learn(self, name: str, source: str, picture: np.ndarray) -> Style:
        style = Style(name=name, source=source, network=self._stylizer.model.name,
                      vector=self._stylizer.learn_style(picture),
                      thumbnail=images.encode_jpeg(images.thumbnail(picture), 90), learned=time.time())
        self.library.put(style)
        return style

    def learn(self, request: SetStyle.Request) -> Style:
        """
        Learn the picture of a request and store it, or find the stored style that it names.

        :raises ImageError: the picture cannot be read.
        :raises StyleError: no or several pictures are given, or the name is unknown or not allowed.
        """
        given = [kind for kind, there in (('image', len(request.image.data)),
                                          ('compressed_image', len(request.compressed_image.data)),
                                          ('uri', request.uri)) if there]
        if len(given) > 1:
            raise StyleError(f"The request holds several pictures ({', '.join(given)}); give one.")
        if not given:
            if request.image.height or request.image.encoding or request.compressed_image.format:
                raise StyleError('The style picture of the request has no data; send a picture, a uri or a name.')
            if not request.name:
                raise StyleError('The request is empty; give a picture, a uri or the name of a stored style.')
            return self.find(request.name)
        if given[0] == 'uri':
            path = images.resolve_uri(request.uri, self._directories)
            picture, source, name = images.read_picture(path), request.uri, request.name or path.stem
        else:
            picture, source = messages.to_rgb(getattr(request, given[0])), f'{given[0]} of a service call'
            name = request.name or self._free_name()
        return self._learn(name, source, picture)

    def _free_name(self) -> str:
        taken = {int(found[1]) for found in (re.fullmatch(r'style_(\d+)', n) for n in self.library.names()) if found}
        return f'style_{max(taken, default=0) + 1}'

    def find(self, name: str) -> Style:
        """
        Return a stored style, learned again from its thumbnail if its vector is another network's.

        :raises StyleError: it is unknown, or has no picture to learn again from.
        """
        style = self.library.get(name)
        return replace(style, network=self._stylizer.model.name, vector=self._stylizer.stored_vector(style))

    def look(self, name: str) -> Look:
        """Return the look of one stored style."""
        style = self.find(name)
        return Look(style, (name,), (1.0,), style.vector)

    def mix(self, names: List[str], weights: List[float]) -> Look:
        """
        Mix stored styles.

        :raises StyleError: a name is unknown or the weights do not fit.
        """
        vector = self._stylizer.mix([self.find(n).vector for n in names], weights)
        shares = tuple(float(w) / float(sum(weights)) for w in weights)
        title = ' + '.join(f'{share:.0%} {name}' for name, share in zip(names, shares))
        title = title if len(title) <= LONGEST_NAME else f'{title[:LONGEST_NAME - 1]}…'
        style = Style(name=title, source='mix', network=self._stylizer.model.name, vector=vector, thumbnail=b'',
                      learned=time.time())
        return Look(style, tuple(names), shares, vector)
