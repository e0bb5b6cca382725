"""Start and stop of a node's process."""
from __future__ import annotations

import os
import signal
import sys
from typing import Callable, List

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.paths import share_folder


def use_large_shared_memory() -> None:
    """
    Give Fast DDS a shared-memory segment that holds camera images; call it before ``rclpy.init``.

    With its default segment (549 kB) a best-effort subscriber loses most 640x480 frames of this process.
    """
    profile = str(share_folder() / 'config' / 'fastdds.xml')
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):     # jazzy, kilted
        os.environ.setdefault(variable, profile)


def run(make_node: Callable[[], Node], args: List[str] | None,
        start: Callable[[Node], None] = lambda node: None) -> None:
    """
    Run a node until SIGINT or SIGTERM, then stop it; the process ends with exit code 0.

    :param make_node: makes the node; its ``stop()`` ends its threads.
    :param start: called when the node is in its executor.
    """
    use_large_shared_memory()
    rclpy.init(args=args)
    try:
        node = make_node()
    except StyleTransferError as error:
        rclpy.try_shutdown()
        sys.exit(str(error))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        start(node)
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:            # a callback at work while the context ended cannot publish any more
        if rclpy.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)        # a launch file's second one finds us stopping already
        node.stop()
        executor.shutdown(timeout_sec=0.2)
        node.destroy_node()
        rclpy.try_shutdown()
