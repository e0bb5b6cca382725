# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
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
