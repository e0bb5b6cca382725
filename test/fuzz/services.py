# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The services of the node under generated requests: the six of parameters, the lifecycle, and the node's own.

Requests go to the callbacks of a real node as DDS would hand them over; ``over_dds`` sends a slice of them for real.
After all of them the node is brought back to work and paints the next good frame.
"""
from __future__ import annotations

from collections.abc import Callable
import inspect
import time
from typing import Any

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from targets import Broken, check_sentence, deserialized, SCRATCH

from style_transfer_msgs.srv import MixStyles, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.style_transfer_node import StyleTransferNode

#: Type and name of every service that is fuzzed.
SERVICES: dict[str, type] = {
    'set_parameters': SetParameters, 'set_parameters_atomically': SetParametersAtomically,
    'get_parameters': GetParameters, 'get_parameter_types': GetParameterTypes, 'list_parameters': ListParameters,
    'describe_parameters': DescribeParameters, 'change_state': ChangeState, 'set_style': SetStyle,
    'mix_styles': MixStyles, 'remove_style': RemoveStyle, 'rename_style': RenameStyle}
#: A request is answered within this time, s; the machine may be busy.
PATIENCE = 60.0


def _fake_stylizer(model: str = 'fake', runtime: str = 'auto', threads: int = 0) -> Stylizer:
    return Stylizer(Model('fake', __file__, 'fake', 1, np.zeros(100, np.float32), False), FakeRuntime())


def _new_node() -> StyleTransferNode:
    return StyleTransferNode(_fake_stylizer, parameter_overrides=[
        Parameter('period', value=0.0), Parameter('style_library', value=str(SCRATCH / 'node'))])


class Subject:
    """A node with a fake model, a camera and a viewer, in one executor; nothing of it is shared."""

    def __init__(self) -> None:
        rclpy.init()
        self.executor = SingleThreadedExecutor()
        self.node = _new_node()
        self.user = rclpy.create_node('user')
        self.executor.add_node(self.node)
        self.executor.add_node(self.user)
        self.camera = self.user.create_publisher(Image, 'image_raw', 1)
        self.paintings: list[Image] = []
        self.user.create_subscription(Image, 'stylized/image', self.paintings.append, 1)
        self._services = {service.srv_name.rsplit('/', 1)[-1]: service for service in self.node.services}
        self._clients = {name: self.user.create_client(kind, f'style_transfer/{name}')
                         for name, kind in SERVICES.items()}

    def spin_until(self, done: Callable[[], Any], what: str) -> None:
        """
        Spin until ``done`` is true.

        :raises Broken: it never is.
        """
        deadline = time.monotonic() + PATIENCE
        while not done():
            self.executor.spin_once(0.02)
            if time.monotonic() > deadline:
                raise Broken(f'not within {PATIENCE:.0f} s: {what}')

    def request(self, name: str, data: bytes) -> None:
        """
        Hand a serialized request to the service's callback.

        :raises Broken: there is no answer, or no clear one.
        """
        request = deserialized(data, SERVICES[name].Request)
        if request is None:
            return
        callback, response = self._services[name].callback, SERVICES[name].Response()
        if inspect.iscoroutinefunction(callback):
            task = self.executor.create_task(callback, request, response)
            self.spin_until(task.done, f'an answer of {name}')
            answer = task.result()
        else:
            answer = callback(request, response)
        self._check(name, request, answer)
        self.executor.spin_once(0)
        if self._state() == State.PRIMARY_STATE_FINALIZED:      # asked to shut down, as any node may be
            self._renew()

    def _check(self, name: str, request: Any, answer: Any) -> None:
        if not isinstance(answer, SERVICES[name].Response):
            raise Broken(f'{name} answers with {answer!r:.200}')
        results = list(getattr(answer, 'results', [])) + ([answer.result] if hasattr(answer, 'result') else [])
        for result in results:
            if hasattr(result, 'successful') and not result.successful:
                check_sentence(result.reason)
        if hasattr(answer, 'message') and not answer.success:
            check_sentence(answer.message)
        if name == 'set_parameters' and len(answer.results) != len(request.parameters):
            raise Broken(f'{len(request.parameters)} parameters, {len(answer.results)} results')

    def over_dds(self, name: str, data: bytes) -> None:
        """
        Send a serialized request over DDS and wait for the answer.

        :raises Broken: there is none, or no clear one.
        """
        request = deserialized(data, SERVICES[name].Request)
        if request is None:
            return
        client = self._clients[name]
        self.spin_until(client.service_is_ready, f'{name} is there')
        future = client.call_async(request)
        self.spin_until(future.done, f'an answer of {name} over DDS')
        self._check(name, request, future.result())

    def _state(self) -> int:
        return self.node._state_machine.current_state[0]

    def _renew(self) -> None:
        """Replace a node that was shut down."""
        self.executor.remove_node(self.node)
        self.node.destroy_node()
        self.node = _new_node()
        self.executor.add_node(self.node)
        self._services = {service.srv_name.rsplit('/', 1)[-1]: service for service in self.node.services}

    def check_painting(self) -> None:
        """
        Bring the node back to work and let it paint a good frame.

        :raises Broken: it does not.
        """
        if self._state() == State.PRIMARY_STATE_ACTIVE:
            self.node.trigger_deactivate()
        if self._state() == State.PRIMARY_STATE_INACTIVE:
            self.node.trigger_cleanup()
        results = self.node.set_parameters([Parameter(name, value=value) for name, value in {
            'period': 0.0, 'enabled': True, 'lazy': False, 'style': '', 'image_transport': 'raw',
            'qos': 'auto', 'processing_height': 0, 'use_sim_time': False, 'model': 'swift', 'runtime': 'auto',
            'threads': 0, 'style_directories': [''], 'style_library': str(SCRATCH / 'node')}.items()])
        for result in results:
            if not result.successful:
                raise Broken(f'a good value is refused: {result.reason}')
        self.node.trigger_configure()
        self.node.trigger_activate()
        self.spin_until(lambda: self.node.loaded and self.node.loaded.styles, 'the model is loaded')
        good = SetStyle.Request(name='red', image=messages.to_image(np.full((32, 32, 3), 200, np.uint8), Header()))
        self.request('set_style', serialize_message(good))
        if self.node.loaded.mix is None:
            raise Broken('a good picture is not learned')
        self.spin_until(self.camera.get_subscription_count, 'the node subscribes')
        self.paintings.clear()
        frame, sent = messages.to_image(np.full((48, 64, 3), 100, np.uint8), Header()), 0.0

        def painted() -> bool:
            nonlocal sent
            if time.monotonic() - sent > 0.5:
                self.camera.publish(frame)
                sent = time.monotonic()
            return bool(self.paintings)
        self.spin_until(painted, 'the next good frame is painted')

    def close(self) -> None:
        """End."""
        self.node.stop()
        self.executor.shutdown(timeout_sec=2)
        rclpy.try_shutdown()
