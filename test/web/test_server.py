# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The page's server: who is let in, what viewers get, and what hostile or slow clients can do to others."""
import asyncio
from concurrent.futures import Future
import errno
from itertools import count
import json
import socket
import struct
from threading import Thread, Timer
import time

import aiohttp
import pytest

from style_transfer_msgs.msg import StyleInfo
from style_transfer_msgs.srv import RemoveStyle, SetStyle
from style_transfer_ros.engine.picture_headers import check_picture, MAX_PIXELS
from style_transfer_ros.ros.web import own_camera, viewers
from style_transfer_ros.ros.web.robot import RobotError
from style_transfer_ros.ros.web.viewers import CAMERA, HEADER, OWN_CAMERA, PAINTING

#: The header of a JPEG of 16x16 pixels, and its end.
JPEG = bytes.fromhex('ffd8ffc0000b080010001001011100ffd9')


READS = ('/session', '/live', '/snapshot.jpg', '/stream.mjpg', '/painting.png', '/thumbnails/0.jpg', '/links',
         '/qr/viewer.svg', '/recordings/x.mcap')
WRITES = ('/styles', '/do/next', '/do/choose', '/do/mix', '/do/set', '/do/remove', '/do/undo', '/do/rename',
          '/do/shuffle', '/do/record', '/do/stop_recording', '/do/use_browser', '/do/use_robot')


