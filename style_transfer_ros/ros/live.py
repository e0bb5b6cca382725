# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What lives from activate to deactivate: the camera's subscription, the timer, the painter's thread and its stream.

The executor's thread receives frames and replaces :attr:`Live.scene`; the painter's thread reads that one reference
once for each frame, and decodes, paints and publishes.
"""
from __future__ import annotations

from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
import time
from typing import NamedTuple

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from style_transfer_ros.engine.errors import ImageError, sentence
from style_transfer_ros.engine.runtimes.memory import give_back
from style_transfer_ros.engine.stream import Stream
from style_transfer_ros.engine.styles import Mix
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.loaded import Loaded
from style_transfer_ros.ros.newest_frame import NewestFrame
from style_transfer_ros.ros.qos import CameraSubscription
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.ros.still_picture import StillPicture
from style_transfer_ros.settings import StyleTransferParameters

#: A warning about frames that cannot be painted is given at most this often, s.
_WARN_EVERY = 5.0
#: Time in which DDS lets the last larger frames go after frames have become smaller, s.
_LET_GO_WITHIN = 2.0


@dataclass(frozen=True, eq=False)
class Scene:
    """All that the painter's thread needs beside the frame; never changed, only replaced as a whole."""

    settings: StyleTransferParameters
    stream: Stream | None
    mix: Mix | None

    @property
    def ready(self) -> bool:
        """Whether a frame can be handled: painted, or passed through."""
        return not self.settings.enabled or (self.stream is not None and self.mix is not None)


class Frame(NamedTuple):
    """A message of the camera, and the camera's calibration at that time."""

    message: Image | CompressedImage
    info: CameraInfo | None


