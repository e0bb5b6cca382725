# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Play a bag, paint its camera in the bag's own time and record the painting into a new bag; ends with the bag."""
from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown, TimerAction

from style_transfer_ros.launching import (
    installed,
    large_shared_memory,
    number,
    painting,
    painting_arguments,
    topic_arguments,
    topics,
)

#: The last paintings have this long to get into the new bag, s.
SETTLE = 2.0


def start(context: LaunchContext) -> list[Action]:
    bag, rate, delay = context.launch_configurations['bag'], number(context, 'rate', 0.01), number(context, 'delay', 0)
    if not bag or not Path(bag).exists():
        raise RuntimeError(f"There is no bag '{bag}' to play; name the folder of one with bag:=<folder>.")
    if not installed('ros2bag'):
        raise RuntimeError("The package ros2bag is not installed, so no bag can be played; run 'sudo apt install "
                           "ros-$ROS_DISTRO-rosbag2', or paint the bag with the program stylize_bag, which needs none.")
    play = ExecuteProcess(
        cmd=['ros2', 'bag', 'play', bag, '--clock', '--rate', str(rate), '--disable-keyboard-controls',
             *(['--delay', str(delay)] if delay else [])],      # rosbag2 refuses a delay of 0
        name='bag_play', output='screen', additional_env=large_shared_memory(),
        on_exit=[TimerAction(period=SETTLE, actions=[Shutdown(reason='the bag has ended')])])
    return [*painting(context, **topics(context), use_sim_time=True), play]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        DeclareLaunchArgument('bag', default_value='', description='Folder of the bag to play; must be given.'),
        DeclareLaunchArgument('rate', default_value='1.0', description='Speed of playing; 1 is that of the camera.'),
        DeclareLaunchArgument('delay', default_value='5.0',
                              description='Time until playing begins, s; the networks load meanwhile.'),
        *topic_arguments('/image_raw'),
        *painting_arguments(record='true'),
        OpaqueFunction(function=start),
    ])
