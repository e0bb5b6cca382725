# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""``stylize_images``: paint pictures: files, folders, patterns, or one from the standard input."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
from pathlib import Path
import sys

from style_transfer_ros.archive import distributed_runs
from style_transfer_ros.archive.cluster import cluster
from style_transfer_ros.archive.folders import ENDINGS, repaint_bytes, repaint_pictures
from style_transfer_ros.archive.painting import Painters
from style_transfer_ros.archive.plan import Look
from style_transfer_ros.archive.session import load_look, painters_for, session
from style_transfer_ros.engine.atomic import replacing
from style_transfer_ros.engine.errors import ArchiveError, shown
from style_transfer_ros.tools.arguments import add_paint_arguments, paint_settings, place, spread

_EPILOG = """Exit codes: 0 all was painted, 3 some pictures could not be read and were left out, 1 nothing was painted,
2 wrong arguments, 130 interrupted."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='stylize_images', epilog=_EPILOG,
                                     description='Paint pictures: JPEG stays JPEG, all others become PNG.')
    parser.add_argument('inputs', nargs='+', type=place, metavar='IN', help='pictures, folders, or patterns in quotes '
                        "such as 'trip/*.jpg'; - is the standard input")
    parser.add_argument('output', type=place, metavar='OUT', help='a folder that does not exist yet; of the standard '
                        'input a .jpg or .png file, or - for the standard output')
    add_paint_arguments(parser)
    parser.set_defaults(smoothing=0.0)
    return parser


def _paint_piped(output: str, look: Look, painters: Painters) -> None:
    """
    Paint the picture on the standard input.

    :param output: a .jpg or .png file that does not exist yet, or ``-``.
    :raises StyleTransferError: it is no picture, or one of both cannot be used.
    """
    if sys.stdin is None or output == '-' and sys.stdout is None:       # closed by the shell
        raise ArchiveError(f'The standard {"input" if sys.stdin is None else "output"} is closed; write as in: '
                           'stylize_images - - < in.jpg > out.jpg')
    if output != '-' and os.path.lexists(output):
        raise ArchiveError(f'{shown(output)} exists already and is not overwritten; choose another name.')
    name = '' if output == '-' else Path(output).name
    if name and not name.lower().endswith(ENDINGS):
        raise ArchiveError(f"{shown(output)} has none of the endings {', '.join(ENDINGS)}, which say what the painting "
                           'becomes; choose one.')
    painted = repaint_bytes(sys.stdin.buffer.read(), name, look, painters)
    try:
        if output == '-':
            sys.stdout.buffer.write(painted)
            sys.stdout.buffer.flush()
        else:
            with replacing(Path(output), anew=True) as file:
                file.write(painted)
    except OSError as error:
        raise ArchiveError(f"The painting cannot be written into '{output}' ({error.strerror}); choose another "
                           'place.') from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint pictures from the command line."""
    parser = _parser()
    options = parser.parse_args(spread(sys.argv[1:] if arguments is None else arguments))
    piped = options.inputs == ['-']
    if '-' in options.inputs and not piped or options.output == '-' and not piped:
        parser.error('the standard input is painted alone, as in: stylize_images - - < in.jpg > out.jpg')
    with session(options, sys.stderr if piped else sys.stdout) as run:
        look, stylizer = load_look(options, paint_settings(options))
        how = {'resume': options.resume, 'on_error': options.on_error}
        if (options.workers or options.scheduler) and not piped:
            with cluster(options.workers, options.scheduler, run.report.note) as workers:
                distributed_runs.repaint_pictures(workers, options.inputs, Path(options.output), look, run.report,
                                                  progress=run.track('pictures'), **how)
            return
        with painters_for(look, stylizer) as painters:
            if piped:
                _paint_piped(options.output, look, painters)
                run.report.painted['pictures'] += 1
                run.report.written += 1
                run.report.outputs.append(options.output)
            else:
                repaint_pictures(options.inputs, Path(options.output), look, painters, run.report,
                                 progress=run.track('pictures'), **how)


if __name__ == '__main__':
    main()
