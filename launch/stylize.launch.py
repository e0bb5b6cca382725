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
