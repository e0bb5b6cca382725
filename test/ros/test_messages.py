# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""style_transfer_msgs is built and travels between processes."""
import array
import hashlib
from pathlib import Path
import subprocess
import sys

from style_transfer_msgs.srv import SetStyle


def test_a_style_picture_reaches_another_process_unchanged(ros):
    frame = bytes(range(256)) * 3600  # 640x480 rgb8, larger than Fast DDS's default shared memory segment
    request = SetStyle.Request(name='Waves – 波')
    request.image.data = array.array('B', frame)
    with subprocess.Popen([sys.executable, Path(__file__).with_name('set_style_server.py')],
                          stdin=subprocess.PIPE) as server:
        try:
            response = ros.call(ros.node(), SetStyle, 'set_style', request, seconds=20)
        finally:
            server.stdin.close()
    assert response.success and response.message == hashlib.sha256(frame).hexdigest()
    assert response.style.name == request.name
    assert list(response.style.vector) == [0.5] * 100
    assert server.returncode == 0
