# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What our node costs over the least possible: ``python -m benchmark.relay`` prints it as JSON, or writes it to a file.

A camera's images go through our node, with a network that does nothing, and through a bare rclpy node that publishes
each message as it came.  Both are processes of their own and take turns: a slow minute of the machine hits both.
Measured are the time from the camera's stamp until the image is received, and the processor time of the process for
each image.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import signal
import struct
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from style_transfer_msgs.srv import SetStyle
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.running import spinning

#: The least that a node can do; as ours, only while somebody listens.
_RELAY = """
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from style_transfer_ros.environment import prepare_for_images
prepare_for_images()
rclpy.init()
node = rclpy.create_node('relay')
publisher = node.create_publisher(Image, 'relay/image', QoSProfile(depth=1))

def relay(image):
    if publisher.get_subscription_count():
        publisher.publish(image)
node.create_subscription(Image, 'image_raw', relay, QoSProfile(depth=1))
rclpy.spin(node)
"""
#: How often each takes its turn, and images that are left out while a turn begins.
_TURNS, _FIRST = 6, 10


def _processor_time(pid: int) -> float:
    """Return the processor time that a process has taken, s."""
    user, system = Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


def _turn(node: Node, topic: str, pid: int, seconds: float) -> tuple[list[float], float]:
    """Listen to a topic; return the latencies, s, and the processor time of its publisher for each image, s."""
    latencies: list[float] = []

    def on_image(data: bytes) -> None:
        taken = struct.unpack_from('<iI', data, 4)      # the header is the first field, its stamp the first of that
        latencies.append(time.time() - taken[0] - taken[1] * 1e-9)
    subscription = node.create_subscription(Image, topic, on_image, QoSProfile(depth=1), raw=True)
    deadline = time.monotonic() + 60
    while len(latencies) < _FIRST and time.monotonic() < deadline:
        time.sleep(0.01)
    first, before = len(latencies), _processor_time(pid)
    time.sleep(seconds)
    spent, images = _processor_time(pid) - before, len(latencies) - first
    node.destroy_subscription(subscription)
    return latencies[first:], spent / max(1, images)


def measure(seconds: float = 5.0, rate: float = 30.0) -> dict[str, Any]:
    """
    Measure both in turns.

    :param seconds: of each turn.
    :param rate: of the camera, Hz.
    :returns: ``ros_cost_over_relay`` (ratio of the median latencies), ``ros_cpu_over_relay`` (of processor time for an
        image), and the medians themselves.
    """
    found: dict[str, tuple[list[float], list[float]]] = {'node': ([], []), 'relay': ([], [])}
    with tempfile.TemporaryDirectory(prefix='style_transfer_relay_') as folder, spinning(lambda: Node('relay_bench')) \
            as user, NodeProcess('camera_node', 'source:=scene', f'rate:={rate}'), \
            NodeProcess('style_transfer_node', 'model:=fake', 'period:=0.0', 'smoothing:=0.0',
                        f'style_library:={folder}') as ours, \
            subprocess.Popen([sys.executable, '-c', _RELAY]) as relay:
        try:
            client = user.create_client(SetStyle, 'style_transfer/set_style')
            client.wait_for_service(60)
            # the fake network returns the frame for the style of a black picture
            black = messages.to_image(np.zeros((8, 8, 3), np.uint8), Header())
            answer = None
            while answer is None or not answer.success:
                future = client.call_async(SetStyle.Request(name='black', image=black))
                deadline = time.monotonic() + 20
                while not future.done() and time.monotonic() < deadline:
                    time.sleep(0.05)
                answer = future.result()
            for _ in range(_TURNS):
                for name, topic, pid in (('node', 'stylized/image', ours.process.pid),
                                         ('relay', 'relay/image', relay.pid)):
                    latencies, spent = _turn(user, topic, pid, seconds)
                    found[name][0].extend(latencies)
                    found[name][1].append(spent)
        finally:
            relay.send_signal(signal.SIGKILL)
    latency = {name: float(np.median(values[0])) * 1e3 for name, values in found.items()}
    work = {name: float(np.median(values[1])) * 1e3 for name, values in found.items()}
    return {'ros_cost_over_relay': round(latency['node'] / latency['relay'], 2),
            'ros_cpu_over_relay': round(work['node'] / work['relay'], 2),
            'latency_ms': {name: round(value, 2) for name, value in latency.items()},
            'cpu_ms': {name: round(value, 2) for name, value in work.items()},
            'images': {name: len(values[0]) for name, values in found.items()}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('output', type=Path, nargs='?', help='file to write instead of printing')
    parser.add_argument('--seconds', type=float, default=5.0, help='of each turn (default 5)')
    parser.add_argument('--rate', type=float, default=30.0, help='of the camera, Hz (default 30)')
    options = parser.parse_args()
    stay_alone()
    text = json.dumps(measure(options.seconds, options.rate), indent=2)
    options.output.write_text(text, encoding='utf-8') if options.output else print(text)


if __name__ == '__main__':
    main()
