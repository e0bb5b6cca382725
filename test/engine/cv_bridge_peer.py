# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Convert pictures with ROS's own cv_bridge; run by the system's Python, which has it: IN.npz OUT.npz."""
import sys

from cv_bridge import CvBridge, CvBridgeError
from cv_bridge.boost.cv_bridge_boost import cvtColorForDisplay
import numpy as np
from sensor_msgs.msg import Image


def convert(picture, before, after, byte_order):
    """Read a picture (H, W) or (H, W, C) of one encoding as another one."""
    message = Image()
    message.height, message.width, message.step = picture.shape[0], picture.shape[1], picture.strides[0]
    message.encoding, message.is_bigendian = before, byte_order == 'big'
    message.data = picture.tobytes()
    return CvBridge().imgmsg_to_cv2(message, after)


def show(picture, encoding, white):
    """Read a picture as viewers do: 0 is black, and the value ``white`` is white."""
    return cvtColorForDisplay(picture, encoding, 'rgb8', False, 0.0, float(white))


def main(source, target):
    """
    Convert the arrays of ``source``; the name of each holds the function and its arguments, with bars between them.

    What cv_bridge cannot do is not in ``target``.
    """
    found = {}
    for name, picture in np.load(source).items():
        function, *arguments = name.split('|')
        try:
            found[name] = np.asarray({'convert': convert, 'show': show}[function](picture, *arguments))
        except CvBridgeError as refused:
            print(f'{name}: {refused}')
    np.savez(target, **found)


if __name__ == '__main__':
    main(*sys.argv[1:])
