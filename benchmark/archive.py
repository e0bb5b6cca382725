# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measure the archive: ``python -m benchmark.archive`` writes what it measured as JSON.

For raw images and for JPEG, 640x480:

- ``bag_efficiency``: the rate of ``repaint_bag`` over the rate that the processor times of its stages (reading,
  decoding, painting, smoothing, encoding, writing), each measured alone in the same run, allow on the cores given; 1 is
  stages that overlap without a gap, at no cost.
- ``gain``: the same rate over that of a plain loop of read, paint with all cores, write, as ``stylize_bag`` was before.

And ``record_dropped``: messages of a camera of 640x480 at 30 frames/s that ``record_stylized`` dropped.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
from tqdm import tqdm

from style_transfer_ros.archive import image_messages
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.bag_writer import WindowWriter
from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.painting import cores_given, Painters
from style_transfer_ros.archive.plan import Look
from style_transfer_ros.archive.records import Message
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.session import load_look, painters_for
from style_transfer_ros.demo.processes import NodeProcess
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.sources import open_source
from style_transfer_ros.engine.stream import paint_alone, PaintSettings, Stream
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.environment import stay_alone

_WIDTH, _HEIGHT, _RATE = 640, 480, 30


def make_bag(folder: Path, kind: str, count: int) -> Path:
    """Write a bag of the moving scene."""
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer, \
            open_source('scene', _WIDTH, _HEIGHT) as scene:
        camera = writer.add_connection('/camera/image_raw', kind, typestore=store)
        for n in range(count):
            rgb, time_ns = scene.read(), n * 10**9 // _RATE
            header = store.types['std_msgs/msg/Header'](
                stamp=store.types['builtin_interfaces/msg/Time'](*divmod(time_ns, 10**9)), frame_id='camera')
            if kind == image_messages.IMAGE:
                message = store.types[kind](header=header, height=_HEIGHT, width=_WIDTH, encoding='rgb8',
                                            is_bigendian=0, step=3 * _WIDTH, data=rgb.reshape(-1))
            else:
                jpeg = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].reshape(-1)
                message = store.types[kind](header=header, format='rgb8; jpeg compressed bgr8', data=jpeg)
            writer.write(camera, time_ns, store.serialize_cdr(message, kind))
    return folder


