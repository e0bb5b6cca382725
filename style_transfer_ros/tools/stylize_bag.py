"""``stylize_bag``: paint the image topics of bags into new bags, every frame, without ROS."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.plan import WINDOW_SECONDS
from style_transfer_ros.archive.session import load_look, painters_for, session
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.tools.arguments import add_paint_arguments, paint_settings, seconds, spread, topic_name, within

_DESCRIPTION = """Paint the image topics of a bag, every frame, into a new rosbag2 bag (MCAP).  All other messages are
copied.  The bag is a rosbag2 folder, a bare .mcap or .db3 file, or a ROS 1 .bag; a path or a URL."""
_EPILOG = """Exit codes: 0 all was painted, 3 something could not be read and was left out, 1 nothing was painted,
2 wrong arguments, 130 interrupted."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='stylize_bag', description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument('bags', nargs='+', metavar='IN', help='the bags')
    parser.add_argument('output', type=Path, metavar='OUT', help='the new bag, a folder that does not exist yet; of '
                        'several bags the folder for all of them')
    add_paint_arguments(parser)
    bags = parser.add_argument_group('of the bag')
    bags.add_argument('--topic', action='append', type=topic_name, default=[], dest='topics', metavar='TOPIC',
                      help='an image topic to paint; may be given several times (default: all image topics)')
    bags.add_argument('--replace', action='store_true',
                      help="paint under the cameras' own names, in their own encodings, instead of beside them")
    bags.add_argument('--from', type=seconds, default=0.0, dest='start', metavar='TIME',
                      help='begin at this time after the beginning of the bag, s or m:s')
    bags.add_argument('--to', type=seconds, dest='stop', metavar='TIME', help='end at this time')
    bags.add_argument('--resume', action='store_true', help='go on with an interrupted run')
    bags.add_argument('--segment', type=within(float, 0.1, 3600.0), default=WINDOW_SECONDS, metavar='SECONDS',
                      help=f'length of the pieces that are finished one by one (default {WINDOW_SECONDS:.0f})')
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint bags from the command line."""
    options = _parser().parse_args(spread(sys.argv[1:] if arguments is None else arguments))
    with session(options) as run:
        look, stylizer = load_look(options.model, options.runtime, options.style or ['starry_night'],
                                   options.weights or [], paint_settings(options))
        several = len(options.bags) > 1
        if several:
            if options.output.exists() and not options.resume:
                raise StyleTransferError(f"'{options.output}' exists already and is not overwritten; choose another "
                                         'name, or go on with --resume.')
            options.output.mkdir(exist_ok=True)
        failed = []
        with painters_for(look, stylizer) as painters:
            for bag in options.bags:
                name = Path(bag.rstrip('/')).name
                target = options.output / name.removesuffix('.bag').removesuffix('.mcap').removesuffix('.db3')
                if several and target.is_dir():
                    run.report.note(f"'{target}' is complete already.")
                    run.report.outputs.append(str(target))
                    continue
                try:
                    repaint_bag(bag, target if several else options.output, look, painters, run.report,
                                topics=options.topics, replace=options.replace, start=options.start, stop=options.stop,
                                window=options.segment, resume=options.resume, on_error=options.on_error,
                                progress=run.track(name[-40:]))
                except StyleTransferError as error:
                    if not several:
                        raise
                    failed.append(str(error))
                    run.report.damaged(str(error))
        if failed and not run.report.outputs:
            raise StyleTransferError(f'No bag could be painted; the first reason: {failed[0]}')


if __name__ == '__main__':
    main()
