"""Ask a running node for another style."""
import rclpy

from style_transfer_msgs.srv import SetStyle

rclpy.init()
node = rclpy.create_node('artist')
client = node.create_client(SetStyle, 'style_transfer/set_style')
client.wait_for_service()
answer = client.call_async(SetStyle.Request(uri='great_wave.jpg'))
rclpy.spin_until_future_complete(node, answer)
print(answer.result().message)
