# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
``make demo``: the whole package at work on a machine without a camera, in half a minute.

A camera node and the style transfer node run as processes of their own over real DDS; this process asks for three
styles (as Image, as CompressedImage, by uri), receives, records, measures, and leaves ``demo_output/``.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import sys
import threading
import time
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_msgs.srv import SetStyle
from style_transfer_ros.archive.recording import Recorder
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine import pictures
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.environment import stay_alone
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.record_node import Subscriptions
from style_transfer_ros.ros.running import spinning
from style_transfer_ros.tools.arguments import add_parameter, within
from style_transfer_ros.tools.gallery import contact_sheet

#: What replaces its like of an earlier run.
_WRITTEN = ('bag', 'contact_sheet.png', 'report.json')
#: The styles and how each is sent.
_STYLES = (('starry_night', 'image'), ('great_wave', 'compressed_image'), ('composition_viii', 'uri'))


class DemoNode(Node):
    """Sees what a user's rqt would see; all callbacks run in one executor thread, the lock guards what main reads."""

    def __init__(self) -> None:
        super().__init__('style_transfer_demo')
        self._lock = threading.Lock()
        self.camera: dict[tuple, Image] = {}            # the newest camera frames, by stamp
        self.stamps: list[tuple] = []                   # of all camera frames
        self.painted: list[tuple] = []                  # (stamp, latency in s), of all paintings
        self.pair: tuple | None = None                  # the newest painting with its camera frame
        self.status: StyleTransferStatus | None = None
        self.create_subscription(Image, 'image_raw', self._on_camera, QoSProfile(depth=5))
        self.create_subscription(Image, 'stylized/image', self._on_painted, QoSProfile(depth=5))
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(StyleTransferStatus, 'style_transfer/status', self._on_status, latched)
        self.set_style = self.create_client(SetStyle, 'style_transfer/set_style')

    def _on_camera(self, message: Image) -> None:
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        with self._lock:
            self.stamps.append(stamp)
            self.camera[stamp] = message
            while len(self.camera) > 60:
                del self.camera[next(iter(self.camera))]

    def _on_painted(self, message: Image) -> None:
        now = self.get_clock().now()
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        with self._lock:
            self.painted.append((stamp, (now - Time.from_msg(message.header.stamp)).nanoseconds * 1e-9))
            if stamp in self.camera:
                self.pair = self.camera[stamp], message

    def _on_status(self, message: StyleTransferStatus) -> None:
        self.status = message

    def ready(self) -> bool:
        """
        Tell whether the model is loaded and the camera's frames come.

        :raises StyleTransferError: the model cannot be loaded.
        """
        status = self.status
        if status is not None and status.state == StyleTransferStatus.FAILED:
            raise StyleTransferError(status.message)
        return status is not None and bool(status.model and self.stamps)

    def take_pair(self) -> tuple | None:
        """Return the newest camera frame and its painting, RGB uint8 each, and forget them."""
        with self._lock:
            pair, self.pair = self.pair, None
        return pair and tuple(messages.to_rgb(message).copy() for message in pair)


def _wait(progress: Progress, text: str, done: Callable[[], Any], seconds: float, nodes: list[NodeProcess]) -> float:
    """
    Wait for ``done`` under a bar.

    :returns: how long it took, s.
    :raises StyleTransferError: a node ended, or the time is over.
    """
    task, begin = progress.add_task(text, total=seconds), time.monotonic()

    def seen() -> Any:
        progress.update(task, completed=time.monotonic() - begin)
        for node in nodes[1:]:
            node.check(text)
        return done()
    nodes[0].wait_until(seen, text, seconds)
    progress.update(task, completed=seconds)
    return time.monotonic() - begin


def _request(name: str, kind: str, styles: Path) -> SetStyle.Request:
    """Ask for a style in one of the three ways."""
    request, path = SetStyle.Request(name=f'{name} (demo)'), styles / f'{name}.jpg'
    if kind == 'image':
        request.image = messages.to_image(pictures.read_picture(path), Header())
    elif kind == 'compressed_image':
        request.compressed_image = CompressedImage(format='jpeg', data=messages.filled(path.read_bytes()))
    else:
        request.uri = path.as_uri()
    return request


