# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Who may do what: every request passes here first.

A page on a robot is attacked from the browser of somebody who visits another site meanwhile.  So: a request names one
of our own hosts (a foreign name that resolves to us is DNS rebinding), one that changes something comes from our own
page (``Origin``), and all but the empty page and the sign-in carry a cookie that no script can read.
"""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from style_transfer_ros.engine.errors import shown

ROLES = OPERATOR, VIEWER = 'operator', 'viewer'
#: A sign-in lasts this long, s.
_COOKIE_AGE = 30 * 24 * 3600
#: The body of a request, which is small, may take this time, s.
_BODY_TIME = 20.0
#: What dashboards embed: these take the viewer's token in the query, because a strict cookie does not reach them.
_EMBEDDED = ('/snapshot.jpg', '/stream.mjpg')
_HEADERS = {
    'Content-Security-Policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"),
    'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': 'DENY', 'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin',
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(status: int, sentence: str) -> web.Response:
    """Answer with one sentence for people, as JSON."""
    return web.json_response({'success': False, 'message': sentence}, status=status)


async def read_json(request: web.Request) -> Any:
    """
    Read the body of a request.

    :raises ValueError: it is no JSON, or does not come in time.
    """
    try:
        return await asyncio.wait_for(request.json(), _BODY_TIME)
    except (asyncio.TimeoutError, LookupError, RecursionError) as error:        # LookupError: an unknown charset
        raise ValueError('no JSON') from error


class Gate:
    """
    Checks requests and answers sign-ins.

    :param tokens: the secret of each role, as it stands in the links.
    :param hosts: our own names and addresses, without port.
    :param port: part of the cookie's name: browsers share cookies between the ports of a host.
    :param https: whether the cookie is for HTTPS alone.
    :param public: paths that show nothing and so need no sign-in.
    :param report: told of errors in handlers, which users see as one sentence.
    """

    def __init__(self, tokens: dict[str, str], hosts: list[str], port: int, https: bool, public: set[str],
                 report: Callable[[Exception, str], None]) -> None:
        self._tokens, self._https, self._public, self._report = tokens, https, public, report
        self._hosts = {host.lower().strip('[]') for host in hosts}
        self._cookie = f"{'__Host-' if https else ''}style_transfer_{port}"
        # the cookie is not the token itself: who reads one cannot make a link of it
        self._cookies = {role: hmac.new(token.encode(), b'cookie', hashlib.sha256).hexdigest()
                         for role, token in tokens.items()}

    @staticmethod
    def _match(given: str, secrets: dict[str, str]) -> str | None:
        """Find the role of a secret in a time that does not tell how much of it is right."""
        found = None
        for role, secret in secrets.items():
            # headers and queries hold any bytes, as surrogates
            if hmac.compare_digest(given.encode('utf-8', 'surrogatepass'), secret.encode()):
                found = role
        return found

    def role(self, request: web.Request) -> str | None:
        """Tell who asks: OPERATOR, VIEWER or None."""
        scheme, _, token = request.headers.get('Authorization', '').partition(' ')
        if scheme == 'Bearer':
            return self._match(token, self._tokens)
        if request.path in _EMBEDDED and 'token' in request.query:
            return self._match(request.query['token'], {VIEWER: self._tokens[VIEWER]})
        return self._match(request.cookies.get(self._cookie, ''), self._cookies)

    async def sign_in(self, request: web.Request) -> web.Response:
        """Exchange the token of a link for a cookie; ``POST /session {"token": ...}``."""
        try:
            token = (await read_json(request))['token']
            role = self._match(token, self._tokens)
        except (ValueError, LookupError, TypeError, AttributeError):
            role = None
        if role is None:
            return refusal(403, 'This link is not valid; take the one that web_node printed when it started.')
        response = web.json_response({'success': True, 'role': role})
        response.set_cookie(self._cookie, self._cookies[role], max_age=_COOKIE_AGE, httponly=True, samesite='Strict',
                            secure=self._https)
        return response

    def _own(self, request: web.Request, netloc: str) -> bool:
        try:
            host = urlsplit(f'//{netloc}').hostname or ''
        except ValueError:
            return False
        # the address that the connection came in on is ours, too: it may be newer than the list
        here = request.transport.get_extra_info('sockname') if request.transport is not None else None
        return host in self._hosts or (here is not None and host == here[0])

    def _problem(self, request: web.Request) -> web.Response | None:
        host, origin = request.headers.get('Host', ''), request.headers.get('Origin', '')
        if len(request.headers.getall('Host', ())) != 1 or not self._own(request, host):
            return refusal(403, f'The host {shown(host)} is not a name of this page; open it by the link that '
                                "web_node printed, or add the name to its parameter 'hosts'.")
        if request.method not in ('GET', 'HEAD', 'POST'):
            return refusal(405, f'The method {shown(request.method)} is not used here; use GET or POST.')
        writes = request.method == 'POST'
        if writes or 'websocket' in request.headers.get('Upgrade', '').lower():
            if origin not in (f'http://{host}', f'https://{host}'):
                return refusal(403, f'The request comes from {shown(origin) if origin else "nowhere"} and not from '
                                    'this page; open the page itself.')
        if request.path in self._public or (request.path == '/session' and writes):
            return None
        role = self.role(request)
        if role is None:
            return refusal(401, 'Sign in first: open the link that web_node printed when it started.')
        if writes and role != OPERATOR:
            return refusal(403, "This is a viewer's link: it shows everything and changes nothing; open the operator's "
                                'link.')
        return None

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or answer with the sentence that says why not."""
        problem = self._problem(request)
        if problem is not None:
            return problem
        try:
            return await handler(request)
        except web.HTTPException as error:
            return error if error.status < 400 else refusal(error.status, f'{error.reason}: {shown(request.path)}')
        except ConnectionError:
            raise
        except web.RequestPayloadError:
            return refusal(400, 'The request is damaged on its way, or compressed in a way that is not read; send it '
                                'again, plain.')
        except Exception as error:      # the last line of defence: say it, serve on
            self._report(error, request.path)
            return refusal(500, f'The page has an error of its own ({type(error).__name__}); its log says more.')

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what tells the browser to trust nothing but this page; a signal of aiohttp."""
        response.headers.update(_HEADERS)
        response.headers.setdefault('Cache-Control', 'no-store')
        if request.path in _EMBEDDED:
            response.headers['Cross-Origin-Resource-Policy'] = 'cross-origin'
        response.headers.popall('Server', None)
