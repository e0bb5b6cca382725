# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measure the page: ``python -m benchmark.page`` writes what it measured as JSON.

Camera (30 Hz), painting node, page, viewers and, where Chromium is installed, a real browser run on the same cores.
Viewers are WebSocket clients in a process of their own that ask for the next frame as soon as they have one.

- ``painting_hz``: paintings per second by the node's own count, without the page, with 1 and with 20 viewers.
- ``share_1``, ``share_20``: the latter over the first.
- ``viewers_20_hz``: paintings per second of the slowest and the median of 20 viewers; ``told``: how many were told why
  they get fewer than 5.
- ``latency_ms``: camera stamp to the animation frame that shows the painting, median, by the page's own measurement in
  Chromium, 640x480; its window and its fake graphics card use the same cores as everything else.
- ``first_paint_ms``: first contentful paint of the page in Chromium.
- ``cpu_1``, ``cpu_20``: processor time of the page's process over time, 1 is one core.
- ``rss_mb``, ``pss_mb``: memory of the page's process while 20 viewers watch: all of it, and with the libraries that it
  shares with the other nodes counted in part.
- ``weight_kb``: all files of the page.
"""
from __future__ import annotations

import argparse
import asyncio
from contextlib import ExitStack
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.node import Node
from tqdm import tqdm

from benchmark.machine import memory
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros.running import spinning

_RATE = 30.0
_MANY = 20
#: Discovery, first subscriptions and the windows of all rates have passed after this time, s.
_SETTLE = 6.0


class Listener(Node):
    """Receives the painting node's diagnostics; its callback runs in one executor thread, ``main`` reads."""

    def __init__(self) -> None:
        super().__init__('page_bench')
        self.diagnostics: dict[str, str] = {}
        self.updates = 0
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics = {item.key: item.value for item in status.values}
            self.updates += 1


async def _watch(address: str, token: str, viewers: int, seconds: float) -> list[tuple[float, str]]:
    """Watch with several viewers; return for each the paintings per second, and why they are few."""
    import aiohttp

    from style_transfer_ros.ros.web.viewers import CAMERA, PAINTING

    async def one(session: aiohttp.ClientSession) -> tuple[float, str]:
        why, times = '', []
        headers = {'Authorization': f'Bearer {token}', 'Origin': address}
        async with session.ws_connect(f'{address}/live', headers=headers, max_msg_size=0) as socket:
            for stream in (CAMERA, PAINTING):
                await socket.send_bytes(bytes([stream]))
            end = time.monotonic() + _SETTLE + seconds
            while (left := end - time.monotonic()) > 0:
                try:
                    message = await socket.receive(timeout=left)
                except asyncio.TimeoutError:
                    break
                if message.type == aiohttp.WSMsgType.BINARY:
                    if message.data[0] == PAINTING:
                        times.append(time.monotonic())
                    await socket.send_bytes(message.data[:1])
                elif message.type == aiohttp.WSMsgType.TEXT:
                    content = json.loads(message.data)
                    why = content['why'] if content['kind'] == 'you' else why
                else:
                    break
        return sum(t > end - seconds for t in times) / seconds, why
    async with aiohttp.ClientSession() as session:
        return list(await asyncio.gather(*(one(session) for _ in range(viewers))))


def _painted(listener: Listener, seconds: float) -> float:
    """Return the node's own rate of painting, Hz, after the count of its diagnostics over the time."""
    def count() -> tuple[int, float]:
        seen = listener.updates
        deadline = time.monotonic() + 10
        while listener.updates == seen:
            if time.monotonic() > deadline:
                raise StyleTransferError('The node has not reported for 10 s; see its messages above.')
            time.sleep(0.005)
        return int(listener.diagnostics.get('frames painted', 0)), time.monotonic()
    first, begin = count()
    time.sleep(seconds)
    last, end = count()
    return round((last - first) / (end - begin), 2)


