# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The page's HTTP side: routes, and the thread with the event loop that they run in."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
import errno
import hashlib
import io
import logging
from pathlib import Path
import ssl
import threading
import time
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from style_transfer_msgs.srv import MixStyles, NextStyle, SetStyle
from style_transfer_ros.engine.errors import ImageError, sentence, shown, StyleTransferError
from style_transfer_ros.engine.picture_headers import check_picture
from style_transfer_ros.ros.web.gate import Gate, OPERATOR, read_json, refusal, VIEWER
from style_transfer_ros.ros.web.own_camera import LARGEST, OwnCamera
from style_transfer_ros.ros.web.recording import Recordings
from style_transfer_ros.ros.web.robot import Robot, RobotError
from style_transfer_ros.ros.web.styles import StyleBook
from style_transfer_ros.ros.web.viewers import CAMERA, PAINTING, Viewers

#: Largest upload, and largest request of another kind, bytes.
_UPLOAD, _BODY = 12_000_000, 65_536
#: A connection without a whole request for this time is closed, s.
_IDLE = 20.0
#: Time that an upload may take, s.
_UPLOAD_TIME = 60.0
#: The end of recording and removals may take this time, s; `ros2 launch` kills what takes more than 5 s in all.
_LEAVING = 3.5
#: The event loop complains at most this often, s.
_QUIET = 10.0
_TYPES = {'html': 'text/html', 'js': 'text/javascript', 'css': 'text/css', 'svg': 'image/svg+xml'}
_STREAMS = {'painting': PAINTING, 'camera': CAMERA}
_BOUNDARY = 'frame'


