# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Keep tests apart from the user, from other machines and from each other, and give them a ROS context of their own."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
import os
from pathlib import Path
import queue
import shutil
import signal
import socket
import tempfile
import threading
import time

import pytest

# A shell starts its background jobs deaf to Ctrl-C, nohup what it runs to a closed terminal, and both is passed on; the
# programs under test must hear them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _claim_domain() -> socket.socket:
    """
    Claim a ROS domain that no other test run and no running node on this machine has, as long as the socket is open.

    The claim is a TCP port, which the kernel takes back however the run ends.  DDS itself holds UDP ports, one for each
    participant of a domain: they are looked at and left alone.
    """
    for attempt in range(100):
        domain = 1 + (os.getpid() + attempt) % 100
        base = 7400 + 250 * domain
        claim = socket.socket()
        try:
            claim.bind(('127.0.0.1', base))
            for participant in range(20):
                with socket.socket(type=socket.SOCK_DGRAM) as probe:
                    probe.bind(('', base + 10 + 2 * participant))
        except OSError:
            claim.close()
            continue
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        return claim
    raise RuntimeError('All ROS domains from 1 to 100 are in use on this machine; end a test run or a node.')


_claim = _claim_domain()
_home = Path(tempfile.mkdtemp(prefix='style_transfer_ros_test_'))
os.environ.update(ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST', ROS_LOG_DIR=str(_home / 'log'),
                  XDG_DATA_HOME=str(_home / 'data'))


def pytest_unconfigure():
    _claim.close()
    shutil.rmtree(_home, ignore_errors=True)


class Ros:
    """
    A context of its own and an executor that spins in a thread; whatever waits has a deadline.

    A node that is made by or added to this object is destroyed at the end of the test.
    """

    def __init__(self):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._nodes = []
        self._clients: dict = {}
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        from rclpy.exceptions import InvalidHandle
        from rclpy.executors import ExternalShutdownException
        while self.context.ok():
            try:
                self.executor.spin()
                return
            except InvalidHandle:       # a test destroyed something while the executor gathered what to wait for
                continue
            except ExternalShutdownException:
                return

    def add(self, node):
        """Spin a node that was made with ``context=self.context``; return it."""
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def run(self, function: Callable, seconds: float = 10.0):
        """Call ``function`` in the executor's thread, which alone may change nodes; return or raise what it does."""
        outcome: Future = Future()

        def call():
            try:
                outcome.set_result(function())
            except Exception as error:      # in the executor it would end the spinning
                outcome.set_exception(error)
        self.executor.create_task(call)
        return outcome.result(timeout=seconds)

    def node(self, name: str = 'tester', **options):
        """Make and spin a plain node."""
        from rclpy.node import Node
        return self.add(Node(name, context=self.context, **options))

    def listen(self, node, message_type, topic: str, qos=10) -> queue.Queue:
        """Subscribe; the messages are in the queue, so wait with ``get(timeout=seconds)``."""
        messages: queue.Queue = queue.Queue()
        node.create_subscription(message_type, topic, messages.put, qos)
        return messages

    def _client(self, node, service_type, name: str):
        from rclpy.qos import QoSProfile
        if (node, name) not in self._clients:
            self._clients[node, name] = node.create_client(service_type, name, qos_profile=QoSProfile(depth=1000))
        return self._clients[node, name]

    def call(self, node, service_type, name: str, request, seconds: float = 10.0):
        """
        Call a service as soon as it is there; return the response.

        One client for all calls: a server that has not yet found a new client's reader loses its answer.
        """
        client = self._client(node, service_type, name)
        assert client.wait_for_service(timeout_sec=seconds), f'no service {name} within {seconds} s'
        return self.start(node, service_type, name, request).get(timeout=seconds)

    def start(self, node, service_type, name: str, request) -> queue.Queue:
        """Call a service that is there without waiting; the response comes in the returned queue."""
        answer: queue.Queue = queue.Queue()
        future = self._client(node, service_type, name).call_async(request)
        future.add_done_callback(lambda done: answer.put(done.result()))
        return answer

    def wait_until(self, condition, what: str, seconds: float = 10.0):
        """Wait for what has no event of its own (the ROS graph); return the condition's first true value."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
            time.sleep(0.01)
        return value

    def close(self) -> None:
        """Stop spinning, destroy the nodes and end the context."""
        self.executor.shutdown(timeout_sec=5)
        for node in self._nodes:
            node.destroy_node()
        self.context.try_shutdown()
        self._thread.join(5)
        self._nodes.clear()


@pytest.fixture
def ros():
    """Give a running :class:`Ros`, one for each test."""
    running = Ros()
    yield running
    running.close()


@pytest.fixture
def own_lines() -> Callable[[str], list[str]]:
    """Return the lines of an output but for those of Fast DDS, which prints some when others start just then."""
    return lambda text: [line for line in text.splitlines() if 'RTPS_' not in line]
