# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
``make soak``: the nodes for an hour under a load that changes all the time, and many ``kill -9``.

A camera of 640x480 at 30 Hz is painted; every 2 s the style changes; subscribers come, go and stall; the camera comes
back in other sizes.  Then a node is killed again and again while it learns, mixes, renames and removes styles, and a
recorder while it records.  The last line is JSON; the exit code is 1 if a limit was broken:

* memory (RSS) grows by less than 5 MB after the first two minutes, both with a camera of 640x480 that has just come,
* threads and open files at the end are those after the first two minutes,
* the latency does not grow,
* every frame that came was painted or counted as dropped, with its cause,
* after each kill no acknowledged style is lost, no file is unreadable, no unfinished file stays.

    python test/soak/soak.py --seconds 3600
"""
from __future__ import annotations

import argparse
import itertools
import json
import os
from pathlib import Path
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from style_transfer_msgs.srv import ListStyles, MixStyles, NextStyle, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.engine.library import StyleLibrary
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.paths import bundled_styles
from style_transfer_ros.ros import messages

WARM_UP = 120.0
MEMORY_GROWTH = 5.0     # MB
#: The median latency of the last part may be so much of that of the first, and so much more, ms.
DRIFT, DRIFT_MS = 1.5, 20.0
PATIENCE = 60.0
RESEND = 8.0

#: A subscriber in a process of its own, which can be stopped and killed; reliable, so that its silence is felt.
SUBSCRIBER = """
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('visitor')
node.create_subscription(Image, 'stylized/image', lambda _: None, QoSProfile(depth=1), raw=True)
rclpy.spin(node)
"""


class User(Node):
    """Sees and asks what a user would; everything runs in the main thread."""

    def __init__(self) -> None:
        super().__init__('soak')
        self.executor_ = SingleThreadedExecutor()
        self.executor_.add_node(self)
        self.paintings = 0
        self.values: dict[str, str] = {}
        self.latencies: list[tuple[float, float]] = []      # (when, median ms)
        self.looking = self.create_subscription(Image, 'stylized/image', self._on_painting, QoSProfile(depth=5),
                                                raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self._clients_by_name: dict[str, Any] = {}

    def _on_painting(self, _: bytes) -> None:
        self.paintings += 1

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.values = {item.key: item.value for item in status.values}
            if 'latency median (ms)' in self.values:
                self.latencies.append((time.monotonic(), float(self.values['latency median (ms)'])))

    def spin(self, seconds: float) -> None:
        """Spin for a time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.executor_.spin_once(min(left, 0.1))

    def call(self, kind: Any, name: str, process: NodeProcess | None = None, /, **fields: Any) -> Any:
        """Call a service of the node; None if the process is dead before it answers."""
        if name not in self._clients_by_name:       # each client takes memory of the node, too
            self._clients_by_name[name] = self.create_client(kind, f'style_transfer/{name}')
        client = self._clients_by_name[name]
        deadline = time.monotonic() + PATIENCE
        future, sent = None, -RESEND
        while time.monotonic() < deadline:
            if process is not None and process.process.poll() is not None:
                return None
            # a client of DDS takes a killed server for a living one for some seconds, and its request is lost
            if time.monotonic() - sent > RESEND and client.service_is_ready():
                future, sent = client.call_async(kind.Request(**fields)), time.monotonic()
            if future is not None and future.done():
                return future.result()
            self.executor_.spin_once(0.02)
        raise TimeoutError(f'{name} does not answer within {PATIENCE:.0f} s')


def of_process(pid: int) -> dict[str, float]:
    """Return memory (RSS, MB), threads and open files of a process."""
    status = Path(f'/proc/{pid}/status').read_text(encoding='ascii')
    numbers = {line.split()[0]: int(line.split()[1]) for line in status.splitlines()
               if line.startswith(('VmRSS:', 'Threads:'))}
    return {'memory': numbers['VmRSS:'] * 1024 / 1e6, 'threads': numbers['Threads:'],
            'files': len(os.listdir(f'/proc/{pid}/fd'))}


def at_rest(user: User, pid: int) -> dict[str, float]:
    """Measure a process over some seconds, with no visitors and a camera of 640x480 that came lately; the medians."""
    samples = []
    user.spin(25)       # DDS remembers a killed visitor for 20 s
    for _ in range(10):
        user.spin(0.5)
        samples.append(of_process(pid))
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def change_style(user: User, n: int) -> None:
    """Change what is painted in one of the ways that there are."""
    names = sorted(bundled_styles())
    picture = messages.to_image(np.random.default_rng(n % 5).integers(0, 256, (64, 64, 3), np.uint8), Header())
    way = n % 5
    if way == 0:
        answer = user.call(SetStyle, 'set_style', name=names[n % len(names)])
    elif way == 1:
        answer = user.call(MixStyles, 'mix_styles', names=names[:2], weights=[1.0, float(n % 7)])
    elif way == 2:
        answer = user.call(SetStyle, 'set_style', name='soak', image=picture)
    elif way == 3:
        answer = user.call(NextStyle, 'next_style')
    else:
        value = Parameter('strength', value=0.5 + n % 2 / 2).to_parameter_msg()
        answer, = user.call(SetParameters, 'set_parameters', parameters=[value]).results
    if not getattr(answer, 'success', getattr(answer, 'successful', False)):
        raise RuntimeError(f'a change of style is refused: {answer}')