def _text(body: dict, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or not _sendable(value):
        raise RobotError(f"The request lacks '{key}'; reload the page.")
    return value


def _sendable(text: str) -> bool:
    """Tell whether ROS can send a text: JSON may hold half of a surrogate pair, or zeros."""
    return '\0' not in text and not any('\ud800' <= c <= '\udfff' for c in text)


def _number(body: dict, key: str) -> float:
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise RobotError(f"The request lacks '{key}', a number; reload the page.")
    return float(value)


class Server:
    """
    Serves the page in a thread of its own.

    :param robot: the painting node.
    :param make_gate: makes the gate of (paths that need no sign-in, function that is told of errors).
    :param links: makes the links of a role, best first.
    :param now: tells the time of the stamps, ns.
    """

    def __init__(self, robot: Robot, make_gate: Callable[[set[str], Callable], Gate], viewers: Viewers,
                 styles: StyleBook, own_camera: OwnCamera, recordings: Recordings,
                 links: Callable[[str], list[str]], now: Callable[[], int]) -> None:
        self._robot, self._viewers, self._links, self._now = robot, viewers, links, now
        self._styles, self._own, self._recordings = styles, own_camera, recordings
        self._files = _page_files()
        self._gate = make_gate(set(self._files), self._report)
        self._uploading, self._saving = asyncio.Lock(), asyncio.Lock()
        self._loop, self._complained = asyncio.new_event_loop(), -_QUIET
        self._loop.set_exception_handler(self._complain)
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._actions: dict[str, Callable] = {
            'choose': lambda body: styles.choose(_text(body, 'name')),
            'next': self._next, 'mix': self._mix, 'set': self._set,
            'rename': lambda body: styles.rename(_text(body, 'name'), _text(body, 'new_name')),
            'remove': lambda body: styles.remove(_text(body, 'name')),
            'undo': lambda body: styles.undo(_text(body, 'name')), 'shuffle': self._shuffle,
            'record': lambda body: recordings.record(), 'stop_recording': lambda body: recordings.stop(),
            'remove_recording': lambda body: recordings.remove(_text(body, 'name')),
            'use_browser': lambda body: own_camera.use(), 'use_robot': lambda body: own_camera.give_back()}

    def _report(self, error: Exception, path: str) -> None:
        self._robot.log(f'{shown(path)} failed: {sentence(error)}')

    def _logger(self) -> logging.Logger:
        """Make what aiohttp logs one sentence; strangers' broken requests and connections fill no log."""
        def say(record: logging.LogRecord) -> bool:
            error = record.exc_info[1] if record.exc_info else None
            if not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionError)):
                self._robot.log(f'{record.getMessage()}{f" ({sentence(error)})" if error else ""}')
            return False
        logger = logging.Logger('page', logging.WARNING)
        logger.addFilter(say)
        return logger

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what the event loop can raise to nobody; strangers who connect without end must not fill the log."""
        if time.monotonic() - self._complained < _QUIET:
            return
        self._complained, error = time.monotonic(), context.get('exception')
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._robot.log(f'No more connections can be taken ({error.strerror}); close some, or allow more open '
                            "files with 'ulimit -n'.")
        else:
            self._robot.log(f'{context["message"]}{f" ({sentence(error)})" if isinstance(error, Exception) else ""}')

    # The thread

    def start(self, listen: str, port: int, context: ssl.SSLContext | None) -> None:
        """
        Begin to serve; returns when the port is open.

        :raises OSError: the address cannot be listened on.
        """
        begun: list[BaseException | None] = []
        ready = threading.Event()

        async def serve() -> None:
            runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, keepalive_timeout=_IDLE,
                                   logger=self._logger(), max_line_size=4096, max_field_size=8190)
            try:
                await runner.setup()
                await web.TCPSite(runner, listen, port, ssl_context=context, backlog=128).start()
                begun.append(None)
            except BaseException as error:
                begun.append(error)
                await runner.cleanup()
                return
            finally:
                ready.set()
            chores = [asyncio.create_task(chore) for chore in (
                self._styles.follow(), self._own.follow(), self._recordings.follow(self._viewers.notify), self._tell())]
            await self._stopping.wait()
            for chore in chores:
                chore.cancel()
            await self._finish()
            await asyncio.wait([asyncio.create_task(runner.cleanup())], timeout=1)
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(serve()), name='page', daemon=True)
        self._thread.start()
        ready.wait()
        if begun[0] is not None:
            raise begun[0]

    def stop(self, spin: Callable[[float], object] = time.sleep) -> None:
        """
        End in time: finish the recording, carry out removals, give the robot's camera back.

        :param spin: lets the node's executor work for some seconds, so that answers still come; called again and again.
        """
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        until = time.monotonic() + _LEAVING + 1
        while self._thread.is_alive() and time.monotonic() < until:
            spin(0.05)

    async def _finish(self) -> None:
        async def leave_painter() -> None:
            await self._own.close()             # a node whose camera is changed removes nothing
            await self._styles.finish()
            if self._own.painted or self._own.lent:
                await self._own.give_back()
        parts = [asyncio.create_task(part) for part in (self._recordings.stop(), leave_painter())]
        done, late = await asyncio.wait(parts, timeout=_LEAVING)
        for error in [part.exception() for part in done]:
            if error is not None:
                self._robot.log(sentence(error))
        if late:
            self._robot.log(f'The page has ended within {_LEAVING:g} s without having done all that was under way.')

    def publish(self, stream: int, stamp: int, jpeg: bytes) -> None:
        """Show a frame; may be called in any thread."""
        self._loop.call_soon_threadsafe(self._viewers.streams.publish, stream, stamp, jpeg)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._gate.check], client_max_size=_BODY)
        application.on_response_prepare.append(self._gate.add_headers)
        for path in self._files:
            application.router.add_get(path, self._file)
        application.router.add_get('/session', self._session)
        application.router.add_post('/session', self._gate.sign_in)
        application.router.add_get('/live', self._live)
        application.router.add_get('/snapshot.jpg', self._snapshot)
        application.router.add_get('/stream.mjpg', self._mjpeg)
        application.router.add_get('/painting.png', self._png)
        application.router.add_get('/thumbnails/{digest}.jpg', self._thumbnail)
        application.router.add_get('/links', self._get_links)
        application.router.add_get('/qr/{role}.svg', self._qr)
        application.router.add_get('/recordings/{name}.mcap', self._download)
        application.router.add_post('/styles', self._upload)
        application.router.add_post('/do/{action}', self._do)
        return application

    # What the page is made of

    async def _file(self, request: web.Request) -> web.Response:
        data, kind, tag = self._files[request.path]
        if request.headers.get('If-None-Match') == tag:
            return web.Response(status=304, headers={'ETag': tag, 'Cache-Control': 'no-cache'})
        return web.Response(body=data, content_type=kind, charset='utf-8',
                            headers={'ETag': tag, 'Cache-Control': 'no-cache'})

    async def _session(self, request: web.Request) -> web.Response:
        return web.json_response({'success': True, 'role': self._gate.role(request)})

    # Pictures out

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if self._viewers.full:
            return refusal(503, f'{self._viewers.count} viewers are connected already; close one.')
        socket = web.WebSocketResponse(heartbeat=10.0, max_msg_size=LARGEST + 16, compress=False, timeout=2.0)
        await socket.prepare(request)
        try:
            await self._viewers.serve(socket, self._gate.role(request) or VIEWER, self._own.take, self._now)
        finally:
            if not socket.closed and request.transport is not None:
                request.transport.abort()               # stuck: a polite goodbye would wait for it, too
        return socket

    async def _snapshot(self, request: web.Request) -> web.Response:
        stream = _STREAMS.get(request.query.get('stream', 'painting'))
        if stream is None:
            return refusal(404, "There are the streams 'painting' and 'camera'; choose one.")
        streams = self._viewers.streams
        last = streams.newest.get(stream)
        frame = await streams.next(stream, last.sequence if last else 0, 10.0)
        if frame is None:
            return refusal(503, 'No picture has come within 10 s; see the state of the node.')
        return web.Response(body=frame.jpeg, content_type='image/jpeg')

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        stream = _STREAMS.get(request.query.get('stream', 'painting'))
        if stream is None:
            return refusal(404, "There are the streams 'painting' and 'camera'; choose one.")
        if self._viewers.full:
            return refusal(503, f'{self._viewers.count} viewers are connected already; close one.')
        response = web.StreamResponse(headers={'Content-Type': f'multipart/x-mixed-replace; boundary={_BOUNDARY}'})
        self._viewers.without_socket += 1
        try:
            await response.prepare(request)
            sequence = 0
            while True:
                frame = await self._viewers.streams.next(stream, sequence, 30.0)
                if frame is None:
                    return response
                sequence = frame.sequence
                head = f'--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame.jpeg)}\r\n\r\n'
                await asyncio.wait_for(response.write(head.encode() + frame.jpeg + b'\r\n'), 10.0)
        except asyncio.TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            return response
        finally:
            self._viewers.without_socket -= 1

    async def _png(self, request: web.Request) -> web.Response:
        async with self._saving:        # one at a time: each costs the node and this process a raw image
            try:
                message = await self._robot.painting()
            except RobotError as error:
                return refusal(503, str(error))
            data = await asyncio.to_thread(_png, message)
        return web.Response(body=data, content_type='image/png', headers={
            'Content-Disposition': f'attachment; filename="painting_{time.strftime("%Y-%m-%d_%H-%M-%S")}.png"'})

    async def _thumbnail(self, request: web.Request) -> web.Response:
        picture = self._styles.picture(request.match_info['digest'])
        if not picture:
            return refusal(404, 'There is no such thumbnail any more; reload the page.')
        return web.Response(body=picture, content_type='image/jpeg',
                            headers={'Cache-Control': 'private, max-age=31536000, immutable'})

    # Links

    async def _get_links(self, request: web.Request) -> web.Response:
        if self._gate.role(request) != OPERATOR:
            return refusal(403, "Links are given out by operators; open the operator's link.")
        return web.json_response({'success': True, 'viewer': self._links(VIEWER), 'operator': self._links(OPERATOR)})

    async def _qr(self, request: web.Request) -> web.Response:
        role = request.match_info['role']
        if self._gate.role(request) != OPERATOR:
            return refusal(403, "Links are given out by operators; open the operator's link.")
        if role not in (VIEWER, OPERATOR):
            return refusal(404, f"There are links for '{VIEWER}' and '{OPERATOR}'; choose one.")
        import segno  # loaded by those who ask for it only
        out = io.BytesIO()
        segno.make(self._links(role)[0], error='m').save(out, kind='svg', border=2, light='#fff', scale=6)
        return web.Response(body=out.getvalue(), content_type='image/svg+xml')

    # Wishes

    async def _do(self, request: web.Request) -> web.Response:
        action = self._actions.get(request.match_info['action'])
        if action is None:
            return refusal(404, 'The page asks for something that this server does not know; reload the page.')
        try:
            body = await read_json(request)
            if not isinstance(body, dict):
                raise ValueError
        except ValueError:
            return refusal(400, 'The request is no JSON object; reload the page.')
        try:
            sentence = await action(body)
        except (StyleTransferError, OSError) as error:
            return refusal(409, str(error))
        self._tell_state()
        return web.json_response({'success': True, 'message': sentence})

    async def _upload(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > _UPLOAD:
            return refusal(413, f'The picture has {request.content_length} bytes, more than {_UPLOAD}; shrink it.')
        if self._uploading.locked():
            return refusal(429, 'Another picture is being learned; try again in a moment.')
        async with self._uploading:
            try:
                data = await asyncio.wait_for(_read(request, _UPLOAD), _UPLOAD_TIME)
            except asyncio.TimeoutError:
                return refusal(408, f'The picture has not come within {_UPLOAD_TIME:.0f} s; try again.')
            if data is None:
                return refusal(413, f'The picture has more than {_UPLOAD} bytes; shrink it.')
            try:
                form = check_picture(data)
            except ImageError as error:
                return refusal(400, str(error))
            wish = SetStyle.Request(name=self._styles.free_name(request.query.get('name', '')))
            wish.compressed_image.format = form.lower()
            wish.compressed_image.data = data
            try:
                answer = await self._robot.wish(wish, 60.0)
            except RobotError as error:
                return refusal(409, str(error))
        self._styles.changed()
        return web.json_response({'success': True, 'message': answer.message, 'name': answer.style.name})

    async def _shuffle(self, body: dict) -> str:
        return self._styles.shuffle(_number(body, 'seconds'))

    async def _next(self, body: dict) -> str:
        return (await self._robot.wish(NextStyle.Request(), 30.0)).message

    async def _mix(self, body: dict) -> str:
        weights = body.get('weights')
        if not isinstance(weights, dict) or not weights or len(weights) > 200 or not all(map(_sendable, weights)):
            raise RobotError('The request lacks the weights of the mix; reload the page.')
        values = [_number(weights, name) for name in weights]
        return (await self._robot.wish(MixStyles.Request(names=list(weights), weights=values), 30.0)).message

    async def _set(self, body: dict) -> str:
        await self._robot.set(body)
        return 'Set.'

    async def _download(self, request: web.Request) -> web.StreamResponse:
        path = self._recordings.file(request.match_info['name'])
        if path is None:
            return refusal(404, 'There is no such recording.')
        return web.FileResponse(path, headers={'Content-Type': 'application/octet-stream', 'Content-Disposition':
                                               f'attachment; filename="{path.parent.name}.mcap"'})

    # State

    def _tell_state(self) -> None:
        robot = self._robot
        self._viewers.tell('state', {
            'present': robot.present, 'painter': robot.painter, 'status': robot.status,
            'parameters': robot.parameters, 'numbers': robot.numbers if robot.present else {},
            'source': {'kind': 'browser' if self._own.painted else 'robot', 'topic': robot.camera_topic},
            'shuffle': self._styles.shuffle_period, 'recording': self._recordings.state,
            'recordings': self._recordings.list})

    async def _tell(self) -> None:
        """Tell the state at least once a second, and at once when the node's status has changed; for ever."""
        told, tick = None, 0
        while True:
            robot, tick = self._robot, tick + 1
            news = (robot.present, robot.status, robot.parameters, robot.camera_topic)
            try:
                if news != told or tick % 10 == 0:
                    told = news
                    self._tell_state()
                if tick % 10 == 0:
                    self._viewers.tell_each()
            except Exception as error:          # one bad value must not freeze the page for ever
                self._robot.log(f'The state cannot be told: {sentence(error)}')
            await asyncio.sleep(0.1)


async def _read(request: web.Request, most: int) -> bytes | None:
    """Read a body; None where it is larger than ``most`` bytes."""
    data = bytearray()
    async for chunk in request.content.iter_chunked(1 << 16):
        data += chunk
        if len(data) > most:
            return None
    return bytes(data)


def _png(message: Any) -> bytes:
    from style_transfer_ros.engine import pictures  # OpenCV, loaded by those who save only
    from style_transfer_ros.ros import messages
    return pictures.encode_png(messages.to_rgb(message))


def _page_files() -> dict[str, tuple[bytes, str, str]]:
    """Read the page's files: content, type and tag by path."""
    files = {}
    for file in (Path(__file__).parents[2] / 'web').iterdir():
        kind = _TYPES.get(file.name.rpartition('.')[2])
        if kind:
            data = file.read_bytes()
            files[f'/{file.name}'] = (data, kind, f'"{hashlib.sha256(data).hexdigest()[:16]}"')
    files['/'] = files['/index.html']
    return files
