"""
The node ``style_transfer``: camera in, style services, painted image out.

Threads: the executor's one thread runs all callbacks, each short; the painter's thread decodes, paints and publishes
(``painter.py``); the worker's thread loads networks and learns styles, which services await (``worker.py``; they are in
a reentrant callback group for that, everything else is in the node's default group).  What they share: the frame slot
(the painter's lock), the statistics and the reports (locks of their own), and three attributes that are replaced as a
whole and never changed in place - ``_values`` (parameters), ``_stylizer`` and ``_look`` - so that a painting reads each
of them once.
"""
from __future__ import annotations

from pathlib import Path
import time
from typing import Any, Callable, List

from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool

from style_transfer_msgs.srv import ListStyles, MixStyles, NextStyle, RemoveStyle, SetStyle
from style_transfer_ros.engine.errors import ImageError, StyleError, StyleTransferError
from style_transfer_ros.engine.library import default_folder, StyleLibrary
from style_transfer_ros.engine.models import load_model
from style_transfer_ros.engine.smoothing import Smoother
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros import messages, parameters
from style_transfer_ros.ros.painter import Painter
from style_transfer_ros.ros.qos import CameraSubscription
from style_transfer_ros.ros.reports import Facts, Reports
from style_transfer_ros.ros.running import run
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.ros.style_services import Look, style_info, StyleDesk
from style_transfer_ros.ros.worker import Worker

#: A warning about frames that cannot be painted is given at most every so many seconds.
_WARN_EVERY = 5.0


