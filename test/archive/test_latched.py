# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A part of a bag begins with what late subscribers get."""
from bags import IMAGE, image, LATCHED, make_bag, RAW, ROS1, START, STEP, STORE, STRING, TF, WORDS
import pytest
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos, QosDurability
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin, Writer
from test_bags import PAINTED, read, repaint, topic

from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.latched import latched_before

CUT = 30 * STEP


def latched_bag(folder):
    """Write a bag of 40 steps; one camera is latched, as a program that shows still pictures does it."""
    string = STORE.types[STRING]
    frames = {name: STORE.serialize_cdr(image(n), IMAGE) for n, name in enumerate(('old', 'last', 'new'))}
    transforms = [data for name, _, data in read(make_bag(folder.with_name('plain'), 1)) if name == TF]
    topics: dict[str, tuple[str, list[Qos], list[tuple[int, bytes]]]] = {
        TF: ('tf2_msgs/msg/TFMessage', [], [(n, transforms[0]) for n in (0, 5, 29, 35)]),
        '/still/image_raw': (IMAGE, [LATCHED], [(0, frames['old']), (10, frames['last']), (31, frames['new'])]),
        '/live/image_raw': (IMAGE, [], [(n, frames['new']) for n in range(40)])}
    for name, qos in (('/one', [LATCHED]), ('/of_two', [LATCHED, LATCHED]), ('/deep', [LATCHED._replace(depth=3)]),
                      ('/unknown', [LATCHED._replace(depth=0)]), ('/live', [])):
        topics[name] = STRING, qos, [(n, bytes(STORE.serialize_cdr(string(f'{name} {n}'), STRING)))
                                     for n in range(0, 40, 4)]
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {name: writer.add_connection(name, kind, typestore=STORE, offered_qos_profiles=qos)
                       for name, (kind, qos, _) in topics.items()}
        for n in range(40):
            for name, (_, _, messages) in topics.items():
                for data in (data for at, data in messages if at == n):
                    writer.write(connections[name], START + n * STEP, data)
    return folder


def test_the_last_messages_of_latched_topics_stand_at_the_beginning(tmp_path, look, painters):
    bag = latched_bag(tmp_path / 'in')
    report = repaint(bag, tmp_path / 'out', look, painters, start=CUT / 1e9)
    before, after = read(bag), read(tmp_path / 'out')
    for name, number in ((TF, 3), ('/one', 1), ('/of_two', 2), ('/deep', 3), ('/unknown', 1), ('/live', 0),
                         ('/still/image_raw', 1), ('/live/image_raw', 0)):
        expected = [(CUT, data) for time, data in topic(before, name) if time < CUT][-number or 99:]
        assert topic(after, name) == expected + [(t, data) for t, data in topic(before, name) if t >= CUT], name
    assert [t // STEP for t, _ in topic(after, '/still/stylized/image')] == [30, 31] and report.exit_code() == 0
    order = [(name, data) for name, _, data in before]
    early = [(name, data) for name, time, data in after if time == CUT and 'live' not in name and 'styl' not in name]
    places = [len(order) - order[::-1].index(one) for one in early if one[0] != TF]
    assert places == sorted(places)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3', 'ros1'])
def test_a_part_of_a_bag_of_every_kind_has_its_transforms(tmp_path, look, painters, storage):
    bag = make_bag(tmp_path / 'in', 10, storage)
    repaint(bag, tmp_path / 'out', look, painters, start=0.25, stop=0.65)
    out, expected = read(tmp_path / 'out'), read(make_bag(tmp_path / 'plain', 10))
    assert topic(out, TF) == [(STEP // 4 * 10, data) for _, data in topic(expected, TF)]
    assert len(topic(out, WORDS)) == len(topic(out, PAINTED)) == 4


@pytest.mark.parametrize('files', [1, 2])
def test_a_topic_of_ros_1_is_latched_if_one_of_its_publishers_latches(tmp_path, look, painters, files):
    folder = tmp_path / 'in'
    folder.mkdir()
    writers = [Writer1(folder / f'{n}.bag') for n in range(files)]
    for n, writer in enumerate(writers):
        with writer:
            camera = writer.add_connection(RAW, IMAGE, typestore=ROS1)
            plain, latching = (writer.add_connection('/map', STRING, typestore=ROS1, callerid=f'/{latch}',
                                                     latching=int(latch and n == files - 1)) for latch in (0, 1))
            word = ROS1.types[STRING]
            for step in range(n * 10, n * 10 + 10):
                writer.write(camera, START + step * STEP, ROS1.serialize_ros1(image(step, ROS1), IMAGE))
            if not n:
                writer.write(plain, START + STEP, ROS1.serialize_ros1(word('early'), STRING))
                writer.write(latching, START + 2 * STEP, ROS1.serialize_ros1(word('kept'), STRING))
    repaint(folder if files > 1 else folder / '0.bag', tmp_path / 'out', look, painters, start=0.5)
    words = [STORE.deserialize_cdr(data, STRING).data for _, data in topic(read(tmp_path / 'out'), '/map')]
    assert words == ['kept']
    with AnyReader([tmp_path / 'out'], default_typestore=STORE) as reader:
        connection, = (connection for connection in reader.connections if connection.topic == '/map')
    assert [qos.durability for qos in connection.ext.offered_qos_profiles] == [QosDurability.TRANSIENT_LOCAL]


def test_they_are_found_however_far_back_they_are(tmp_path, monkeypatch):
    bag = latched_bag(tmp_path / 'in')
    monkeypatch.setattr('style_transfer_ros.archive.latched._STEP', STEP // 2)
    with Bag(bag) as opened:
        found = latched_before(opened, START + CUT)
        assert [m.topic.name for m in found].count(TF) == 3 and len(found) == 3 + 1 + 2 + 3 + 1 + 1
        assert {m.time for m in found} == {START + CUT} and latched_before(opened, START) == []
        words = [one for one in opened.topics if one.name == '/deep']
        texts = [STORE.deserialize_cdr(m.data, STRING).data for m in latched_before(opened, START + CUT, words)]
    assert texts == ['/deep 20', '/deep 24', '/deep 28']


def test_what_is_damaged_before_the_cut_is_named(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 120, 'mcap', 'storage', (120, 160))
    file = next(bag.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    at = data.index(b'\x28\xb5\x2f\xfd') + 30        # zstd, of the first chunk
    data[at:at + 60] = bytes(60)
    file.write_bytes(data)
    report = repaint(bag, tmp_path / 'out', look, painters, start=11.0)
    assert report.exit_code() == 3 and report.left_out == 1 and TF in report.damage[0]
    assert report.painted[PAINTED] == 10
