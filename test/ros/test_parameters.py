# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Parameters are checked before they are used: type, elements, range and choice."""
import pytest
from rclpy.parameter import Parameter

from style_transfer_ros.engine.errors import ParameterError
from style_transfer_ros.ros.parameters import changed, clear_reason, declare
from style_transfer_ros.settings import CameraParameters, StyleTransferParameters


def updated(name, value):
    return changed(StyleTransferParameters(), [Parameter(name, value=value)], locked=False)


@pytest.mark.parametrize('value', ['/home/robot/styles', '/', 5, True, 1.5, [1, 2], [True], [1.5], [b'/']])
def test_style_directories_are_a_list_of_texts_and_nothing_else(value):
    with pytest.raises(ParameterError, match='style_directories.*list of texts'):
        updated('style_directories', value)


@pytest.mark.parametrize('value, kept', [(['/a', '/b'], ['/a', '/b']), ([''], ['']), ([], []), (None, [])])
def test_style_directories_keep_every_folder_that_is_given(value, kept):
    assert updated('style_directories', value).style_directories == kept


@pytest.mark.parametrize('name, value, kept', [
    ('period', 1, 1.0), ('strength', 0, 0.0), ('threads', 3, 3), ('enabled', False, False), ('style', 'wave', 'wave'),
    ('smoothing', 0.95, 0.95), ('qos', 'sensor_data', 'sensor_data'), ('jpeg_quality', 1, 1)])
def test_a_value_that_fits_is_taken_in_the_type_of_the_default(name, value, kept):
    found = getattr(updated(name, value), name)
    assert found == kept and type(found) is type(kept)


@pytest.mark.parametrize('name, value, part', [
    ('strength', 1.01, '0.0 to 1.0'), ('strength', -0.01, '0.0 to 1.0'), ('strength', float('nan'), '0.0 to 1.0'),
    ('smoothing', float('inf'), '0.0 to 0.95'), ('jpeg_quality', 0, '1 to 100'), ('threads', 257, '0 to 256'),
    ('qos', 'best', 'auto, sensor_data'), ('image_transport', 'theora', 'raw, compressed'),
    ('enabled', 1, 'true or false'), ('threads', 1.5, 'a whole number'), ('threads', True, 'a whole number'),
    ('period', True, 'a number'), ('period', '0.4', 'a number'), ('style', 7, 'quote it twice'),
    ('style', False, 'quote it twice'), ('style', None, 'a text'), ('qos', 'x' * 10_000 + '\n', 'choose one of')])
def test_a_value_that_does_not_fit_is_answered_with_one_short_sentence(name, value, part):
    with pytest.raises(ParameterError) as refused:
        updated(name, value)
    said = str(refused.value)
    assert name in said and part in said and said.endswith('.') and '\n' not in said and len(said) < 300


def test_of_several_values_all_are_taken_or_none():
    before = StyleTransferParameters()
    good, bad = Parameter('strength', value=0.5), Parameter('period', value=-1.0)
    with pytest.raises(ParameterError, match='period'):
        changed(before, [good, bad], locked=False)
    assert before.strength == 1.0
    other = Parameter('qos_overrides./image_raw.subscription.depth', value=3)       # of another part of the node
    assert changed(before, [good, other], locked=False).strength == 0.5


def test_a_static_parameter_keeps_its_value_while_the_node_is_configured_and_the_way_is_said():
    before = StyleTransferParameters()
    with pytest.raises(ParameterError, match="'model' is static; run 'ros2 lifecycle set' with 'deactivate'"):
        changed(before, [Parameter('model', value='magenta')], locked=True)
    assert changed(before, [Parameter('model', value='swift')], locked=True) == before      # nothing changes
    assert changed(before, [Parameter('model', value='magenta')], locked=False).model == 'magenta'
    with pytest.raises(ParameterError, match="'rate' is static; start the node again"):
        changed(CameraParameters(), [Parameter('rate', value=5.0)], locked=True)


def test_the_index_of_a_camera_may_be_written_as_a_number():
    assert changed(CameraParameters(), [Parameter('source', value=0)], locked=False).source == '0'


def test_parameters_are_declared_with_text_range_and_mutability_and_read_with_overrides(ros):
    node = ros.node(parameter_overrides=[Parameter('strength', value=0.25), Parameter('period', value=2)])
    settings = ros.run(lambda: declare(node, StyleTransferParameters))
    assert (settings.strength, settings.period, settings.style) == (0.25, 2.0, 'starry_night')
    about = node.describe_parameter('jpeg_quality')
    assert about.description == 'Quality of the JPEG, percent.'
    assert [(r.from_value, r.to_value) for r in about.integer_range] == [(1, 100)]
    assert about.additional_constraints == 'may change while running'
    assert node.describe_parameter('model').additional_constraints.startswith('static')
    assert 'One of: auto, sensor_data' in node.describe_parameter('qos').description


@pytest.mark.parametrize('name, value, text', [
    ('qos', 'best', "The parameter 'qos' is 'best'; choose one of auto"),
    ('period', float('nan'), r"^The parameter 'period' is nan; choose 0.0 to 3600.0\.$"),
    ('threads', -1, r"^The parameter 'threads' is -1; choose 0 to 256\.$")])
def test_a_wrong_value_at_the_start_is_refused(name, value, text, ros):
    node = ros.node(parameter_overrides=[Parameter(name, value=value)])
    with pytest.raises(ParameterError, match=text):
        ros.run(lambda: declare(node, StyleTransferParameters))


def test_rclpys_reasons_become_sentences_and_ours_stay():
    assert clear_reason("Trying to set parameter 'use_sim_time' to '5' of type 'INTEGER', expecting type 'BOOL': use"
                        ) == "The parameter 'use_sim_time' is '5', but true or false is needed."
    assert clear_reason("The parameter 'a' is 1; choose 2.", 'a') == "The parameter 'a' is 1; choose 2."
    assert clear_reason('Not\nnow', 'a') == "The parameter 'a' cannot be set (Not now); correct it."
