# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Paint a topic that exists already: start the style transfer node beside somebody else's camera driver."""
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from style_transfer_ros.launching import is_true, painting, painting_arguments, switch, topic_arguments, topics


def start(context: LaunchContext) -> list[Action]:
    return painting(context, **topics(context), use_sim_time=is_true(context, 'use_sim_time'))


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        *topic_arguments('/camera/image_raw'),
        switch('use_sim_time', 'Follow the topic /clock of a simulator or of a bag that is played with --clock.'),
        *painting_arguments(),
        OpaqueFunction(function=start),
    ])
