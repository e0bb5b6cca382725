# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The statistics count frames and tell rates and latencies of the last five seconds."""
import math
import resource

import pytest

from style_transfer_ros.ros import statistics
from style_transfer_ros.ros.statistics import Statistics


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that stands until it is set."""
    class Clock:
        now = 1000.0
    monkeypatch.setattr(statistics.time, 'monotonic', lambda: Clock.now)
    return Clock


def test_rates_are_those_of_the_last_five_seconds(clock):
    counted = Statistics()
    for _ in range(40):
        counted.arrived()
    clock.now += 6
    for _ in range(10):
        counted.arrived()
    for _ in range(5):
        counted.painted(0.1, 0.02, 0.001)
    values = counted.values()
    assert (values['rate in (Hz)'], values['rate out (Hz)']) == ('2.0', '1.0')
    assert (values['frames in'], values['frames painted']) == ('50', '5')
    clock.now += 6
    values = counted.values()
    assert (values['rate in (Hz)'], values['rate out (Hz)'], values['frames in']) == ('0.0', '0.0', '50')
    assert 'latency median (ms)' not in values and 'painting median (ms)' not in values


def test_latency_and_work_are_told_in_milliseconds(clock):
    counted = Statistics()
    for latency in (0.010, 0.020, 0.030, 0.040, 0.050):
        counted.painted(latency, painting=2 * latency, ros=latency / 10)
    values = counted.values()
    assert values['latency median (ms)'] == '30.0' and values['latency p95 (ms)'] == '48.0'
    assert values['painting median (ms)'] == '60.0' and values['convert and publish median (ms)'] == '3.00'


@pytest.mark.parametrize('latency', [-5.0, 61.0, 1.7e9, math.nan])
def test_a_latency_that_cannot_be_is_of_another_clock_and_left_out(latency, clock):
    counted = Statistics()
    counted.painted(latency, 0.02, 0.001)
    assert counted.values()['latency'] == 'unknown: stamps of another clock'
    counted.painted(0.03, 0.02, 0.001)
    values = counted.values()
    assert values['latency median (ms)'] == '30.0' and 'latency' not in values


def test_drops_are_counted_by_their_cause():
    counted = Statistics()
    for cause in ('newer', 'newer', 'broken', 'unwanted', 'not_ready', 'error'):
        counted.dropped(cause)
    values = counted.values()
    assert {key: value for key, value in values.items() if key.startswith('dropped')} == {
        'dropped newer': '2', 'dropped broken': '1', 'dropped unwanted': '1', 'dropped not ready': '1',
        'dropped error': '1'}


def test_the_time_since_an_event_is_infinite_before_the_first_and_then_grows(clock):
    counted = Statistics()
    assert counted.seconds_since('arrived') == counted.seconds_since('painted') == math.inf
    counted.arrived()
    clock.now += 1.5
    counted.painted(0.1, 0.02, 0.001)
    clock.now += 1
    assert counted.seconds_since('arrived') == 2.5 and counted.seconds_since('painted') == 1.0


def test_what_no_rate_counts_any_more_is_forgotten(clock):
    counted = Statistics()
    for _ in range(1000):
        clock.now += 0.125
        counted.arrived()
        counted.painted(0.1, 0.02, 0.001)
    assert len(counted._arrivals) == len(counted._paintings) == 40


def test_the_memory_is_what_this_process_holds_in_ram():
    megabytes = float(Statistics().values()['memory (MB)'])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert 10 < megabytes <= peak + 1
