# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Services that always answer: an exception in a callback neither ends the node nor leaves the caller waiting."""
from __future__ import annotations

from collections.abc import Callable
import inspect
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterType, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.service import Service

from style_transfer_ros.engine.errors import sentence, shown
from style_transfer_ros.ros.parameters import clear_reason

#: Requests that DDS keeps for a service; with the default of 10 a burst of calls is lost without a word.
REQUESTS = QoSProfile(depth=1000)
#: Characters of the name of a transition, at most.
_LONGEST_LABEL = 100


def guard_services(node: Node) -> None:
    """
    Make all services of a node answer whatever happens in their callbacks, rclpy's own services too.

    rclpy lets malformed requests raise, such as a parameter of an unknown type or a transition that is not possible
    now: the exception would end the node, or the caller would wait for ever.

    :param node: whose services have all been made.
    """
    for service in node.services:
        service.callback = _guarded(node, service)


def _guarded(node: Node, service: Service) -> Callable:
    callback = service.callback
    if service.srv_type in (SetParameters, SetParametersAtomically):
        callback = _sifted(callback)
    elif service.srv_type is ChangeState:
        callback = _printable(callback)

    def answered(request: Any, response: Any, error: Exception) -> Any:
        node.get_logger().error(f"A request to '{service.srv_name}' was refused: {sentence(error)[:300]}",
                                throttle_duration_sec=1.0)
        reason = f'The request cannot be used ({sentence(error)[:200]}); correct it.'
        if service.srv_type is SetParameters:
            response.results = [SetParametersResult(successful=False, reason=reason) for _ in request.parameters]
        elif service.srv_type is SetParametersAtomically:
            response.result = SetParametersResult(successful=False, reason=reason)
        else:
            response = type(response)()     # success is false, and lists are empty
            if hasattr(response, 'message'):
                response.message = reason
        return response

    if inspect.iscoroutinefunction(callback):
        async def guarded(request: Any, response: Any) -> Any:
            try:
                return _clear(node, request, await callback(request, response))
            except Exception as error:      # whatever it is, the caller waits for an answer
                return answered(request, response, error)
    else:
        def guarded(request: Any, response: Any) -> Any:        # type: ignore[misc]
            try:
                return _clear(node, request, callback(request, response))
            except Exception as error:      # whatever it is, the caller waits for an answer
                return answered(request, response, error)
    return guarded


def _sifted(callback: Callable) -> Callable:
    """Keep parameters from rclpy that it cannot take: without a name it makes one, of an unknown type it raises."""
    def sifted(request: Any, response: Any) -> Any:
        problems = [_problem(parameter) for parameter in request.parameters]
        if isinstance(response, SetParametersAtomically.Response):
            if any(problems):
                reason = next(filter(None, problems))
                return SetParametersAtomically.Response(result=SetParametersResult(successful=False, reason=reason))
            return callback(request, response)
        good = [parameter for parameter, problem in zip(request.parameters, problems) if not problem]
        results = iter(callback(SetParameters.Request(parameters=good), SetParameters.Response()).results)
        response.results = [SetParametersResult(successful=False, reason=problem) if problem else next(results)
                            for problem in problems]
        return response
    return sifted


def _problem(parameter: Any) -> str:
    """Say what is wrong with a parameter of a request before its value is looked at; or nothing."""
    if not parameter.name:
        return "A parameter of the request has no name; 'ros2 param list' shows all parameters."
    if parameter.value.type > ParameterType.PARAMETER_STRING_ARRAY:
        return (f'The parameter {shown(parameter.name)} has the type number {parameter.value.type}; choose 0 to '
                f'{ParameterType.PARAMETER_STRING_ARRAY}.')
    return ''


def _printable(callback: Callable) -> Callable:
    """Keep names of transitions from rclpy that it would write whole into the log."""
    def printable(request: Any, response: Any) -> Any:
        label = request.transition.label
        if len(label) > _LONGEST_LABEL or not label.isprintable():
            raise ValueError(f'there is no transition {shown(label)}')
        return callback(request, response)
    return printable


def _clear(node: Node, request: Any, response: Any) -> Any:
    """Return the answer with rclpy's own reasons for refused parameters as sentences that name the parameter."""
    if isinstance(response, SetParameters.Response):
        pairs = list(zip(response.results, [[parameter] for parameter in request.parameters]))
    elif isinstance(response, SetParametersAtomically.Response):
        pairs = [(response.result, request.parameters)]
    else:
        return response
    for result, parameters in pairs:
        unknown = [parameter.name for parameter in parameters
                   if parameter.name and not node.has_parameter(parameter.name)]
        if not result.successful and unknown:
            result.reason = f"There is no parameter {shown(unknown[0])}; 'ros2 param list' shows all parameters."
        elif not result.successful:
            result.reason = clear_reason(result.reason, parameters[0].name if len(parameters) == 1 else '')
    return response
