# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What lives from configure to cleanup: publishers, the model, the styles, and what is painted with."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.engine.library import default_folder, StyleLibrary
from style_transfer_ros.engine.styles import Mix, Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import local_path
from style_transfer_ros.settings import StyleTransferParameters


class Contents(NamedTuple):
    """What loading gives; ``failure`` says why there is no mix."""

    stylizer: Stylizer
    styles: Styles
    mix: Mix | None
    failure: str


def load(settings: StyleTransferParameters, load_stylizer: Callable[[str, str, int], Stylizer]) -> Contents:
    """
    Load model, library and style; takes about a second.

    :param load_stylizer: called with model, runtime and threads.
    :raises StyleTransferError: the model cannot be used.
    """
    stylizer = load_stylizer(settings.model, settings.runtime, settings.threads)
    folder = local_path(settings.style_library, 'style library') if settings.style_library else default_folder()
    styles = Styles(stylizer, StyleLibrary(folder),
                    [local_path(directory, 'style directory') for directory in settings.style_directories if directory])
    mix, failure = None, ''
    if settings.style:
        styles.learn_bundled(only=settings.style)       # the others can wait until the first frame is painted
        try:
            mix = styles.find(settings.style)
        except StyleError as error:
            failure = str(error)
    styles.look_again()         # what is there, for checks that cannot wait for the disk
    return Contents(stylizer, styles, mix, failure)


class Loaded:
    """
    From configure to cleanup.  Only the executor's thread assigns its attributes, but for ``made``.

    The publishers are there from the beginning, the rest when loading is done.
    """

    def __init__(self, node: Node) -> None:
        overriding = QoSOverridingOptions.with_default_policies()
        with ExitStack() as made:       # all of them, or none
            def publisher(kind: type, topic: str) -> Publisher:
                created = node.create_publisher(kind, topic, 1, qos_overriding_options=overriding)
                made.callback(node.destroy_publisher, created)
                return created
            self.images = publisher(Image, 'stylized/image')
            self.jpegs = publisher(CompressedImage, 'stylized/image/compressed')
            self.infos = publisher(CameraInfo, 'stylized/camera_info')
            self._publishers = made.pop_all()
        self.stylizer: Stylizer | None = None
        self.styles: Styles | None = None
        self.mix: Mix | None = None
        #: What the worker made last to be painted with, and ``mix`` as soon as the executor's thread gets it.  From
        #: loading on only the worker's thread assigns it.
        self.made: Mix | None = None
        #: Why nothing can be painted; or empty.
        self.failure = ''
        #: What is being learned, in the order of the requests.
        self.learning: list[str] = []

    def take(self, contents: Contents) -> None:
        """Take what loading gave."""
        self.stylizer, self.styles, self.mix, self.failure = contents
        self.made = self.mix

    def make(self, mix: Mix) -> Mix:
        """Note, in the worker's thread, that it has made a mix that is going to be painted with; return the mix."""
        self.made = mix
        return mix

    def destroy(self) -> None:
        """Destroy the publishers."""
        self._publishers.close()