def until(condition, what, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
        time.sleep(0.01)
    return value


# Who is let in


@pytest.mark.parametrize('path', READS)
def test_nothing_is_shown_without_a_sign_in(page, path):
    status, sentence = page.sentence('GET', path, role=None)
    assert status == 401 and 'open the link' in sentence


@pytest.mark.parametrize('path', WRITES)
def test_a_viewer_changes_nothing_and_is_told_so(page, path):
    status, sentence = page.sentence('POST', path, {}, role='viewer')
    assert status == 403 and 'changes nothing' in sentence
    assert page.robot.asked == [] and page.robot.cameras == []


@pytest.mark.parametrize('path', ['/', '/main.js', '/session', '/live'])
@pytest.mark.parametrize('host', ['evil.example', '127.0.0.1.evil.example', 'localhost:1@evil.example', '[::1', ''])
def test_a_foreign_host_is_refused_even_with_the_token(page, path, host):
    """A name of an attacker that resolves to us is DNS rebinding."""
    with socket.create_connection(('127.0.0.1', page.port)) as raw:
        raw.sendall(f'GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer '
                    f'{page.TOKENS["operator"]}\r\n\r\n'.encode())
        assert raw.recv(100).split()[1] in (b'403', b'400')


@pytest.mark.parametrize('origin', ['', 'null', 'http://evil.example', 'http://127.0.0.1', 'http://127.0.0.1:1',
                                    'file://127.0.0.1:{port}', 'http://127.0.0.1:{port}.evil.example', 'http://[',
                                    'http://\xff'])
def test_a_wish_from_another_site_is_refused(page, origin):
    origin = origin.replace('{port}', str(page.port))
    for path in ('/do/next', '/styles', '/session'):
        status, sentence = page.sentence('POST', path, {}, Origin=origin)
        assert status == 403 and 'not from this page' in sentence
    status, sentence = page.sentence('GET', '/live', Origin=origin, Upgrade='websocket', Connection='Upgrade')
    assert status == 403 and 'not from this page' in sentence
    assert page.robot.asked == []


def test_a_links_token_becomes_a_cookie_that_no_script_and_no_other_site_can_use(page):
    status, headers, body = page.ask('POST', '/session', {'token': page.TOKENS['viewer']}, role=None)
    assert status == 200 and json.loads(body)['role'] == 'viewer'
    cookie = headers['Set-Cookie']
    assert 'HttpOnly' in cookie and 'SameSite=Strict' in cookie and page.TOKENS['viewer'] not in cookie
    status, _, body = page.ask('GET', '/session', role=None, Cookie=cookie.partition(';')[0])
    assert status == 200 and json.loads(body)['role'] == 'viewer'
    status, _ = page.sentence('POST', '/do/next', {}, role=None, Cookie=cookie.partition(';')[0])
    assert status == 403


@pytest.mark.parametrize('body', [{'token': 'x' * 32}, {'token': ''}, {'token': None}, {'token': 7}, {}, [], b'',
                                  b'\xff', b'{"token": "\\ud800"}'])
def test_a_wrong_token_is_refused_in_a_sentence(page, body):
    status, sentence = page.sentence('POST', '/session', body, role=None)
    assert status == 403 and 'not valid' in sentence


@pytest.mark.parametrize('header', ['Authorization: Bearer \xff', 'Cookie: style_transfer_{port}=\xff',
                                    'Authorization: Bearer', 'Cookie: =;;=', 'Authorization: \xff'])
def test_a_malformed_secret_is_a_missing_one(page, header):
    with socket.create_connection(('127.0.0.1', page.port)) as raw:
        raw.sendall(f'GET /links HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n'
                    f'{header.format(port=page.port)}\r\n\r\n'.encode('latin-1'))
        assert raw.recv(100).split()[1] == b'401'
    assert page.ask('GET', '/snapshot.jpg?token=%ff', role=None)[0] == 401
    assert page.robot.said == []


def test_the_query_takes_the_viewers_token_for_embedded_pictures_and_nothing_else(page):
    page.server.publish(PAINTING, 1, JPEG)
    token, operator = page.TOKENS['viewer'], page.TOKENS['operator']
    asking = Future()
    Thread(target=lambda: asking.set_result(page.ask('GET', f'/snapshot.jpg?token={token}', role=None))).start()
    stamps = count(2)
    until(lambda: page.server.publish(PAINTING, next(stamps), JPEG) or asking.done(), 'a new frame is the answer')
    status, headers, body = asking.result()
    assert (status, body) == (200, JPEG) and headers['Cross-Origin-Resource-Policy'] == 'cross-origin'
    assert page.ask('GET', f'/snapshot.jpg?token={operator}', role=None)[0] == 401
    assert page.ask('GET', f'/links?token={token}', role=None)[0] == 401


def test_only_operators_get_links_and_codes(page):
    assert page.ask('GET', '/links', role='viewer')[0] == 403
    assert page.ask('GET', '/qr/operator.svg', role='viewer')[0] == 403
    assert page.TOKENS['operator'] in page.ask('GET', '/links')[2].decode()
    assert b'<svg' in page.ask('GET', '/qr/viewer.svg')[2]


@pytest.mark.parametrize('path', ['/', '/main.js', '/session', '/nonesuch', '/thumbnails/0.jpg'])
def test_every_answer_forbids_the_browser_what_the_page_does_not_need(page, path):
    _, headers, _ = page.ask('GET', path)
    policy = headers['Content-Security-Policy']
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and 'unsafe' not in policy
    assert headers['X-Content-Type-Options'] == 'nosniff' and headers['Referrer-Policy'] == 'no-referrer'
    assert 'Server' not in headers and 'Access-Control-Allow-Origin' not in headers


@pytest.mark.parametrize('path', ['/../web_node.py', '/%2e%2e/web_node.py', '/recordings/..%2f..%2fx.mcap',
                                  '/style.css/..', '/__init__.py', '/recordings/%00.mcap'])
def test_no_path_of_a_request_reaches_the_file_system(page, path):
    assert page.ask('GET', path)[0] in (400, 404)


@pytest.mark.parametrize('request_line', ['GET /' + 'x' * 10_000 + ' HTTP/1.1', 'nonsense', 'GET / HTTP/9.9', '\0\xff'])
def test_a_broken_request_is_refused_and_fills_no_log(page, caplog, request_line):
    with socket.create_connection(('127.0.0.1', page.port)) as raw:
        raw.sendall(f'{request_line}\r\n\r\n'.encode('latin-1'))
        assert raw.recv(100).split()[1] == b'400'
    assert page.ask('GET', '/')[0] == 200
    assert page.robot.said == [] and caplog.records == []


def posted(page, path, body, header):
    """Return a request as it travels."""
    host = f'127.0.0.1:{page.port}'
    return f'POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{header}\r\n\r\n'.encode() + body


@pytest.mark.parametrize('header, answer', [('Content-Encoding: gzip\r\nContent-Length: 3', b'400'),
                                            ('Content-Encoding: zstd\r\nContent-Length: 3', b'400'),
                                            ('Content-Length: 30', b'')])
def test_a_broken_body_is_refused_and_fills_no_log(page, caplog, header, answer):
    with socket.create_connection(('127.0.0.1', page.port)) as raw:
        raw.sendall(posted(page, '/session', b'abc', header))
        if not answer:
            raw.shutdown(socket.SHUT_WR)
        assert raw.recv(1000)[9:12] == answer
    assert page.ask('GET', '/')[0] == 200
    assert page.robot.said == [] and caplog.records == []


def test_connections_without_end_fill_no_log(page, caplog):
    context = {'message': 'socket.accept() out of system resource',
               'exception': OSError(errno.EMFILE, 'Too many open files')}
    for _ in range(300):        # as asyncio does it where no descriptor is left
        page.server._loop.call_soon_threadsafe(page.server._loop.call_exception_handler, context)
    assert page.ask('GET', '/')[0] == 200
    said, = page.robot.said
    assert 'Too many open files' in said and 'ulimit' in said and caplog.records == []


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])
def test_other_methods_are_refused(page, method):
    assert page.ask(method, '/do/next')[0] == 405


