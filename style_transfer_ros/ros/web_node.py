# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The node ``web``: serves the page on which people watch, choose, mix and teach styles.

A process of its own beside the painting node: it uses topics, services and parameters only, so it may run on another
machine, and when it ends, painting goes on.  The executor's thread receives, the thread ``page`` serves; see
``web/__init__.py``.
"""
from __future__ import annotations

from pathlib import Path
import re
import socket
import tempfile
from typing import Any

from style_transfer_ros.engine.errors import ParameterError, shown, StyleTransferError
from style_transfer_ros.environment import lean_imports, prepare_for_jpegs
from style_transfer_ros.settings import WebParameters

try:
    with lean_imports():
        from rclpy.node import Node
        from rclpy.qos import QoSProfile

        # these two are imported here, and not by the first service, for the sake of what is left out
        import rosidl_generator_py  # noqa: F401
        from sensor_msgs.msg import CompressedImage
        import service_msgs.msg  # noqa: F401

        from style_transfer_ros.ros.guarded import guard_services
        from style_transfer_ros.ros.parameters import declare, refuse_changes
        from style_transfer_ros.ros.running import run, spin_once
        from style_transfer_ros.ros.web import addresses
        from style_transfer_ros.ros.web.gate import Gate, OPERATOR, VIEWER
        from style_transfer_ros.ros.web.own_camera import OwnCamera
        from style_transfer_ros.ros.web.recording import Recordings
        from style_transfer_ros.ros.web.robot import Robot
        from style_transfer_ros.ros.web.server import Server
        from style_transfer_ros.ros.web.styles import StyleBook
        from style_transfer_ros.ros.web.viewers import Streams, Viewers
except ModuleNotFoundError as missing:
    if missing.name != 'aiohttp':
        raise
    raise SystemExit("The page needs aiohttp, which is not installed; run 'sudo apt install python3-aiohttp' or "
                     "'pip install -r requirements/web.txt' with the Python that runs the node.") from None

#: Topic of a browser's camera, without the ending of a transport.
_OWN_TOPIC = 'page/image_raw'


class WebNode(Node):
    """Serves the page; see :class:`~style_transfer_ros.settings.WebParameters`."""

    def __init__(self, **options: Any) -> None:
        super().__init__('web', **options)
        guard_services(self)
        settings = self._settings = declare(self, WebParameters)
        refuse_changes(self, settings)
        self._check(settings)
        self._temporary: tempfile.TemporaryDirectory | None = None
        try:
            self._port = settings.port or free_port(settings.listen)
        except (OSError, ValueError) as error:      # ValueError: what cannot be a host's name
            raise self._unreachable(error) from error
        self._own = self.create_publisher(CompressedImage, f'{_OWN_TOPIC}/compressed', QoSProfile(depth=1))
        folder = self._prepare()
        reached = addresses.reached_by(settings.listen)
        names = [*reached, *filter(None, settings.hosts)]
        viewers = Viewers(Streams())
        robot = Robot(self, settings.painter, viewers.streams.wanted, lambda *frame: self._server.publish(*frame))
        context = None
        if settings.https:
            from style_transfer_ros.ros.web.certificate import server_context
            try:
                context, fingerprint = server_context(folder, names)
            except OSError as error:
                raise StyleTransferError(f"The page's certificate cannot be kept in '{folder}' ({error.strerror}); "
                                         'make room or make the folder writable.') from error
        self._server = Server(
            robot, lambda public, report: Gate(self._tokens, names, self._port, settings.https, public, report),
            viewers, StyleBook(robot, lambda content: viewers.tell('styles', content), viewers.notify),
            OwnCamera(robot, self.resolve_topic_name(_OWN_TOPIC), self._publish_own, folder),
            Recordings(folder / 'recordings', self, robot), self.links, lambda: self.get_clock().now().nanoseconds)
        self._reached = reached
        try:
            self._server.start(settings.listen, self._port, context)
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        said = [f'The page: {self.links(OPERATOR)[0]}']
        if addresses.is_open(settings.listen):
            said.append(f'For viewers, who change nothing: {self.links(VIEWER)[0]}')
        if settings.https:
            said.append(f'The browser will warn of an unknown certificate; its SHA-256 is {fingerprint}.')
        print('\n'.join(said), flush=True)

    def _check(self, settings: WebParameters) -> None:
        """
        Check the names that are given.

        :raises ParameterError: one is not possible.
        """
        for host in filter(None, settings.hosts):
            if not re.fullmatch(r'[\w.:\[\]-]+', host):
                raise ParameterError(f"The parameter 'hosts' holds {shown(host)}, but names without http:// and "
                                     'without a path are needed, such as robot.example.org.')
        try:
            self.resolve_topic_name(settings.painter)
        except Exception as error:      # rclpy's own have no common base
            raise ParameterError(f"The parameter 'painter' is {shown(settings.painter)}, but the parts of a node's "
                                 'name have letters, digits and _, and begin with no digit; choose another name.'
                                 ) from error

    def _unreachable(self, error: Exception) -> StyleTransferError:
        return StyleTransferError(f'The page cannot be served on {shown(self._settings.listen)}, port '
                                  f'{self._settings.port} ({getattr(error, "strerror", None) or error}); choose '
                                  'another listen or port.')

    def _prepare(self) -> Path:
        """Find the folder of secrets and recordings; where none can be kept, links end with this process."""
        try:
            self._tokens = addresses.load_tokens()
            return addresses.page_folder()
        except OSError as error:
            self.get_logger().warning(f'The links of the page cannot be kept ({error}); they end with this process.')
            self._tokens = addresses.new_tokens()
            self._temporary = tempfile.TemporaryDirectory(prefix='style_transfer_page_')
            return Path(self._temporary.name)

    def links(self, role: str) -> list[str]:
        """Return the links of a role, the best first."""
        scheme = 'https' if self._settings.https else 'http'
        return [f'{scheme}://{addresses.bracketed(host)}:{self._port}/#token={self._tokens[role]}'
                for host in self._reached]

    def _publish_own(self, jpeg: bytes, age: float) -> None:
        """Publish a frame of a browser's camera that is ``age`` seconds old."""
        message = CompressedImage(format='jpeg')
        message.header.frame_id = 'browser_camera_optical_frame'
        stamp = max(0, self.get_clock().now().nanoseconds - int(age * 1e9))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        message.data.frombytes(jpeg)
        self._own.publish(message)

    def stop(self) -> None:
        """End the server; called by :func:`run` in the executor's thread."""
        self._server.stop(lambda seconds: spin_once(self, seconds))
        if self._temporary is None:
            return
        recordings = Path(self._temporary.name) / 'recordings'
        if recordings.is_dir() and any(recordings.iterdir()):
            kept = recordings.rename(tempfile.mkdtemp(prefix='style_transfer_recordings_'))
            self.get_logger().warning(f"The recordings are kept in '{kept}'.")
        self._temporary.cleanup()


def free_port(listen: str) -> int:
    """Return a TCP port that nobody listens on."""
    family = socket.AF_INET6 if ':' in listen else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((listen, 0))
        return probe.getsockname()[1]


def main(args: list[str] | None = None) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; exit code 0."""
    run(WebNode, args, prepare=prepare_for_jpegs)


if __name__ == '__main__':
    main()
