"""The page's HTTP side: routes, and the thread with the event loop that they run in."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
import hashlib
from importlib import resources
import io
import math
from pathlib import Path
import ssl
import struct
import threading
import time
from typing import Any

from aiohttp import web

from style_transfer_msgs.srv import MixStyles, NextStyle, SetStyle
from style_transfer_ros.engine.errors import sentence, shown, StyleTransferError
from style_transfer_ros.engine.picture_headers import (
    check_whole,
    KNOWN_FORMATS,
    picture_format,
    picture_size,
    reader,
)
from style_transfer_ros.ros.web.gate import Gate, OPERATOR, refusal, VIEWER
from style_transfer_ros.ros.web.recording import Recording, Recordings
from style_transfer_ros.ros.web.robot import Robot, RobotError
from style_transfer_ros.ros.web.styles import StyleBook
from style_transfer_ros.ros.web.viewers import CAMERA, PAINTING, Streams, Viewer, Viewers

#: Largest upload, bytes, and the most pixels that it may have; largest request of another kind, bytes.
_UPLOAD, _PIXELS, _BODY = 12_000_000, 50_000_000, 65_536
#: A connection without a whole request for this time is closed, s.
_IDLE = 20.0
#: Time that an upload may take, s.
_UPLOAD_TIME = 60.0
#: A frame of a browser's camera has at most so many bytes and pixels.
_OWN_BYTES, _OWN_PIXELS = 2_000_000, 4_000_000
#: The end of recording and removals may take this time, s; `ros2 launch` kills what takes more than 5 s in all.
_LEAVING = 3.5
#: A browser's camera that is silent for this time is given up, s.
_OWN_SILENT = 5.0
_TYPES = {'html': 'text/html', 'js': 'text/javascript', 'css': 'text/css', 'svg': 'image/svg+xml'}
_STREAMS = {'painting': PAINTING, 'camera': CAMERA}
_BOUNDARY = 'frame'


def checked_picture(data: bytes, pixels: int = _PIXELS) -> str:
    """
    Look at a picture's header; nothing is decoded.

    :returns: empty where it is good, else a sentence.
    """
    form = picture_format(data)
    if form is None:
        return f'This is no {KNOWN_FORMATS} file (it begins with {data[:8]!r}); send a picture.'
    try:
        width, height = picture_size(reader(data), form)
        if width * height > pixels:
            return f'This picture has {width}x{height} pixels, more than {pixels // 1_000_000} million; shrink it.'
        check_whole(data, form)
    except ValueError:
        return f'This is a damaged or truncated {form} file ({len(data)} bytes); send it again.'
    return ''


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
    :param publish_own: publishes a frame of a browser's camera, (JPEG, age in s); the topic it goes to is
        ``own_topic``.
    :param links: makes the links of a role, best first.
    :param folder: keeps recordings.
    """

    def __init__(self, robot: Robot, make_gate: Callable[[set[str], Callable], Gate], now: Callable[[], int],
                 publish_own: Callable[[bytes, float], None], own_topic: str, links: Callable[[str], list[str]],
                 folder: Path, node: Any) -> None:
        self._robot, self._now, self._links, self._node = robot, now, links, node
        self._publish_own, self._own_topic = publish_own, own_topic
        self.streams = Streams()
        self._viewers = Viewers(self.streams)
        self._recordings = Recordings(folder)
        self._files = _page_files()
        self._gate = make_gate(set(self._files), self._report)
        self._uploading, self._switching, self._saving = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._pictures = 0
        self._own: Viewer | None = None                 # whose camera is painted, and since when it is silent
        self._own_at = 0.0
        self._before: tuple[str, str] = ('image_raw', 'raw')    # the node's input before that
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._styles = StyleBook(robot, lambda content: self._viewers.tell('styles', content))
        self._actions: dict[str, Callable] = {
            'choose': lambda body: self._styles.choose(_text(body, 'name')),
            'next': self._next, 'mix': self._mix, 'set': self._set,
            'rename': lambda body: self._styles.rename(_text(body, 'name'), _text(body, 'new_name')),
            'remove': lambda body: self._styles.remove(_text(body, 'name')),
            'undo': lambda body: self._styles.undo(_text(body, 'name')), 'shuffle': self._shuffle,
            'record': self._record, 'stop_recording': self._stop_recording, 'remove_recording': self._remove_recording,
            'use_browser': self._use_browser, 'use_robot': self._use_robot}

    def _report(self, error: Exception, path: str) -> None:
        self._robot.log(f'{shown(path)} failed: {sentence(error)}')

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
                                   max_line_size=4096, max_field_size=8190)
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
            chores = [asyncio.create_task(chore) for chore in (self._styles.follow(), self._tell())]
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
            await self._styles.finish()         # first: a node whose camera is changed removes nothing
            if self._source()['kind'] == 'browser':
                await self._use_robot({})
        parts = [asyncio.create_task(part) for part in (self._stop_recording({}), leave_painter())]
        done, late = await asyncio.wait(parts, timeout=_LEAVING)
        for error in [part.exception() for part in done]:
            if error is not None:
                self._robot.log(sentence(error))
        if late:
            self._robot.log(f'The page has ended within {_LEAVING:g} s without having done all that was under way.')

    def publish(self, stream: int, stamp: int, jpeg: bytes) -> None:
        """Show a frame; may be called in any thread."""
        self._loop.call_soon_threadsafe(self.streams.publish, stream, stamp, jpeg)

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
            return refusal(503, f'{len(self._viewers.all)} viewers are connected already; close one.')
        socket = web.WebSocketResponse(heartbeat=10.0, max_msg_size=_OWN_BYTES + 16, compress=False, timeout=2.0)
        await socket.prepare(request)
        try:
            await self._viewers.serve(socket, self._gate.role(request) or VIEWER, self._on_own_camera, self._now)
        finally:
            if not socket.closed and request.transport is not None:
                request.transport.abort()               # stuck: a polite goodbye would wait for it, too
        return socket

    async def _snapshot(self, request: web.Request) -> web.Response:
        stream = _STREAMS.get(request.query.get('stream', 'painting'))
        if stream is None:
            return refusal(404, "There are the streams 'painting' and 'camera'; choose one.")
        last = self.streams.newest.get(stream)
        frame = await self.streams.next(stream, last.sequence if last else 0, 10.0)
        if frame is None:
            return refusal(503, 'No picture has come within 10 s; see the state of the node.')
        return web.Response(body=frame.jpeg, content_type='image/jpeg')

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        stream = _STREAMS.get(request.query.get('stream', 'painting'))
        if stream is None:
            return refusal(404, "There are the streams 'painting' and 'camera'; choose one.")
        if self._pictures + len(self._viewers.all) >= 64:
            return refusal(503, 'Too many viewers are connected already; close one.')
        response = web.StreamResponse(headers={'Content-Type': f'multipart/x-mixed-replace; boundary={_BOUNDARY}'})
        self._pictures += 1
        try:
            await response.prepare(request)
            sequence = 0
            while True:
                frame = await self.streams.next(stream, sequence, 30.0)
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
            self._pictures -= 1

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
            body = await request.json()
            if not isinstance(body, dict):
                raise ValueError
        except (ValueError, LookupError, RecursionError):       # LookupError: an unknown charset
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
            problem = checked_picture(data)
            if problem:
                return refusal(400, problem)
            wish = SetStyle.Request(name=self._styles.free_name(request.query.get('name', '')))
            wish.compressed_image.format = (picture_format(data) or '').lower()
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

    # Recording

    async def _record(self, body: dict) -> str:
        if self._recordings.current is not None:
            raise RobotError('The painting is being recorded already.')
        folder, topic = self._recordings.next_folder(), self._robot.painting_topic
        topics = [f'{topic}/compressed', f"{topic.rpartition('/')[0]}/camera_info", f'{self._robot.painter}/status']
        self._recordings.current = await self._robot.in_executor(lambda: Recording(self._node, folder, topics))
        return f"Recording '{folder.name}'."

    async def _stop_recording(self, body: dict) -> str:
        recording, self._recordings.current = self._recordings.current, None
        if recording is None:
            return 'Nothing is being recorded.'
        await self._robot.in_executor(recording.unsubscribe)
        try:
            return await asyncio.to_thread(recording.finish)
        finally:
            await asyncio.to_thread(self._recordings.refresh)

    async def _remove_recording(self, body: dict) -> str:
        name = _text(body, 'name')
        if not await asyncio.to_thread(self._recordings.remove, name):
            raise RobotError(f'There is no recording {shown(name)}.')
        return f"The recording '{name}' is removed."

    async def _download(self, request: web.Request) -> web.StreamResponse:
        path = self._recordings.file(request.match_info['name'])
        if path is None:
            return refusal(404, 'There is no such recording.')
        return web.FileResponse(path, headers={'Content-Type': 'application/octet-stream', 'Content-Disposition':
                                               f'attachment; filename="{path.parent.name}.mcap"'})

    # A browser's camera

    async def _use_browser(self, body: dict) -> str:
        async with self._switching:
            if self._own_active():
                raise RobotError("Another operator's camera is being painted; it must be stopped first.")
            parameters = self._robot.parameters
            if 'image_topic' not in parameters:
                raise RobotError('This node cannot change its camera while it runs; start a newer one.')
            if parameters['image_topic'] != self._own_topic:
                self._before = (parameters['image_topic'], parameters['image_transport'])
            self._own, self._own_at = None, time.monotonic() + 5.0
            await self._robot.use_camera(self._own_topic, 'compressed')
            self._own_at = time.monotonic()
        return "This browser's camera is painted."

    async def _use_robot(self, body: dict) -> str:
        async with self._switching:
            self._own = None
            await self._robot.use_camera(*self._before)
        return "The robot's camera is painted."

    def _own_active(self) -> bool:
        return self._own is not None and time.monotonic() - self._own_at < _OWN_SILENT

    def _on_own_camera(self, viewer: Viewer, data: bytes) -> str:
        """Publish a frame of a viewer's camera; an empty one says that the viewer is gone."""
        if not data:
            if viewer is self._own:
                self._own = None
            return ''
        if viewer.role != OPERATOR:
            return "This is a viewer's link: open the operator's link to give a camera."
        if self._own_active() and viewer is not self._own:
            return "Another operator's camera is being painted; it must be stopped first."
        age, jpeg = struct.unpack_from('<d', data)[0] if len(data) > 8 else 0.0, data[8:]
        problem = checked_picture(jpeg, _OWN_PIXELS) if len(jpeg) <= _OWN_BYTES else 'The frame is too large.'
        if problem:
            return problem
        self._own, self._own_at = viewer, time.monotonic()
        self._publish_own(jpeg, min(2.0, max(0.0, age)) if math.isfinite(age) else 0.0)
        return ''

    # State

    def _source(self) -> dict:
        browser = self._robot.parameters.get('image_topic') == self._own_topic
        return {'kind': 'browser' if browser else 'robot', 'topic': self._robot.camera_topic}

    def _tell_state(self) -> None:
        robot, recording = self._robot, self._recordings.current
        parameters = {name: robot.parameters[name] for name in robot.parameters}
        self._viewers.tell('state', {
            'present': robot.present, 'painter': robot.painter, 'status': robot.status, 'parameters': parameters,
            'numbers': robot.numbers if robot.present else {}, 'source': self._source(),
            'shuffle': self._styles.shuffle_period,
            'recording': recording.state() if recording is not None else None,
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
                    await self._give_up_own_camera()
                    await self._end_broken_recording()
            except Exception as error:          # one bad value must not freeze the page for ever
                self._robot.log(f'The state cannot be told: {sentence(error)}')
            await asyncio.sleep(0.1)

    async def _end_broken_recording(self) -> None:
        """End a recording that the disk has no room for, and say so."""
        recording = self._recordings.current
        problem = recording.state()['problem'] if recording is not None else ''
        if problem:
            try:
                await self._stop_recording({})
            except StyleTransferError as error:
                problem = str(error)
            self._viewers.notify(problem)

    async def _give_up_own_camera(self) -> None:
        """Paint the robot's camera again when the browser whose camera was painted is gone."""
        if (self._source()['kind'] == 'browser' and not self._switching.locked()
                and time.monotonic() - self._own_at > _OWN_SILENT):
            self._own_at = time.monotonic() + 10.0      # not again at once if it fails
            try:
                await self._use_robot({})
            except RobotError as error:
                self._robot.log(str(error))


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
    for file in (resources.files('style_transfer_ros') / 'web').iterdir():
        kind = _TYPES.get(file.name.rpartition('.')[2])
        if kind:
            data = file.read_bytes()
            files[f'/{file.name}'] = (data, kind, f'"{hashlib.sha256(data).hexdigest()[:16]}"')
    files['/'] = files['/index.html']
    return files