# Wishes


def test_a_wish_is_passed_on_and_the_nodes_sentence_comes_back(page):
    assert page.sentence('POST', '/do/choose', {'name': 'poppies'}) == (200, 'Painting.')
    assert page.robot.asked[-1].name == 'poppies'
    status, sentence = page.sentence('POST', '/do/choose', {'name': 'nonesuch'})
    assert (status, sentence) == (409, "The style 'nonesuch' is not in the library.")
    assert page.sentence('POST', '/do/mix', {'weights': {'wave': 1, 'poppies': 3}})[0] == 200
    assert list(page.robot.asked[-1].names) == ['wave', 'poppies'] and list(page.robot.asked[-1].weights) == [1, 3]


@pytest.mark.parametrize('path, body', [
    ('choose', {}), ('choose', {'name': 7}), ('choose', {'name': ''}), ('mix', {}), ('mix', {'weights': []}),
    ('mix', {'weights': {'wave': 'x'}}), ('mix', {'weights': {'wave': True}}), ('mix', b'{"weights": {"wave": NaN}}'),
    ('mix', b'{"weights": {"wave": 1e999}}'), ('shuffle', {'seconds': -1}), ('shuffle', {'seconds': 1e9}),
    ('remove', {'name': 'nonesuch'}), ('undo', {'name': 'nonesuch'}), ('remove_recording', {'name': '../x'}),
    ('choose', b'[1]'), ('choose', b'{'), ('choose', b'\xff'), ('choose', b'x' * 100_000), ('nonesuch', {}),
    ('choose', b'[' * 60_000), ('choose', b'{"name": "\\ud800"}'), ('choose', b'{"name": "\\u0000"}'),
    ('mix', b'{"weights": {"\\ud800": 1}}'), ('mix', b'{"weights": {"wave": 1%s}}' % (b'0' * 400)),
    ('shuffle', b'{"seconds": 1%s}' % (b'0' * 400))])
def test_a_broken_wish_is_refused_in_a_sentence(page, path, body):
    status, sentence = page.sentence('POST', f'/do/{path}', body)
    assert 400 <= status < 500 and sentence and page.robot.asked == [] and page.robot.said == []


def test_a_removal_can_be_undone(pages):
    page = pages(undo_time=60)
    until(lambda: page.styles.names(), 'the list is there')
    assert page.sentence('POST', '/do/remove', {'name': 'poppies'})[0] == 200
    assert page.sentence('POST', '/do/remove', {'name': 'poppies'})[0] == 409
    assert page.sentence('POST', '/do/undo', {'name': 'poppies'})[0] == 200
    assert page.robot.asked == [] and page.sentence('POST', '/do/undo', {'name': 'poppies'})[0] == 409


def test_a_removal_is_carried_out_after_its_time(pages):
    page = pages(undo_time=0.1)
    until(lambda: page.styles.names(), 'the list is there')
    page.sentence('POST', '/do/remove', {'name': 'poppies'})
    until(lambda: page.robot.asked, 'the style is removed')
    assert [request.name for request in page.robot.asked] == ['poppies']


