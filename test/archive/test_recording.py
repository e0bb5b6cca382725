# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The recorder writes what comes, drops what finds no room, and leaves a readable bag however it ends."""
from collections import Counter
import os
import signal
import subprocess
import sys
import threading
import time

from bags import IMAGE, image, RAW, START, STEP, STORE
import pytest
from rosbags.highlevel import AnyReader
from test_bags import repaint

from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.image_messages import painted_topic
from style_transfer_ros.archive.recording import Recorder
from style_transfer_ros.archive.records import Message, Topic
from style_transfer_ros.engine.errors import ArchiveError

TOPIC = painted_topic(Topic(RAW, IMAGE), RAW)


def data(n):
    return bytes(STORE.serialize_cdr(image(n), IMAGE))


def test_a_recording_is_a_bag_that_rosbags_reads(tmp_path):
    recorder = Recorder(tmp_path / 'bag')
    for n in range(50):
        assert recorder.put(TOPIC, START + n * STEP, data(n), START + n * STEP - 7)
    recorder.close()
    assert (recorder.written, recorder.dropped) == (50, Counter()) and 'dropped 0' in recorder.summary()
    with AnyReader([tmp_path / 'bag']) as reader:
        assert [reader.deserialize(d, c.msgtype).header.stamp.sec for c, _, d in reader.messages()] == list(range(50))
    with Bag(tmp_path / 'bag') as bag:
        first = next(bag.messages())
        assert isinstance(first, Message) and first.published == first.time - 7


def test_what_finds_no_room_is_dropped_and_counted_and_nobody_waits(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / 'bag', queue_bytes=3 * len(data(0)))
    stuck = threading.Event()
    monkeypatch.setattr(recorder, '_write_one', lambda *_: stuck.wait(60))
    begin = time.monotonic()
    found_room = [recorder.put(TOPIC, START + n, data(0)) for n in range(20)]
    assert time.monotonic() - begin < 30 and 3 <= sum(found_room) <= 4
    assert recorder.dropped[RAW] == 20 - sum(found_room) and f'of {RAW}' in recorder.summary()
    stuck.set()
    recorder.close()


PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_recording import data, Recorder, START, STEP, TOPIC
recorder = Recorder(Path(sys.argv[1]))
n = 0
while True:
    recorder.put(TOPIC, START + n * STEP, data(n))
    print(n, flush=True)
    n += 1
    time.sleep(0.01)
"""


def test_a_killed_recorder_leaves_all_but_the_last_chunk(tmp_path, look, painters):
    running = subprocess.Popen([sys.executable, '-c', PROGRAM, str(tmp_path / 'bag'), os.path.dirname(__file__)],
                               stdout=subprocess.PIPE, text=True)
    count = int(running.stdout.readline())
    end = time.monotonic() + 3
    while time.monotonic() < end:
        count = int(running.stdout.readline())
    running.send_signal(signal.SIGKILL)
    running.wait()
    report = repaint(tmp_path / 'bag', tmp_path / 'out', look, painters)
    assert report.painted.total() > count / 3       # a chunk is closed every second


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(ArchiveError, match='exists already'):
        Recorder(tmp_path)


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no full disk to try')
def test_a_full_disk_is_one_sentence_and_what_is_there_stays(tmp_path):
    recorder = Recorder(tmp_path / 'bag')
    recorder.put(TOPIC, START, data(0))
    while not recorder.written:
        time.sleep(0.01)
    full = open('/dev/full', 'wb', buffering=0)     # noqa: SIM115 - the recorder closes it
    os.dup2(full.fileno(), recorder._writer._file.fileno())
    for n in range(400):
        recorder.put(TOPIC, START + n, data(n))
    with pytest.raises(ArchiveError, match='make room') as error:
        recorder.close()
    assert '\n' not in str(error.value)


def test_an_error_of_any_kind_while_writing_is_told_and_nobody_waits_for_ever(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / 'bag')

    def broken(*_):
        raise ValueError('of a library')
    monkeypatch.setattr(recorder, '_write_one', broken)
    recorder.put(TOPIC, START, data(0))
    with pytest.raises(ArchiveError, match='ValueError: of a library'):
        recorder.close()
