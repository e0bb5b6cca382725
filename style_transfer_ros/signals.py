# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The signals that ask a program to end: Ctrl-C, ``kill`` or ``timeout``, and a terminal that is closed."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import signal
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_end(handler: Callable[..., Any]) -> None:
    """Have ``handler`` called by each of these signals; under nohup a closed terminal stays without effect."""
    for number in _ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


@contextmanager
def without_terminal() -> Iterator[None]:
    """Ignore the signals of the terminal in the block; a process that is started there ignores them for ever."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let the first of these signals raise KeyboardInterrupt in the block.

    Those that follow are ignored until the process is gone: what has begun to end is not cut off.
    """
    before = {number: signal.getsignal(number) for number in _ENDING}
    interrupted = False

    def interrupt(*_: Any) -> None:
        nonlocal interrupted
        interrupted = True
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt
    on_end(interrupt)
    try:
        yield
    finally:
        if not interrupted:
            for number, handler in before.items():
                signal.signal(number, handler)
