# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""One run of a tool: the model, the style, the painters, the progress bar and the report."""
from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
import errno
import json
from pathlib import Path
import sys
import threading
import traceback
from typing import TextIO

import numpy as np
from rich.progress import Progress

from style_transfer_ros.archive.painting import cores_given, Painters
from style_transfer_ros.archive.plan import Look, make_look
from style_transfer_ros.archive.progress import progress_bar
from style_transfer_ros.archive.report import INTERRUPTED, NOTHING, Report, Telling
from style_transfer_ros.engine.errors import sentence, StyleTransferError
from style_transfer_ros.engine.library import default_folder, StyleLibrary
from style_transfer_ros.engine.stream import PaintSettings
from style_transfer_ros.engine.styles import Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.signals import interruptible


def load_look(options: Namespace, settings: PaintSettings) -> tuple[Look, Stylizer]:
    """
    Load a model and find or learn the styles.

    :param options: of a tool: ``model``, ``runtime``, ``style`` and ``weights``, the last two empty where not given.
    :returns: the look, and the stylizer, which has one thread.
    :raises StyleTransferError: the model or a style cannot be used.
    """
    # one thread on every machine: with another number the vector has other last digits, and --resume compares it
    stylizer = Stylizer.load(options.model, options.runtime, 1)
    found = Styles(stylizer, StyleLibrary(default_folder()))
    styles = options.style or ['starry_night']
    mix = found.mix(styles, options.weights or [1.0] * len(styles), find=found.choose)
    return make_look(options.model, options.runtime, mix.title, np.asarray(mix.vector), settings), stylizer


def painters_for(look: Look, ready: Stylizer | None = None, cores: int = 0) -> Painters:
    """
    Make painters for a look.

    :param ready: a stylizer with one thread that was loaded already, for the first painter if painters have one.
    :param cores: processor cores to use; 0: all that this process may use.
    """
    lock, waiting = threading.Lock(), [ready] if ready is not None else []

    def load(threads: int) -> Stylizer:
        with lock:
            if waiting and threads == 1:
                return waiting.pop()
        return Stylizer.load(look.model, look.runtime, threads)

    return Painters(load, cores or cores_given())


@dataclass
class Session:
    """
    What a tool works with.

    :param progress: is told how many frames of how many are done.
    """

    report: Report
    bar: Progress

    def track(self, description: str) -> Callable[[int, int], None]:
        """Begin a bar; the result is told how many frames of how many are done."""
        task = self.bar.add_task(description[-40:], total=None)

        def tell(done: int, total: int) -> None:
            self.bar.update(task, completed=done, total=max(done, total))
        return tell


@contextmanager
def session(options: Namespace, output: TextIO | None = None) -> Iterator[Session]:
    """
    Run the block, tell what became of it, and end the program with the exit code.

    0: all was painted; 3: something was left out; 1: nothing was painted; 130: interrupted.

    :param output: where the summary or the report goes; None: the standard output.
    """
    bar = progress_bar(options.quiet)
    report = Report(Telling(
        lambda text: bar.console.print(_printable(text), markup=False, highlight=False, soft_wrap=True)))
    problem, code = '', NOTHING
    try:
        # even a bar that is off ends with an empty line
        with interruptible(), nullcontext() if options.quiet else bar:
            yield Session(report, bar)
        code = report.exit_code()
    except KeyboardInterrupt:
        problem, code = 'Interrupted; what is finished is kept, go on with --resume.', INTERRUPTED
    except StyleTransferError as error:
        problem = str(error)
    except OSError as error:
        problem = _explained(error)
    except Exception as error:      # a fault of ours or of a library; who asked for JSON gets its line all the same
        problem = _unforeseen(error)
    problem = _printable(problem)
    if options.json:
        print(json.dumps({**report.to_json(), 'exit_code': code, 'error': problem or None}), file=output)
    elif not problem:
        print(report.summary(), file=output)
    if code == NOTHING:
        sys.exit(problem or 'Nothing was painted.')
    if problem:
        print(problem, file=sys.stderr)
    if code:
        sys.exit(code)


def _printable(text: str) -> str:
    """Escape what names in a bag, or of files, could do to a terminal."""
    return ''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in text)


def _unforeseen(error: Exception) -> str:
    """Say what failed, and where, for those who mend it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (f'Something failed that this program does not foresee ({sentence(error)}; line {place.lineno} of '
            f'{Path(place.filename).name}); what is finished is kept: try --resume, and report this sentence if it '
            'comes again.')


def _explained(error: OSError) -> str:
    """Say what a fault of disk or network means for the run."""
    where = f" ('{error.filename}')" if error.filename else ''
    if isinstance(error, PermissionError):
        return f'There is no permission to read or write a file{where}; change that, or choose another place.'
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f'The disk is full{where}; what is finished is kept: make room and go on with --resume.'
    return (f'A file cannot be read or written{where}: {error.strerror or error}; what is finished is kept: when it is '
            'there again, go on with --resume.')
