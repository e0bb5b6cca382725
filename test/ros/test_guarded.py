# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Services answer whatever happens in their callbacks, and the node stays up."""
import pytest
from rcl_interfaces.msg import Log, Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_srvs.srv import SetBool

from style_transfer_msgs.srv import ListStyles
from style_transfer_ros.engine.errors import StyleError
from style_transfer_ros.ros.guarded import guard_services


@pytest.fixture
def node(ros):
    """Give a node with services that raise, or answer what they are asked."""
    made = ros.node('guarded')

    def enable(request, response):
        response.success = request.data and bool(1 / 0)
        return response

    async def later(request, response):
        raise StyleError('There is no style.')

    def half_done(request, response):
        response.success, response.styles = True, [None]
        raise ValueError('x' * 10_000)

    def fine(request, response):
        response.success = request.data
        return response
    for kind, name, callback in ((SetBool, 'enable', enable), (SetBool, 'later', later), (SetBool, 'fine', fine),
                                 (ListStyles, 'half_done', half_done)):
        made.create_service(kind, name, callback, callback_group=ReentrantCallbackGroup())
    guard_services(made)
    return made


@pytest.mark.parametrize('service, part', [('enable', 'ZeroDivisionError'), ('later', 'There is no style.')])
def test_a_callback_that_raises_answers_with_a_sentence_also_if_it_is_a_coroutine(service, part, ros, node):
    user = ros.node()
    for _ in range(2):          # the node is up afterwards
        answer = ros.call(user, SetBool, service, SetBool.Request(data=True))
        assert not answer.success and part in answer.message and answer.message.endswith('; correct it.')
    assert ros.call(user, SetBool, 'fine', SetBool.Request(data=True)).success


def test_an_answer_that_was_half_done_is_thrown_away_and_the_sentence_is_short(ros, node):
    answer = ros.call(ros.node(), ListStyles, 'half_done', ListStyles.Request())
    assert not answer.success and list(answer.styles) == [] and 'ValueError' in answer.message
    assert len(answer.message) < 300


def test_what_was_refused_is_logged_with_the_name_of_the_service(ros, node):
    user = ros.node()
    logged = ros.listen(user, Log, '/rosout', QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    ros.call(user, SetBool, 'enable', SetBool.Request(data=True))
    while "enable' was refused: ZeroDivisionError" not in (said := logged.get(timeout=10)).msg:
        pass
    assert said.level == Log.ERROR


def test_rclpys_own_services_refuse_a_parameter_of_an_unknown_type(ros, node):
    user, bad = ros.node(), [Parameter(name='use_sim_time', value=ParameterValue(type=99))]
    result, = ros.call(user, SetParameters, 'guarded/set_parameters', SetParameters.Request(parameters=bad)).results
    together = ros.call(user, SetParametersAtomically, 'guarded/set_parameters_atomically',
                        SetParametersAtomically.Request(parameters=bad)).result
    for answer in (result, together):
        assert not answer.successful
        assert answer.reason == "The parameter 'use_sim_time' has the type number 99; choose 0 to 9."
    assert ros.call(user, SetBool, 'fine', SetBool.Request(data=True)).success


@pytest.mark.parametrize('name, value, reason', [
    ('', ParameterValue(type=1), 'A parameter of the request has no name;'),
    ('use_sim_time', ParameterValue(type=4, string_value='x'), "The parameter 'use_sim_time' cannot be set (Wrong"),
    ('use_sim_time', ParameterValue(), "The parameter 'use_sim_time' cannot be set (Static parameter"),
    ('nobody', ParameterValue(type=1), "There is no parameter 'nobody';")])
def test_a_refused_parameter_is_named_and_the_others_of_the_request_are_set(name, value, reason, ros, node):
    user, names = ros.node(), node._parameters.keys()
    good = Parameter(name='use_sim_time', value=ParameterValue(type=1))
    request = SetParameters.Request(parameters=[good, Parameter(name=name, value=value), good])
    results = ros.call(user, SetParameters, 'guarded/set_parameters', request).results
    assert [result.successful for result in results] == [True, False, True]
    assert results[1].reason.startswith(reason) and results[1].reason.endswith('.')
    assert '' not in names and 'nobody' not in names
