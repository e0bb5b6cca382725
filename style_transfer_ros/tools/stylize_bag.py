# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``stylize_bag``: paint the image topics of bags into new bags, every frame, without ROS."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
import sys

from style_transfer_ros.archive import locations
from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.cluster import cluster
from style_transfer_ros.archive.distributed_runs import repaint_bags
from style_transfer_ros.archive.plan import WINDOW_SECONDS
from style_transfer_ros.archive.session import load_look, painters_for, Session, session
from style_transfer_ros.archive.unfinished import check_outside, StopAtDamage
from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.tools.arguments import (
    add_paint_arguments,
    paint_settings,
    place,
    seconds,
    spread,
    topic_name,
    within,
)

_DESCRIPTION = """Paint the image topics of a bag, every frame, into a new rosbag2 bag (MCAP).  All other messages are
copied.  The bag is a rosbag2 folder, a bare .mcap or .db3 file, or a ROS 1 .bag; a path or a URL."""
_EPILOG = """Exit codes: 0 all was painted, 3 something could not be read and was left out, 1 nothing was painted,
2 wrong arguments, 130 interrupted."""
_ENDINGS = ('.zstd', '.active', '.bag', '.mcap', '.db3')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='stylize_bag', description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument('bags', nargs='+', type=place, metavar='IN', help='the bags')
    parser.add_argument('output', type=place, metavar='OUT', help='the new bag, a folder that does not exist yet; of '
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
    bags.add_argument('--segment', type=within(float, 0.1, 3600.0), default=WINDOW_SECONDS, metavar='SECONDS',
                      help=f'length of the pieces that are finished one by one (default {WINDOW_SECONDS:.0f})')
    return parser


def _targets(options: argparse.Namespace, run: Session) -> list[tuple[str, str]]:
    """
    Pair the bags with their new bags; those that are complete already are left out.

    :raises StyleTransferError: the folder for several bags exists, or two of them would get one name in it.
    """
    check_outside(options.output, options.bags)
    if len(options.bags) == 1:
        return [(options.bags[0], options.output)]
    if locations.kind(options.output) and not options.resume:
        raise StyleTransferError(f"'{options.output}' exists already and is not overwritten; choose another name, or "
                                 'go on with --resume.')
    # a number for the second one would not do: with --resume it depended on which other bags are given
    first: dict[str, str] = {}      # bag by name
    for bag in options.bags:
        if (other := first.setdefault(_name(bag), bag)) is not bag:
            raise StyleTransferError(f"The bags '{other}' and '{bag}' would both become "
                                     f"'{locations.below(options.output, _name(bag))}'; paint one of them by itself.")
    locations.make_folder(options.output)
    targets: list[tuple[str, str]] = []
    for name, bag in first.items():
        target = locations.below(options.output, name)
        if locations.kind(target):
            run.report.note(f"'{target}' is complete already.")
            run.report.outputs.append(target)
        else:
            targets.append((bag, target))
    return targets


def _name(bag: str) -> str:
    """Return the name of a bag without its endings."""
    name = bag.rstrip('/').rsplit('/', 1)[-1]
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint bags from the command line."""
    options = _parser().parse_args(spread(sys.argv[1:] if arguments is None else arguments))
    with session(options) as run:
        look, stylizer = load_look(options, paint_settings(options))
        targets = _targets(options, run)
        how = {'topics': options.topics, 'replace': options.replace, 'start': options.start, 'stop': options.stop,
               'window': options.segment, 'resume': options.resume, 'on_error': options.on_error}
        if options.workers or options.scheduler:
            del stylizer
            with cluster(options.workers, options.scheduler, run.report.note) as workers:
                failed = repaint_bags(workers, targets, look, run.report, progress=run.track, **how)
        else:
            failed = []
            with painters_for(look, stylizer) as painters:
                for bag, target in targets:
                    try:
                        repaint_bag(bag, target, look, painters, run.report,
                                    progress=run.track(bag.rstrip('/').rsplit('/', 1)[-1]), **how)
                    except StyleTransferError as error:
                        if len(options.bags) == 1 or isinstance(error, StopAtDamage):
                            raise
                        failed.append(str(error))
                        run.report.damaged(str(error))
        if failed and not run.report.outputs:
            raise StyleTransferError(f'No bag could be painted; the first reason: {failed[0]}')


if __name__ == '__main__':
    main()
