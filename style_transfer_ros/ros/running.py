"""Start and stop of a node's process."""
from __future__ import annotations

import os
import signal
import sys
from typing import Callable, List

import rclpy
from rclpy.exceptions import ParameterException
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
    node = None
    try:
        rclpy.init(args=args)
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        start(node)
        while rclpy.ok():
            try:
                executor.spin()
            except RuntimeError as error:       # rcl's own, e.g. a lifecycle transition that is not possible now
                if rclpy.ok():
                    node.get_logger().error(str(error))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (StyleTransferError, ParameterException, ValueError, RuntimeError) as error:
        if rclpy.ok() or not isinstance(error, RuntimeError):      # else a signal came while the node was being made
            rclpy.try_shutdown()
            sys.exit(str(error))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)        # a launch file's second one finds us stopping already
        if node is not None:
            node.stop()
            executor.shutdown(timeout_sec=0.2)
            node.destroy_node()
        rclpy.try_shutdown()
    # Not through the interpreter's teardown: it would pull libraries from under a network that is being loaded.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