def load(user: User, folder: Path, seconds: float) -> dict[str, Any]:
    """Paint under a changing load; return what was measured and which limits were broken."""
    rng, broken = random.Random(1), []
    warm_up = min(WARM_UP, seconds / 2)
    turn = warm_up / 6      # until the camera comes back in another size; twice in each of three in the warm-up

    def camera(width: int = 640, height: int = 480) -> NodeProcess:
        return NodeProcess('camera_node', 'source:=scene', f'width:={width}', f'height:={height}', 'rate:=30.0')
    now, visitor, stopped_at = camera(), None, 0.0
    with NodeProcess('style_transfer_node', 'period:=0.0', 'threads:=1', f'style_library:={folder}/styles') as node:
        try:
            node.wait_until(lambda: user.spin(0.2) or user.paintings, 'the first painting', PATIENCE)
            begin, first, changes, sizes = time.monotonic(), None, 0, 0
            while (elapsed := time.monotonic() - begin) < seconds:
                node.check('the soak')
                if first is None and elapsed > warm_up:
                    if visitor is not None:
                        visitor.kill()
                        visitor.wait()
                        visitor, stopped_at = None, 0.0
                    now.stop()
                    now = camera()
                    first = at_rest(user, node.process.pid)
                change_style(user, changes)
                changes += 1
                if visitor is None and rng.random() < 0.3:
                    visitor = subprocess.Popen([sys.executable, '-c', SUBSCRIBER])
                elif visitor is not None and rng.random() < 0.3:
                    if stopped_at or rng.random() < 0.5:
                        visitor.kill()
                        visitor.wait()
                        visitor, stopped_at = None, 0.0
                    else:       # it stays subscribed and takes nothing
                        visitor.send_signal(signal.SIGSTOP)
                        stopped_at = time.monotonic()
                if elapsed > (sizes + 1) * turn:
                    now.stop()
                    now = camera(*((320, 240), (800, 600), (640, 480))[sizes % 3])
                    sizes += 1
                user.spin(2)
            if visitor is not None:
                visitor.kill()
                visitor.wait()
            now.stop()
            now = camera()
            last = at_rest(user, node.process.pid)
            now.stop()
            user.spin(3)
            counts = {key: int(value) for key, value in user.values.items()
                      if key.startswith(('frames', 'dropped')) and value.isdecimal()}
        finally:
            now.stop()
            if visitor is not None:
                visitor.kill()
    came = counts['frames in'] + counts.get('frames taken again', 0)        # a still picture, in another style
    explained = sum(value for key, value in counts.items() if key.startswith('dropped')) + counts['frames painted']
    if abs(came - explained) > 1:       # one may wait
        broken.append(f'{came} frames came, {explained} are explained')
    assert first is not None
    if last['memory'] - first['memory'] >= MEMORY_GROWTH:
        broken.append(f"memory grew from {first['memory']:.1f} to {last['memory']:.1f} MB")
    for what in ('threads', 'files'):
        if last[what] != first[what]:
            broken.append(f'{what}: {first[what]:.0f} after the warm-up, {last[what]:.0f} at the end')
    part = (seconds - warm_up) / 3
    early = [ms for when, ms in user.latencies if warm_up < when - begin < warm_up + part]
    late = [ms for when, ms in user.latencies if seconds - part < when - begin < seconds]
    latencies = [round(statistics.median(values), 1) if values else None for values in (early, late)]
    if early and late and latencies[1] > DRIFT * latencies[0] + DRIFT_MS:
        broken.append(f'the median latency grew from {latencies[0]} to {latencies[1]} ms')
    return {'seconds': round(seconds), 'style_changes': changes, 'camera_sizes': sizes, 'counts': counts,
            'memory_mb': [round(first['memory'], 1), round(last['memory'], 1)],
            'threads': [first['threads'], last['threads']], 'files': [first['files'], last['files']],
            'latency_ms': latencies, 'broken': broken}


