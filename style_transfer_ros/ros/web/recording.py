# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The painting as a bag: MCAP, with the JPEG images as the node publishes them, its camera_info and its status."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
import shutil
from typing import Any

from rclpy.node import Node

from style_transfer_ros.engine.errors import sentence, shown, StyleTransferError
from style_transfer_ros.ros.web.robot import Robot, RobotError

#: What may wait for the disk, bytes; then new messages are dropped, and counted.
_QUEUE = 32 << 20
#: The recording ends by itself when the disk has less room than this, bytes.
_ROOM = 500_000_000


def _prepare() -> None:
    """Load what a recording needs, and the types that it writes; the first time that takes seconds."""
    from style_transfer_ros.archive import recording  # noqa: F401
    from style_transfer_ros.ros.record_node import definition
    for kind in ('sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/CameraInfo',
                 'style_transfer_msgs/msg/StyleTransferStatus'):
        definition(kind)


class Recording:
    """
    One recording; made and unsubscribed in the executor's thread.

    :param folder: the bag, which does not exist yet.
    :param topics: names.
    :raises ArchiveError: the bag cannot be made.
    """

    def __init__(self, node: Node, folder: Path, topics: list[str]) -> None:
        # loaded by those who record only
        from style_transfer_ros.archive.recording import Recorder
        from style_transfer_ros.ros.record_node import Subscriptions
        self._folder = folder
        self._recorder = Recorder(folder, _QUEUE)
        self._subscriptions: Any = Subscriptions(node, self._recorder, topics)

    def unsubscribe(self) -> None:
        """Receive no more."""
        self._subscriptions.close()

    def finish(self) -> str:
        """
        Write what waits, and complete the bag; takes as long as the disk does, so call it in a thread of its own.

        :returns: a sentence for people.
        :raises ArchiveError: the bag could not be completed.
        """
        self._recorder.close()
        return self._recorder.summary()

    def state(self) -> dict:
        """Return size (bytes), messages written and dropped, and why it must end, or an empty text."""
        problem, size = '', 0
        try:
            if self._recorder.problem is not None:
                raise self._recorder.problem
            if shutil.disk_usage(self._folder).free < _ROOM:
                problem = 'The disk is nearly full; the recording has ended.'
            size = sum(file.stat().st_size for file in self._folder.glob('*.mcap'))
        except OSError as error:            # the disk is full or gone, or somebody has removed the folder
            problem = f'The recording has ended: {error.strerror}.'
        return {'size': size, 'written': self._recorder.written, 'dropped': self._recorder.dropped.total(),
                'problem': problem}


class Recordings:
    """
    The folder of bags, one recording at a time; in the event loop's thread.

    What is told of them is kept: it is told ten times a second, and the disk may be slow.

    :param node: subscribes.
    """

    def __init__(self, folder: Path, node: Node, robot: Robot) -> None:
        self._folder, self._node, self._robot = folder, node, robot
        self._current: Recording | None = None
        self._changing = asyncio.Lock()         # one recording is begun or ended at a time
        #: What :meth:`Recording.state` told last; None: nothing is being recorded.
        self.state: dict | None = None
        #: Name and size (bytes) of every bag, newest first.
        self.list: list[dict] = []
        self.refresh()

    async def record(self) -> str:
        """
        Begin to record the painting; return a sentence.

        :raises StyleTransferError: one is under way, or the bag cannot be made.
        :raises OSError: the folder of bags cannot be made.
        """
        async with self._changing:
            if self._current is not None:
                raise RobotError('The painting is being recorded already.')
            await asyncio.to_thread(_prepare)
            folder, robot = await asyncio.to_thread(self._next_folder), self._robot
            topics = [robot.jpeg_topic, robot.info_topic, f'{robot.painter}/status']
            self._current = await self._robot.in_executor(lambda: Recording(self._node, folder, topics))
        await self._look()
        return f"Recording '{folder.name}'."

    async def stop(self) -> str:
        """
        End the recording; return a sentence.

        :raises StyleTransferError: the bag could not be completed.
        """
        async with self._changing:
            recording, self._current, self.state = self._current, None, None
            if recording is None:
                return 'Nothing is being recorded.'
            await self._robot.in_executor(recording.unsubscribe)
            try:
                return await asyncio.to_thread(recording.finish)
            finally:
                await asyncio.to_thread(self.refresh)

    async def follow(self, notify: Callable[[str], None]) -> None:
        """Keep :attr:`state`, and end a recording that the disk has no room for; for ever."""
        while True:
            await asyncio.sleep(1)
            try:
                await self._look()
                if self.state is not None and (problem := self.state['problem']):
                    notify(problem)
                    await self._stop_broken()
            except Exception as error:      # this must not end for ever
                notify(sentence(error))

    async def _stop_broken(self) -> None:
        try:
            await self.stop()
        except StyleTransferError as error:     # those who watch have been told why already
            self._robot.log(str(error))

    async def _look(self) -> None:
        recording = self._current
        if recording is not None:
            state = await asyncio.to_thread(recording.state)
            self.state = state if recording is self._current else None

    def _next_folder(self) -> Path:
        """Return the folder of a new bag, named by the time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f'painting_{datetime.now():%Y-%m-%d_%H-%M-%S}'
        taken = {path.name for path in self._folder.iterdir()}
        return self._folder / next(n for n in (name, *(f'{name}_{i}' for i in range(2, 1000))) if n not in taken)

    def file(self, name: str) -> Path | None:
        """Return the one file of a bag; only names in the list are looked at."""
        return self._files().get(name)

    def _files(self) -> dict[str, Path]:
        try:
            return {path.parent.name: path for path in sorted(self._folder.glob('*/*.mcap'), reverse=True)
                    if (path.parent / 'metadata.yaml').is_file()}   # written last: the bag is whole
        except OSError:                     # somebody else removes the folder just now
            return {}

    def refresh(self) -> None:
        """Look at the disk, and keep the list."""
        found = []
        for name, path in self._files().items():
            try:
                found.append({'name': name, 'size': path.stat().st_size})
            except OSError:                 # removed just now
                continue
        self.list = found

    async def remove(self, name: str) -> str:
        """
        Remove a bag; return a sentence.

        :raises RobotError: there is none of this name.
        :raises OSError: it cannot be removed.
        """
        path = self.file(name)
        if path is None:
            raise RobotError(f'There is no recording {shown(name)}.')
        try:
            await asyncio.to_thread(shutil.rmtree, path.parent)
        finally:
            await asyncio.to_thread(self.refresh)
        return f'The recording {shown(name)} is removed.'
