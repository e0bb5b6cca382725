# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``stylize_video``: paint a video, every frame, with its sound."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from style_transfer_ros.archive import distributed_runs
from style_transfer_ros.archive.cluster import cluster
from style_transfer_ros.archive.plan import WINDOW_SECONDS
from style_transfer_ros.archive.session import load_look, painters_for, session
from style_transfer_ros.archive.videos import repaint_video
from style_transfer_ros.tools.arguments import add_paint_arguments, paint_settings, place, seconds, spread, within

_EPILOG = """Exit codes: 0 all was painted, 3 something could not be read and was left out, 1 nothing was painted,
2 wrong arguments, 130 interrupted.  H.264, sound and resuming need PyAV: pip install -r requirements/video.txt"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='stylize_video', description='Paint a video, every frame, with its sound.',
                                     epilog=_EPILOG)
    parser.add_argument('video', type=place, metavar='IN', help='the video, a path or a URL')
    parser.add_argument('output', type=place, metavar='OUT.mp4', help='the new video, which does not exist yet')
    add_paint_arguments(parser)
    group = parser.add_argument_group('of the video')
    group.add_argument('--from', type=seconds, default=0.0, dest='start', metavar='TIME',
                       help='begin at this time, s or m:s')
    group.add_argument('--to', type=seconds, dest='stop', metavar='TIME', help='end at this time')
    group.add_argument('--segment', type=within(float, 0.1, 3600.0), default=WINDOW_SECONDS, metavar='SECONDS',
                       help=f'length of the pieces that are finished one by one (default {WINDOW_SECONDS:.0f})')
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint a video from the command line."""
    options = _parser().parse_args(spread(sys.argv[1:] if arguments is None else arguments))
    with session(options) as run:
        look, stylizer = load_look(options, paint_settings(options))
        how = {'start': options.start, 'stop': options.stop, 'window': options.segment, 'resume': options.resume,
               'on_error': options.on_error, 'progress': run.track(Path(options.video).name)}
        if options.workers or options.scheduler:
            del stylizer
            with cluster(options.workers, options.scheduler, run.report.note) as workers:
                distributed_runs.repaint_video(workers, options.video, Path(options.output), look, run.report, **how)
        else:
            with painters_for(look, stylizer) as painters:
                repaint_video(options.video, Path(options.output), look, painters, run.report, **how)


if __name__ == '__main__':
    main()
