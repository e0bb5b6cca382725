# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
``make live``: a camera, the node that paints it and the page that shows it, on a machine without ROS.

Prints one link, and opens it where there is a browser, as soon as the painting moves.
"""
from __future__ import annotations

import argparse
from contextlib import ExitStack
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser

from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.settings import CameraParameters, WebParameters
from style_transfer_ros.signals import interruptible
from style_transfer_ros.tools.arguments import add_parameter

_DEADLINE = 60.0
_LINK = re.compile(r'https?://\S+#token=\S+')


def _said(web: NodeProcess) -> tuple[str, list[str]]:
    """Read what the page says until it is ready, perhaps its log first; return its link and all lines."""
    lines: list[str] = []

    def read() -> None:
        for line in web.process.stdout or ():
            lines.append(line.rstrip())
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    web.wait_until(lambda: any(map(_LINK.search, lines)), 'the page', _DEADLINE)
    reader.join(0.2)        # more lines come together with the first link
    return next(found[0] for found in map(_LINK.search, lines) if found), lines


def _painting(link: str) -> bool:
    """Ask the page for a painting; tell whether it had one."""
    address, _, token = link.partition('#token=')
    request = urllib.request.Request(f'{address}snapshot.jpg', headers={'Authorization': f'Bearer {token}'})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE      # it is our own process, one line above
    # without the proxies of the environment, which would be given the token
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=15) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def _text(name: str, value: str) -> str:
    """Set a parameter to a text that may look like something else, such as 5."""
    return f'{name}:={json.dumps(value, ensure_ascii=False)}'


def _has_browser() -> bool:
    return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


def _run(options: argparse.Namespace) -> None:
    web_parameters = [_text('listen', options.listen), f'port:={options.port}', f'https:={str(options.https).lower()}']
    with ExitStack() as running:
        camera = running.enter_context(NodeProcess(
            'camera_node', _text('source', options.source), f'rate:={options.rate}', f'width:={options.width}',
            f'height:={options.height}'))
        painter = running.enter_context(NodeProcess('style_transfer_node', f'period:={options.period}',
                                                    _text('model', options.model), _text('style', options.style)))
        web = running.enter_context(NodeProcess('web_node', *web_parameters, stdout=subprocess.PIPE, text=True))
        nodes = camera, painter, web
        link, said = _said(web)
        deadline = time.monotonic() + _DEADLINE
        while not _painting(link):
            for node in nodes:
                node.check('the first painting')
            if time.monotonic() > deadline:
                raise StyleTransferError(f'No painting has come within {_DEADLINE:.0f} s; see the messages above.')
        print(*said, 'Ctrl-C ends it.', sep='\n', flush=True)
        if options.browser and _has_browser():
            webbrowser.open(link)
        while True:
            for node in nodes:
                node.check('Ctrl-C')
            time.sleep(0.5)


def main(args: list[str] | None = None) -> None:
    """Run until Ctrl-C; exit code 0."""
    parser = argparse.ArgumentParser(description='Paint a camera and show it on a page.')
    for name in ('source', 'width', 'height', 'rate'):
        add_parameter(parser, name, CameraParameters)
    for name in ('listen', 'port', 'https'):
        add_parameter(parser, name, WebParameters)
    for name in ('style', 'model'):
        add_parameter(parser, name)
    add_parameter(parser, 'period', default=0.0)
    parser.add_argument('--no-browser', dest='browser', action='store_false', help='open no browser')
    options = parser.parse_args(args)
    stay_alone()
    try:
        with interruptible():
            _run(options)
    except KeyboardInterrupt:
        pass
    except StyleTransferError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