def _run(node: DemoNode, options: argparse.Namespace, output: Path, progress: Progress) -> tuple:
    """Paint with three styles; return the rows of the contact sheet and the report."""
    styles, rows, taken, seconds = share_folder() / 'styles', [], [], options.seconds / len(_STYLES)
    processes = [NodeProcess('camera_node', 'source:=scene'),
                 NodeProcess('style_transfer_node', f'period:={options.period}', f'model:={options.model}',
                             f'style_library:={output / "library"}')]
    recorder = None
    try:
        _wait(progress, 'camera and model', node.ready, 60, processes)
        _wait(progress, 'services', node.set_style.service_is_ready, 10, processes)
        first_in, begin = len(node.stamps), time.monotonic()
        shutil.rmtree(output / 'bag', ignore_errors=True)
        recorder = Recorder(output / 'bag')
        Subscriptions(node, recorder, ['stylized/image'])
        first_painted = len(node.painted)
        for name, kind in _STYLES:
            asked = time.monotonic()
            future = node.set_style.call_async(_request(name, kind, styles))
            _wait(progress, f'set_style {name} by {kind}', future.done, 10, processes)
            taken.append(time.monotonic() - asked)
            if not future.result().success:
                raise StyleTransferError(f"set_style '{name}': {future.result().message}")
            node.take_pair()
            until = time.monotonic() + seconds
            task = progress.add_task(f'paint {name}', total=seconds)
            while time.monotonic() < until:
                time.sleep(0.05)
                progress.update(task, completed=seconds - (until - time.monotonic()))
            progress.update(task, completed=seconds)
            _wait(progress, 'last painting', lambda: node.pair, 10, processes)
            pair = node.take_pair()
            assert pair is not None, 'it was waited for'
            frame, painted = pair
            rows.append([frame, pictures.read_picture(styles / f'{name}.jpg'), painted])
        elapsed = time.monotonic() - begin
        recorder.close()
        frames_in, painted_now = len(node.stamps) - first_in, node.painted[first_painted:]
    finally:
        if recorder is not None:
            recorder.close()
        for process in processes:
            process.stop()
    latencies = np.array([latency for _, latency in painted_now]) * 1e3
    known, status = set(node.stamps), node.status
    assert status is not None, 'the first painting came after it'
    report = {
        'frames_in': frames_in, 'frames_painted': len(painted_now), 'frames_dropped': frames_in - len(painted_now),
        'fps': round(len(painted_now) / elapsed, 2), 'period_s': options.period,
        'latency_ms': {'median': round(float(np.median(latencies)), 1),
                       'p95': round(float(np.percentile(latencies, 95)), 1), 'max': round(float(latencies.max()), 1)},
        'set_style_ms': round(float(np.median(taken)) * 1e3, 1), 'model': status.model, 'runtime': status.runtime,
        'size': f'{frame.shape[1]}x{frame.shape[0]}', 'recorded': recorder.written,
        'stamps_not_from_the_camera': sum(stamp not in known for stamp, _ in painted_now)}
    return rows, report


def main(args: list[str] | None = None) -> None:
    """Run the demo; exit code 0 when everything worked."""
    parser = argparse.ArgumentParser(description='Repaint a moving scene with three styles, over real ROS 2.')
    parser.add_argument('--seconds', type=within(float, 1.0, 86400.0), default=20.0,
                        help='how long to paint, s (default 20)')
    for name in ('period', 'model'):
        add_parameter(parser, name)
    parser.add_argument('--output', type=Path, default=Path('demo_output'), help='folder for the results')
    options = parser.parse_args(args)
    output, console = options.output.absolute(), Console()
    if not (output / 'library').is_dir() and any(os.path.lexists(output / name) for name in _WRITTEN):
        sys.exit(f"'{options.output}' holds one of {', '.join(_WRITTEN)} that is not the demo's own; choose "
                 'another --output.')
    stay_alone()        # other ROS systems on this machine or network do not meet the demo
    try:
        output.mkdir(parents=True, exist_ok=True)
        columns = TextColumn('{task.description:40}'), BarColumn(), TimeElapsedColumn()
        with spinning(DemoNode) as node, Progress(*columns, console=console) as progress:
            rows, report = _run(node, options, output, progress)
        sheet = contact_sheet(rows, ('camera', 'style', 'painted'))
        (output / 'contact_sheet.png').write_bytes(pictures.encode_png(sheet))
        (output / 'report.json').write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    except OSError as error:
        sys.exit(f"The results cannot be written to '{options.output}' ({error}); choose another --output.")
    except (StyleTransferError, KeyboardInterrupt) as error:
        sys.exit(str(error) or 'Interrupted.')
    table = Table('measure', 'value')
    for key, value in report.items():
        table.add_row(key, ', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else str(value))
    console.print(table)
    console.print(f"Look at {os.path.relpath(output / 'contact_sheet.png')}; 'ros2 bag play' and Foxglove play "
                  f"{os.path.relpath(output / 'bag')}.")


if __name__ == '__main__':
    main()
