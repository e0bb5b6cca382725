# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Newest frames out to many viewers.

A viewer gets a frame of a stream only when it has asked for one (one frame of credit), and then the newest.  So nothing
queues, a slow viewer slows nobody, and a page that is hidden asks for nothing and costs nothing.

A frame travels as one binary message, little endian: stream (uint8), 3 unused bytes, sequence (uint32), stamp of the
camera (int64, ns), JPEG.  It is built once for all viewers.
"""
from __future__ import annotations

import asyncio
from collections import deque
import json
import struct
import time
from typing import Any

from aiohttp import web, WSMsgType

CAMERA, PAINTING = 0, 1
HEADER = struct.Struct('<B3xIq')
#: What else a viewer may send: a frame of its own camera (this byte, its age as float64 in s, then the JPEG).
OWN_CAMERA = 2
#: A stream that nobody has asked for during this time is not subscribed to, s.
_LINGER = 3.0
#: A connection that takes nothing for this time is cut, s.
_STUCK = 10.0
#: Rates are those of the last so many seconds.
_WINDOW = 4.0
#: A viewer that gets less than this many paintings a second is told why.
_FEW = 5.0


def text_of(kind: str, content: dict) -> str:
    """Write a message for viewers as JSON."""
    return json.dumps({'kind': kind, **content}, separators=(',', ':'))


class Frame:
    """The newest frame of a stream."""

    def __init__(self, stream: int, sequence: int, stamp: int, jpeg: bytes) -> None:
        self.sequence, self.stamp = sequence, stamp
        self.message = HEADER.pack(stream, sequence & 0xffffffff, stamp) + jpeg

    @property
    def jpeg(self) -> bytes:
        """Return the picture alone."""
        return self.message[HEADER.size:]


class Rate:
    """Counts events of the last seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=1000)
        self._begin = time.monotonic()

    def count(self) -> None:
        """Count one event."""
        self._times.append(time.monotonic())

    def per_second(self) -> float:
        """Return the rate, Hz."""
        now = time.monotonic()
        while self._times and self._times[0] < now - _WINDOW:
            self._times.popleft()
        return len(self._times) / max(0.5, min(_WINDOW, now - self._begin))


class Streams:
    """The newest frame of each stream, and who waits for the next; all in the event loop's thread."""

    def __init__(self) -> None:
        self.newest: dict[int, Frame] = {}
        self.rates = {CAMERA: Rate(), PAINTING: Rate()}
        self._sequence = 0
        self._asked = dict.fromkeys((CAMERA, PAINTING), -1e9)
        self._listeners: set[asyncio.Event] = set()

    def publish(self, stream: int, stamp: int, jpeg: bytes) -> None:
        """Make a JPEG the newest frame; ``stamp`` in ns."""
        self._sequence += 1
        self.newest[stream] = Frame(stream, self._sequence, stamp, jpeg)
        self.rates[stream].count()
        for event in self._listeners:
            event.set()

    def ask(self, stream: int) -> None:
        """Note that somebody wants this stream."""
        self._asked[stream] = time.monotonic()

    def wanted(self, stream: int) -> bool:
        """Tell whether anybody has asked for this stream of late."""
        return self._asked[stream] > time.monotonic() - _LINGER

    def listen(self, event: asyncio.Event) -> None:
        """Set ``event`` with every frame from now on."""
        self._listeners.add(event)

    def leave(self, event: asyncio.Event) -> None:
        """Undo :meth:`listen`."""
        self._listeners.discard(event)

    async def next(self, stream: int, after: int, seconds: float) -> Frame | None:
        """Return a frame that is newer than the sequence ``after``; None if none comes in time."""
        event, until = asyncio.Event(), time.monotonic() + seconds
        self.listen(event)
        try:
            while True:
                self.ask(stream)
                frame = self.newest.get(stream)
                if frame is not None and frame.sequence > after:
                    return frame
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), min(1.0, until - time.monotonic()))
                except asyncio.TimeoutError:
                    if time.monotonic() >= until:
                        return None
        finally:
            self.leave(event)