def test_the_style_that_is_painted_gives_way_when_it_is_removed_and_returns_when_that_is_undone(page):
    until(lambda: page.styles.names(), 'the list is there')
    assert page.robot.status['style'] == 'wave'
    page.sentence('POST', '/do/remove', {'name': 'wave'})
    page.sentence('POST', '/do/undo', {'name': 'wave'})
    assert [request.name for request in page.robot.asked] == ['poppies', 'wave']


def test_removals_that_wait_are_carried_out_when_the_page_ends(page):
    until(lambda: page.styles.names(), 'the list is there')
    page.sentence('POST', '/do/remove', {'name': 'poppies'})
    page.server.stop()
    assert [request.name for request in page.robot.asked] == ['poppies']


@pytest.mark.parametrize('ends', [False, True])
def test_a_removal_that_the_node_was_asked_for_is_asked_once_and_cannot_be_undone(pages, ends):
    page = pages(undo_time=0.1)
    until(lambda: page.styles.names(), 'the list is there')
    page.robot.removable.clear()
    page.sentence('POST', '/do/remove', {'name': 'poppies'})
    until(lambda: page.robot.asked, 'the node is asked to remove the style')
    status, sentence = page.sentence('POST', '/do/undo', {'name': 'poppies'})
    assert status == 409 and 'cannot be undone any more' in sentence
    if ends:
        Timer(0.5, page.robot.removable.set).start()
        page.server.stop()
    page.robot.removable.set()
    until(lambda: page.styles.names() == ['wave'], 'the style is removed')
    assert [request.name for request in page.robot.asked] == ['poppies'] and page.robot.said == []


def failing(robot, error, kind):
    """Let a stand-in raise ``error`` at requests of this kind."""
    wish = robot.wish

    async def wish_or_fail(request, seconds=10.0):
        if isinstance(request, kind):
            robot.asked.append(request)
            raise error
        return await wish(request, seconds)
    robot.wish = wish_or_fail


@pytest.mark.parametrize('error', [RobotError('The disk is read-only.'), ValueError('The disk is read-only.')])
def test_those_who_watch_are_told_why_a_style_that_was_removed_comes_back(pages, error):
    page = pages(undo_time=0.1)
    failing(page.robot, error, RemoveStyle.Request)

    async def watch():
        async with Watching(page) as viewer:
            await asyncio.to_thread(until, lambda: page.styles.names(), 'the list is there')
            await asyncio.to_thread(page.sentence, 'POST', '/do/remove', {'name': 'poppies'})
            return (await viewer.hear('notice'))['message']
    told = asyncio.run(watch())
    assert told.startswith("The style 'poppies' is not removed: ") and told.endswith('The disk is read-only.')
    assert page.styles.names() == ['poppies', 'wave']


def test_shuffle_goes_on_after_an_error(page):
    until(lambda: page.styles.names(), 'the list is there')
    failing(page.robot, ValueError('One bad answer.'), SetStyle.Request)
    assert page.sentence('POST', '/do/shuffle', {'seconds': 1})[0] == 200
    until(lambda: len(page.robot.asked) == 2, 'it goes on')
    assert 'One bad answer.' in page.robot.said[0]


# Uploads


def test_an_upload_is_learned_under_its_files_name_and_never_replaces_another(page):
    until(lambda: page.styles.names(), 'the list is there')
    assert page.ask('POST', '/styles?name=My%20Sunset.JPG', JPEG)[0] == 200
    assert page.robot.asked[-1].name == 'My Sunset' and bytes(page.robot.asked[-1].compressed_image.data) == JPEG
    assert page.robot.asked[-1].uri == ''
    page.ask('POST', '/styles?name=wave.png', JPEG)
    assert page.robot.asked[-1].name == 'wave 2'
    page.ask('POST', '/styles?name=..%2F..%2Fetc%2Fpasswd%00%0a', JPEG)
    assert page.robot.asked[-1].name == 'passwd'


def png_of(width, height):
    return (b'\x89PNG\r\n\x1a\n' + struct.pack('>I4sII5x4x', 13, b'IHDR', width, height)
            + struct.pack('>I4s4x', 0, b'IEND'))