def kill_while_styles_change(user: User, folder: Path, rounds: int) -> dict[str, Any]:
    """Kill a node at any moment of set_style, mix, rename and remove; nothing acknowledged may be lost."""
    rng, broken, acknowledged = random.Random(2), [], 0
    library = folder / 'killed'
    there: set[str] = set()
    number = itertools.count()
    picture = messages.to_image(np.zeros((32, 32, 3), np.uint8), Header())
    for n in range(rounds):
        node = NodeProcess('style_transfer_node', 'model:=fake', f'style_library:={library}', log_level='error')
        killer = None
        try:
            deadline = time.monotonic() + PATIENCE
            while not ((answer := user.call(ListStyles, 'list_styles', node)) and answer.success):
                if time.monotonic() > deadline:
                    raise TimeoutError('the node does not load')
                user.spin(0.1)
            lost = there - {style.name for style in answer.styles}
            if lost:
                broken.append(f'round {n}: lost {sorted(lost)[:5]}')
                there -= lost
            pid = node.process.pid
            killer = subprocess.Popen(['sh', '-c', f'sleep {rng.uniform(0.05, 1.0):.3f}; kill -9 {pid} 2>/dev/null'])
            while node.process.poll() is None:
                name, choice = f'style {next(number)}', rng.random()
                gone = rng.choice(sorted(there)) if there and choice > 0.5 else None
                if gone is None or choice < 0.5:
                    answer, gained, gone = user.call(SetStyle, 'set_style', node, name=name, image=picture), name, None
                elif choice < 0.7:
                    answer, gained = user.call(RenameStyle, 'rename_style', node, name=gone, new_name=name), name
                    there.discard(gone)         # whether it was done is not known until the answer
                elif choice < 0.85:
                    answer, gained = user.call(RemoveStyle, 'remove_style', node, name=gone), None
                    there.discard(gone)
                else:
                    user.call(MixStyles, 'mix_styles', node, names=[gone], weights=[1.0])
                    continue
                if answer is not None and answer.success:
                    acknowledged += 1
                    there |= {gained} - {None}
        finally:
            node.stop(signal.SIGKILL)
            if killer is not None:
                killer.wait()
        reader = StyleLibrary(library)
        try:
            broken += [f'round {n}: {problem}' for problem in reader.problems()]
        except StyleError as error:
            broken.append(f'round {n}: {error}')
    time.sleep(3)
    StyleLibrary(library)           # sweeps, as each start does
    leftovers = [path.name for path in library.rglob('*') if path.suffix not in ('.style', '')]
    if leftovers:
        broken.append(f'leftovers: {leftovers[:5]}')
    return {'kills': rounds, 'acknowledged': acknowledged, 'styles': len(there), 'broken': broken}


def kill_while_recording(user: User, folder: Path, rounds: int) -> dict[str, Any]:
    """Kill a recorder; what it has written to the disk can be read."""
    from style_transfer_ros.archive.bag_reader import Bag
    from style_transfer_ros.archive.records import Message
    rng, broken, read = random.Random(3), [], 0
    with NodeProcess('camera_node', 'source:=scene', 'width:=320', 'height:=240', 'rate:=30.0'):
        for n in range(rounds):
            bag = folder / f'bag{n}'
            with subprocess.Popen([sys.executable, '-m', 'style_transfer_ros.ros.record_node', str(bag),
                                   'image_raw']) as recorder:
                deadline = time.monotonic() + PATIENCE
                while not list(bag.glob('*.mcap')) and time.monotonic() < deadline:
                    user.spin(0.1)
                user.spin(rng.uniform(2, 5))
                recorder.kill()
            for file in bag.glob('*.mcap'):
                try:
                    with Bag(file) as opened:
                        read += sum(isinstance(item, Message) for item in opened.messages())
                except Exception as error:      # noqa: BLE001 - whatever it is, the bag is not readable
                    if file.stat().st_size > 100_000:
                        broken.append(f'round {n}: {error}')
            shutil.rmtree(bag, ignore_errors=True)
        if not read:
            broken.append('no recorded message could be read')
    return {'kills': rounds, 'messages_rescued': read, 'broken': broken}


def main() -> None:
    """Soak from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=3600.0, help='how long to paint, s (default 3600)')
    parser.add_argument('--kills', type=int, help='how many kill -9 (default: 100 an hour, at least 3)')
    options = parser.parse_args()
    kills = max(3, round(options.seconds / 36)) if options.kills is None else options.kills
    stay_alone()
    rclpy.init()
    user, folder = User(), Path(tempfile.mkdtemp(prefix='style_transfer_soak_'))
    report: dict[str, Any] = {}
    try:
        for name, work in (('load', lambda: load(user, folder, options.seconds)),
                           ('styles', lambda: kill_while_styles_change(user, folder, kills)),
                           ('recording', lambda: kill_while_recording(user, folder, max(1, kills // 10)))):
            try:
                report[name] = work()
            except Exception as error:
                report[name] = {'broken': [f'{type(error).__name__}: {error}']}
            print(f'{name}: {report[name]}', flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    broken = [sentence for part in report.values() for sentence in part['broken']]
    print(json.dumps({'soak': 'failed' if broken else 'passed', 'broken': broken, **report}), flush=True)
    os._exit(bool(broken))      # not through the teardown of DDS


if __name__ == '__main__':
    main()
