# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The node ``style_transfer``: camera in, style services, painted image out.

Only the executor's thread assigns attributes of the node and of what it owns; the painter's thread (``live.py``) reads
one frozen :class:`~style_transfer_ros.ros.live.Scene` for each frame, and the worker's thread (``worker.py``) loads
models and learns styles, and hands what it made to the executor's thread.
"""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as Outcome
from functools import wraps
from typing import Any

from lifecycle_msgs.msg import State
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from style_transfer_ros.engine.errors import ParameterError, sentence, StyleError
from style_transfer_ros.engine.models import check_model
from style_transfer_ros.engine.styles import Mix, Styles
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.environment import claim_shared_memory
from style_transfer_ros.ros.guarded import guard_services
from style_transfer_ros.ros.live import Live
from style_transfer_ros.ros.loaded import Contents, load, Loaded
from style_transfer_ros.ros.parameters import changed, check_topic, declare
from style_transfer_ros.ros.reports import Reports, Snapshot, STALE_AFTER
from style_transfer_ros.ros.running import run
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.ros.style_services import StyleServices
from style_transfer_ros.ros.worker import Busy, Worker
from style_transfer_ros.settings import StyleTransferParameters


def _told(transition: Callable) -> Callable:
    """Say why a transition of the lifecycle fails: rclpy keeps the error to itself."""
    @wraps(transition)
    def told(node: StyleTransferNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            node.failure = (f'The node cannot {transition.__name__[3:]} ({sentence(error)}); correct that and run '
                            "'ros2 lifecycle set' with 'configure'.")
            node.get_logger().error(node.failure)
            raise
    return told


class StyleTransferNode(LifecycleNode):
    """
    Paints ``image_raw`` in the style of a picture; topics, services and parameters are in the README.

    :param load_stylizer: called with model, runtime and threads; tests give one that needs no networks.
    """

    def __init__(self, load_stylizer: Callable[[str, str, int], Stylizer] = Stylizer.load, **options: Any) -> None:
        super().__init__('style_transfer', **options)
        self._load_stylizer = load_stylizer
        self._settings = declare(self, StyleTransferParameters)
        check_topic(self, self._settings.image_topic)
        self.loaded: Loaded | None = None      # from configure to cleanup
        self.live: Live | None = None          # from activate to deactivate
        self.failure = ''                       # why a transition failed, until the next configure
        self.worker = Worker(self)
        self._naming = False                    # the parameter 'style' is being set to what is painted
        self._statistics = Statistics()
        self.reports = Reports(self, self._statistics, self._snapshot)
        StyleServices(self)
        guard_services(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.add_post_set_parameters_callback(self._after_parameters)
        self.reports.status()

    # Lifecycle

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make publishers and begin to load; the node answers meanwhile and paints when the model is there."""
        self.failure = ''
        self.loaded = loaded = Loaded(self)
        settings = self._settings
        self.worker.submit(lambda: load(settings, self._load_stylizer) if loaded is self.loaded else None,
                           lambda outcome: self._take_contents(loaded, settings.style, outcome))
        self.reports.status()
        return TransitionCallbackReturn.SUCCESS

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the camera and paint."""
        assert self.loaded is not None, 'the lifecycle configures before it activates'
        claim_shared_memory()
        self.live = Live(self, self.loaded, self._settings, self._statistics)
        self._refresh()
        return super().on_activate(state)

    @_told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop painting and unsubscribe; the model stays loaded."""
        self._end_live()
        self.reports.status()
        return super().on_deactivate(state)

    @_told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unload."""
        self._end_live()
        if self.loaded is not None:
            self.loaded.destroy()
            self.loaded = None         # what still loads or learns for it is stale now
        self.reports.status()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from any state."""
        return self.on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up after a transition that failed; the node is unconfigured and may be configured again."""
        return self.on_cleanup(state)

    def _end_live(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _take_contents(self, loaded: Loaded, wanted: str, outcome: Outcome) -> None:
        """Take what was loaded, or say why not."""
        if loaded is not self.loaded:
            return
        try:
            contents: Contents = outcome.result()
        except Exception as error:      # whatever it is, the node stays up and says it
            loaded.failure = sentence(error)
            self.get_logger().error(loaded.failure)
            return self._refresh()
        loaded.take(contents)
        if loaded.failure:
            self.get_logger().error(loaded.failure)
        elif loaded.mix is not None:
            self.get_logger().info(f"Painting with '{loaded.mix.title}', model '{contents.stylizer.model.name}' in "
                                   f'{contents.stylizer.runtime.name}.')
        self._refresh()
        if self._settings.style not in ('', wanted):    # a parameter came while the model loaded
            self._find_style(loaded, contents.styles, self._settings.style)
        for work in (contents.styles.learn_bundled, contents.styles.problems):
            self.worker.submit(work, self._log_problems)

    def _log_problems(self, outcome: Outcome) -> None:
        if (error := outcome.exception()) is not None:
            self.get_logger().error(sentence(error))
            return
        for problem in outcome.result() or ():
            self.get_logger().warning(problem)

    # What is painted

    def _refresh(self) -> None:
        """Let the painter's thread and the status know what is so now."""
        if self.live is not None and self.loaded is not None:
            self.live.update(self._settings, self.loaded)
        self.reports.status()

    def paint_with(self, loaded: Loaded, mix: Mix) -> None:
        """Paint with ``mix`` from now on; the parameter ``style`` names it, or is empty for a mix of several."""
        loaded.mix, loaded.failure = mix, ''
        name = mix.title if len(mix.names) == 1 else ''
        if self._settings.style != name:
            self._naming = True
            self.set_parameters([Parameter('style', value=name)])
            self._naming = False
        self._refresh()

    def renamed(self, name: str, new_name: str) -> None:
        """Wish for a style by its new name, if the one that the node loads or will load was renamed meanwhile."""
        if self._settings.style == name:
            self.set_parameters([Parameter('style', value=new_name)])

    def _find_style(self, loaded: Loaded, styles: Styles, name: str) -> None:
        """Paint with a stored style, after all that was asked for before."""
        def then(outcome: Outcome) -> None:
            if loaded is not self.loaded:
                return
            try:
                self.paint_with(loaded, outcome.result())
            except Exception as error:      # e.g. the parameter came while the model was loading
                self.get_logger().error(sentence(error))
                if loaded.mix is not None:
                    return self.paint_with(loaded, loaded.mix)      # the parameter names what is painted
                loaded.failure = sentence(error)
                self._refresh()
        self.worker.submit(lambda: loaded.make(styles.find(name)), then)

    def ready(self) -> tuple[Loaded, Styles]:
        """
        Return what is loaded, and its styles.

        :raises StyleError: nothing is, yet; the sentence says why and what to do.
        """
        if self._state_machine.current_state[0] == State.PRIMARY_STATE_FINALIZED:
            raise StyleError('The node is shut down; start it again.')
        if self.loaded is None:
            raise StyleError(self.failure or "The node is not configured; run 'ros2 lifecycle set' with 'configure'.")
        if self.loaded.styles is None:
            raise StyleError(self.loaded.failure
                             or 'The model is still loading, which takes about a second; call again.')
        return self.loaded, self.loaded.styles

    # Parameters

    def _on_parameters(self, updates: list[Parameter]) -> SetParametersResult:
        try:
            settings = changed(self._settings, updates, locked=self.loaded is not None)
            check_topic(self, settings.image_topic)
            if settings.model != self._settings.model:
                check_model(settings.model)
            if (styles := self._asked_for_style(updates)) is not None:
                try:
                    self.worker.check_room()
                except Busy as error:
                    raise ParameterError(f"The parameter 'style' is not set: {error}") from error
                if settings.style != self._settings.style:
                    styles.check(settings.style)
        except Exception as error:              # e.g. a model path that the file system refuses
            return SetParametersResult(successful=False, reason=sentence(error))
        return SetParametersResult(successful=True)

    def _asked_for_style(self, updates: list[Parameter]) -> Styles | None:
        """Return the styles if updates ask for one of them, which is a job of the worker; else nothing."""
        asked = not self._naming and any(update.name == 'style' and update.value for update in updates)
        return self.loaded.styles if asked and self.loaded is not None else None

    def _after_parameters(self, updates: list[Parameter]) -> None:
        self._settings = changed(self._settings, updates, locked=False)
        if self.loaded is not None and (styles := self._asked_for_style(updates)) is not None:
            self._find_style(self.loaded, styles, self._settings.style)
        self._refresh()

    def _snapshot(self) -> Snapshot:
        live, loaded, settings = self.live, self.loaded, self._settings
        now = Snapshot(settings, self.failure, since_arrived=self._statistics.seconds_since('arrived'),
                       since_painted=self._statistics.seconds_since('painted'),
                       has_time=self.get_clock().now().nanoseconds > 0)
        if loaded is not None:
            now = now._replace(failure=self.failure or loaded.failure, stylizer=loaded.stylizer, mix=loaded.mix,
                               learning=loaded.learning[0] if loaded.learning else '')
        if live is not None:
            now = now._replace(active=True, topic=live.topic, publishers=live.publishers,
                               latched=live.latched, viewed=live.has_viewer())
            if now.since_arrived > STALE_AFTER:
                now = now._replace(obstacle=live.obstacle)
        return now

    def destroy_node(self) -> None:
        """
        Destroy the node with its lifecycle's state machine, which rclpy forgets.

        It would keep the DDS participant alive, and each process would leave 17 MB in /dev/shm.
        """
        self.stop()
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def stop(self) -> None:
        """End the threads; the node is of no use afterwards."""
        self._end_live()
        self.worker.stop()


def main(args: list[str] | None = None) -> None:
    """Run the node until SIGINT, SIGTERM or SIGHUP; exit code 0."""
    def start(node: StyleTransferNode) -> None:
        if node.get_parameter('autostart').value and node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            node.trigger_activate()
    run(StyleTransferNode, args, start)


if __name__ == '__main__':
    main()
