# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Nodes as processes of their own, for programs and tests that look at them from outside."""
from __future__ import annotations

from collections.abc import Callable, Mapping
import os
import signal
import subprocess
import sys
import time
from typing import Any

from style_transfer_ros.engine.errors import StyleTransferError


class NodeProcess:
    """
    A node of this package in a process of its own, with this process's ROS domain; use it in a ``with`` statement.

    :param module: ``camera_node``, ``style_transfer_node`` or ``web_node``.
    :param parameters: as on the command line, such as ``period:=0.1``.
    :param log_level: the least severity that is logged.
    :param environment: more variables for the process.
    :param options: of :class:`subprocess.Popen`.
    """

    def __init__(self, module: str, *parameters: str, log_level: str = 'warn',
                 environment: Mapping[str, str] | None = None, **options: Any) -> None:
        arguments = [part for parameter in parameters for part in ('-p', parameter)]
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'style_transfer_ros.programs', module, '--ros-args', '--log-level', log_level,
             *arguments], start_new_session=True, env={**os.environ, **(environment or {})}, **options)

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until(self, done: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
        """
        Wait until ``done`` returns something true.

        :raises StyleTransferError: the process ended meanwhile, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not done():
            self.check(what)
            if time.monotonic() > deadline:
                raise StyleTransferError(f'{what}: not within {seconds:.0f} s; see the messages of the nodes above.')
            time.sleep(0.005)

    def check(self, what: str) -> None:
        """
        Check that the process still runs.

        :param what: what is being waited for.
        :raises StyleTransferError: it has ended.
        """
        if self.process.poll() is not None:
            raise StyleTransferError(f'A node ended with exit code {self.process.returncode} before this was reached: '
                                     f'{what}; see its message above.')

    def stop(self, number: int = signal.SIGINT, seconds: float = 5.0) -> int:
        """
        End the process with a signal, as a terminal's Ctrl-C does, and kill it if it does not end in time.

        :returns: its exit code.
        """
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode
