# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
A plan: what is painted, how, and in which pieces, as JSON that any machine can work from.

A bag is cut into windows of about 30 s.  A segment is one image topic in one window: what a worker paints, and what is
lost with a worker.
"""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from style_transfer_ros.archive import image_messages, locations
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.painting import lead_seconds
from style_transfer_ros.archive.records import FOREVER, Message, Topic
from style_transfer_ros.engine.errors import ArchiveError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.stream import PaintSettings

SCHEMA = 1
#: Length of a window, s.
WINDOW_SECONDS = 30.0
#: Bytes of each of the samples that a fingerprint is made of, and how many there are.
_SAMPLE, _SAMPLES = 1 << 16, 32


@dataclass(frozen=True)
class Look:
    """
    What frames look like when they are painted.

    :param model: ``swift`` or the path of a model directory, as :meth:`Stylizer.load` takes it.
    :param model_name: the model's own name, which has the hash of its weights in it.
    :param title: of the style, for people.
    :param vector: the style vector, 100 numbers.
    """

    model: str
    model_name: str
    model_hash: str
    runtime: str
    title: str
    vector: tuple[float, ...]
    settings: PaintSettings

    @property
    def lead(self) -> int:
        """How long before its beginning a segment is painted, ns."""
        return round(lead_seconds(self.settings.smoothing) * 1e9)

    def array(self) -> np.ndarray:
        """Return the vector as (100,) float32."""
        return np.asarray(self.vector, np.float32)


@dataclass(frozen=True)
class PaintedTopic:
    """
    An image topic that is painted.

    :param name: in the bag.
    :param output: of the paintings.
    :param replace: the paintings take the place of the frames, in their encoding.
    """

    name: str
    type: str       # noqa: A003 - the word of ROS
    output: str
    replace: bool


@dataclass(frozen=True)
class Window:
    """A part of a bag, from ``start`` to before ``stop``, ns since the epoch."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class Segment:
    """One topic in one window."""

    window: Window
    topic: PaintedTopic

    @property
    def name(self) -> str:
        """Return a name for files, unique within the plan."""
        short = hashlib.sha256(f'{self.topic.name} {self.topic.type}'.encode()).hexdigest()[:12]
        return f'{self.window.number:05d}-{short}'


@dataclass(frozen=True)
class Plan:
    """
    How a bag is painted.

    :param source: path or URL of the bag or video.
    :param inputs: fingerprints of its files, by name.
    """

    source: str
    inputs: dict[str, str]
    look: Look
    topics: tuple[PaintedTopic, ...]
    windows: tuple[Window, ...]
    schema: int = SCHEMA

    def segments(self, window: Window) -> list[Segment]:
        """Return the segments of a window."""
        return [Segment(window, topic) for topic in self.topics]

    def lead_in(self, number: int) -> int:
        """
        Return from when on window ``number`` is painted, so that smoothing agrees, ns; behind the last one: never.

        At the earliest that is the beginning of the window before.
        """
        if number >= len(self.windows):
            return FOREVER
        window = self.windows[number]
        return max(window.start - self.look.lead, self.windows[number - 1].start) if number else window.start

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """
        Read a plan.

        :raises ArchiveError: it is another version's.
        """
        try:
            fields = json.loads(text)
            if fields['schema'] != SCHEMA:
                raise ArchiveError(f"The plan has schema {fields['schema']!r}, this version reads schema {SCHEMA}; "
                                   'begin the run again.')
            look = fields['look']
            return cls(fields['source'], dict(fields['inputs']),
                       Look(**{**look, 'vector': tuple(look['vector']), 'settings': PaintSettings(**look['settings'])}),
                       tuple(PaintedTopic(**topic) for topic in fields['topics']),
                       tuple(Window(**window) for window in fields['windows']))
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError(f'The plan is damaged ({type(error).__name__}); begin the run again.') from error


def make_look(model: str, runtime: str, title: str, vector: np.ndarray, settings: PaintSettings) -> Look:
    """
    Describe how to paint, so that another machine can tell whether it would paint the same.

    :raises ModelError: the model is unknown or damaged.
    """
    checked = load_model(model)
    return Look(model, checked.name, model_hash(checked), runtime, title, tuple(float(x) for x in vector), settings)


def model_hash(model: Any) -> str:
    """Return a hash of the files of a model, whose own checksums were compared when it was loaded."""
    description = Path(model.folder) / 'model.yaml'
    return hashlib.sha256(description.read_bytes()).hexdigest() if description.is_file() else model.name


