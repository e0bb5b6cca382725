# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Whatever of a damaged bag can be read is painted; what cannot is named with topic, time and place, and counted."""
from itertools import islice
import re
import shutil
import sqlite3
import struct

from bags import IMAGE, image, JPEG, make_bag, messages, RAW, ROS1, START, STEP, STORE, STRING, WORDS
from mcap.writer import Writer as McapWriter
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from test_bags import PAINTED, PAINTED_JPEG, read, repaint, topic

from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import StopAtDamage
from style_transfer_ros.engine.errors import ArchiveError

SIZE = (120, 160)       # frames that fill chunks and pages


def the_file(bag):
    return next(path for path in bag.iterdir() if path.name != 'metadata.yaml')


def damage(path, behind=b'', length=200):
    """Overwrite some bytes in the middle of a file, there behind the next bytes ``behind``."""
    data = bytearray(path.read_bytes())
    at = data.index(behind, len(data) // 2) + len(behind)
    data[at:at + length] = bytes((x ^ 0x5a) for x in data[at:at + length])
    path.write_bytes(data)


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * share)])


@pytest.mark.parametrize('broken', [b'', b'\0\1', 'short', 'cut'])
def test_a_broken_message_is_copied_named_and_not_painted(tmp_path, look, painters, broken):
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(RAW, IMAGE, typestore=STORE)
        for n in range(3):
            message = image(n)
            if broken == 'short':
                message.data = message.data[:10]
            data = bytes(STORE.serialize_cdr(image(n) if n != 1 else message, IMAGE))
            if n == 1 and broken != 'short':
                data = data[:len(data) // 2] if broken == 'cut' else broken
            writer.write(camera, START + n * STEP, data)
    report = repaint(tmp_path / 'in', tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and report.painted == {PAINTED: 2} and report.left_out == 1
    assert RAW in report.damage[0] and '1700000000.100000000' in report.damage[0] and 'in.mcap' in report.damage[0]
    out = read(tmp_path / 'out')
    assert topic(out, RAW) == topic(read(tmp_path / 'in'), RAW)
    assert [t for t, _ in topic(out, PAINTED)] == [0, 2 * STEP]


def test_stopping_at_the_first_damage_is_an_option(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 3)
    cut(the_file(bag), 0.5)
    with pytest.raises(StopAtDamage, match='--on-error skip'):
        repaint(bag, tmp_path / 'out', look, painters, on_error='stop')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in']


@pytest.mark.parametrize('storage, compression', [
    ('mcap', ''), ('mcap', 'storage'), ('mcap', 'file'), ('sqlite3', ''), ('sqlite3', 'file'), ('ros1', ''),
    ('ros1', 'bz2'), ('ros1', 'lz4')])
def test_a_file_that_breaks_off_is_painted_to_its_end(tmp_path, look, painters, storage, compression):
    bag = make_bag(tmp_path / 'in', 120, storage, compression, SIZE)
    file = bag if bag.is_file() else the_file(bag)
    whole = read(make_bag(tmp_path / 'same', 120, 'mcap', '', SIZE))
    cut(file)
    report = repaint(bag, tmp_path / 'out', look, painters)
    out = read(tmp_path / 'out')
    painted = len(topic(out, PAINTED))
    assert report.exit_code() == 3 and file.name.removesuffix('.zstd') in ' '.join(report.damage)
    assert 20 < painted < 100 and painted == report.painted[PAINTED]
    for name in (RAW, JPEG, WORDS):
        there, expected = topic(out, name), topic(whole, name)
        assert there == [message for message in expected if message in there]
        assert there == expected[:len(there)] or storage == 'sqlite3'      # its end is not its newest


@pytest.mark.parametrize('storage, compression', [('mcap', 'storage'), ('mcap', 'message'), ('ros1', 'bz2'),
                                                  ('sqlite3', 'message')])
def test_a_damaged_place_costs_what_lies_there(tmp_path, look, painters, storage, compression):
    bag = make_bag(tmp_path / 'in', 120, storage, compression, SIZE)
    damage(bag if bag.is_file() else the_file(bag), behind=b'\x28\xb5\x2f\xfd' if compression == 'message' else b'')
    report = repaint(bag, tmp_path / 'out', look, painters)
    out = read(tmp_path / 'out')
    times = [t // STEP for t, _ in topic(out, PAINTED)]
    assert report.exit_code() == 3 and report.left_out >= 1
    assert 60 < len(times) <= 120 and times[0] == 0 and times[-1] == 119       # before it and behind it
    assert '17000000' in report.damage[0] and (storage == 'sqlite3' or any(
        name in report.damage[0] for name in (RAW, JPEG, WORDS)))      # a page does not tell its topics


HEADS = {'storage': b'\x28\xb5\x2f\xfd', 'bz2': b'BZh', 'lz4': b'\x04\x22\x4d\x18'}


def make_damaged_ros_1_bag(folder, compression, change):
    """Make a bag of ROS 1 whose third chunk was changed before it was compressed: ``change`` is given its bytes."""
    chunks = []

    def compress(data):
        chunks.append(bytearray(data))
        if len(chunks) == 3:
            change(chunks[-1])
        return real(bytes(chunks[-1]))

    bag = folder.with_suffix('.bag')
    writer = Writer1(bag)
    writer.set_compression(Writer1.CompressionFormat[(compression or 'bz2').upper()])
    real = writer.compressor if compression else bytes
    if not compression:
        writer.compression_format = 'none'
    writer.compressor = compress
    with writer:
        connections = {}
        for name, kind, time, message in messages(ROS1, 120, SIZE):
            if name not in connections:
                connections[name] = writer.add_connection(name, kind, typestore=ROS1)
            writer.write(connections[name], time, ROS1.serialize_ros1(message, kind))
    return bag


def the_words(chunk):
    """Find the second message of WORDS in a chunk of ROS 1: where its record begins, and its number."""
    _, word = islice(re.finditer(rb'word (\d+)', chunk), 2)
    return chunk.rindex(b'op=\x02', 0, word.start()), int(word[1])


@pytest.mark.parametrize('compression', ['', 'bz2', 'lz4'])
@pytest.mark.parametrize('what', ['header', 'length'])
@pytest.mark.parametrize('closed', [True, False])
def test_a_damaged_record_of_a_ros_1_chunk_costs_one_message_which_is_named(tmp_path, look, painters, compression, what,
                                                                            closed):
    hurt = []

    def change(chunk):
        at, number = the_words(chunk)
        hurt.append(number)
        if what == 'header':
            chunk[at] ^= 0x5a
        else:       # so long that it would hold the next messages
            begin = chunk.index(b'word ', at) - 8
            struct.pack_into('<L', chunk, begin, 100_000)

    bag = make_damaged_ros_1_bag(tmp_path / 'in', compression, change)
    if not closed:
        data = bytearray(bag.read_bytes())
        at = data.index(b'index_pos=') + len('index_pos=')
        end, = struct.unpack_from('<Q', data, at)
        struct.pack_into('<Q', data, at, 0)
        bag.write_bytes(data[:end])
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and report.left_out == 1
    time = START + hurt[0] * STEP + 9
    told, = [text for text in report.damage if 'no index' not in text]
    assert f'{WORDS} at {time // 10**9}.{time % 10**9:09d} s' in told and "'in.bag', byte " in told
    assert ' in the chunk: ' in told
    out, whole = read(tmp_path / 'out'), read(make_bag(tmp_path / 'same', 120, 'mcap', '', SIZE))
    assert [one for one in whole if one not in out] == [one for one in whole if one[1] == time - START]
    assert report.painted == {PAINTED: 120, PAINTED_JPEG: 120}


@pytest.mark.parametrize('compression', ['bz2', 'lz4'])
def test_of_a_ros_1_chunk_that_cannot_be_unpacked_all_lost_messages_are_named(tmp_path, look, painters, compression):
    bag = make_bag(tmp_path / 'in', 120, 'ros1', compression, SIZE)
    damage(bag, behind=HEADS[compression])
    report = repaint(bag, tmp_path / 'out', look, painters)
    out, whole = read(tmp_path / 'out'), read(make_bag(tmp_path / 'same', 120, 'mcap', '', SIZE))
    lost = [one for one in whole if one not in out]
    assert report.exit_code() == 3 and report.left_out == len(lost) > 3
    assert len(report.damage) == len({name for name, *_ in lost})
    for text in report.damage:
        assert 'cannot be unpacked' in text and ' in the chunk: ' in text
        name = text.split(' at ')[0]
        first = START + min(time for topic, time, _ in lost if topic == name)
        assert f'at {first // 10**9}.{first % 10**9:09d} s' in text


@pytest.mark.parametrize('storage, compression', [('mcap', 'storage'), ('ros1', 'bz2'), ('ros1', 'lz4')])
def test_a_damaged_chunk_of_a_bag_without_an_index_is_named_and_counted(tmp_path, look, painters, storage, compression):
    """Even where nothing of it can be read, so that only looking through the file shows it."""
    bag = make_bag(tmp_path / 'in', 120, storage, compression, SIZE)
    file = bag if bag.is_file() else the_file(bag)
    cut(file, 0.9)
    damage(file, behind=HEADS[compression])
    report = repaint(bag, tmp_path / 'out', look, painters)
    damaged = [text for text in report.damage if 'the chunk is damaged' in text or 'data of the chunk' in text]
    assert damaged and ', byte ' in damaged[0] and report.exit_code() == 3
    if storage == 'mcap':
        assert report.left_out == 2     # this chunk, and the end of the file: nobody knows of how many messages
    else:                               # behind each chunk of ROS 1 its messages are listed
        assert report.left_out > 10 and ' in the chunk: ' in damaged[0]
    times = [t // STEP for t, _ in topic(read(tmp_path / 'out'), PAINTED)]
    assert times[0] == 0 and set(range(times[-1])) - set(times)         # before it and behind it


def test_a_damaged_description_of_a_topic_costs_that_topic(tmp_path, look, painters):
    file = tmp_path / 'x.mcap'
    with file.open('wb') as stream:
        writer = McapWriter(stream, use_chunking=False)
        writer.start()
        for name, kind, message in ((RAW, IMAGE, image(0)), (WORDS, STRING, STORE.types[STRING]('a'))):
            schema = writer.register_schema(kind, 'ros2msg', STORE.generate_msgdef(kind, ros_version=2)[0].encode())
            channel = writer.register_channel(name, 'cdr', schema)
            writer.add_message(channel, START, bytes(STORE.serialize_cdr(message, kind)), START)
        writer.finish()
    data = file.read_bytes()[:-200]         # without the summary
    at = data.index(WORDS.encode())
    file.write_bytes(data[:at - 4] + b'\xff\xff\xff\x7f' + data[at:])
    report = repaint(file, tmp_path / 'out', look, painters)
    assert report.painted == {PAINTED: 1} and report.exit_code() == 3
    assert any('the description of a topic is damaged' in text for text in report.damage)


def test_a_damaged_length_in_a_chunk_costs_one_message(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 120, 'mcap', '', SIZE)
    file = the_file(bag)
    with Reader(bag) as reader:
        chunk = reader.storage.storages[0].chunks[2]
    data = bytearray(file.read_bytes())
    struct.pack_into('<Q', data, chunk.chunk_start_offset + 9 + 28 + 4 + 8 + 1, 1 << 60)    # its first record
    file.write_bytes(data)
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.left_out == 1 and f'byte {chunk.chunk_start_offset}' in report.damage[0]
    assert 120 * 5 - 1 <= len(read(tmp_path / 'out')) <= 120 * 5


def test_a_damaged_page_of_a_database_costs_the_messages_on_it(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 200, 'sqlite3', '', (4, 6))
    file = the_file(bag)
    base = sqlite3.connect(file)
    size, = base.execute('PRAGMA page_size').fetchone()
    base.close()
    data = bytearray(file.read_bytes())
    # a leaf page of a table: the type byte 13, in the middle of the file
    leaf = next(at for at in range(len(data) // size // 2 * size, len(data), size) if data[at] == 13)
    data[leaf:leaf + size] = b'\xff' * size
    file.write_bytes(data)
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and 0 < report.left_out < 60 and 'in.db3' in report.damage[0]
    assert len(topic(read(tmp_path / 'out'), PAINTED)) > 150


def test_a_recorder_that_was_killed_leaves_a_bag_that_can_be_painted(tmp_path, look, painters):
    """The index is missing, and rosbag2 keeps the last messages of SQLite in a log beside the file."""
    bag = make_bag(tmp_path / 'in', 5, 'sqlite3')
    file = the_file(bag)
    base = sqlite3.connect(file)
    base.execute('PRAGMA journal_mode=WAL')
    base.execute('PRAGMA wal_autocheckpoint=0')
    base.execute('UPDATE messages SET timestamp = timestamp + 1')
    base.commit()
    killed = tmp_path / 'killed'
    killed.mkdir()
    for path in (file, file.with_name('in.db3-wal')):
        shutil.copy(path, killed)
    base.close()
    before = {path.name: path.read_bytes() for path in killed.iterdir()}
    report = repaint(killed, tmp_path / 'out', look, painters)
    assert report.exit_code() == 0 and [t for t, _ in topic(read(tmp_path / 'out'), PAINTED)][0] == 1
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == before


def test_a_ros_1_bag_that_was_not_closed_is_painted(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 100, 'ros1', '', SIZE)
    data = bytearray(bag.read_bytes())
    at = data.index(b'index_pos=') + len('index_pos=')
    end = struct.unpack_from('<Q', data, at)[0]
    struct.pack_into('<Q', data, at, 0)
    active = tmp_path / 'in.bag.active'
    active.write_bytes(data[:end])
    report = repaint(active, tmp_path / 'out', look, painters)
    assert report.painted == {PAINTED: 100, PAINTED_JPEG: 100} and 'no index' in report.damage[0]


def test_a_missing_file_and_damaged_metadata_are_named(tmp_path, look, painters):
    bag = make_bag(tmp_path / 'in', 3)
    text = (bag / 'metadata.yaml').read_text()
    (bag / 'metadata.yaml').write_text(text.replace('- in.mcap', '- in.mcap\n  - gone_1.mcap', 1))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and 'gone_1.mcap' in report.damage[0] and report.painted[PAINTED] == 3
    (bag / 'metadata.yaml').write_text('{[')
    report = repaint(bag, tmp_path / 'out2', look, painters)
    assert report.exit_code() == 3 and 'metadata.yaml' in report.damage[0] and report.painted[PAINTED] == 3


@pytest.mark.parametrize('content, part', [(None, 'no bag'), (b'', 'is empty'), (b'hello', 'is no bag'),
                                           (b'\x89MCAP0\r\n', 'no image topic')])
def test_what_is_no_bag_is_said_in_one_sentence(tmp_path, look, painters, content, part):
    path = tmp_path / 'x.mcap'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArchiveError, match=part) as error:
        repaint(path, tmp_path / 'out', look, painters)
    assert '\n' not in str(error.value) and 'x.mcap' in str(error.value) and not (tmp_path / 'out').exists()


def test_a_bag_of_which_nothing_can_be_painted_is_an_error(tmp_path, look, painters):
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.write(writer.add_connection(RAW, IMAGE, typestore=STORE), START, b'\0\1\0\0')
    with pytest.raises(ArchiveError, match='could be painted'):
        repaint(tmp_path / 'in', tmp_path / 'out', look, painters)
    report = Report()       # of a run in which another bag was painted before
    report.painted[PAINTED] = 5
    with pytest.raises(ArchiveError, match='could be painted'):
        repaint_bag(str(tmp_path / 'in'), tmp_path / 'out', look, painters, report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in']
