# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The page's server: the only part that imports aiohttp; it knows the painting node by its topics and services alone.

::

    gate.py         who may do what: tokens, cookies, Host, Origin, headers
    viewers.py      newest frames out to many viewers, one frame of credit each
    robot.py        the painting node as the page sees it: frames, state, wishes
    styles.py       the stored styles with their thumbnails, removal with undo, shuffle
    recording.py    the painting as a bag
    own_camera.py   a browser's camera in place of the robot's
    server.py       the routes, and the thread that they run in
    addresses.py    own addresses and names; certificate.py: HTTPS of one's own
"""