class Viewer:
    """One page that watches, through one WebSocket."""

    def __init__(self, streams: Streams, socket: web.WebSocketResponse, role: str) -> None:
        self.role, self._streams, self._socket = role, streams, socket
        self._wake = asyncio.Event()
        self._credit: set[int] = set()
        self._seen: dict[int, int] = {}
        self._sent_at: dict[int, float] = {}
        self._texts: dict[str, str] = {}            # newest of each kind, not yet sent
        self.rate = Rate()
        self._waits: deque[float] = deque(maxlen=20)    # from sending a frame until the viewer asks for the next, s

    def tell(self, kind: str, content: dict) -> None:
        """Send a message; one of the same kind that is not yet sent is replaced."""
        self.tell_text(kind, text_of(kind, content))

    def tell_text(self, kind: str, text: str) -> None:
        """Send a message that is text already."""
        self._texts[kind] = text
        self._wake.set()

    def ready(self, stream: int) -> None:
        """Give one frame of credit."""
        if stream in self._sent_at:
            self._waits.append(time.monotonic() - self._sent_at.pop(stream))
        self._credit.add(stream)
        self._streams.ask(stream)
        self._wake.set()

    def still_watching(self) -> None:
        """Keep the streams alive that wait for a frame."""
        for stream in self._credit:
            self._streams.ask(stream)

    def why_slow(self) -> str:
        """Explain why this viewer gets fewer than a few paintings a second; empty when it does not."""
        mine, all_of_them = self.rate.per_second(), self._streams.rates[PAINTING].per_second()
        if mine >= _FEW or all_of_them < _FEW or PAINTING not in self._seen:
            return ''
        wait = sum(self._waits) / max(1, len(self._waits))
        if PAINTING in self._sent_at:               # the answer to the last one is still missing
            wait = max(wait, time.monotonic() - self._sent_at[PAINTING])
        if wait > 0.5 / _FEW:
            return f'This browser or its network takes {wait * 1e3:.0f} ms for a picture.'
        return "The server's processor is busy: too many viewers or other work."

    async def send(self) -> None:
        """Send what is due until the connection ends."""
        self._streams.listen(self._wake)
        try:
            while not self._socket.closed:
                await self._wake.wait()
                self._wake.clear()
                while self._texts:
                    text = self._texts.pop(next(iter(self._texts)))
                    await asyncio.wait_for(self._socket.send_str(text), _STUCK)
                for stream in sorted(self._credit):
                    frame = self._streams.newest.get(stream)
                    if frame is not None and frame.sequence > self._seen.get(stream, 0):
                        self._credit.discard(stream)
                        self._seen[stream], self._sent_at[stream] = frame.sequence, time.monotonic()
                        if stream == PAINTING:
                            self.rate.count()
                        await asyncio.wait_for(self._socket.send_bytes(frame.message), _STUCK)
        except (asyncio.TimeoutError, ConnectionError):
            pass                                    # stuck or gone: the connection is cut
        finally:
            self._streams.leave(self._wake)


class Viewers:
    """All pages that watch; ``state`` is told to each, with what concerns it alone."""

    def __init__(self, streams: Streams, most: int = 64) -> None:
        self.streams, self._most = streams, most
        self.all: set[Viewer] = set()
        #: Those who watch Motion JPEG and so have no socket.
        self.without_socket = 0
        self._last: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether another viewer would be one too many."""
        return self.count >= self._most

    @property
    def count(self) -> int:
        """Those who watch now."""
        return len(self.all) + self.without_socket

    def tell(self, kind: str, content: dict) -> None:
        """Tell all viewers, and those that come later."""
        self._last[kind] = text = text_of(kind, content)
        for viewer in self.all:
            viewer.tell_text(kind, text)

    def notify(self, sentence: str) -> None:
        """Show a sentence to all who watch now."""
        for viewer in self.all:
            viewer.tell('notice', {'message': sentence})

    def tell_each(self) -> None:
        """Tell every viewer its own rate, and why it is low if it is."""
        for viewer in self.all:
            viewer.still_watching()
            viewer.tell('you', {'rate': round(viewer.rate.per_second(), 1), 'why': viewer.why_slow(),
                                'viewers': self.count})

    async def serve(self, socket: web.WebSocketResponse, role: str, on_camera: Any, now: Any) -> None:
        """
        Serve one WebSocket until it ends.

        :param on_camera: called with (viewer, age and JPEG) for each frame of the viewer's own camera; returns a
            sentence where it is refused, else an empty text.
        :param now: tells the time of the stamps, ns.
        """
        viewer = Viewer(self.streams, socket, role)
        self.all.add(viewer)
        viewer.tell('hello', {'role': role})
        for kind, text in self._last.items():
            viewer.tell_text(kind, text)
        sender = asyncio.create_task(viewer.send())
        reader = asyncio.create_task(self._read(socket, viewer, on_camera, now))
        try:
            await asyncio.wait({sender, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.all.discard(viewer)
            on_camera(viewer, b'')
            for task in (sender, reader):
                task.cancel()
            await asyncio.gather(sender, reader, return_exceptions=True)

    async def _read(self, socket: web.WebSocketResponse, viewer: Viewer, on_camera: Any, now: Any) -> None:
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data:
                what = message.data[0]
                if what in (CAMERA, PAINTING) and len(message.data) == 1:
                    viewer.ready(what)
                elif what == OWN_CAMERA:
                    problem = on_camera(viewer, message.data[1:])
                    viewer.tell('own_camera', {'message': problem})
            elif message.type == WSMsgType.TEXT and len(message.data) < 100:
                try:                                # the time of the page, sent back beside ours: two clocks compared
                    viewer.tell('clock', {'sent': float(json.loads(message.data)), 'now': now()})
                except (ValueError, TypeError):
                    return
