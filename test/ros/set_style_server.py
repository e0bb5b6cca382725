# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A process of its own for test_messages.py: answer SetStyle with what arrived, until stdin closes."""
import hashlib
import sys
import threading

import rclpy
from rclpy.executors import ExternalShutdownException

from style_transfer_msgs.srv import SetStyle


def answer(request: SetStyle.Request, response: SetStyle.Response) -> SetStyle.Response:
    response.success = True
    response.message = hashlib.sha256(request.image.data).hexdigest()
    response.style.name = request.name
    response.style.vector = [0.5] * 100
    return response


def stop_with_stdin():
    sys.stdin.read()
    rclpy.try_shutdown()


rclpy.init()
node = rclpy.create_node('set_style_server')
node.create_service(SetStyle, 'set_style', answer)
threading.Thread(target=stop_with_stdin).start()
try:
    rclpy.spin(node)
except ExternalShutdownException:
    pass