class Live:
    """
    From activate to deactivate.

    :param node: the node that subscribes and publishes.
    :param loaded: with the publishers.
    :param settings: the transport and QoS of the camera, and the first scene's settings.
    :param statistics: counts frames.
    """

    def __init__(self, node: Node, loaded: Loaded, settings: StyleTransferParameters, statistics: Statistics) -> None:
        self._node, self._loaded, self._statistics = node, loaded, statistics
        self._info: CameraInfo | None = None
        self._still = StillPicture()
        self._stopped = False
        self._size, self._give_back_until = 0, 0.0      # of the last painting, bytes; on the steady clock, s
        self.scene = Scene(settings, None, None)
        kind, ending = (CompressedImage, '/compressed') if settings.image_transport == 'compressed' else (Image, '')
        with ExitStack() as made:       # all of it, or nothing
            self._camera = CameraSubscription(node, kind, settings.image_topic + ending, self._on_image, settings.qos)
            made.callback(self._camera.destroy)
            made.callback(node.destroy_subscription, node.create_subscription(
                CameraInfo, 'camera_info', self._on_camera_info, qos_profile_sensor_data,
                qos_overriding_options=QoSOverridingOptions.with_default_policies()))
            self._slot = NewestFrame(self._paint, lambda: statistics.dropped('newer'))
            made.callback(self._slot.stop)
            # on the wall's clock: a still picture has no clock
            made.callback(node.destroy_timer, node.create_timer(0.25, self._look_after,
                                                                clock=Clock(clock_type=ClockType.STEADY_TIME)))
            self._timer = self._new_timer()
            made.callback(lambda: node.destroy_timer(self._timer))
            self._made = made.pop_all()

    # In the executor's thread

    @property
    def topic(self) -> str:
        """Return the camera's topic, resolved."""
        return self._camera.topic

    @property
    def publishers(self) -> int:
        """How many cameras publish on the topic."""
        return self._camera.publishers

    @property
    def obstacle(self) -> str:
        """Why no frame can come from the publishers that are there; or nothing."""
        return self._camera.obstacle

    @property
    def latched(self) -> bool:
        """Whether the camera keeps its last image for late subscribers, as one does that shows a still picture."""
        return self._camera.latched

    def update(self, settings: StyleTransferParameters, loaded: Loaded) -> None:
        """Paint with these settings, and with the mix that is loaded, from the next frame on."""
        before, stream = self.scene, self.scene.stream
        if stream is None and loaded.stylizer is not None:
            stream = Stream(loaded.stylizer)
        if (before.settings, before.stream, before.mix) == (settings, stream, loaded.mix):
            return
        self.scene = Scene(settings, stream, loaded.mix)
        if (settings.period, settings.enabled) != (before.settings.period, before.settings.enabled):
            self._node.destroy_timer(self._timer)
            self._timer = self._new_timer()

    def _new_timer(self) -> Timer:
        settings = self.scene.settings
        self._slot.set_every_frame(settings.period == 0 or not settings.enabled)
        # with period 0 the timer only catches a frame that came while the period changed
        return self._node.create_timer(settings.period or 1.0, self._slot.tick)

    def has_viewer(self) -> bool:
        """Tell whether somebody subscribes to the painting."""
        return bool(self._loaded.images.get_subscription_count()) or self._jpeg_is_wanted(self.scene.settings)

    def _viewers(self) -> int:
        return self._loaded.images.get_subscription_count() + self._loaded.jpegs.get_subscription_count()

    def _on_image(self, message: Image | CompressedImage) -> None:
        self._statistics.arrived()
        frame = Frame(message, self._info)
        self._still.arrived(frame)
        if not self.scene.ready:
            self._statistics.dropped('not_ready')
        elif self.scene.settings.lazy and not self.has_viewer():
            self._statistics.dropped('unwanted')
        else:
            self._still.submitted(frame, self.scene)
            self._slot.submit(frame)

    def _on_camera_info(self, info: CameraInfo) -> None:
        self._info = info

    def _look_after(self) -> None:
        """Do what no frame may come for."""
        self._paint_still()
        self._give_back()

    def _paint_still(self) -> None:
        """Paint a picture that stands still when somebody begins to look, and again when the scene changes."""
        settings = self.scene.settings
        self._still.watched_by(self._viewers())
        if self.scene.ready and (not settings.lazy or self.has_viewer()):
            frame = self._still.due(self.scene, settings.period)
            if frame is not None:
                self._statistics.again()
                self._slot.submit(frame, due=True)

    def stop(self) -> None:
        """Stop painting and unsubscribe; what is at work is not published any more."""
        self._stopped = True
        self._made.close()

    # In the painter's thread

    def _jpeg_is_wanted(self, settings: StyleTransferParameters) -> bool:
        return settings.publish_compressed and bool(self._loaded.jpegs.get_subscription_count() or not settings.lazy)

    def _paint(self, frame: Frame) -> None:
        """Paint and publish one frame."""
        scene = self.scene
        if self._stopped or not scene.ready:
            return
        try:
            self._handle(frame, scene)
        except ImageError as error:
            self._statistics.dropped('broken')
            self._node.get_logger().warning(f'Frame dropped: {error}', throttle_duration_sec=_WARN_EVERY)
        except Exception as error:      # an exception would end the thread silently: say it, paint on
            if not self._stopped and rclpy.ok(context=self._node.context):
                self._statistics.dropped('error')
                self._node.get_logger().error(f'Frame dropped: {sentence(error)}', throttle_duration_sec=_WARN_EVERY)
        self._still.painted(frame, scene)

    def _handle(self, frame: Frame, scene: Scene) -> None:
        """
        Paint one frame, or pass it through, and publish it with the header of the camera's message.

        :raises ImageError: the message is broken.
        """
        message, settings = frame.message, scene.settings
        header, compressed = message.header, isinstance(message, CompressedImage)
        # by hand: rclpy's Time refuses the negative stamps that some drivers send
        taken, begin = header.stamp.sec + header.stamp.nanosec * 1e-9, time.thread_time()
        painting = engine = 0.0
        rgb, image, jpeg = None, None, None
        if settings.enabled:
            assert scene.stream is not None and scene.mix is not None, 'the scene is ready'
            rgb = messages.to_rgb(message)
            before, worked = time.perf_counter(), time.thread_time()
            rgb = scene.stream.paint(rgb, scene.mix.vector, settings.paint_settings, taken)
            painting, engine = time.perf_counter() - before, time.thread_time() - worked
            image = messages.to_image(rgb, header)
        elif compressed:
            rgb = messages.to_rgb(message)
            image, jpeg = messages.to_image(rgb, header), message
        else:
            image = message         # untouched
        if self._stopped:
            return
        self._loaded.images.publish(image)
        if self._jpeg_is_wanted(settings):
            rgb = messages.to_rgb(message) if rgb is None else rgb
            self._loaded.jpegs.publish(jpeg or messages.to_jpeg(rgb, header, settings.jpeg_quality))
        if frame.info is not None:
            info = copy(frame.info)     # frames share one calibration
            info.header = header
            self._loaded.infos.publish(info)
        if len(image.data) < self._size:
            self._give_back_until = time.monotonic() + _LET_GO_WITHIN
        self._size = len(image.data)
        self._give_back()
        latency = self._node.get_clock().now().nanoseconds * 1e-9 - taken
        self._statistics.painted(latency, painting, time.thread_time() - begin - engine)

    # In both threads

    def _give_back(self) -> None:
        """Give the memory of larger frames back, while there may still be some."""
        if time.monotonic() < self._give_back_until:
            give_back()
