"""Record topics into a rosbag2 bag (MCAP) without rosbag2, for machines that have only the ROS wheels."""
from __future__ import annotations

from pathlib import Path
import shutil
import threading
from typing import Any, Dict

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

#: Messages that may wait for the disk; more are kept by the middleware.
_DEPTH = 100


class Recorder:
    """
    Writes the serialized messages as they come, unchanged, with type definitions; ``ros2 bag info`` reads the bag.

    :param folder: the bag; one that is there already is replaced.
    :param topics: message classes by topic.
    """

    def __init__(self, node: Node, folder: Path, topics: Dict[str, Any]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._lock = threading.Lock()
        self._open = True
        self.written = 0
        store = get_typestore(Stores.ROS2_JAZZY)
        for topic, kind in topics.items():
            name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
            connection = self._writer.add_connection(node.resolve_topic_name(topic), name, typestore=store)
            node.create_subscription(kind, topic, self._write_to(node, connection), QoSProfile(depth=_DEPTH), raw=True)

    def _write_to(self, node: Node, connection: Any) -> Any:
        def write(data: bytes) -> None:
            with self._lock:
                if self._open:
                    self._writer.write(connection, node.get_clock().now().nanoseconds, data)
                    self.written += 1
        return write

    def close(self) -> None:
        """Finish the bag; what comes later is not written."""
        with self._lock:
            if self._open:
                self._open = False
                self._writer.close()
