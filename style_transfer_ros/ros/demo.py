"""
``make demo``: the whole package at work on a machine without a camera, in half a minute.

A camera node and the style transfer node run as processes of their own over real DDS; this process asks for three
styles (as Image, as CompressedImage, by uri), receives, records, measures, and leaves ``demo_output/``.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, List

# Own world: other ROS systems on this machine or network, and tests (domains 1 to 100), do not meet the demo.
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(random.randint(215, 232)))

import numpy as np  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile  # noqa: E402
from rclpy.time import Time  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402
from rich.table import Table  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from style_transfer_msgs.msg import StyleTransferStatus  # noqa: E402
from style_transfer_msgs.srv import SetStyle  # noqa: E402
from style_transfer_ros.engine import pictures  # noqa: E402
from style_transfer_ros.engine.errors import StyleTransferError  # noqa: E402
from style_transfer_ros.paths import share_folder  # noqa: E402
from style_transfer_ros.ros import messages  # noqa: E402
from style_transfer_ros.ros.recorder import Recorder  # noqa: E402
from style_transfer_ros.ros.running import spinning  # noqa: E402
from style_transfer_ros.tools.gallery import contact_sheet  # noqa: E402

#: The styles and how each is sent.
_STYLES = (('starry_night', 'image'), ('great_wave', 'compressed_image'), ('composition_viii', 'uri'))


class DemoNode(Node):
    """Sees what a user's rqt would see; all callbacks run in one executor thread, the lock guards what main reads."""

    def __init__(self) -> None:
        super().__init__('style_transfer_demo')
        self._lock = threading.Lock()
        self.camera: Dict[tuple, Image] = {}            # the newest camera frames, by stamp
        self.stamps: List[tuple] = []                   # of all camera frames
        self.painted: List[tuple] = []                  # (stamp, latency in s), of all paintings
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
        Tell whether the networks are loaded and the camera's frames come.

        :raises StyleTransferError: the networks cannot be loaded.
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


def _start(module: str, *parameters: str) -> subprocess.Popen:
    arguments = [part for parameter in parameters for part in ('-p', parameter)]
    return subprocess.Popen([sys.executable, '-m', f'style_transfer_ros.ros.{module}', '--ros-args', '--log-level',
                             'warn', *arguments], start_new_session=True)


def _wait(progress: Progress, text: str, done: Callable[[], Any], seconds: float, processes: list) -> float:
    """Wait for ``done`` under a bar; return how long it took, s."""
    task, begin = progress.add_task(text, total=seconds), time.monotonic()
    while not done():
        elapsed = time.monotonic() - begin
        for process in processes:
            if process.poll() is not None:
                raise StyleTransferError(f'A node ended with exit code {process.returncode} while the demo waited: '
                                         f'{text}; see its message above.')
        if elapsed > seconds:
            raise StyleTransferError(f'{text}: not done after {seconds:.0f} s; see the messages of the nodes above.')
        progress.update(task, completed=elapsed)
        time.sleep(0.02)
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
    processes = [_start('camera_node', 'source:=scene'),
                 _start('style_transfer_node', f'period:={options.period}', f'model:={options.model}',
                        f'style_library:={output / "library"}')]
    recorder = None
    try:
        _wait(progress, 'camera and networks', node.ready, 60, processes)
        _wait(progress, 'services', node.set_style.service_is_ready, 10, processes)
        first_in, begin = len(node.stamps), time.monotonic()
        recorder = Recorder(node, output / 'bag', {'stylized/image': Image})
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
            frame, painted = node.take_pair()
            rows.append([frame, pictures.read_picture(styles / f'{name}.jpg'), painted])
        elapsed = time.monotonic() - begin
        recorder.close()
        frames_in, painted_now = len(node.stamps) - first_in, node.painted[first_painted:]
    finally:
        if recorder is not None:
            recorder.close()
        _stop(processes)
    latencies = np.array([latency for _, latency in painted_now]) * 1e3
    known, status = set(node.stamps), node.status
    report = {
        'frames_in': frames_in, 'frames_painted': len(painted_now), 'frames_dropped': frames_in - len(painted_now),
        'fps': round(len(painted_now) / elapsed, 2), 'period_s': options.period,
        'latency_ms': {'median': round(float(np.median(latencies)), 1),
                       'p95': round(float(np.percentile(latencies, 95)), 1), 'max': round(float(latencies.max()), 1)},
        'set_style_ms': round(float(np.median(taken)) * 1e3, 1), 'model': status.model, 'runtime': status.runtime,
        'size': f'{frame.shape[1]}x{frame.shape[0]}', 'recorded': recorder.written,
        'stamps_not_from_the_camera': sum(stamp not in known for stamp, _ in painted_now)}
    return rows, report


def _stop(processes: list) -> None:
    """Stop as a terminal's Ctrl-C does, and insist after 3 s."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(args: List[str] | None = None) -> None:
    """Run the demo; exit code 0 when everything worked."""
    parser = argparse.ArgumentParser(description='Repaint a moving scene with three styles, over real ROS 2.')
    parser.add_argument('--seconds', type=float, default=20.0, help='how long to paint, s (default 20)')
    parser.add_argument('--period', type=float, default=0.4, help='time between two paintings, s (default 0.4)')
    parser.add_argument('--model', default='swift', help="'swift', 'magenta' or a model directory")
    parser.add_argument('--output', type=Path, default=Path('demo_output'), help='folder for the results')
    options = parser.parse_args(args)
    output, console = options.output.resolve(), Console()
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
