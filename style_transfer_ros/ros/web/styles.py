# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The stored styles as the page shows them: thumbnails, removal that can be undone, shuffle."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
import hashlib
import random
import re

from style_transfer_msgs.srv import ListStyles, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine.errors import sentence, shown
from style_transfer_ros.engine.library import LONGEST_NAME
from style_transfer_ros.ros.web.robot import Robot, RobotError

#: How often the library is looked at for what others changed, s.
_LOOK_PERIOD = 3.0


class StyleBook:
    """
    Follows the node's library and changes it; all in the event loop's thread.

    :param tell: called with ``{'styles': [...]}`` when the list has changed.
    :param notify: called with a sentence for all who watch.
    :param undo_time: a removal is carried out after this time, s; until then it can be undone.
    """

    def __init__(self, robot: Robot, tell: Callable[[dict], None], notify: Callable[[str], None],
                 undo_time: float = 8.0) -> None:
        self._robot, self._tell, self._notify, self._undo_time = robot, tell, notify, undo_time
        self._styles: list[dict] = []
        self._pictures: dict[str, bytes] = {}           # JPEG by digest
        self._leaving: dict[str, asyncio.Task] = {}
        self._asked: set[str] = set()                   # of these, which the node was asked to remove
        self._interrupted: set[str] = set()             # of these, which were painted
        self._shuffling: asyncio.Task | None = None
        self._known: list[tuple] = []
        self._look_now = asyncio.Event()
        #: Seconds between two styles while shuffling, else 0.
        self.shuffle_period = 0.0

    async def follow(self) -> None:
        """Look at the library again and again, for ever."""
        while True:
            try:
                if self._robot.present:
                    await self._look()
                await asyncio.wait_for(self._look_now.wait(), _LOOK_PERIOD)
            except (asyncio.TimeoutError, RobotError):
                await asyncio.sleep(0.2)
            except Exception as error:      # one bad answer must not end this for ever
                self._robot.log(f'The styles cannot be listed: {sentence(error)}')
                await asyncio.sleep(_LOOK_PERIOD)
            self._look_now.clear()

    def changed(self) -> None:
        """Look at the library soon."""
        self._look_now.set()

    async def _look(self) -> None:
        answer = await self._robot.wish(ListStyles.Request())
        known = [(s.name, s.source, s.learned.sec, s.learned.nanosec) for s in answer.styles]
        if known == self._known and known:
            return
        answer = await self._robot.wish(ListStyles.Request(thumbnails=True), 30.0)
        styles, pictures = [], {}
        for style in answer.styles:
            picture = bytes(style.thumbnail)
            digest = hashlib.sha256(picture).hexdigest()[:16] if picture else ''
            pictures[digest] = picture
            styles.append({'name': style.name, 'source': style.source, 'learned': style.learned.sec,
                           'picture': digest})
        self._styles, self._pictures, self._known = styles, pictures, known
        self.announce()

    def announce(self) -> None:
        """Tell the list, without styles that are leaving."""
        self._tell({'styles': [s for s in self._styles if s['name'] not in self._leaving],
                    'leaving': sorted(self._leaving)})

    def picture(self, digest: str) -> bytes | None:
        """Return a thumbnail, JPEG."""
        return self._pictures.get(digest)

    def names(self) -> list[str]:
        """Return the names in the list."""
        return [s['name'] for s in self._styles]

    def free_name(self, wish: str) -> str:
        """Make a name from a file's: without ending and control characters, and not one that is in use."""
        name = re.sub(r'\.[A-Za-z0-9]{1,5}$', '', wish.replace('\\', '/').rpartition('/')[2])
        name = ''.join(c for c in name if c.isprintable()).strip()[:LONGEST_NAME - 5] or 'style'
        number, names = 1, set(self.names())
        while (found := name if number == 1 else f'{name} {number}') in names:
            number += 1
        return found

    async def choose(self, name: str) -> str:
        """Paint with a stored style; return the node's sentence."""
        return (await self._robot.wish(SetStyle.Request(name=name), 30.0)).message

    async def rename(self, name: str, new_name: str) -> str:
        """Give a style another name; return the node's sentence."""
        answer = await self._robot.wish(RenameStyle.Request(name=name, new_name=new_name))
        self._known = []
        self.changed()
        return answer.message

    async def remove(self, name: str) -> str:
        """
        Take a style from the list, and out of the library when the time to undo is over.

        One that is painted gives way to another: the node would miss it when it starts again.

        :raises RobotError: there is none of this name.
        """
        if name not in self.names() or name in self._leaving:
            raise RobotError(f'There is no style {shown(name)}; it may be removed already.')

        async def leave() -> None:
            await asyncio.sleep(self._undo_time)
            await self._remove_now(name)
        self._leaving[name] = asyncio.create_task(leave())
        self.announce()
        if self._robot.status.get('style') == name and (others := self._others()):
            self._interrupted.add(name)
            await self.choose(others[0])
        return f"The style '{name}' is removed."

    def _others(self) -> list[str]:
        """Return the styles that stay and are not painted alone."""
        return [s['name'] for s in self._styles
                if s['name'] not in self._leaving and s['name'] != self._robot.status.get('style')]

    async def _remove_now(self, name: str) -> None:
        self._asked.add(name)
        try:
            await self._robot.wish(RemoveStyle.Request(name=name))
            self._styles = [s for s in self._styles if s['name'] != name]
        except Exception as error:      # whatever it is, the style comes back, and those who watch are told why
            problem = f'The style {shown(name)} is not removed: {sentence(error)}'
            self._robot.log(problem)
            self._notify(problem)
        finally:
            self._leaving.pop(name, None)
            self._asked.discard(name)
            self._interrupted.discard(name)
            self.announce()
            self.changed()

    async def undo(self, name: str) -> str:
        """
        Keep a style that was to be removed, and paint with it again if it was painted.

        :raises RobotError: it is too late.
        """
        if name not in self._leaving or name in self._asked:
            raise RobotError(f'The removal of {shown(name)} cannot be undone any more; send the picture again.')
        self._leaving.pop(name).cancel()
        self.announce()
        if name in self._interrupted:
            self._interrupted.discard(name)
            await self.choose(name)
        return f"The style '{name}' is kept."

    def shuffle(self, seconds: float) -> str:
        """
        Paint with a random style every ``seconds``; 0 stops.

        :raises RobotError: the time is out of range.
        """
        if seconds and not 1 <= seconds <= 3600:
            raise RobotError(f'The time between two styles is {seconds:g} s; choose 1 to 3600, or 0 to stop.')
        if self._shuffling is not None:
            self._shuffling.cancel()
            self._shuffling = None
        self.shuffle_period = seconds

        async def go() -> None:
            while True:
                await asyncio.sleep(seconds)
                if others := self._others():
                    try:
                        await self.choose(random.choice(others))
                    except Exception as error:      # one bad answer must not end this
                        self._robot.log(sentence(error))
        if seconds:
            self._shuffling = asyncio.create_task(go())
        return f'Another style every {seconds:g} s.' if seconds else 'The style stays.'

    async def finish(self) -> None:
        """Stop shuffling and carry out the removals that wait, all at once."""
        self.shuffle(0)
        under_way = [self._leaving[name] for name in self._asked if name in self._leaving]
        waiting = [name for name in self._leaving if name not in self._asked]
        for name in waiting:
            self._leaving[name].cancel()
        await asyncio.gather(*under_way, *(self._remove_now(name) for name in waiting))
