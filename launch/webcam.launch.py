# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Paint a camera: start a camera node and the style transfer node, and if wanted a viewer and a recorder."""
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from style_transfer_ros.launching import camera, camera_arguments, painting, painting_arguments


def start(context: LaunchContext) -> list[Action]:
    return [*camera(context), *painting(context)]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*camera_arguments(), *painting_arguments(), OpaqueFunction(function=start)])