@pytest.mark.parametrize('data, words', [
    (b'', 'empty'), (b'<svg onload="alert(1)"/>', 'no JPEG'), (b'GIF89a' + bytes(100), 'no JPEG'),
    (JPEG[:-4], 'damaged'), (png_of(65535, 65535), '65535x65535'), (png_of(50_000, 1001), f'more than {MAX_PIXELS}')])
def test_what_is_no_picture_or_a_bomb_is_refused_by_its_header(page, data, words):
    status, sentence = page.sentence('POST', '/styles?name=x', data)
    assert status == 400 and words in sentence and page.robot.asked == []


def test_a_picture_within_the_limits_passes():
    assert check_picture(JPEG) == 'JPEG' and check_picture(png_of(10_000, 5000)) == 'PNG'


@pytest.mark.parametrize('chunked', [False, True])
def test_an_upload_of_more_than_12_mb_is_refused(page, chunked):
    async def upload():
        async def chunks():
            for _ in range(13):
                yield bytes(1_000_000)
        async with aiohttp.ClientSession() as session:
            async with session.post(f'{page.origin}/styles', data=chunks() if chunked else bytes(12_000_001),
                                    headers={**page.bearer('operator'), 'Origin': page.origin}) as answer:
                return answer.status, await answer.json()
    status, answer = asyncio.run(upload())
    assert status == 413 and 'shrink it' in answer['message'] and page.robot.asked == []


def test_one_upload_is_learned_at_a_time(page):
    page.robot.gate.clear()

    async def two():
        headers = {**page.bearer('operator'), 'Origin': page.origin}
        async with aiohttp.ClientSession() as session:
            first = asyncio.create_task(_status(session.post(f'{page.origin}/styles', data=JPEG, headers=headers)))
            await asyncio.to_thread(until, lambda: page.robot.asked, 'the first is being learned')
            second = await _status(session.post(f'{page.origin}/styles', data=JPEG, headers=headers))
            page.robot.gate.set()
            return await first, second
    assert asyncio.run(two()) == (200, 429)


async def _status(request):
    async with request as answer:
        return answer.status


# Viewers


class Watching:
    """A WebSocket client that gives credit when told to."""

    def __init__(self, page, role='viewer'):
        self.page, self.role, self.texts, self.frames = page, role, {}, []

    async def __aenter__(self):
        self.session = aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(f'{self.page.origin}/live', max_msg_size=0, headers={
            **self.page.bearer(self.role), 'Origin': self.page.origin})
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    async def credit(self, stream):
        await self.socket.send_bytes(bytes([stream]))

    async def _receive(self, done):
        while not done():
            message = await self.socket.receive()
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            if message.type == aiohttp.WSMsgType.BINARY:
                self.frames.append((*HEADER.unpack_from(message.data), message.data[HEADER.size:]))
            else:
                content = json.loads(message.data)
                self.texts[content['kind']] = content

    async def take(self, seconds=10.0):
        """Return the next frame, (stream, sequence, stamp, JPEG)."""
        await asyncio.wait_for(self._receive(lambda: self.frames), seconds)
        return self.frames.pop(0)

    async def hear(self, kind, seconds=10.0):
        """Return a message of a kind that was not returned before, the newest."""
        await asyncio.wait_for(self._receive(lambda: kind in self.texts), seconds)
        return self.texts.pop(kind)


def test_a_frame_costs_one_credit_and_the_newest_wins(page):
    async def watch():
        async with Watching(page) as viewer:
            for stamp in range(5):
                page.server.publish(PAINTING, stamp, JPEG + bytes([stamp]))
            await asyncio.to_thread(until, lambda: page.streams.newest.get(PAINTING) and (
                page.streams.newest[PAINTING].stamp == 4), 'all are there')
            await viewer.credit(PAINTING)
            stream, _, stamp, jpeg = await viewer.take()
            assert (stream, stamp, jpeg) == (PAINTING, 4, JPEG + bytes([4]))
            page.server.publish(PAINTING, 5, JPEG)
            page.server.publish(CAMERA, 5, JPEG)
            with pytest.raises(asyncio.TimeoutError):
                await viewer.take(0.5)              # no credit, no frame
            await viewer.credit(CAMERA)
            assert (await viewer.take())[0] == CAMERA
            await viewer.credit(PAINTING)
            assert (await viewer.take())[2] == 5
    asyncio.run(watch())