def _processor(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor time of all threads, s, and the result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def stages(bag: Path, kind: str, look: Look, stylizer: Stylizer, folder: Path) -> dict[str, float]:
    """Do the work of each stage alone, in this thread; return the processor time of each for a frame, ms."""
    with Bag(bag) as opened:
        topic, = opened.topics
        reading, messages = _processor(lambda: [m for m in opened.messages() if isinstance(m, Message)])
    decoding, pictures = _processor(lambda: [image_messages.read(m.data, kind) for m in messages])
    painting, painted = _processor(lambda: [paint_alone(stylizer, p.rgb, look.array(), look.settings)
                                            for p in pictures])
    stream = Stream(None)
    smoothing, smoothed = _processor(lambda: [stream.smooth(p.rgb, rgb, look.array(), look.settings, p.stamp)
                                              for p, rgb in zip(pictures, painted)])
    encoding, encoded = _processor(lambda: [image_messages.write(rgb, p, kind, 'rgb8')
                                            for p, rgb in zip(pictures, smoothed)])
    output = image_messages.painted_topic(topic, '/camera/stylized/image')

    def write() -> None:
        writer = WindowWriter(folder / 'alone.mcap', [topic, output])
        for message, data in zip(messages, encoded):
            writer.write(topic, message.time, message.data)
            writer.write(output, message.time, data)
        writer.close()
    writing, _ = _processor(write)
    return {name: value * 1e3 / len(messages) for name, value in (
        ('read', reading), ('decode', decoding), ('paint', painting), ('smooth', smoothing), ('encode', encoding),
        ('write', writing))}


def plain_loop(bag: Path, kind: str, look: Look, stylizer: Stylizer, folder: Path) -> float:
    """Read, paint and write one frame after the other; return frames per second."""
    begin, count, stream = time.perf_counter(), 0, Stream(stylizer)
    with Bag(bag) as opened:
        topic, = opened.topics
        output = image_messages.painted_topic(topic, '/camera/stylized/image')
        writer = WindowWriter(folder / 'plain.mcap', [topic, output])
        for message in opened.messages():
            assert isinstance(message, Message)
            picture = image_messages.read(message.data, kind)
            rgb = stream.paint(picture.rgb, look.array(), look.settings, picture.stamp)
            writer.write(topic, message.time, message.data)
            writer.write(output, message.time, image_messages.write(rgb, picture, kind, 'rgb8'))
            count += 1
        writer.close()
    return count / (time.perf_counter() - begin)


def _whole(bag: Path, look: Look, painters: Painters, folder: Path) -> tuple[float, float]:
    """Repaint a bag; return frames per second, and the processor time of a frame, ms."""
    report, out = Report(), folder / 'out'
    begin, processor = time.perf_counter(), time.process_time()
    repaint_bag(str(bag), out, look, painters, report)
    seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    subprocess.run(['rm', '-r', str(out)], check=True)
    return report.painted.total() / seconds, processor * 1e3 / report.painted.total()


def measure(kind: str, frames: int, rounds: int, model: str) -> dict[str, Any]:
    """Measure one kind of messages; all take turns, so that a slow minute hits every one of them."""
    look, single = load_look(argparse.Namespace(model=model, runtime='auto', style=[], weights=[]), PaintSettings())
    cores, everything = cores_given(), Stylizer.load(model, 'auto', 0)
    rows = []
    with tempfile.TemporaryDirectory(prefix='style_transfer_bench_') as text, painters_for(look) as painters:
        folder = Path(text)
        bag = make_bag(folder / 'bag', kind, frames)
        _whole(bag, look, painters, folder)                     # loads and compiles; not counted
        plain_loop(bag, kind, look, everything, folder)
        for _ in tqdm(range(rounds), desc=f'archive, {kind.rsplit("/", 1)[-1]}', unit='round'):
            alone = stages(bag, kind, look, single, folder)
            rate, processor = _whole(bag, look, painters, folder)
            plain = plain_loop(bag, kind, look, everything, folder)
            allowed = cores * 1e3 / sum(alone.values())
            rows.append({'rate': rate, 'allowed': allowed, 'efficiency': rate / allowed, 'plain': plain,
                         'gain': rate / plain, 'processor_ms': processor, **alone})
    middle = {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
    return {'cores': cores, 'frames': frames, 'rounds': rounds, **middle,
            'efficiency_of_rounds': [round(row['efficiency'], 3) for row in rows]}


def record(seconds: float) -> dict[str, Any]:
    """Record a camera at full rate; return how many messages were written and dropped."""
    stay_alone()
    with tempfile.TemporaryDirectory(prefix='style_transfer_bench_') as folder, \
            NodeProcess('camera_node', 'source:=scene', f'rate:={_RATE}.0', f'width:={_WIDTH}', f'height:={_HEIGHT}'):
        recorder = subprocess.Popen([sys.executable, '-m', 'style_transfer_ros.ros.record_node', f'{folder}/bag',
                                     'image_raw'], stdout=subprocess.PIPE, text=True)
        time.sleep(seconds)
        recorder.send_signal(signal.SIGINT)
        told = recorder.communicate(timeout=60)[0]
        with Bag(f'{folder}/bag') as bag:
            stamps = np.array([image_messages.read(m.data, image_messages.IMAGE).stamp for m in bag.messages()
                               if isinstance(m, Message)])
    gaps = int(np.round(np.diff(stamps) * _RATE - 1).clip(0).sum()) if len(stamps) > 1 else None
    return {'seconds': seconds, 'recorded': len(stamps), 'missing_by_stamps': gaps, 'told': told.strip()}


def main(arguments: list[str] | None = None) -> None:
    """Measure and write a JSON file."""
    parser = argparse.ArgumentParser(description='Measure how bags are repainted and recorded.')
    parser.add_argument('output', type=Path, help='the JSON file')
    parser.add_argument('--model', default='swift')
    parser.add_argument('--frames', type=int, default=150)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=15.0, help='of recording')
    options = parser.parse_args(arguments)
    try:
        measured: dict[str, Any] = {name: measure(kind, options.frames, options.rounds, options.model)
                                    for name, kind in (('raw', image_messages.IMAGE),
                                                       ('jpeg', image_messages.COMPRESSED))}
        measured['record'] = record(options.seconds)
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    measured['load_average'] = os.getloadavg()
    options.output.write_text(json.dumps(measured, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
