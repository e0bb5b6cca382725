# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Bags of every kind are painted frame for frame; everything else comes out as it was."""
import signal
import subprocess
import sys
import time

from bags import (
    compressed,
    frame,
    IMAGE,
    image,
    JPEG,
    make_bag,
    RAW,
    ROS1,
    START,
    STEP,
    STORE,
    STRING,
    TF,
    WIDTH,
    WORDS,
)
import cv2
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg

from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.report import Report
from style_transfer_ros.engine.errors import ArchiveError

PAINTED, PAINTED_JPEG = '/cam/stylized/image', '/jpg/stylized/image/compressed'
KINDS = [('mcap', ''), ('mcap', 'file'), ('mcap', 'message'), ('mcap', 'storage'), ('sqlite3', ''),
         ('sqlite3', 'file'), ('sqlite3', 'message'), ('ros1', ''), ('ros1', 'bz2'), ('ros1', 'lz4')]


def repaint(bag, out, look, painters, **options):
    """Repaint a bag; return the report."""
    report = Report()
    repaint_bag(str(bag), out, look, painters, report, **options)
    return report


def read(bag):
    """Read a bag with rosbags: (topic, time since the beginning, bytes), in order."""
    with AnyReader([bag], default_typestore=STORE) as reader:
        return [(c.topic, t - START, bytes(d)) for c, t, d in reader.messages()]