def test_a_stream_is_wanted_only_while_somebody_asks_for_it(page, monkeypatch):
    monkeypatch.setattr(viewers, '_LINGER', 0.3)
    streams = page.streams

    async def watch():
        async with Watching(page) as viewer:
            await viewer.hear('state')
            assert not streams.wanted(PAINTING)
            await viewer.credit(PAINTING)
            await asyncio.to_thread(until, lambda: streams.wanted(PAINTING), 'the painting is wanted')
            assert not streams.wanted(CAMERA)
    asyncio.run(watch())
    until(lambda: not streams.wanted(PAINTING), 'nobody wants it any more')


def test_a_viewer_is_told_state_styles_and_its_role(page):
    async def watch():
        async with Watching(page) as viewer:
            state, styles = await viewer.hear('state'), await viewer.hear('styles')
            await viewer.socket.send_str('123.5')
            clock = await viewer.hear('clock')
            return await viewer.hear('hello'), state, styles, clock
    hello, state, styles, clock = asyncio.run(watch())
    assert hello['role'] == 'viewer' and state['status']['style'] == 'wave' and state['present'] is True
    assert [style['name'] for style in styles['styles']] == ['poppies', 'wave']
    assert clock == {'kind': 'clock', 'sent': 123.5, 'now': 5_000_000_000}
    digest = styles['styles'][0]['picture']
    assert page.ask('GET', f'/thumbnails/{digest}.jpg', role='viewer')[2] == JPEG


@pytest.mark.parametrize('data', [b'', b'\x07', b'\x02', b'\x02123', b'\x00\x00', b'\xff' * 1000])
def test_a_broken_message_of_a_viewer_does_no_harm(page, data):
    async def watch():
        async with Watching(page) as viewer:
            await viewer.socket.send_bytes(data)
            await viewer.credit(PAINTING)
            page.server.publish(PAINTING, 9, JPEG)
            return await viewer.take()
    assert asyncio.run(watch())[2] == 9
    assert page.own == [] and page.robot.said == []


def own_frame(age=0.05, jpeg=JPEG):
    return bytes([OWN_CAMERA]) + struct.pack('<d', age) + jpeg


def test_a_browsers_camera_is_one_operators_and_never_a_viewers(page):
    assert page.sentence('POST', '/do/use_browser', {})[0] == 200

    async def watch():
        async with Watching(page, 'operator') as first, Watching(page, 'operator') as second, Watching(page) as viewer:
            await first.socket.send_bytes(own_frame())
            assert (await first.hear('own_camera'))['message'] == ''
            await second.socket.send_bytes(own_frame())
            assert 'Another operator' in (await second.hear('own_camera'))['message']
            await viewer.socket.send_bytes(own_frame())
            assert "viewer's link" in (await viewer.hear('own_camera'))['message']
            await first.socket.send_bytes(own_frame(jpeg=png_of(4000, 4000)))
            assert '4000x4000' in (await first.hear('own_camera'))['message']
            await first.socket.close()
            await asyncio.to_thread(until, lambda: page.viewers.count == 2, 'the first one is gone')
            await second.socket.send_bytes(own_frame(age=float('nan')))
            assert (await second.hear('own_camera'))['message'] == ''
    asyncio.run(watch())
    assert page.own == [(JPEG, 0.05), (JPEG, 0.0)]


def _by_a_wish(page):
    page.robot.switch.clear()           # the node takes its time; until then its parameters are the old ones
    wish = Thread(target=page.sentence, args=('POST', '/do/use_robot', {}))
    wish.start()
    until(lambda: page.robot.switching, 'the node is asked')
    return wish


def _by_hand(page):
    page.robot.parameters = {**page.robot.parameters, 'image_topic': 'image_raw'}


