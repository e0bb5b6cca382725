# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measure the node at work: ``python -m benchmark.live`` writes what it measured as JSON.

Camera and style transfer node run as processes of their own over real DDS, as on a robot; this process only listens
(to serialized paintings, which cost it next to nothing) and calls the service.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
import json
from pathlib import Path
import sys
import tempfile
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tqdm import tqdm

from benchmark.machine import memory
from style_transfer_msgs.srv import SetStyle
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.running import spinning

#: How often a start and a service call are repeated.
_STARTS, _CALLS = 3, 15
#: Seconds that the medians in the node's diagnostics are over.
_WINDOW = 5.0
_DEADLINE = 60.0


class Listener(Node):
    """Receives; callbacks run in one executor thread, ``main`` reads what they append."""

    def __init__(self) -> None:
        super().__init__('style_transfer_bench')
        self.paintings: list[float] = []                    # when they came, s
        self.diagnostics: dict[str, str] = {}
        self.create_subscription(Image, 'stylized/image', lambda _: self.paintings.append(time.monotonic()),
                                 QoSProfile(depth=5), raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.set_style = self.create_client(SetStyle, 'style_transfer/set_style')

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics = {item.key: item.value for item in status.values}


def _wait(done: Callable[[], object], what: str, process: NodeProcess | None = None) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not done():
        if process is not None:
            process.check(what)
        if time.monotonic() > deadline:
            raise StyleTransferError(f'No {what} within {_DEADLINE:.0f} s; see the messages of the nodes above.')
        time.sleep(0.005)


def _subscription_cost(node: Listener, seconds: float) -> dict[str, float]:
    """
    Measure what it costs to receive a camera image.

    :returns: ``cpu_ms``: processor time for one image of this whole process, while an executor calls an empty callback:
        all threads, so DDS, deserializing and the executor; ``take_ms``: the part that an executor's thread spends in
        taking the message, median; ``images``: how many came.
    """
    received: list[float] = []
    subscription = node.create_subscription(Image, 'image_raw', lambda _: received.append(time.process_time()),
                                            QoSProfile(depth=1))
    _wait(lambda: received, 'camera image')
    time.sleep(seconds)
    node.destroy_subscription(subscription)
    other = rclpy.create_node('style_transfer_bench_taker')        # in no executor: this thread takes the messages
    subscription = other.create_subscription(Image, 'image_raw', lambda _: None, QoSProfile(depth=1))
    takes: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or not takes:
        begin = time.perf_counter()
        with subscription.handle:
            message = subscription.handle.take_message(Image, False)
        if message is not None:
            takes.append(time.perf_counter() - begin)
        time.sleep(0.001)
    other.destroy_node()
    return {'cpu_ms': round((received[-1] - received[0]) / max(1, len(received) - 1) * 1e3, 3),
            'take_ms': round(float(np.median(takes)) * 1e3, 3), 'images': len(received)}


def _call(node: Listener, request: SetStyle.Request) -> float:
    """Call the service; return the seconds until the answer."""
    answered: list[float] = []
    begin = time.monotonic()
    future = node.set_style.call_async(request)
    future.add_done_callback(lambda _: answered.append(time.monotonic()))
    _wait(lambda: answered, 'answer from set_style')
    if not future.result().success:
        raise StyleTransferError(f'set_style: {future.result().message}')
    return answered[0] - begin


def _calls(node: Listener, count: int) -> dict[str, object]:
    """Time ``set_style`` with a picture of 640x480 as Image message."""
    _wait(node.set_style.service_is_ready, 'service set_style')
    picture = pictures.read_picture(share_folder() / 'styles' / 'great_wave.jpg')
    request = SetStyle.Request(name='bench', image=messages.to_image(pictures.fit(picture, 640, 480), Header()))
    _call(node, request)                            # the first one also discovers
    taken = []
    for _ in range(count):
        taken.append(_call(node, request) * 1e3)
        time.sleep(0.1)
    low, median, high = np.percentile(taken, [25, 50, 75])
    return {'median_ms': round(float(median), 1), 'iqr_ms': round(float(high - low), 1), 'repeats': count}


def _paint(node: Listener, node_process: NodeProcess, seconds: float) -> dict[str, object]:
    """Let the node paint as fast as it can, and measure rate, memory and its own diagnostics."""
    resident = []
    until = time.monotonic() + max(seconds, _WINDOW + 1)
    begin, first = time.monotonic(), len(node.paintings)
    while time.monotonic() < until:
        resident.append(memory(node_process.process.pid)[0])
        time.sleep(0.5)
    came = node.paintings[first:]
    if len(came) < 2:
        raise StyleTransferError('The node stopped painting; see its messages above.')
    return {'fps': round((len(came) - 1) / (came[-1] - came[0]), 2), 'paintings': len(came),
            'seconds': round(time.monotonic() - begin, 1), 'node_rss_mb': max(resident),
            'diagnostics': node.diagnostics}


def measure(node: Listener, model: str, threads: int, seconds: float, rate: float, bar: tqdm) -> dict[str, object]:
    """
    Measure everything.

    :param model: of the node: name or directory.
    :param threads: of the node's runtime.
    :param seconds: of painting.
    :param rate: of the camera, Hz: more than the node can paint, or it limits the result.
    """
    def more_than(count: int) -> Callable[[], bool]:
        return lambda: len(node.paintings) > count
    report: dict[str, object] = {'camera_rate_hz': rate, 'size': '640x480'}
    with tempfile.TemporaryDirectory(prefix='style_transfer_bench_') as folder:
        common = [f'model:={model}', f'threads:={threads}']
        with NodeProcess('camera_node', 'source:=scene', f'rate:={float(rate)}'):
            bar.set_postfix_str('receive the camera')
            report['subscribe'] = _subscription_cost(node, 3.0)
            bar.update()
            starts: list[float] = []
            for n in range(_STARTS):
                bar.set_postfix_str('start the node')
                # an empty library each time: the first start of a new user, who has no learned styles yet
                before, begin = len(node.paintings), time.monotonic()
                with NodeProcess('style_transfer_node', 'period:=0.0', f'style_library:={folder}/{n}',
                                 *common) as process:
                    _wait(more_than(before), 'first painting', process)
                    starts.append(node.paintings[before] - begin)
                    bar.update()
                    if n == _STARTS - 1:
                        bar.set_postfix_str('paint')
                        time.sleep(2.0)
                        report['paint'] = _paint(node, process, seconds)
                        bar.update()
                        report['set_style_while_painting_every_frame'] = _calls(node, _CALLS)
                        bar.update()
            report['first_frame_s'] = [round(s, 2) for s in starts]
        with NodeProcess('camera_node', 'source:=scene'), \
                NodeProcess('style_transfer_node', f'style_library:={folder}/0', *common) as process:
            bar.set_postfix_str('call set_style')
            before = len(node.paintings)
            _wait(lambda: len(node.paintings) > before, 'painting', process)
            report['set_style'] = _calls(node, _CALLS)
            bar.update()
    return report


def main() -> None:
    """Measure and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('output', type=Path)
    parser.add_argument('--model', default='swift')
    parser.add_argument('--threads', type=int, required=True)
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--rate', type=float, required=True)
    options = parser.parse_args()
    stay_alone()        # other ROS systems on this machine or network neither see the benchmark nor disturb it
    try:
        with spinning(Listener) as node, tqdm(total=_STARTS + 4, desc='nodes', unit='step') as bar:
            report = measure(node, options.model, options.threads, options.seconds, options.rate, bar)
    except StyleTransferError as error:
        sys.exit(str(error))
    options.output.write_text(json.dumps(report), encoding='utf-8')


if __name__ == '__main__':
    main()
