# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The services of the node ``style_transfer``: requests to the engine's words, and answers that always come."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as Outcome
from typing import Any, TYPE_CHECKING

from builtin_interfaces.msg import Time
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rclpy.task import Future
from std_srvs.srv import SetBool

from style_transfer_msgs.msg import StyleInfo
from style_transfer_msgs.srv import ListStyles, MixStyles, NextStyle, RemoveStyle, RenameStyle, SetStyle
from style_transfer_ros.engine.errors import sentence, shown, StyleError, StyleTransferError
from style_transfer_ros.engine.library import checked_name, Style
from style_transfer_ros.engine.styles import Mix, Styles
from style_transfer_ros.ros import messages
from style_transfer_ros.ros.guarded import REQUESTS
from style_transfer_ros.ros.loaded import Loaded

if TYPE_CHECKING:
    from style_transfer_ros.ros.style_transfer_node import StyleTransferNode

#: The library is looked at for changes by others, and offered what the disk did not take, each time after this, s.
LOOK_AGAIN = 5.0


def style_info(style: Style, thumbnail: bool = False) -> StyleInfo:
    """Describe a style as a message, its thumbnail only if asked for."""
    seconds = int(style.learned)
    info = StyleInfo(name=style.name, source=style.source, model=style.model, vector=style.vector.tolist(),
                     learned=Time(sec=seconds, nanosec=int((style.learned - seconds) * 1e9)))
    if thumbnail:
        info.thumbnail = messages.filled(style.thumbnail)
    return info


def learn(styles: Styles, request: SetStyle.Request) -> Mix:
    """
    Learn the picture of a request, or find the stored style that it names.

    :raises ImageError: the picture cannot be read.
    :raises StyleError: no or several pictures are given, or the name is unknown or not possible.
    """
    given = [kind for kind, there in (('image', len(request.image.data)),
                                      ('compressed_image', len(request.compressed_image.data)),
                                      ('uri', request.uri)) if there]
    if len(given) > 1:
        raise StyleError(f"The request holds several pictures ({', '.join(given)}); give one.")
    if given == ['uri']:
        return styles.learn_uri(request.uri, request.name)
    if given:
        return styles.learn(messages.to_rgb(getattr(request, given[0])), request.name, given[0])
    if request.image.height or request.image.encoding or request.compressed_image.format:
        raise StyleError('The style picture of the request has no data; send a picture, a uri or a name.')
    if not request.name:
        raise StyleError('The request is empty; give a picture, a uri or the name of a stored style.')
    return styles.find(request.name)