@pytest.mark.parametrize('turn_back', [_by_a_wish, _by_hand])
def test_a_browsers_camera_is_stopped_as_soon_as_the_robots_is_wanted_again(page, turn_back):
    async def watch():
        async with Watching(page, 'operator') as first, Watching(page, 'operator') as second:
            assert (await asyncio.to_thread(page.sentence, 'POST', '/do/use_browser', {}))[0] == 200
            await first.socket.send_bytes(own_frame())
            assert (await first.hear('own_camera'))['message'] == ''
            wish = await asyncio.to_thread(turn_back, page)
            for _ in range(2):
                await first.socket.send_bytes(own_frame())
                assert "robot's camera is painted again" in (await first.hear('own_camera'))['message']
                page.robot.switch.set()
                if wish is not None:
                    await asyncio.to_thread(wish.join)
            assert len(page.own) == 1, 'no more of it is published'
            assert (await asyncio.to_thread(page.sentence, 'POST', '/do/use_browser', {}))[0] == 200
            await second.socket.send_bytes(own_frame())
            assert (await second.hear('own_camera'))['message'] == '', 'and it holds up nobody'
    asyncio.run(watch())


def test_a_page_that_ends_while_the_camera_is_changed_gives_the_robots_back(page):
    page.robot.switch.clear()
    wish = Thread(target=page.sentence, args=('POST', '/do/use_browser', {}))
    wish.start()
    until(lambda: page.robot.switching, 'the node is asked')
    Timer(0.3, page.robot.switch.set).start()
    page.server.stop()
    wish.join()
    assert page.robot.cameras == [('/page/image_raw', 'compressed'), ('image_raw', 'raw')]


def test_a_page_that_ends_takes_no_browsers_camera(robot, tmp_path):
    camera = own_camera.OwnCamera(robot, '/page/image_raw', lambda *frame: None, tmp_path)
    asyncio.run(camera.close())
    with pytest.raises(RobotError, match='is ending'):
        asyncio.run(camera.use())
    assert robot.cameras == []


def test_the_robots_camera_comes_back_when_the_browser_whose_camera_was_painted_is_gone(page, monkeypatch):
    monkeypatch.setattr(own_camera, '_SILENT', 0.5)
    assert page.sentence('POST', '/do/use_browser', {})[0] == 200
    until(lambda: len(page.robot.cameras) == 2, 'the robot is painted again')
    assert page.robot.cameras == [('/page/image_raw', 'compressed'), ('image_raw', 'raw')]


def test_the_robots_camera_comes_back_after_a_page_that_was_killed(robot, tmp_path, monkeypatch):
    monkeypatch.setattr(own_camera, '_SILENT', 0.1)
    before = robot.parameters = {**robot.parameters, 'image_topic': '/front/image', 'image_transport': 'compressed'}

    def page():
        return own_camera.OwnCamera(robot, '/page/image_raw', lambda *frame: None, tmp_path)

    async def start_again():
        following = asyncio.create_task(page().follow())
        await asyncio.to_thread(until, lambda: len(robot.cameras) == 2, 'the robot is painted again')
        following.cancel()
    asyncio.run(page().use())
    asyncio.run(start_again())
    assert robot.parameters == before
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize('kept', ['', '7', '["one"]', '{'])
def test_a_browsers_camera_is_painted_also_where_nothing_can_be_kept(robot, tmp_path, kept):
    (tmp_path / 'camera_of.style_transfer.json').write_text(kept)
    camera = own_camera.OwnCamera(robot, '/page/image_raw', lambda *frame: None, tmp_path)
    (tmp_path / 'camera_of.style_transfer.json').unlink()
    (tmp_path / 'camera_of.style_transfer.json').mkdir()
    asyncio.run(camera.use())
    asyncio.run(camera.give_back())
    assert robot.cameras == [('/page/image_raw', 'compressed'), ('image_raw', 'raw')]
    assert 'cannot be kept' in robot.said[0]


