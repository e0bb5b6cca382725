"""The painting as a bag: MCAP, as the node publishes it (JPEG), through a bounded queue to a thread that writes."""
from __future__ import annotations

from datetime import datetime
from pathlib import Path
import queue
import shutil
import threading
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage

#: So many messages wait for the disk; then new ones are dropped, and counted.
_QUEUE = 60
#: The recording ends by itself when the disk has less room than this, bytes.
_ROOM = 500_000_000


class Recording:
    """
    Records from :meth:`start` until :meth:`stop`; these two are called in the executor's thread.

    :param folder: the bag; its parent is there, it is not.
    :param topic: of the painting, without the ending of a transport.
    """

    def __init__(self, node: Node, folder: Path, topic: str) -> None:
        self._node, self._folder = node, folder
        info = f"{topic.rpartition('/')[0]}/camera_info"
        self._topics = {f'{topic}/compressed': CompressedImage, info: CameraInfo}
        self._queue: queue.Queue = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._write, name='recording', daemon=True)
        self._subscriptions: list = []
        self.written = self.dropped = self.size = 0
        #: Why it ended by itself; else empty.
        self.problem = ''

    def start(self) -> None:
        """
        Begin.

        :raises OSError: the bag cannot be made.
        """
        from rosbags.rosbag2 import StoragePlugin, Writer  # loaded by those who record only
        from rosbags.typesys import get_typestore, Stores
        self._writer = Writer(self._folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        store = get_typestore(Stores.ROS2_JAZZY)
        for topic, kind in self._topics.items():
            name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
            connection = self._writer.add_connection(topic, name, typestore=store)
            self._subscriptions.append(self._node.create_subscription(
                kind, topic, self._keep(connection), QoSProfile(depth=10), raw=True))
        self._thread.start()

    def _keep(self, connection: Any) -> Any:
        def keep(data: bytes) -> None:
            try:
                self._queue.put_nowait((connection, self._node.get_clock().now().nanoseconds, data))
            except queue.Full:
                self.dropped += 1
        return keep

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            if self.problem:
                continue                                # until stop() ends the queue
            try:
                self._writer.write(*item)
                self.written += 1
                self.size += len(item[2])
                if self.written % 30 == 0 and shutil.disk_usage(self._folder).free < _ROOM:
                    self.problem = 'The disk is nearly full; the recording has ended.'
            except OSError as error:
                self.problem = f'The recording has ended: {error.strerror or error}.'
        try:
            self._writer.close()
        except OSError as error:
            self.problem = self.problem or f'The recording cannot be finished: {error.strerror or error}.'

    def unsubscribe(self) -> None:
        """Receive no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def finish(self) -> None:
        """Write what waits, and close the bag; takes as long as the disk does, so call it in a thread of its own."""
        self._queue.put(None)
        self._thread.join()


class Recordings:
    """The folder of bags: one recording at a time; all in the event loop's thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.current: Recording | None = None

    def next_folder(self) -> Path:
        """Return the folder of a new bag, named by the time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f'painting_{datetime.now():%Y-%m-%d_%H-%M-%S}'
        taken = {path.name for path in self._folder.iterdir()}
        return self._folder / next(n for n in (name, *(f'{name}_{i}' for i in range(2, 1000))) if n not in taken)

    def file(self, name: str) -> Path | None:
        """Return the one file of a bag; only names in the list are looked at."""
        return self._files().get(name)

    def _files(self) -> dict[str, Path]:
        return {path.parent.name: path for path in sorted(self._folder.glob('*/*.mcap'), reverse=True)
                if (path.parent / 'metadata.yaml').is_file()}   # written last: the bag is whole

    def list(self) -> list[dict]:
        """Return name and size (bytes) of every bag, newest first."""
        return [{'name': name, 'size': path.stat().st_size} for name, path in self._files().items()]

    def remove(self, name: str) -> bool:
        """Remove a bag; tell whether it was there."""
        path = self.file(name)
        if path is not None:
            shutil.rmtree(path.parent)
        return path is not None
