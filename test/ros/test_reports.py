# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The node's condition: of all that is wrong the sentence names what the user must do first."""
from collections import Counter
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile

from style_transfer_msgs.msg import StyleTransferStatus
from style_transfer_ros.engine.library import Style
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.styles import Mix
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.ros.reports import condition, Reports, Snapshot
from style_transfer_ros.ros.statistics import Statistics
from style_transfer_ros.settings import StyleTransferParameters

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
VECTOR = np.zeros(100, np.float32)
STYLIZER = Stylizer(Model('fake', Path(), 'fake', 1, VECTOR, False), FakeRuntime())


def mix(names, weights=(1.0,)):
    return Mix(Style(' + '.join(names), '', 'fake', VECTOR, b'', 0.0), tuple(names), tuple(weights))


#: A node that paints; each case says what differs.
PAINTING = Snapshot(StyleTransferParameters(), stylizer=STYLIZER, mix=mix(['wave']), active=True, topic='/image_raw',
                    publishers=1, viewed=True, since_arrived=0.1, since_painted=0.1)
SLOW = StyleTransferParameters(period=30.0)


@pytest.mark.parametrize('differs, state, level, part', [
    ({}, 'painting', OK, ''),
    ({'failure': 'There is no model.'}, 'failed', ERROR, 'There is no model.'),
    ({'active': False}, 'inactive', OK, 'not active'),
    ({'stylizer': None}, 'loading', OK, "model 'swift'"),
    ({'learning': "Learning the style 'sea'."}, 'learning', OK, "'sea'"),
    ({'has_time': False}, 'waiting', WARN, "'/clock'"),
    ({'publishers': 0}, 'waiting', ERROR, "'/image_raw': no camera publishes"),
    ({'obstacle': 'it carries x'}, 'waiting', ERROR, "'/image_raw': it carries x."),
    ({'settings': StyleTransferParameters(enabled=False)}, 'paused', OK, 'untouched'),
    ({'since_arrived': 2.1}, 'waiting', WARN, 'though a camera is there'),
    ({'since_painted': 2.1, 'mix': None}, 'waiting', WARN, '~/set_style'),
    ({'since_painted': 2.1, 'viewed': False}, 'waiting', OK, 'Nobody subscribes'),
    ({'since_painted': 2.1}, 'waiting', OK, 'none is painted yet'),
    ({'since_painted': float('inf')}, 'waiting', OK, 'none is painted yet'),
    # a painting every 30 s is painting, too
    ({'settings': SLOW, 'since_painted': 59.0}, 'painting', OK, ''),
    ({'settings': SLOW, 'since_painted': 61.0}, 'waiting', OK, 'none is painted yet'),
    # a style that was never chosen does not matter while the last painting is fresh
    ({'viewed': False, 'settings': StyleTransferParameters(lazy=False), 'since_painted': 3.0}, 'waiting', OK,
     'none is painted yet'),
])
def test_the_condition_tells_state_level_and_sentence(differs, state, level, part):
    found = condition(PAINTING._replace(**differs))
    assert (found.state, found.level) == (state, level) and part in found.sentence
    assert bool(found.sentence) == bool(part) and found.sentence.endswith('.' if part else '')


def test_what_must_be_done_first_is_named_first():
    """Each problem is added to those before; only the newest is told."""
    worse = PAINTING._replace(since_painted=9.0, viewed=False)
    for differs, part in [({'mix': None}, '~/set_style'), ({'since_arrived': 9.0}, 'though a camera is there'),
                          ({'publishers': 0}, 'no camera publishes'), ({'has_time': False}, '/clock'),
                          ({'learning': 'Learning.'}, 'Learning.'), ({'stylizer': None}, 'Loading the model'),
                          ({'active': False}, 'not active'), ({'failure': 'Broken.'}, 'Broken.')]:
        worse = worse._replace(**differs)
        assert part in condition(worse).sentence


@pytest.fixture
def told(ros):
    """Give reports on a snapshot that the test replaces, the statuses that come, and the diagnostics."""
    class Told:
        now = PAINTING
        node, reader = ros.node('told'), ros.node('reader')
        statuses = ros.listen(reader, StyleTransferStatus, 'told/status',
                              QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        diagnostics = ros.listen(reader, DiagnosticArray, '/diagnostics')

        def tell(self, **differs):
            self.now = self.now._replace(**differs)
            ros.run(self.reports.status)

        def next(self):
            return self.statuses.get(timeout=10)
    made = Told()
    made.reports = ros.run(lambda: Reports(made.node, Statistics(), lambda: made.now))
    ros.wait_until(lambda: made.reader.count_publishers('/told/status'), 'the status is there')
    return made


def test_the_status_is_published_once_for_each_change(told):
    told.tell()
    assert (told.next().state, told.now.topic) == ('painting', '/image_raw')
    for _ in range(3):
        told.tell(since_arrived=0.2)        # nothing that a status tells
    told.tell(settings=StyleTransferParameters(strength=0.5))
    assert told.next().strength == 0.5
    told.tell(mix=mix(['wave', 'sea'], [0.75, 0.25]))
    mixed = told.next()
    assert mixed.style == 'wave + sea'
    assert (list(mixed.mix_names), list(mixed.mix_weights)) == (['wave', 'sea'], [0.75, 0.25])
    told.tell(failure='Broken.')
    broken = told.next()
    assert (broken.state, broken.message, broken.model, broken.runtime) == ('failed', 'Broken.', 'fake', 'fake')
    assert told.statuses.empty()


def test_diagnostics_come_every_second_and_say_what_the_status_says(told):
    told.tell(publishers=0)
    counts = Counter()
    while not counts[ERROR]:
        status, = told.diagnostics.get(timeout=10).status
        counts[status.level] += 1
    assert status.name == '/told' and 'no camera publishes there' in status.message
    values = {value.key: value.value for value in status.values}
    assert {'state': 'waiting', 'style': 'wave', 'model': 'fake', 'runtime': 'fake', 'rate in (Hz)': '0.0'}.items() <= (
        values.items())
    assert told.next().message == status.message