class StyleTransferNode(LifecycleNode):
    """Paints ``image_raw`` in the style of a picture; topics, services and parameters are in the README."""

    def __init__(self, **options: object) -> None:
        super().__init__('style_transfer', **options)
        self._values = parameters.declare(self)
        self._configured = self._active = False
        self._stylizer: Stylizer | None = None
        self._desk: StyleDesk | None = None
        self._look: Look | None = None
        self._camera_info: CameraInfo | None = None
        self._failure = self._learning = ''
        self._smoother, self._smoothed = Smoother(), ()
        self._generation = 0                    # counts configurations: a load that comes late is thrown away
        self._activation = 0                    # counts activations: so is a painting
        self._camera: CameraSubscription | None = None
        self._info_subscription = self._timer = None
        self._worker = Worker(self)
        self._statistics = Statistics()
        self._painter = Painter(self._paint, lambda: self._statistics.dropped('newer'))
        self._reports = Reports(self, self._statistics, self._facts)
        services = ReentrantCallbackGroup()     # a service that waits for the worker must not hold the others
        for kind, name, callback in (
                (SetStyle, 'set_style', self._on_set_style), (ListStyles, 'list_styles', self._on_list_styles),
                (RemoveStyle, 'remove_style', self._on_remove_style), (NextStyle, 'next_style', self._on_next_style),
                (MixStyles, 'mix_styles', self._on_mix_styles), (SetBool, 'enable', self._on_enable)):
            self.create_service(kind, f'~/{name}', callback, callback_group=services)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.add_post_set_parameters_callback(self._after_parameters)
        self._reports.status()

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make publishers and begin to load; the node answers meanwhile and paints when the networks are there."""
        overriding = QoSOverridingOptions.with_default_policies()
        self._images = self.create_publisher(Image, 'stylized/image', 1, qos_overriding_options=overriding)
        self._jpegs = self.create_publisher(CompressedImage, 'stylized/image/compressed', 1,
                                            qos_overriding_options=overriding)
        self._infos = self.create_publisher(CameraInfo, 'stylized/camera_info', 1, qos_overriding_options=overriding)
        self._configured, self._failure = True, ''
        self._generation += 1
        self._worker.start(self._load, self._generation)
        self._reports.status()
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the camera and paint."""
        compressed = self._values.image_transport == 'compressed'
        self._camera = CameraSubscription(self, CompressedImage if compressed else Image,
                                          'image_raw/compressed' if compressed else 'image_raw', self._on_image,
                                          self._values.qos)
        self._info_subscription = self.create_subscription(CameraInfo, 'camera_info', self._on_camera_info,
                                                           qos_profile_sensor_data, qos_overriding_options=(
                                                               QoSOverridingOptions.with_default_policies()))
        self._active = True
        self._activation += 1
        self._start_timer()
        self._reports.status()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop painting and unsubscribe; the networks stay loaded."""
        self._stop_painting()
        self._reports.status()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload."""
        self._unload()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from any state."""
        self._stop_painting()
        self._unload()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up after a transition that failed; the node is unconfigured and may be configured again."""
        self._active = True                     # whatever was made so far is to be undone
        return self.on_shutdown(state)

    def _stop_painting(self) -> None:
        if self._active:
            self._active = False
            self._painter.clear()
            if self._camera is not None:
                self._camera.destroy()
            if self._info_subscription is not None:
                self.destroy_subscription(self._info_subscription)
            if self._timer is not None:
                self.destroy_timer(self._timer)
            self._camera = self._info_subscription = self._timer = self._camera_info = None

    def _unload(self) -> None:
        if self._configured:
            self._configured = False
            self._generation += 1
            self._stylizer = self._desk = self._look = None
            self._failure = ''
            for publisher in (self._images, self._jpegs, self._infos):
                self.destroy_publisher(publisher)
            self._reports.status()

    def _load(self, generation: int) -> None:
        """Load networks, library and style; in the worker's thread."""
        values = self._values
        try:
            stylizer = Stylizer.load(values.model, values.runtime, values.threads)
            folder = Path(values.style_library).expanduser() if values.style_library else default_folder()
            library = StyleLibrary(folder)
            desk = StyleDesk(library, stylizer, [Path(d).expanduser() for d in values.style_directories if d])
            for problem in (*library.problems(), *desk.problems()):
                self.get_logger().warning(problem)
            look, problem, wanted = None, '', self._values.style
            desk.add_bundled(only=wanted)       # the other ones can wait until the first frame is painted
            try:
                look = desk.look(wanted)
            except StyleError as error:
                problem = str(error)
            if generation != self._generation:
                return
            self._desk, self._look, self._stylizer = desk, look, stylizer
            self._failure = problem
            if problem:
                self.get_logger().error(problem)
            else:
                self.get_logger().info(f"Painting with '{look.style.name}', network '{stylizer.model.name}' "
                                       f"in {stylizer.runtime.name}.")
            self._reports.status()
            desk.add_bundled()
            if self._values.style != wanted:    # a parameter came while the networks loaded
                self._take_style(desk, self._values.style)
        except Exception as error:              # the last line of defence of a thread: say it, stay up
            if generation == self._generation:
                self._failure = _sentence(error)
                self.get_logger().error(self._failure)
        self._reports.status()

    # Camera and painting

    def _start_timer(self) -> None:
        self._painter.every_frame = self._values.period == 0 or not self._values.enabled
        # with period 0 the timer only catches a frame that came while the period changed
        self._timer = self.create_timer(self._values.period or 1.0, self._painter.tick)

    def _on_image(self, message: Image | CompressedImage) -> None:
        self._statistics.arrived()
        if self._values.enabled and (self._stylizer is None or self._look is None):
            self._statistics.dropped('not_ready')
        elif self._values.lazy and not self._has_viewer():
            self._statistics.dropped('unwanted')
        else:
            self._painter.submit(message)

    def _has_viewer(self) -> bool:
        return bool(self._images.get_subscription_count()) or self._wants_jpeg()

    def _wants_jpeg(self) -> bool:
        return self._values.publish_compressed and bool(self._jpegs.get_subscription_count() or not self._values.lazy)

    def _on_camera_info(self, info: CameraInfo) -> None:
        self._camera_info = info

    def _paint(self, message: Image | CompressedImage) -> None:
        """Paint and publish one frame; in the painter's thread."""
        values, look, stylizer, info = self._values, self._look, self._stylizer, self._camera_info
        activation = self._activation
        if not self._active or (values.enabled and (stylizer is None or look is None)):
            return
        stamp = message.header.stamp        # by hand: rclpy's Time refuses the negative stamps that some drivers send
        taken, begin = stamp.sec + stamp.nanosec * 1e-9, time.thread_time()
        painting = engine = 0.0
        try:
            if values.enabled or isinstance(message, CompressedImage):
                frame = messages.to_rgb(message)
            jpeg = None
            if values.enabled:
                before, worked = time.perf_counter(), time.thread_time()
                painted = stylizer.paint(frame, look.vector, strength=values.strength,
                                         preserve_color=values.preserve_color,
                                         processing_height=values.processing_height)
                if self._smoothed != (look, values, frame.shape):
                    self._smoother.reset()
                    self._smoothed = (look, values, frame.shape)
                painted = self._smoother.apply(frame, painted, values.smoothing, taken)
                painting, engine = time.perf_counter() - before, time.thread_time() - worked
                output = messages.to_image(painted, message.header)
            elif isinstance(message, CompressedImage):
                painted, output, jpeg = frame, messages.to_image(frame, message.header), message
            else:
                painted, output = None, message         # untouched
            if not self._active or activation != self._activation:
                return
            self._images.publish(output)
            if self._wants_jpeg():
                painted = messages.to_rgb(message) if painted is None else painted
                self._jpegs.publish(jpeg or messages.to_jpeg(painted, message.header, values.jpeg_quality))
            if info is not None:
                info.header = message.header
                self._infos.publish(info)
        except ImageError as error:
            self._statistics.dropped('broken')
            self.get_logger().warning(f'Frame dropped: {error}', throttle_duration_sec=_WARN_EVERY)
            return
        except Exception as error:              # the last line of defence of a thread: say it, paint on
            if self._active and rclpy.ok(context=self.context):
                self._statistics.dropped('error')
                self.get_logger().error(f'Frame dropped: {_sentence(error)}', throttle_duration_sec=_WARN_EVERY)
            return
        latency = self.get_clock().now().nanoseconds * 1e-9 - taken
        self._statistics.painted(latency, painting, time.thread_time() - begin - engine)

    # Services

    def _ready_desk(self) -> StyleDesk:
        if self._desk is None:
            reason = self._failure or ('The networks are still loading; try again in a second.' if self._configured else
                                       "The node is not configured; run 'ros2 lifecycle set' with 'configure'.")
            raise StyleError(reason)
        return self._desk

    def _choose(self, look: Look) -> None:
        """Paint with ``look`` from now on, and let the parameter ``style`` say so."""
        self._look, self._failure = look, ''
        if len(look.names) == 1 and self._values.style != look.style.name:
            self.set_parameters([Parameter('style', value=look.style.name)])

    async def _answer(self, response: Any, text: str, work: Callable[[StyleDesk], Look]) -> Any:
        """Run ``work`` in the worker's thread, paint with what it returns, and answer."""
        try:
            desk = self._ready_desk()
            self._learning = text
            self._reports.status()
            look = await self._worker.run(work, desk)
            if desk is not self._desk:
                raise StyleError('The node was cleaned up meanwhile; call again.')
            self._choose(look)
            response.success, response.style = True, style_info(look.style)
            response.message = f"Painting with '{look.style.name}'."
        except Exception as error:              # whatever a picture does to the libraries, the caller gets a sentence
            response.success, response.message = False, _sentence(error)
        finally:
            self._learning = ''
            self._reports.status()
        return response

    async def _on_set_style(self, request: SetStyle.Request, response: SetStyle.Response) -> SetStyle.Response:
        def learn(desk: StyleDesk) -> Look:
            style = desk.learn(request)
            return Look(style, (style.name,), (1.0,), style.vector)
        return await self._answer(response, f"Learning the style '{request.name}'.", learn)

    async def _on_next_style(self, request: NextStyle.Request, response: NextStyle.Response) -> NextStyle.Response:
        return await self._answer(response, 'Changing the style.', lambda desk: desk.look(
            desk.library.next_name(self._values.style)))

    async def _on_mix_styles(self, request: MixStyles.Request, response: MixStyles.Response) -> MixStyles.Response:
        return await self._answer(response, 'Mixing styles.', lambda desk: desk.mix(
            list(request.names), list(request.weights)))

    def _on_list_styles(self, request: ListStyles.Request, response: ListStyles.Response) -> ListStyles.Response:
        try:
            response.styles = [style_info(style) for style in self._ready_desk().library.styles()]
        except StyleError as error:
            self.get_logger().error(str(error))
        return response

    def _on_remove_style(self, request: RemoveStyle.Request, response: RemoveStyle.Response) -> RemoveStyle.Response:
        try:
            self._ready_desk().library.remove(request.name)
            response.success, response.message = True, f"The style '{request.name}' is removed."
        except (StyleTransferError, OSError) as error:
            response.message = _sentence(error)
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.set_parameters([Parameter('enabled', value=request.data)])
        response.success = True
        response.message = 'Painting.' if request.data else 'The images of the camera pass through untouched.'
        return response

    # Parameters

    def _on_parameters(self, updates: List[Parameter]) -> SetParametersResult:
        try:
            values = parameters.changed(self._values, updates, self._configured)
            if values.model != self._values.model:
                load_model(values.model)
            if values.style != self._values.style and self._desk is not None:
                self._desk.library.get(values.style)
        except Exception as error:              # e.g. a model path that the file system refuses
            return SetParametersResult(successful=False, reason=_sentence(error))
        return SetParametersResult(successful=True)

    def _after_parameters(self, updates: List[Parameter]) -> None:
        before = self._values
        self._values = parameters.changed(before, updates, False)
        if self._active and (self._values.period, self._values.enabled) != (before.period, before.enabled):
            self.destroy_timer(self._timer)
            self._start_timer()
        wanted = self._values.style
        named = any(update.name == 'style' for update in updates)
        if named and self._desk is not None and (self._look is None or self._look.names != (wanted,)):
            self._worker.start(self._take_style, self._desk, wanted)
        self._reports.status()

    def _take_style(self, desk: StyleDesk, name: str) -> None:
        """Paint with the style that the parameter names; in the worker's thread."""
        try:
            look = desk.look(name)
            if desk is self._desk and self._values.style == name:       # else a later wish came meanwhile
                self._look, self._failure = look, ''
        except Exception as error:              # the library may have changed since the parameter was checked
            self.get_logger().error(_sentence(error))
        self._reports.status()

    def _facts(self) -> Facts:
        camera = self._camera
        return Facts(self._active, self._failure, self._learning, self._values, self._stylizer, self._look,
                     camera.topic if camera else '', lambda: camera.publishers if camera else None,
                     self._has_viewer)

    def destroy_node(self) -> None:
        """
        Destroy the node with its lifecycle's state machine, which rclpy forgets.

        It would keep the DDS participant alive, and each process would leave 17 MB in /dev/shm.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def stop(self) -> None:
        """End the threads; the node is of no use afterwards."""
        self._active = False
        self._painter.stop()
        self._worker.stop()


def _sentence(error: Exception) -> str:
    """Return the text of our own errors, and name the kind of others."""
    return str(error) if isinstance(error, StyleTransferError) else f'{type(error).__name__}: {error}'


def main(args: List[str] | None = None) -> None:
    """Run the node until SIGINT or SIGTERM; exit code 0."""
    def start(node: StyleTransferNode) -> None:
        if node.get_parameter('autostart').value and node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            node.trigger_activate()
    run(StyleTransferNode, args, start)


if __name__ == '__main__':
    main()
