"""Paint a camera: start a camera node and the style transfer node, and if wanted a viewer and a recorder."""
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from style_transfer_ros.launching import camera, camera_arguments, painting, painting_arguments


def start(context: LaunchContext) -> list[Action]:
    return [*camera(context), *painting(context)]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*camera_arguments(), *painting_arguments(), OpaqueFunction(function=start)])