def decoded(bag, name):
    """Read one topic with mcap and mcap-ros2-support, which know nothing of rosbags."""
    with next(bag.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        return [message for *_, message in reader.iter_decoded_messages(topics=[name])]


def topic(messages, name):
    return [(time, data) for topic, time, data in messages if topic == name]


@pytest.mark.parametrize('storage, compression', KINDS)
def test_a_bag_of_every_kind_is_painted_and_all_else_is_kept(tmp_path, look, painters, storage, compression):
    bag = make_bag(tmp_path / 'in', 5, storage, compression)
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 0 and report.painted == {PAINTED: 5, PAINTED_JPEG: 5}
    out, expected = read(tmp_path / 'out'), make_bag(tmp_path / 'plain', 5)
    for name in (RAW, JPEG, WORDS, TF):
        assert topic(out, name) == topic(read(expected), name), name
    assert [t for t, _ in topic(out, PAINTED)] == [n * STEP for n in range(5)]
    with AnyReader([tmp_path / 'out']) as reader:
        assert {c.topic: [q.durability for q in c.ext.offered_qos_profiles] for c in reader.connections}[TF] == [
            QosDurability.TRANSIENT_LOCAL]


def test_paintings_have_the_header_the_size_and_the_colours_that_they_should(tmp_path, look, painters):
    repaint(make_bag(tmp_path / 'in', 3), tmp_path / 'out', look, painters)
    raw = [STORE.deserialize_cdr(data, IMAGE) for _, data in topic(read(tmp_path / 'out'), PAINTED)]
    assert [(m.header.stamp.sec, m.header.stamp.nanosec, m.header.frame_id) for m in raw] == [
        (n, 7, 'eye') for n in range(3)]
    assert {(m.encoding, m.width, m.height, m.step) for m in raw} == {('rgb8', WIDTH, 32, 3 * WIDTH)}
    expected = np.clip(frame(0) * 0.5 + np.array([1, 0.5, 0]) * 127.5, 0, 255).astype(np.uint8)
    assert (raw[0].data.reshape(32, WIDTH, 3) == expected).all()
    jpeg = [STORE.deserialize_cdr(data, 'sensor_msgs/msg/CompressedImage')
            for _, data in topic(read(tmp_path / 'out'), PAINTED_JPEG)]
    assert {m.format for m in jpeg} == {'rgb8; jpeg compressed bgr8'} and bytes(jpeg[0].data[:2]) == b'\xff\xd8'
    picture = cv2.cvtColor(cv2.imdecode(jpeg[0].data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(picture.astype(int) - expected).mean() < 6


def test_each_painting_comes_behind_its_frame_and_the_order_of_the_rest_stays(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 4)
    repaint(bag, tmp_path / 'out', look, painters, window=0.15)
    names = [name for name, _, _ in read(tmp_path / 'out')]
    assert [n for n in names if 'stylized' not in n] == [name for name, _, _ in read(bag)]
    assert all(names[i + 1] == PAINTED for i, name in enumerate(names) if name == RAW)
    assert all(names[i + 1] == PAINTED_JPEG for i, name in enumerate(names) if name == JPEG)


def test_independent_readers_read_the_bag(tmp_path, look, painters):
    repaint(make_bag(tmp_path / 'in', 6), tmp_path / 'out', look, painters, window=0.2)
    file = tmp_path / 'out' / 'out_0.mcap'
    with file.open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        found = [(channel.topic, message.log_time) for _, channel, message in reader.iter_messages()]
    assert summary.statistics.message_count == len(found) == 1 + 6 * 5
    assert {schema.name for schema in summary.schemas.values()} >= {IMAGE, 'tf2_msgs/msg/TFMessage', STRING}
    with file.open('rb') as stream:     # without the index
        assert len([1 for _ in make_reader(stream).iter_messages(log_time_order=False)]) == len(found)
    pictures = decoded(tmp_path / 'out', PAINTED)
    assert [m.header.stamp.sec for m in pictures] == list(range(6)) and pictures[0].encoding == 'rgb8'


def test_replacing_keeps_the_name_the_encoding_and_the_header(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 3)
    report = repaint(bag, tmp_path / 'out', look, painters, replace=True)
    assert report.painted == {RAW: 3, JPEG: 3}
    out = read(tmp_path / 'out')
    assert sorted({name for name, _, _ in out}) == sorted({RAW, JPEG, WORDS, TF})
    for (_, new), (_, old) in zip(topic(out, RAW), topic(read(bag), RAW)):
        new, old = STORE.deserialize_cdr(new, IMAGE), STORE.deserialize_cdr(old, IMAGE)
        assert (new.header, new.encoding, new.step) == (old.header, 'bgr8', old.step)
        assert (new.data != old.data).any()


@pytest.mark.parametrize('encoding', ['mono8', 'rgba8', 'mono16', 'yuv422_yuy2', 'nv12', 'bayer_rggb8', '32FC1'])
def test_replacing_works_in_the_encodings_of_cameras(tmp_path, look, painters, encoding):
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection('/cam', IMAGE, typestore=STORE)
        writer.write(camera, START, STORE.serialize_cdr(image(1, encoding=encoding), IMAGE))
    repaint(tmp_path / 'in', tmp_path / 'out', look, painters, replace=True)
    (_, data), = topic(read(tmp_path / 'out'), '/cam')
    assert STORE.deserialize_cdr(data, IMAGE).encoding == encoding


@pytest.mark.parametrize('ending', ['.mcap', '.db3'])
def test_a_bare_file_without_metadata_is_a_bag(tmp_path, look, painters, ending):
    bag = make_bag(tmp_path / 'in', 3, 'mcap' if ending == '.mcap' else 'sqlite3')
    (bag / 'metadata.yaml').unlink()
    for n, given in enumerate((bag, next(bag.glob(f'*{ending}')))):
        report = repaint(given, tmp_path / f'out{n}', look, painters)
        assert report.exit_code() == 0 and sum(report.painted.values()) == 6


def test_only_the_chosen_topics_are_painted(tmp_path, look, painters):
    report = repaint(make_bag(tmp_path / 'in', 2), tmp_path / 'out', look, painters, topics=[JPEG])
    assert report.painted == {PAINTED_JPEG: 2} and not topic(read(tmp_path / 'out'), PAINTED)


def test_a_part_of_a_bag_is_cut_out(tmp_path, look, painters):
    repaint(make_bag(tmp_path / 'in', 10), tmp_path / 'out', look, painters, start=0.25, stop=0.65)
    assert [t // STEP for t, _ in topic(read(tmp_path / 'out'), PAINTED)] == [3, 4, 5, 6]
    with pytest.raises(ArchiveError, match='1.0 s long|0.9 s long'):
        repaint(tmp_path / 'in', tmp_path / 'none', look, painters, start=7)


def write(folder, *entries):
    """Write a bag of (topic, type, time, bytes or message, connection options)."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        known = {}
        for name, kind, at, message, *options in entries:
            if (name, kind) not in known:
                known[name, kind] = writer.add_connection(name, kind, **(options[0] if options else {
                    'typestore': STORE}))
            if message is not None:
                data = message if isinstance(message, bytes) else STORE.serialize_cdr(message, kind)
                writer.write(known[name, kind], START + at, data)
    return folder


COMPRESSED = 'sensor_msgs/msg/CompressedImage'


def test_what_is_no_picture_is_copied_and_named_and_an_empty_topic_is_no_image_topic(tmp_path, look, painters):
    depth = compressed(1, ending='.png', form='16UC1; compressedDepth png')
    foreign = {'msgdef': 'uint8[] data\n', 'rihs01': 'RIHS01_00'}
    bag = write(tmp_path / 'in', ('/cam/image_raw', IMAGE, 0, image(1)), ('/none/image_raw', IMAGE, 0, None),
                ('/depth/compressedDepth', COMPRESSED, 1, depth), ('/odd/compressed', COMPRESSED, 2, depth),
                ('/fox', 'foxglove_msgs/msg/CompressedImage', 3, b'\0\1\0\0\0\0\0\0', foreign))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.painted == {PAINTED: 1} and report.exit_code() == 0
    assert all(any(name in note for note in report.notes) for name in ('/depth/compressedDepth', '/odd/comp', '/fox'))
    names = [name for name, _, _ in read_raw(tmp_path / 'out')]
    assert sorted(names) == sorted(['/cam/image_raw', PAINTED, '/depth/compressedDepth', '/odd/compressed', '/fox'])


def read_raw(bag):
    """Read with mcap alone: (topic, type, bytes)."""
    with next(bag.glob('*.mcap')).open('rb') as stream:
        return [(channel.topic, schema.name, message.data) for schema, channel, message in
                make_reader(stream).iter_messages()]


def test_two_types_under_one_name_are_both_painted(tmp_path, look, painters):
    bag = write(tmp_path / 'in', ('/cam', IMAGE, 0, image(1)), ('/cam', COMPRESSED, 1, compressed(1)),
                ('/cam', STRING, 2, STORE.types[STRING]('x')))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.painted == {'/stylized/image': 1, '/stylized/image/compressed': 1}
    assert sorted((name, kind) for name, kind, _ in read_raw(tmp_path / 'out') if name == '/cam') == [
        ('/cam', COMPRESSED), ('/cam', IMAGE), ('/cam', STRING)]


def test_several_cameras_of_one_namespace_get_names_of_their_own(tmp_path, look, painters):
    bag = write(tmp_path / 'in', *((f'/cam/{name}', IMAGE, n, image(n)) for n, name in enumerate(
        ('image_rect', 'image_raw', 'stylized/image'))))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.painted == {'/cam/stylized/image_raw': 1, '/cam/stylized/image_rect': 1}
    assert any('/cam/stylized/image' in note for note in report.notes)      # a painting already


def extras(bag):
    """Read attachments and metadata by the index, and check it."""
    with next(bag.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        found = [vars(one) for one in (*reader.iter_attachments(), *reader.iter_metadata())]
        assert summary.statistics.attachment_count == len(summary.attachment_indexes) == 1
        assert summary.statistics.metadata_count == len(summary.metadata_indexes) == 2
    return found


def test_attachments_and_metadata_are_copied(tmp_path, look, painters, attached):
    repaint(attached, tmp_path / 'out', look, painters, start=0.1)
    lens, *described = extras(tmp_path / 'out')
    assert lens == {'create_time': 7, 'log_time': 5, 'name': 'lens.yaml', 'media_type': 'text/yaml',
                    'data': bytes(range(256)) * 9000}
    assert [(one['name'], bool(one['metadata'])) for one in described] == [('robot', True), ('rosbag2', True)]
    assert len(topic(read(tmp_path / 'out'), PAINTED)) == 2


@pytest.mark.parametrize('attached', ['indexed'], indirect=True)        # else nothing behind it can be found
def test_a_damaged_attachment_is_named(tmp_path, look, painters, attached):
    data = bytearray(attached.read_bytes())
    at = data.index(b'lens.yaml') - 4
    data[at - 16 - 8:at - 16 - 4] = b'\xff\xff\xff\x0f'       # its length
    attached.write_bytes(data)
    report = repaint(attached, tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and 'lens.yaml' in report.damage[0] and report.left_out == 0
    assert len(topic(read(tmp_path / 'out'), PAINTED)) == 3


def test_a_type_without_definition_is_copied_as_it_is(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 2, 'sqlite3')
    import sqlite3
    base = sqlite3.connect(next(bag.glob('*.db3')))
    base.execute("UPDATE topics SET type = 'their_msgs/msg/Own' WHERE name = '/words'")
    base.execute('DROP TABLE message_definitions')
    base.execute('UPDATE schema SET schema_version = 3')
    base.commit()
    base.close()
    text = (bag / 'metadata.yaml').read_text().replace('std_msgs/msg/String', 'their_msgs/msg/Own')
    (bag / 'metadata.yaml').write_text(text)
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 0 and any('their_msgs/msg/Own' in note for note in report.notes)
    words = [(kind, data) for name, kind, data in read_raw(tmp_path / 'out') if name == WORDS]
    assert [kind for kind, _ in words] == ['their_msgs/msg/Own'] * 2
    assert words[0][1] == bytes(STORE.serialize_cdr(STORE.types[STRING]('word 0'), STRING))


def test_a_type_of_ros_1_that_ros_2_does_not_have_comes_out_as_ros_2_writes_it(tmp_path, look, painters):
    from rosbags.rosbag1 import Writer as Writer1
    ROS1.register(get_types_from_msg('Header header\ntime at\nfloat64[] values\n', 'own_msgs/msg/Old'))
    at = ROS1.types['builtin_interfaces/msg/Time'](4, 5)
    old = ROS1.types['own_msgs/msg/Old'](header=image(3, ROS1).header, at=at, values=np.array([1.5]))
    with Writer1(tmp_path / 'in.bag') as writer:
        camera = writer.add_connection(RAW, IMAGE, typestore=ROS1)
        own = writer.add_connection('/own', 'own_msgs/msg/Old', typestore=ROS1)
        writer.write(camera, START, ROS1.serialize_ros1(image(1, ROS1), IMAGE))
        writer.write(own, START + 1, ROS1.serialize_ros1(old, 'own_msgs/msg/Old'))
    repaint(tmp_path / 'in.bag', tmp_path / 'out', look, painters)
    with AnyReader([tmp_path / 'out']) as reader:
        message, = [reader.deserialize(d, c.msgtype) for c, _, d in reader.messages() if c.topic == '/own']
    assert (message.header.frame_id, message.at.sec, message.values.tolist()) == ('eye', 4, [1.5])
    assert [m.values for m in decoded(tmp_path / 'out', '/own')] == [[1.5]]


def test_what_is_there_is_not_overwritten_and_what_fails_leaves_nothing(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 2)
    (tmp_path / 'out').mkdir()
    with pytest.raises(ArchiveError, match="out' exists already"):
        repaint(bag, tmp_path / 'out', look, painters)
    with pytest.raises(ArchiveError, match='/nothing'):
        repaint(bag, tmp_path / 'new', look, painters, topics=['/nothing'])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in', 'out']


def test_a_long_bag_is_one_file_with_its_windows_in_order(tmp_path, look, painters):
    repaint(make_bag(tmp_path / 'in', 40), tmp_path / 'out', look, painters, window=0.5)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['metadata.yaml', 'out_0.mcap']
    times = [t for name, t, _ in read(tmp_path / 'out') if name == PAINTED]
    assert times == [n * STEP for n in range(40)]


def test_windows_agree_with_painting_without_windows(tmp_path, look, painters):
    """A segment starts some frames early; what smoothing still remembers then is at most one grey value."""
    bag = make_bag(tmp_path / 'in', 40)
    repaint(bag, tmp_path / 'whole', look, painters, window=1000)
    repaint(bag, tmp_path / 'cut', look, painters, window=1)
    whole, cut = ([STORE.deserialize_cdr(data, IMAGE).data.astype(int) for _, data in topic(read(out), PAINTED)]
                  for out in (tmp_path / 'whole', tmp_path / 'cut'))
    assert max(np.abs(a - b).max() for a, b in zip(whole, cut)) <= 1


RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_bag']


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path):
    bag = make_bag(tmp_path / 'in', 300)
    (tmp_path / 'killed').mkdir()
    (tmp_path / 'whole').mkdir()
    out, whole = tmp_path / 'killed' / 'out', tmp_path / 'whole' / 'out'
    options = ['--model', 'fake', '--style', 'great_wave', '--segment', '0.5', '--from', '0.3', '--quiet']
    subprocess.run([*RUN, str(bag), str(whole), *options], check=True)
    finished = out.with_name('out.unfinished') / 'windows.json'
    running = subprocess.Popen([*RUN, str(bag), str(out), *options])
    deadline = time.monotonic() + 60
    while not finished.is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not out.exists()
    for more, part in (([], '--resume'), (['--resume', '--strength', '0.5'], 'style, model or settings')):
        refused = subprocess.run([*RUN, str(bag), str(out), *options, *more], capture_output=True, text=True)
        assert refused.returncode == 1 and part in refused.stderr and refused.stderr.count('\n') == 1
    subprocess.run([*RUN, str(bag), str(out), *options, '--resume'], check=True)
    for name in ('out_0.mcap', 'metadata.yaml'):
        assert (whole / name).read_bytes() == (out / name).read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ['out']
