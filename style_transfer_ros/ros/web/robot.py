# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The painting node as the page sees it: by topics, services and parameters, so it may run on another machine.

Callbacks run in the executor's thread, coroutines in the event loop's.  What they share is replaced as a whole and
never changed in place.
"""
from __future__ import annotations

import asyncio
from collections.abc import Callable
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import DurabilityPolicy, qos_profile_parameter_events, QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_msgs.srv import ListStyles, MixStyles, NextStyle, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine.errors import shown, StyleTransferError
from style_transfer_ros.ros.qos import CameraSubscription
from style_transfer_ros.ros.web.viewers import CAMERA, PAINTING

#: Parameters of the node that the page shows; all may change while the node runs.
LIVE = ('strength', 'preserve_color', 'smoothing', 'processing_height', 'period', 'enabled')
_INPUT = ('image_topic', 'image_transport')
_READ = (*LIVE, *_INPUT, 'publish_compressed')
#: A node that has not reported for this time is gone, s; it reports every second.
_GONE = 4.0
#: How often it is asked for its parameters, s: who starts again within that time has others, and tells nobody.
_LOOK_PERIOD = 2.0
#: Camera frames that may wait for their painting, and their bytes together.
_FRAMES, _BYTES = 6, 8_000_000
#: Without paintings the camera is shown at this rate, Hz, in this height, pixels, and JPEG quality.
_CAMERA_RATE, _CAMERA_HEIGHT, _CAMERA_QUALITY = 10.0, 480, 80


class RobotError(StyleTransferError):
    """The node is gone, or has refused a wish; the text is one sentence."""


def stamp_of(message: Any) -> int:
    """Return the stamp of a message's header, ns."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec


class Robot:
    """
    Frames and state of the node come out, wishes go in.

    :param node: of the page.
    :param painter: name of the node that paints, relative to our namespace.
    :param wanted: tells whether anybody watches a stream; called in the executor's thread.
    :param on_frame: called with (stream, stamp in ns, JPEG) in the executor's thread.
    """

    def __init__(self, node: Node, painter: str, wanted: Callable[[int], bool],
                 on_frame: Callable[[int, int, bytes], None]) -> None:
        self._node, self._wanted, self._on_frame = node, wanted, on_frame
        #: The fully qualified name of the node that paints.
        self.painter = node.resolve_topic_name(painter)
        #: Topic of the camera whose frames are painted, without the ending of a transport, and of the painting.
        self.camera_topic = node.resolve_topic_name('image_raw')
        self.painting_topic = node.resolve_topic_name('stylized/image')
        #: Topics of the painting as JPEG and of its calibration; they may be remapped apart.
        self.jpeg_topic = f'{self.painting_topic}/compressed'
        self.info_topic = node.resolve_topic_name('stylized/camera_info')
        self._jpeg_camera = f'{self.camera_topic}/compressed'
        self.status: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.numbers: dict[str, str] = {}               # its diagnostics
        self._reported = -1e9
        self._asked_parameters = self._asked_jpeg = self._searched = -1e9
        self._subscriptions: dict[int, CameraSubscription] = {}
        self._waiting: dict[Any, Any] = {}              # the newest request of each kind, while there is no answer
        self._frames: dict[int, Any] = {}               # camera frames by stamp, until they are painted
        self._awaited = self._painted_at = self._shown_at = -1e9
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(StyleTransferStatus, f'{painter}/status', self._on_status, latched)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        node.create_subscription(ParameterEvent, '/parameter_events', self._on_event, qos_profile_parameter_events)
        self._clients = {kind: node.create_client(kind, f'{painter}/{name}') for kind, name in (
            (SetStyle, 'set_style'), (ListStyles, 'list_styles'), (NextStyle, 'next_style'), (MixStyles, 'mix_styles'),
            (RemoveStyle, 'remove_style'), (RenameStyle, 'rename_style'), (GetParameters, 'get_parameters'),
            (SetParametersAtomically, 'set_parameters_atomically'), (ChangeState, 'change_state'))}
        node.create_timer(0.1, self._follow)

    # The executor's thread

    def _on_status(self, message: StyleTransferStatus) -> None:
        self._reported = time.monotonic()
        self.status = {
            'state': message.state, 'style': message.style, 'message': message.message, 'model': message.model,
            'runtime': message.runtime,
            'mix': {name: round(float(weight), 4) for name, weight in zip(message.mix_names, message.mix_weights)}}

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self.painter:
                self._reported = time.monotonic()
                self.numbers = {item.key: item.value for item in status.values}

    def _on_event(self, event: ParameterEvent) -> None:
        if event.node == self.painter:
            self._take([(p.name, p.value) for p in (*event.new_parameters, *event.changed_parameters)])

    def _take(self, pairs: list) -> None:
        self.parameters = {**self.parameters, **{
            name: parameter_value_to_python(value) for name, value in pairs if name in _READ}}

    @property
    def present(self) -> bool:
        """Whether the node reports."""
        return time.monotonic() - self._reported < _GONE

    def _follow(self) -> None:
        """Keep subscriptions and parameters as they should be."""
        now = time.monotonic()
        if now - self._searched > 0.5:
            self._searched = now
            self._find_topics()
        for stream in (CAMERA, PAINTING):
            kind, topic, callback = self._source(stream)
            wanted, subscription = self._wanted(stream), self._subscriptions.get(stream)
            if subscription is not None and not (
                    wanted and subscription.topic == self._node.resolve_topic_name(topic)):
                self._subscriptions.pop(stream).destroy()
                self._frames = {} if stream == CAMERA else self._frames
            if wanted and stream not in self._subscriptions:
                self._subscriptions[stream] = CameraSubscription(self._node, kind, topic, callback, 'auto')
        if not self.present:
            self.parameters = {}
        elif now - self._asked_parameters > _LOOK_PERIOD:
            self._asked_parameters, before = now, self.parameters

            def take(answer: GetParameters.Response) -> None:
                if self.parameters is before:           # else the answer may be older than what was heard meanwhile
                    self._take(list(zip(_READ, answer.values)))
            self._ask(GetParameters, GetParameters.Request(names=list(_READ)), take)
        elif self._wanted(PAINTING) and not self.parameters.get('publish_compressed', True) and (
                now - self._asked_jpeg > 2.0):
            self._asked_jpeg = now                      # costs nothing while nobody subscribes to it
            self._ask(SetParametersAtomically, SetParametersAtomically.Request(parameters=[
                Parameter('publish_compressed', value=True).to_parameter_msg()]), lambda answer: None)

    def _find_topics(self) -> None:
        """Take the topics from the graph, so that remappings of the node need not be repeated for the page."""
        namespace, _, name = self.painter.rpartition('/')
        try:
            ins = self._node.get_subscriber_names_and_types_by_node(name, namespace or '/')
            outs = self._node.get_publisher_names_and_types_by_node(name, namespace or '/')
        except RuntimeError:                            # the node is not there; rclpy has no public name for this
            return
        for topic, kinds in ins:
            if 'sensor_msgs/msg/Image' in kinds:
                self.camera_topic, self._jpeg_camera = topic, f'{topic}/compressed'
            elif 'sensor_msgs/msg/CompressedImage' in kinds:
                self.camera_topic, self._jpeg_camera = topic.removesuffix('/compressed'), topic
        for topic, kinds in outs:
            if 'sensor_msgs/msg/Image' in kinds:
                self.painting_topic = topic
            elif 'sensor_msgs/msg/CompressedImage' in kinds:
                self.jpeg_topic = topic
            elif 'sensor_msgs/msg/CameraInfo' in kinds:
                self.info_topic = topic

    def _source(self, stream: int) -> tuple[type, str, Callable]:
        """Return type, topic and callback of what is to be subscribed to for a stream; JPEG wherever there is one."""
        if stream == PAINTING:
            return CompressedImage, self.jpeg_topic, self._on_painting
        if self._node.count_publishers(self._jpeg_camera):
            return CompressedImage, self._jpeg_camera, self._on_camera
        return Image, self.camera_topic, self._on_camera

    def _ask(self, kind: Any, request: Any, then: Callable) -> None:
        """Call a service again and again; a request whose answer is lost must not wait for ever."""
        client = self._clients[kind]
        if kind in self._waiting:
            client.remove_pending_request(self._waiting.pop(kind))
        if client.service_is_ready():
            future = self._waiting[kind] = client.call_async(request)
            future.add_done_callback(lambda done: then(done.result()) if done.result() is not None else None)

    def _on_painting(self, message: CompressedImage) -> None:
        stamp = stamp_of(message)
        self._painted_at, self._awaited = time.monotonic(), stamp
        if stamp in self._frames:
            self._show_camera(stamp)
        self._on_frame(PAINTING, stamp, bytes(message.data))

    def _on_camera(self, message: Image | CompressedImage) -> None:
        """Keep a frame until its painting comes, so that both sides of the page show the same moment."""
        stamp, now = stamp_of(message), time.monotonic()
        self._frames[stamp] = message
        while len(self._frames) > _FRAMES or (
                len(self._frames) > 2 and len(self._frames) * len(message.data) > _BYTES):
            del self._frames[next(iter(self._frames))]
        live = now - self._painted_at > 1.0 and now - self._shown_at > 1 / _CAMERA_RATE
        if live or stamp == self._awaited:
            self._show_camera(stamp)

    def _show_camera(self, stamp: int) -> None:
        message, self._shown_at = self._frames.pop(stamp), time.monotonic()
        if isinstance(message, CompressedImage):
            self._on_frame(CAMERA, stamp, bytes(message.data))
            return
        try:
            self._on_frame(CAMERA, stamp, _small_jpeg(message))
        except StyleTransferError as error:
            self._node.get_logger().warning(f'The camera is not shown: {error}', throttle_duration_sec=10.0)

    def log(self, sentence: str) -> None:
        """Log what went wrong."""
        self._node.get_logger().error(sentence)

    # The event loop's thread

    async def call(self, request: Any, seconds: float = 10.0) -> Any:
        """
        Call the service that takes this kind of request; return its answer.

        :raises RobotError: the node is gone or does not answer.
        """
        kind = next(kind for kind in self._clients if isinstance(request, kind.Request))
        client, loop = self._clients[kind], asyncio.get_running_loop()
        if not client.service_is_ready():
            raise RobotError(f"The node '{self.painter}' is not there; start it and try again.")
        answer: asyncio.Future = loop.create_future()

        future = client.call_async(request)

        def arrived(done: Any) -> None:
            error = done.exception()
            loop.call_soon_threadsafe(_settle, answer, None if error else done.result(), error)
        future.add_done_callback(arrived)
        try:
            return await asyncio.wait_for(answer, seconds)
        except asyncio.TimeoutError:
            client.remove_pending_request(future)
            raise RobotError(f"The node '{self.painter}' has not answered within {seconds:.0f} s; try again.") from None

    async def wish(self, request: Any, seconds: float = 10.0) -> Any:
        """
        Call a service that answers with ``success`` and ``message``; return the answer.

        :raises RobotError: it was refused, in the node's own words, or the node is gone.
        """
        answer = await self.call(request, seconds)
        if not answer.success:
            raise RobotError(answer.message or 'The node refuses and does not say why; see its log.')
        return answer

    async def set(self, values: dict[str, Any]) -> None:
        """
        Set live parameters, all or none.

        :raises RobotError: a name or value does not fit.
        """
        wishes = []
        for name, value in values.items():
            present = self.parameters.get(name)
            if name not in LIVE or present is None:
                raise RobotError(f'The parameter {shown(name)} is none that this page changes.')
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole and abs(value) >= 1 << 63:         # ROS integers have 64 bits
                raise RobotError(f"The parameter '{name}' is {shown(value)}; give a smaller number.")
            if isinstance(present, float) and whole:
                value = float(value)
            if type(value) is not type(present):
                raise RobotError(f"The parameter '{name}' is {shown(value)}; give a {type(present).__name__}.")
            wishes.append(Parameter(name, value=value).to_parameter_msg())
        result = (await self.call(SetParametersAtomically.Request(parameters=wishes))).result
        if not result.successful:
            raise RobotError(result.reason or 'The node refuses the value and does not say why; see its log.')

    async def painting(self, seconds: float = 10.0) -> Image:
        """
        Receive the next painting as it left the node, not compressed.

        :raises RobotError: none comes in time.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future = loop.create_future()

        def received(message: Image) -> None:
            loop.call_soon_threadsafe(_settle, answer, message)
        subscription = await self.in_executor(lambda: self._node.create_subscription(
            Image, self.painting_topic, received, 1))
        try:
            return await asyncio.wait_for(answer, seconds)
        except asyncio.TimeoutError:
            raise RobotError(f'No painting has come within {seconds:.0f} s; see the state of the node.') from None
        finally:
            await self.in_executor(lambda: self._node.destroy_subscription(subscription))

    async def in_executor(self, function: Callable[[], Any]) -> Any:
        """
        Call a function in the executor's thread, the only one that changes subscriptions; return its result.

        :raises RobotError: nothing spins yet.
        :raises Exception: what the function raises.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future = loop.create_future()

        executor = self._node.executor
        if executor is None:
            raise RobotError('The page is still starting; try again in a moment.')

        def work() -> None:
            value: Any = None
            problem: Exception | None = None
            try:
                value = function()
            except Exception as error:      # to the one who asked, not to the executor
                problem = error
            loop.call_soon_threadsafe(_settle, answer, value, problem)
        executor.create_task(work)
        executor.wake()
        return await answer

    async def use_camera(self, topic: str, transport: str) -> None:
        """
        Let the node paint another topic.  Its input is static, so the node is taken down and up again.

        :param topic: without the ending of a transport.
        :param transport: 'raw' or 'compressed'.
        :raises RobotError: the node refuses, in its own words, or is gone.
        """
        mix = self.status.get('mix')
        wishes = [Parameter(name, value=value).to_parameter_msg() for name, value in zip(_INPUT, (topic, transport))]
        problem, up = '', False
        try:
            for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
                await self._change(transition)          # fails where the node is down already, which is fine
            result = (await self.call(SetParametersAtomically.Request(parameters=wishes))).result
            problem = '' if result.successful else result.reason or 'The node refuses this camera.'
            if not problem:     # now, so that nobody who asks when this is done meets the camera before
                await self.in_executor(lambda: self._take([(wish.name, wish.value) for wish in wishes]))
        except RobotError as error:
            problem = str(error)
        finally:                                        # whatever happens: a node that is left down paints nothing
            up = await self._bring_up()
        if problem or not up:
            raise RobotError(problem or f"The node '{self.painter}' does not start again; see its log.")
        if mix:
            for _ in range(100):                        # a mix is not a parameter, so the node has forgotten it
                await asyncio.sleep(0.2)
                if self.status.get('model'):
                    await self.wish(MixStyles.Request(names=list(mix), weights=list(mix.values())))
                    break

    async def _bring_up(self) -> bool:
        """Configure and activate the node; tell whether both went well."""
        up = True
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            try:
                up = await self._change(transition) and up
            except RobotError:
                up = False
        return up

    async def _change(self, transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return (await self.call(request, 20.0)).success


def _settle(answer: asyncio.Future, value: Any, error: Exception | None = None) -> None:
    """Give an answer, or the error instead of it, to a waiter that may have left; in the event loop's thread."""
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)


def _small_jpeg(message: Image) -> bytes:
    """Compress a camera frame for viewing; OpenCV is loaded only for cameras that publish no JPEG themselves."""
    import cv2

    from style_transfer_ros.engine import pictures
    from style_transfer_ros.ros import messages
    rgb = messages.to_rgb(message)
    if message.height > _CAMERA_HEIGHT:
        width = max(1, round(message.width * _CAMERA_HEIGHT / message.height))
        rgb = cv2.resize(rgb, (width, _CAMERA_HEIGHT), interpolation=cv2.INTER_AREA)
    return pictures.encode_jpeg(rgb, _CAMERA_QUALITY)