def test_fifty_slow_clients_hold_up_nobody(page):
    """Each asks for everything and reads nothing; one honest viewer gets its frames meanwhile."""
    picture = JPEG + bytes(400_000)
    socks = []
    for n in range(50):
        raw = socket.create_connection(('127.0.0.1', page.port))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        what = '/stream.mjpg' if n % 2 else '/live'
        upgrade = '' if n % 2 else ('Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                                    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')
        raw.sendall(f'GET {what} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nOrigin: {page.origin}\r\n{upgrade}'
                    f'Authorization: Bearer {page.TOKENS["viewer"]}\r\n\r\n'.encode())
        for stream in (b'\x82\x81\0\0\0\0\x01', b'\x82\x81\0\0\0\0\x00') if not n % 2 else ():
            raw.sendall(stream)
        socks.append(raw)

    async def watch():
        async with Watching(page) as viewer:
            begin = time.monotonic()
            for stamp in range(20):
                page.server.publish(PAINTING, stamp, picture)
                page.server.publish(CAMERA, stamp, picture)
                await viewer.credit(PAINTING)
                await viewer.take()
            return time.monotonic() - begin
    assert asyncio.run(watch()) < 10
    until(lambda: not page.viewers.count, 'those that read nothing are cut', 40)
    for raw in socks:
        raw.close()


def test_half_open_connections_do_not_shut_others_out(page):
    socks = []
    for n in range(200):
        raw = socket.create_connection(('127.0.0.1', page.port))
        if n % 3:
            raw.sendall(posted(page, '/session', b'{', 'Content-Length: 9') if n % 3 == 1 else
                        b'GET /session HTTP/1.1\r\nHost: ')
        socks.append(raw)
    assert page.ask('GET', '/session')[0] == 200
    for raw in socks[:20]:              # and after a while they are cut
        raw.settimeout(40)
        while raw.recv(1000):
            pass
    for raw in socks:
        raw.close()


def test_too_many_viewers_are_told_so(pages):
    page = pages(most_viewers=1)

    async def watch():
        async with Watching(page) as viewer:
            await viewer.hear('state')
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(f'{page.origin}/live', headers={
                        **page.bearer('viewer'), 'Origin': page.origin})
                assert page.sentence('GET', '/stream.mjpg') == (503, '1 viewers are connected already; close one.')
                return refused.value.status
    assert asyncio.run(watch()) == 503


def test_a_viewer_that_gets_few_paintings_is_told_why(page):
    async def watch():
        async with Watching(page) as viewer:
            await viewer.credit(PAINTING)
            for stamp in range(60):
                page.server.publish(PAINTING, stamp, JPEG)
                await asyncio.sleep(0.05)
            deadline = time.monotonic() + 10
            while not (you := await viewer.hear('you'))['why'] and time.monotonic() < deadline:
                page.server.publish(PAINTING, 99, JPEG)
            return you['why']
    assert 'browser or its network takes' in asyncio.run(watch())


def test_an_error_of_the_page_is_one_sentence_and_a_line_in_the_log(page):
    async def broken(request, seconds=10.0):
        raise ZeroDivisionError('secret detail')
    page.robot.wish = broken
    status, sentence = page.sentence('POST', '/do/next', {})
    assert status == 500 and 'secret' not in sentence
    assert any('/do/next' in said and 'ZeroDivisionError' in said for said in page.robot.said)


def test_one_bad_answer_of_the_node_does_not_freeze_the_page(page, monkeypatch):
    from style_transfer_ros.ros.web import styles
    monkeypatch.setattr(styles, '_LOOK_PERIOD', 0.1)
    styles_of, page.robot.styles = page.robot.styles, None          # no list at all
    numbers, page.robot.numbers = page.robot.numbers, {'rate in (Hz)': object()}        # no JSON
    until(lambda: {said.partition(' cannot')[0] for said in page.robot.said} >= {'The styles', 'The state'},
          'both are said')
    page.robot.styles, page.robot.numbers = [*styles_of, StyleInfo(name='new')], numbers

    async def watch():
        async with Watching(page) as viewer:
            while [style['name'] for style in (await viewer.hear('styles'))['styles']][-1:] != ['new']:
                pass
            return await viewer.hear('state')
    assert asyncio.run(watch())['status']['style'] == 'wave'


def test_a_robot_that_is_gone_is_told(page):
    async def gone(request, seconds=10.0):
        raise RobotError("The node '/style_transfer' is not there; start it and try again.")
    page.robot.wish = gone
    assert page.sentence('POST', '/do/next', {}) == (
        409, "The node '/style_transfer' is not there; start it and try again.")
