# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Paint several cameras side by side, each in a namespace of its own.

A YAML file lists them, see config/multi.yaml; each entry holds arguments of webcam.launch.py or, if it names an
``image``, of stylize.launch.py.
"""
from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
import yaml

from style_transfer_ros.launching import CONFIG


def read(path: Path) -> list[dict[str, str]]:
    """
    Read the list of cameras; all values become the text that a launch argument is, a key without one is left out.

    :raises RuntimeError: the file is not there or no such list.
    """
    try:
        cameras = yaml.safe_load(path.read_text(encoding='utf-8'))['cameras']
        entries = [{str(name): str(value).lower() if isinstance(value, bool) else str(value)
                    for name, value in camera.items() if value is not None} for camera in cameras]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise RuntimeError(f"The file '{path}' holds no list 'cameras' ({type(error).__name__}); write it as in "
                           f"{CONFIG / 'multi.yaml'}.") from error
    namespaces = [entry.get('namespace', '').strip('/') for entry in entries]
    if not all(namespaces) or len(set(namespaces)) < len(namespaces):
        raise RuntimeError(f"The cameras in '{path}' have the namespaces {namespaces}; give each one of its own.")
    return entries


def start(context: LaunchContext) -> list[Action]:
    path, groups = Path(context.launch_configurations['cameras']).expanduser(), []
    for entry in read(path):
        name = 'stylize.launch.py' if 'image' in entry else 'webcam.launch.py'
        source = PythonLaunchDescriptionSource(str(Path(__file__).with_name(name)))
        known = {argument.name for argument in source.get_launch_description(context).get_launch_arguments()}
        if unknown := ', '.join(sorted(set(entry) - known)):
            raise RuntimeError(f"The camera '{entry['namespace']}' in '{path}' has the unknown key {unknown}; "
                               f"'ros2 launch style_transfer_ros {name} --show-args' lists the known ones.")
        # without a scope of its own each camera would inherit the arguments of the one before
        groups.append(GroupAction([IncludeLaunchDescription(source, launch_arguments=entry.items())], forwarding=False))
    return groups


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([
        DeclareLaunchArgument('cameras', default_value=str(CONFIG / 'multi.yaml'),
                              description='YAML file that lists the cameras and how each is painted.'),
        OpaqueFunction(function=start),
    ])
