# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Load figures: ``python test/soak/load.py`` prints them as JSON; the exit code is 1 if a limit was broken.

* four cameras on this machine share its cores fairly: the slowest is painted at 0.8 of the mean rate or more,
* a 4K camera and one frame of 50 million pixels stay within the stated memory, and it comes back,
* 200 calls at once are all answered,
* a reliable subscriber that stalls costs the others less than 10 % of their rate.
"""
from __future__ import annotations

import argparse
from contextlib import ExitStack
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from soak import of_process, SUBSCRIBER, User
from std_msgs.msg import Header

from style_transfer_msgs.srv import SetStyle
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.environment import prepare_for_images, stay_alone
from style_transfer_ros.ros import messages

#: Memory of the node in its default runtime, MB: while it paints 4K and 50 million pixels, and 30 s after.
MEMORY_4K, MEMORY_50, MEMORY_AFTER = 1100, 1600, 350


class Paintings:
    """Counts what comes on topics; as raw bytes, which costs next to nothing."""

    def __init__(self, user: User, *topics: str) -> None:
        self.user, self.counts = user, dict.fromkeys(topics, 0)
        for topic in topics:
            user.create_subscription(Image, topic, lambda _, topic=topic: self._count(topic), QoSProfile(depth=5),
                                     raw=True)

    def _count(self, topic: str) -> None:
        self.counts[topic] += 1

    def wait(self, seconds: float = 120.0) -> None:
        """Wait until something came on every topic."""
        deadline = time.monotonic() + seconds
        while not all(self.counts.values()):
            self.user.spin(0.1)
            if time.monotonic() > deadline:
                raise TimeoutError(f'no painting on {self.counts}')

    def rates(self, seconds: float) -> dict[str, float]:
        """Return paintings per second."""
        before, begin = dict(self.counts), time.monotonic()
        self.user.spin(seconds)
        return {topic: (count - before[topic]) / (time.monotonic() - begin) for topic, count in self.counts.items()}


def four_cameras(user: User, folder: str, seconds: float) -> dict[str, Any]:
    """Paint four cameras at once, every frame that can be."""
    names = ('front', 'rear', 'left', 'right')
    with ExitStack() as stack:
        for name in names:
            for module, parameters in (('camera_node', ['source:=scene', 'rate:=30.0']),
                                       ('style_transfer_node', ['period:=0.0', 'threads:=1',
                                                                f'style_library:={folder}/four'])):
                process = subprocess.Popen(
                    [sys.executable, '-m', f'style_transfer_ros.ros.{module}', '--ros-args', '--log-level', 'warn',
                     '-r', f'__ns:=/{name}', *(part for value in parameters for part in ('-p', value))])
                stack.callback(process.wait)
                stack.callback(process.send_signal, signal.SIGINT)
        paintings = Paintings(user, *(f'/{name}/stylized/image' for name in names))
        paintings.wait()
        user.spin(5)
        rates = paintings.rates(seconds)
    slowest = min(rates.values()) / statistics.mean(rates.values())
    return {'rates_hz': {topic.split('/')[1]: round(rate, 2) for topic, rate in rates.items()},
            'slowest_over_mean': round(slowest, 2),
            'broken': [] if slowest >= 0.8 else [f'the slowest camera has {slowest:.2f} of the mean rate']}


def large_frames(user: User, folder: str, seconds: float) -> dict[str, Any]:
    """Paint a 4K camera, then one frame of 50 million pixels, then 640x480 again."""
    broken = []

    def peak(pid: int, work: Any) -> float:
        """Return the most memory that a process held since, MB."""
        with open(f'/proc/{pid}/clear_refs', 'w', encoding='ascii') as file:
            file.write('5')
        work()
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            return int(next(line for line in file if line.startswith('VmHWM')).split()[1]) * 1024 / 1e6
    with NodeProcess('style_transfer_node', 'period:=0.0', f'style_library:={folder}/large') as node:
        paintings = Paintings(user, '/stylized/image')
        pid, topic = node.process.pid, '/stylized/image'
        camera = user.create_publisher(Image, 'image_raw', 1)
        answer = None

        def show(height: int, width: int, times: int = 1) -> float:
            """Publish a frame and wait for its painting; return the seconds of the last one."""
            frame = messages.to_image(np.zeros((height, width, 3), np.uint8), Header())
            for _ in range(times):
                begin, before = time.monotonic(), paintings.counts[topic]
                camera.publish(frame)
                while paintings.counts[topic] == before:
                    user.spin(0.05)
                    if time.monotonic() - begin > 120:
                        raise TimeoutError(f'{width}x{height} is not painted')
            return time.monotonic() - begin
        while answer is None or not answer.success:
            answer = user.call(SetStyle, 'set_style', name='starry_night')
        while not camera.get_subscription_count():
            user.spin(0.1)
        user.spin(1)
        show(480, 640, 3)
        small = of_process(pid)['memory']
        times: dict[str, float] = {}
        memory_4k = peak(pid, lambda: times.setdefault('4k', show(2160, 3840, 3)))
        memory_50 = peak(pid, lambda: times.setdefault('50', show(5773, 8660)))
        times['small'] = show(480, 640)
        show(480, 640, 3)
        user.spin(5)
        after = of_process(pid)['memory']
    for what, value, limit in (('4K', memory_4k, MEMORY_4K), ('50 million pixels', memory_50, MEMORY_50),
                               ('640x480 after that', after, MEMORY_AFTER)):
        if value > limit:
            broken.append(f'{what}: {value:.0f} MB, more than {limit}')
    return {'memory_mb': {'640x480': round(small), '4k': round(memory_4k), '50_million': round(memory_50),
                          '640x480_after': round(after)},
            'seconds_for_a_painting': {key: round(value, 2) for key, value in times.items()}, 'broken': broken}


def calls_at_once(user: User, folder: str, seconds: float) -> dict[str, Any]:
    """Call set_style 200 times without waiting."""
    picture = messages.to_image(np.zeros((64, 64, 3), np.uint8), Header())
    with NodeProcess('style_transfer_node', f'style_library:={folder}/calls'):
        client = user.create_client(SetStyle, 'style_transfer/set_style', qos_profile=QoSProfile(depth=1000))
        answer = None
        while answer is None or not answer.success:
            answer = user.call(SetStyle, 'set_style', name='starry_night')
        while not client.service_is_ready():
            user.spin(0.1)
        user.spin(1)
        begin = time.monotonic()
        futures = [client.call_async(SetStyle.Request(name=f'{n % 4}', image=picture)) for n in range(200)]
        while not all(future.done() for future in futures) and time.monotonic() - begin < 60:
            user.spin(0.05)
        answers = [future.result() for future in futures if future.done()]
    return {'answered': len(answers), 'learned': sum(answer.success for answer in answers),
            'seconds': round(time.monotonic() - begin, 1),
            'broken': [] if len(answers) == 200 else [f'{200 - len(answers)} of 200 calls got no answer']}


def stalled_subscriber(user: User, folder: str, seconds: float) -> dict[str, Any]:
    """Stop a reliable subscriber while others look on; the turns with and without it alternate."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    with NodeProcess('camera_node', 'source:=scene', 'rate:=10.0'), \
            NodeProcess('style_transfer_node', 'period:=0.0', 'threads:=1', f'style_library:={folder}/stall'), \
            subprocess.Popen([sys.executable, '-c', SUBSCRIBER]) as visitor:
        try:
            paintings = Paintings(user, '/stylized/image')
            paintings.wait()
            user.spin(5)
            for _ in range(4):
                for stalled in (False, True):
                    visitor.send_signal(signal.SIGSTOP if stalled else signal.SIGCONT)
                    user.spin(1)
                    rates[stalled] += paintings.rates(seconds / 4).values()
        finally:
            visitor.kill()
    with_it, without = (statistics.median(rates[stalled]) for stalled in (True, False))
    return {'rate_hz': {'stalled': round(with_it, 2), 'not_stalled': round(without, 2)},
            'broken': [] if with_it > 0.9 * without else [f'others get {with_it:.1f} of {without:.1f} Hz']}


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=20.0, help='of each part (default 20)')
    parser.add_argument('--only', nargs='+', default=[], help='parts (default: all)')
    options = parser.parse_args()
    stay_alone()
    prepare_for_images()
    rclpy.init()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix='style_transfer_load_') as folder:
        for part in (four_cameras, large_frames, calls_at_once, stalled_subscriber):
            if options.only and part.__name__ not in options.only:
                continue
            user = User()
            user.destroy_subscription(user.looking)     # one viewer is enough
            try:
                report[part.__name__] = part(user, folder, options.seconds)
            except Exception as error:
                report[part.__name__] = {'broken': [f'{type(error).__name__}: {error}']}
            user.destroy_node()
            print(f'{part.__name__}: {report[part.__name__]}', flush=True)
    broken = [sentence for result in report.values() for sentence in result['broken']]
    print(json.dumps({'load': 'failed' if broken else 'passed', 'broken': broken, **report}), flush=True)
    os._exit(bool(broken))


if __name__ == '__main__':
    main()
