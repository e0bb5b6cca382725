# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Command-line arguments that several tools share; a value that does not fit ends the program with one sentence."""
from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from dataclasses import fields
import math
import os
from pathlib import Path
import re
from typing import Any, TypeVar

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.engine.stream import PaintSettings
from style_transfer_ros.paths import bundled_styles, local_path
from style_transfer_ros.settings import StyleTransferParameters

#: Of a recording, s: some thirty years.
_LONGEST = 1e9
Number = TypeVar('Number', int, float)


def within(kind: Callable[[str], Number], low: Number, high: Number) -> Callable[[str], Number]:
    """Return a type: a number from ``low`` to ``high``."""
    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise ArgumentTypeError(f"it is '{text}'; choose {low} to {high}")
        return value
    return parse


def topic_name(text: str) -> str:
    """Check the full name of a topic; ROS 1 and other recorders allow more characters than ROS 2."""
    if not re.fullmatch(r'(/[^/\s]+)+', text):
        raise ArgumentTypeError(f"'{text}' is no full topic name; write one such as /camera/image_raw")
    return text


def seconds(text: str) -> float:
    """Read a time such as ``90``, ``1:30`` or ``0:01:30.5``, s."""
    if not re.fullmatch(r'(\d+:){0,2}\d+(\.\d*)?', text):
        raise ArgumentTypeError(f"'{text}' is no time; write seconds, or minutes and seconds as 1:30")
    total = 0.0
    for part in text.split(':'):
        total = total * 60 + float(part)
    if total > _LONGEST:
        raise ArgumentTypeError(f"'{text[:20]}...' is longer than any recording; write seconds")
    return total


def place(text: str) -> str:
    """Take ``file:///path`` for the path that it names; all else stays as it is."""
    try:
        return str(local_path(text, 'place')) if text.lower().startswith('file:/') else text
    except StyleTransferError as error:
        raise ArgumentTypeError(str(error)) from error


def png(text: str) -> Path:
    """Check the path of a picture to be written."""
    path = Path(text)
    if path.suffix.lower() != '.png' or path.is_dir() or not path.parent.is_dir():
        raise ArgumentTypeError(f"'{text}' is no .png file in a folder that exists; choose another path")
    return path


def style_picture(style: str) -> Path:
    """Return the picture that is meant: that of a bundled style where no file has this path."""
    return Path(style) if os.path.isfile(style) else bundled_styles().get(style, Path(style))


def add_parameter(parser: Any, name: str, kind: type = StyleTransferParameters, **others: Any) -> None:
    """
    Add the option that sets what a parameter of a node sets: with its text, its range and its default.

    :param parser: an ArgumentParser or a group of one.
    :param kind: the settings of the node.
    :param others: arguments of ``add_argument`` that are to differ.
    """
    item = next(item for item in fields(kind) if item.name == name)
    about, default = item.metadata, others.pop('default', item.default)
    option, text = f"--{name.replace('_', '-')}", about['text']
    if isinstance(default, bool):
        parser.add_argument(option, action='store_true', default=default, help=text)
        return
    number = type(default) if about['low'] is None else within(type(default), about['low'], about['high'])
    parser.add_argument(option, type=number, default=default, help=f'{text} (default: {default})', **others)


def add_paint_arguments(parser: ArgumentParser) -> None:
    """Add what every tool that paints an archive takes."""
    look = parser.add_argument_group('what it looks like')
    look.add_argument('--style', action='append', metavar='PICTURE|NAME',
                      help='a picture file, a bundled or a stored style (default starry_night); several for a mix')
    look.add_argument('--weights', action='append', type=within(float, 0.0, 1e6), metavar='WEIGHT',
                      help='of the styles of a mix, one for each (default: equal)')
    for name in ('strength', 'preserve_color', 'smoothing', 'processing_height', 'model', 'runtime'):
        add_parameter(look, name)
    run = parser.add_argument_group('the run')
    run.add_argument('--json', action='store_true', help='print a report as JSON')
    run.add_argument('--on-error', choices=('skip', 'stop'), default='skip',
                     help='what cannot be read is left out and counted (default), or ends the run')
    run.add_argument('--resume', action='store_true', help='go on with an interrupted run')
    run.add_argument('--workers', type=within(int, 0, 1024), default=0,
                     help='processes that share the cores of this machine (default: one process; needs Dask)')
    run.add_argument('--scheduler', default='', metavar='ADDRESS',
                     help='a Dask cluster that is there, such as tls://host:8786; TLS settings are those of Dask')
    run.add_argument('--quiet', action='store_true', help='no progress bar')


def spread(arguments: Sequence[str]) -> list[str]:
    """
    Give every style and every weight an option of its own, so that inputs may stand behind them.

    ``--style wave night --weights 2 1 IN OUT`` has two styles, because it has two weights.
    """
    def amount(text: str) -> bool:
        try:
            return math.isfinite(float(text))
        except ValueError:
            return False

    weights = 0
    for i, argument in enumerate(arguments):
        if argument == '--weights':
            while i + 1 + weights < len(arguments) and amount(arguments[i + 1 + weights]):
                weights += 1
    result: list[str] = []
    styles = sum(argument == '--style' or argument.startswith('--style=') for argument in arguments)
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument not in ('--style', '--weights'):
            result.append(argument)
            continue
        count = max(1, weights) if argument == '--weights' else max(1, weights - styles + 1)
        while count and waiting and not waiting[0].startswith('--'):
            result.append(f'{argument}={waiting.pop(0)}')
            count -= 1
    return result


def paint_settings(options: Namespace) -> PaintSettings:
    """Return what :func:`add_paint_arguments` took."""
    return PaintSettings(options.strength, options.preserve_color, options.smoothing, options.processing_height)