def _processor_time(pid: int) -> float:
    """Return the processor time that a process has used, s."""
    fields = Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _browse(link: str, seconds: float) -> dict[str, Any] | str:
    """Open the page in Chromium; return what it measured, or why not."""
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    try:
        from selenium import webdriver
    except ImportError:
        return "selenium is not installed; run 'make test' once"
    if not (chromium and driver):
        return "no Chromium; run 'sudo apt install chromium chromium-driver'"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ('headless', 'no-sandbox', 'disable-gpu', 'no-first-run', 'disable-sync',
                         'disable-background-networking', 'disable-component-update', 'disable-dev-shm-usage',
                         'window-size=1280,800', f'user-data-dir={folder}'):
            options.add_argument(f'--{argument}')
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            browser.get(link)
            time.sleep(_SETTLE + seconds)
            return browser.execute_script("""
                const facts = Object.fromEntries([...document.querySelectorAll('#facts div')].map(
                  ({children: [name, value]}) => [name.textContent, parseFloat(value.textContent)]));
                const paint = performance.getEntriesByName('first-contentful-paint')[0];
                return {latency_ms: facts['camera to screen'], browser_hz: facts['here'],
                        first_paint_ms: Math.round(paint?.startTime)};""")
        finally:
            browser.quit()


def _viewers(link: str, viewers: int, seconds: float) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, '-m', 'benchmark.page', '--watch', link, '--viewers', str(viewers),
                             '--seconds', str(seconds)], stdout=subprocess.PIPE, text=True)


def measure(listener: Listener, threads: int, seconds: float) -> dict[str, Any]:
    """Measure everything."""
    web = share_folder() / 'style_transfer_ros' / 'web'
    report: dict[str, Any] = {'camera_rate_hz': _RATE, 'painting_hz': {}, 'weight_kb': round(sum(
        file.stat().st_size for file in web.iterdir()) / 1e3, 1)}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running, tqdm(total=4, desc='page') as bar:
        def start(module: str, *parameters: str, **options: Any) -> NodeProcess:
            return running.enter_context(NodeProcess(module, *parameters, environment={'XDG_DATA_HOME': folder},
                                                     **options))
        start('camera_node', f'rate:={_RATE}')
        painter = start('style_transfer_node', 'period:=0.0', f'threads:={threads}', 'lazy:=false')
        painter.wait_until(lambda: int(listener.diagnostics.get('frames painted', 0)) > 10, 'the first paintings')
        time.sleep(_SETTLE)
        hz = report['painting_hz']
        hz['without'] = _painted(listener, seconds)
        bar.update()
        page = start('web_node', 'port:=0', stdout=subprocess.PIPE, text=True)
        link = page.process.stdout.readline().split()[-1]       # type: ignore[union-attr]
        for viewers in (1, _MANY):
            watching = _viewers(link, viewers, seconds + 2)
            time.sleep(_SETTLE)
            spent, begin = _processor_time(page.process.pid), time.monotonic()
            hz[f'with_{viewers}'] = _painted(listener, seconds)
            spent, elapsed = _processor_time(page.process.pid) - spent, time.monotonic() - begin
            report[f'cpu_{viewers}'] = round(spent / elapsed, 3)
            rates = json.loads(watching.communicate(timeout=seconds + 60)[0])
            report[f'viewers_{viewers}_hz'] = {
                'slowest': round(min(rate for rate, _ in rates), 1),
                'median': round(float(np.median([rate for rate, _ in rates])), 1),
                'told': sum(rate < 5 and bool(why) for rate, why in rates)}
            report['rss_mb'], report['pss_mb'] = memory(page.process.pid)
            report[f'share_{viewers}'] = round(hz[f'with_{viewers}'] / hz['without'], 3)
            bar.update()
        browsed = _browse(link, seconds)
        report |= browsed if isinstance(browsed, dict) else {'browser': browsed}
        bar.update()
    return report


def main() -> None:
    """Measure and write the JSON file; or, for the viewers' process, watch."""
    parser = argparse.ArgumentParser(description='Measure the page.')
    parser.add_argument('output', type=Path, nargs='?', default=Path('page.json'))
    parser.add_argument('--threads', type=int, default=0)
    parser.add_argument('--seconds', type=float, default=8.0)
    parser.add_argument('--watch', help=argparse.SUPPRESS)
    parser.add_argument('--viewers', type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.watch:
        address, _, token = options.watch.partition('/#token=')
        print(json.dumps(asyncio.run(_watch(address, token, options.viewers, options.seconds))))
        return
    stay_alone()        # other ROS systems on this machine or network neither see the benchmark nor disturb it
    try:
        with spinning(Listener) as listener:
            report = measure(listener, options.threads, options.seconds)
    except StyleTransferError as error:
        sys.exit(str(error))
    options.output.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    print(json.dumps(report, indent=1))


if __name__ == '__main__':
    main()
