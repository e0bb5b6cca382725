# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Start and stop of a node's process."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
import re
import sys
import threading
from typing import Any, TypeVar
import warnings

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from style_transfer_ros.engine.errors import sentence, shown, StyleTransferError
from style_transfer_ros.environment import prepare_for_images
from style_transfer_ros.ros.parameters import clear_reason
from style_transfer_ros.signals import interruptible, on_end
from style_transfer_ros.start_values import check_arguments, check_environment, missing_log_folder

NodeType = TypeVar('NodeType', bound=Node)
#: A signal waits at most so long for a callback that has nothing to do, s.
_SIGNAL_DELAY = 0.1


def _start_ros(args: list[str] | None = None, prepare: Callable[[], None] = prepare_for_images) -> None:
    """
    Start rclpy, ready for camera images, without its handlers of signals.

    :raises StyleTransferError: its arguments or its environment cannot be used.
    """
    check_environment()
    prepare()
    args = sys.argv if args is None else args
    check_arguments(args)
    if folder := missing_log_folder():
        print(f'No log is kept, because {shown(folder)} cannot be written; set ROS_LOG_DIR to another folder to have '
              'one.', file=sys.stderr)
        args = [*args, '--ros-args', '--disable-external-lib-logs']
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        if type(error).__name__ == 'UnknownROSArgsError':       # it is in no public module
            raise StyleTransferError(f'ROS does not know the arguments {shown(str(error))}; check their spelling.'
                                     ) from error
        raise StyleTransferError(f'ROS cannot start ({_without_places(error)}); correct its arguments or its '
                                 'environment.') from error


def _without_places(error: Exception) -> str:
    """Return rcl's own words, which have a place in its source behind each part."""
    return ' '.join(re.sub(r', at [^ ,]+:[0-9]+', '', str(error)).split())[:500]


def spin_once(node: Node, seconds: float) -> None:
    """Let a node's executor do one thing, or wait; an error of a callback is said, and the node goes on."""
    try:
        assert node.executor is not None
        node.executor.spin_once(seconds)
    except Exception as error:
        node.get_logger().error(sentence(error), throttle_duration_sec=5.0)


@contextmanager
def spinning(make_node: Callable[[], NodeType]) -> Iterator[NodeType]:
    """
    Spin a node of one's own in a thread, for programs that look at others; the context ends with the block.

    A signal that asks the program to end raises KeyboardInterrupt in the block.

    :raises StyleTransferError: ROS cannot start.
    """
    _start_ros()
    node, executor = make_node(), SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass
    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        with interruptible():
            yield node
    finally:
        rclpy.try_shutdown()
        thread.join(2)


def run(make_node: Callable[[], NodeType], args: list[str] | None,
        start: Callable[[NodeType], None] = lambda node: None,
        prepare: Callable[[], None] = prepare_for_images) -> None:
    """
    Run a node until SIGINT, SIGTERM or SIGHUP, then stop it; the process ends with exit code 0.

    Signals only set a flag that is read between callbacks: whatever is being made or done is finished first.  rclpy's
    own handlers wake the executor from another thread, which crashes if it is being destroyed just then.

    :param make_node: makes the node; its ``stop()`` ends its threads, may still spin, and may return another exit code.
    :param start: called when the node is in its executor.
    :param prepare: makes the environment of the process fit, before ROS starts.
    """
    stopping, code = threading.Event(), 0
    node: Any = None        # a Node that has stop()
    on_end(lambda *_: stopping.set())
    try:
        _start_ros(args, prepare)
        executor = SingleThreadedExecutor()
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', RuntimeWarning)     # of rclpy, about what the error says, too
            node = make_node()
        executor.add_node(node)
        start(node)
        while not stopping.is_set():
            spin_once(node, _SIGNAL_DELAY)
    except StyleTransferError as error:
        sys.exit(str(error))
    except ParameterException as error:
        sys.exit(clear_reason(str(error)))
    except (ValueError, RuntimeError) as error:
        sys.exit(f'The node cannot start ({_without_places(error)}); correct its arguments or its environment.')
    finally:
        if node is not None:
            code = node.stop() or 0
            executor.shutdown(timeout_sec=0.2)
            node.destroy_node()
        rclpy.try_shutdown()
    # Not through the interpreter's teardown: it would pull libraries from under a network that is being loaded.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