def fingerprints(location: str) -> dict[str, str]:
    """
    Return a fingerprint for each file of a bag: its size and a hash of samples from its beginning to its end.

    It tells a file that was replaced, cut or continued from the one that was planned with, in a few milliseconds; a few
    changed bytes in a large file may stay unnoticed.
    """
    names = [location] if locations.kind(location) == 'file' else [
        locations.below(location, name) for name in sorted(locations.listed(location)) if not name.startswith('.')]
    found = {}
    for name in names:
        if locations.kind(name) != 'file':
            continue
        with locations.opened(name, ahead=False) as file:
            size = file.seek(0, 2)
            digest = hashlib.sha256()
            for at in sorted({max(0, (size - _SAMPLE) * n // (_SAMPLES - 1)) for n in range(_SAMPLES)}):
                file.seek(at)
                digest.update(file.read(_SAMPLE))
        found[name.rsplit('/', 1)[-1]] = f'{size}-{digest.hexdigest()[:32]}'
    return found


def choose_topics(bag: Bag, wanted: Sequence[str] = (), replace: bool = False) -> tuple[list[PaintedTopic], list[str]]:
    """
    Choose the image topics to paint and name their paintings.

    :param wanted: names; none: all image topics that have messages and are no paintings already.
    :returns: the topics, and sentences about pictures that are not painted.
    :raises ArchiveError: a name is no image topic, or there is none.
    """
    notes: list[str] = []
    possible = []
    for topic in bag.topics:
        if not bag.counts[topic]:
            continue
        if image_messages.is_image(topic) and not _is_depth(bag, topic):
            possible.append(topic)
        elif image_messages.is_image(topic) or image_messages.is_other_picture(topic):
            notes.append(f"The topic '{topic.name}' is copied and not painted: pictures of the type "
                         f"'{topic.type[:100]}'{'' if topic.type != image_messages.COMPRESSED else ' with depth'} are "
                         'not supported.')
    names = sorted({topic.name for topic in possible})
    for name in wanted:
        if name not in names:
            raise ArchiveError(f"The bag '{bag.location}' has no image topic {name[:100]!r}; its image topics: "
                               f"{', '.join(names) or 'none'}.")
    chosen = [topic for topic in possible if topic.name in wanted] if wanted else []
    if not wanted:
        for topic in possible:
            if '/stylized/' in topic.name:
                notes.append(f"The topic '{topic.name}' is a painting already and is copied; choose it with --topic to "
                             'paint it again.')
            else:
                chosen.append(topic)
    if not chosen:
        raise ArchiveError(f"The bag '{bag.location}' has no image topic with messages to paint{': ' if notes else '.'}"
                           f"{' '.join(notes)}")
    if replace:
        return [PaintedTopic(topic.name, topic.type, topic.name, True) for topic in chosen], notes
    taken = {topic.name for topic in bag.topics}
    outputs = {}
    for topic in sorted(chosen, key=lambda topic: not _camera_name(topic).endswith('/image_raw')):
        outputs[topic] = _output_name(topic, taken)
        taken.add(outputs[topic])
    return [PaintedTopic(topic.name, topic.type, outputs[topic], False) for topic in chosen], notes


def _is_depth(bag: Bag, topic: Topic) -> bool:
    """Look at the first message of a compressed topic."""
    if topic.type != image_messages.COMPRESSED:
        return False
    first = next((item for item in bag.messages([topic]) if isinstance(item, Message)), None)
    return first is not None and image_messages.is_depth(topic, first.data)


def _camera_name(topic: Topic) -> str:
    """Return the name without the ending of image_transport."""
    return topic.name.removesuffix('/compressed') if topic.type == image_messages.COMPRESSED else topic.name


def _output_name(topic: Topic, taken: Collection[str]) -> str:
    """Name the paintings as the live node in the camera's namespace would; of several cameras there, one does so."""
    namespace, _, camera = _camera_name(topic).rpartition('/')
    ending = '/compressed' if topic.type == image_messages.COMPRESSED else ''
    names = [f'{namespace}/stylized/image', f'{namespace}/stylized/{camera}',
             *(f'{namespace}/stylized_{n}/image' for n in range(2, 1000))]
    return next(name for name in (f'{name}{ending}' for name in names) if name not in taken)


def cut(start: int, stop: int, messages: int, seconds: float = WINDOW_SECONDS) -> tuple[Window, ...]:
    """
    Cut a time into windows.

    :param start: ns.
    :param stop: ns.
    :param messages: in this time; a few messages with odd times make no thousands of windows.
    :param seconds: of a window; the last one is up to a third longer.
    """
    length = max(1, round(seconds * 1e9))
    count = max(1, round((stop - start) / length + 1 / 6))
    if count > max(1, messages // 10):
        return Window(0, start, stop),
    edges = [start + n * length for n in range(count)] + [stop]
    return tuple(Window(n, edges[n], edges[n + 1]) for n in range(count))