class StyleServices:
    """
    Makes the services of a node; all callbacks run in the executor's thread.

    Slow work goes to the node's worker, which keeps the order of the requests: of several at once the last one that
    came is painted in the end.
    """

    def __init__(self, node: StyleTransferNode) -> None:
        self._node = node
        group = ReentrantCallbackGroup()        # a service that waits for the worker must not hold the others
        for kind, name, callback in (
                (SetStyle, 'set_style', self._set_style), (ListStyles, 'list_styles', self._list_styles),
                (RemoveStyle, 'remove_style', self._remove_style), (NextStyle, 'next_style', self._next_style),
                (RenameStyle, 'rename_style', self._rename_style), (MixStyles, 'mix_styles', self._mix_styles),
                (SetBool, 'enable', self._enable)):
            node.create_service(kind, f'~/{name}', callback, qos_profile=REQUESTS, callback_group=group)
        self._looking = False       # the worker was asked to look into the library, and has not done it yet
        node.create_timer(LOOK_AGAIN, self._look_again, callback_group=group,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look_again(self) -> None:
        loaded = self._node.loaded
        if loaded is None or loaded.styles is None or self._looking:
            return

        def then(outcome: Outcome) -> None:
            self._looking = False
        self._looking = True
        self._node.worker.submit(loaded.styles.look_again, then)

    async def _by_worker(self, response: Any, work: Callable[[Loaded, Styles], Any],
                         take: Callable[[Loaded, Any], None], learning: str = '') -> Any:
        """
        Do slow work in the worker's thread, and answer.

        :param work: in the worker's thread.
        :param take: takes its result, in the executor's thread; the node may have been cleaned up meanwhile.
        :param learning: what the status says meanwhile; empty: nothing.
        """
        node, answered = self._node, Future()
        try:
            loaded, styles = node.ready()
            node.worker.check_room()
        except StyleTransferError as error:
            response.message = str(error)
            return response

        def then(outcome: Outcome) -> None:
            if learning:
                loaded.learning.remove(learning)
            try:
                take(loaded, outcome.result())
                response.success = True
            except Exception as error:      # whatever it is, the caller waits for an answer
                response.message = sentence(error)
            node.reports.status()
            answered.set_result(response)
        node.worker.submit(lambda: work(loaded, styles), then)
        if learning:
            loaded.learning.append(learning)
            node.reports.status()
        return await answered

    async def _paint_with(self, response: Any, learning: str, work: Callable[[Loaded, Styles], Mix]) -> Any:
        """Paint with the mix that ``work`` returns, and answer."""
        def take(loaded: Loaded, mix: Mix) -> None:
            if loaded is not self._node.loaded:
                raise StyleError('The node was cleaned up meanwhile; call again.')
            self._node.paint_with(loaded, mix)
            response.style = style_info(mix.style)
            response.message = ' '.join(filter(None, (f"Painting with '{mix.title}'.", mix.note)))
        return await self._by_worker(response, lambda loaded, styles: loaded.make(work(loaded, styles)),
                                     take, learning)

    async def _set_style(self, request: SetStyle.Request, response: SetStyle.Response) -> SetStyle.Response:
        what = shown(request.name or request.uri) if request.name or request.uri else 'of the picture in the request'
        return await self._paint_with(response, f'Learning the style {what}.',
                                      lambda loaded, styles: learn(styles, request))

    async def _mix_styles(self, request: MixStyles.Request, response: MixStyles.Response) -> MixStyles.Response:
        return await self._paint_with(response, f'Mixing {len(request.names)} styles.',
                                      lambda loaded, styles: styles.mix(request.names, list(request.weights)))

    async def _next_style(self, request: NextStyle.Request, response: NextStyle.Response) -> NextStyle.Response:
        return await self._paint_with(
            response, 'Looking up the next style.',
            lambda loaded, styles: styles.find(styles.next_name(loaded.made.names[-1] if loaded.made else '')))

    async def _list_styles(self, request: ListStyles.Request, response: ListStyles.Response) -> ListStyles.Response:
        def take(loaded: Loaded, infos: list[StyleInfo]) -> None:
            response.styles, response.message = infos, f'{len(infos)} styles.'
        return await self._by_worker(
            response, lambda _, styles: [style_info(style, request.thumbnails) for style in styles.all()], take)

    async def _remove_style(self, request: RemoveStyle.Request, response: RemoveStyle.Response) -> RemoveStyle.Response:
        def take(loaded: Loaded, nothing: None) -> None:
            response.message = f'The style {shown(request.name)} is removed.'
        return await self._by_worker(response, lambda _, styles: styles.remove(request.name), take)

    async def _rename_style(self, request: RenameStyle.Request, response: RenameStyle.Response) -> RenameStyle.Response:
        def rename(loaded: Loaded, styles: Styles) -> tuple[Style, Mix | None]:
            name, style, mix = checked_name(request.name), styles.rename(request.name, request.new_name), loaded.made
            if mix is None or name not in mix.names:
                return style, None
            return style, loaded.make(mix.renamed(name, style.name))

        def take(loaded: Loaded, renamed: tuple[Style, Mix | None]) -> None:
            style, mix = renamed
            response.style = style_info(style)
            response.message = f'The style {shown(request.name)} is called {shown(style.name)} now.'
            if loaded is not self._node.loaded:
                self._node.renamed(checked_name(request.name), style.name)
            elif mix is not None:
                self._node.paint_with(loaded, mix)
        return await self._by_worker(response, rename, take)

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._node.set_parameters([Parameter('enabled', value=request.data)])
        response.success = True
        response.message = 'Painting.' if request.data else 'The images of the camera pass through untouched.'
        return response
