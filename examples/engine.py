# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Paint a picture with a mix of two styles: the engine without ROS."""
import cv2

from style_transfer_ros.engine import read_picture, Stylizer

stylizer = Stylizer.load()
wave, poppies = (stylizer.learn_style(read_picture(f'styles/{name}.jpg')) for name in ('great_wave', 'poppies'))
frame = read_picture('scenes/mountains.jpg')                       # (H, W, 3) uint8 RGB
painted = stylizer.paint(frame, stylizer.mix([wave, poppies], [2, 1]), strength=0.9)
cv2.imwrite('painted.png', painted[..., ::-1])
