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
