# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Whatever interrupts a run: the input is whole, what is finished is kept, one sentence says how to go on."""
import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

from bags import make_bag
import numpy as np
import pytest
from test_bags import read
from videos import make_video

from style_transfer_ros.archive import bag_writer, mcap_file, session
from style_transfer_ros.archive.bag_reader import Bag
from style_transfer_ros.archive.painting import Painters
from style_transfer_ros.archive.records import Damage
from style_transfer_ros.archive.unfinished import Unfinished
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.tools import stylize_bag, stylize_video

RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_bag']
OPTIONS = ['--model', 'fake', '--segment', '0.5', '--quiet']


def failing_after(count, real, error):
    """Return ``real``, which raises an OSError from its ``count``-th call on."""
    calls = iter(range(10**9))

    def call(*arguments, **options):
        if next(calls) >= count:
            raise OSError(error, os.strerror(error))
        return real(*arguments, **options)
    return call


@pytest.mark.parametrize('error, part', [(errno.ENOSPC, 'disk is full'), (errno.EIO, 'cannot be read or written')])
def test_a_full_or_broken_disk_is_one_sentence_and_the_run_goes_on_later(tmp_path, error, part, monkeypatch):
    bag = make_bag(tmp_path / 'in', 40)
    before = {path.name: path.read_bytes() for path in bag.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(bag_writer.WindowWriter, 'write', failing_after(120, bag_writer.WindowWriter.write, error))
        with pytest.raises(SystemExit) as end:
            stylize_bag.main([str(bag), str(tmp_path / 'out'), *OPTIONS])
    assert part in str(end.value) and '--resume' in str(end.value) and '\n' not in str(end.value)
    assert not (tmp_path / 'out').exists() and (tmp_path / 'out.unfinished' / 'windows.json').is_file()
    stylize_bag.main([str(bag), str(tmp_path / 'out'), *OPTIONS, '--resume'])
    stylize_bag.main([str(bag), str(tmp_path / 'whole'), *OPTIONS])
    assert read(tmp_path / 'out') == read(tmp_path / 'whole')
    assert {path.name: path.read_bytes() for path in bag.iterdir()} == before


def test_a_lost_network_share_is_one_sentence(tmp_path, monkeypatch):
    bag = make_bag(tmp_path / 'in', 40)
    monkeypatch.setattr(mcap_file.McapFile, '_content', failing_after(3, mcap_file.McapFile._content, errno.ESTALE))
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), *OPTIONS])
    assert '--resume' in str(end.value) and '\n' not in str(end.value) and not (tmp_path / 'out').exists()


def test_a_database_on_a_lost_network_share_is_not_taken_for_a_damaged_one(tmp_path):
    """To SQLite both look the same."""
    file = make_bag(tmp_path / 'in', 200, 'sqlite3', '', (4, 6)) / 'in.db3'
    data = bytearray(file.read_bytes())
    leaf = next(at for at in range(len(data) // 4096 // 2 * 4096, len(data), 4096) if data[at] == 13)
    data[leaf:leaf + 4096] = b'\xff' * 4096
    file.write_bytes(data)
    with Bag(file) as bag:
        assert any(isinstance(item, Damage) for item in bag.messages())
        file.unlink()
        with pytest.raises(FileNotFoundError):
            list(bag.messages())


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_is_finished_and_a_second_one_changes_nothing(tmp_path, how):
    bag = make_bag(tmp_path / 'in', 400)
    running = subprocess.Popen([*RUN, str(bag), str(tmp_path / 'out'), *OPTIONS], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / 'out.unfinished' / 'windows.json').is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    for _ in range(2):
        running.send_signal(how)
        time.sleep(0.02)        # or the system delivers one
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and said.count('\n') == 1 and '--resume' in said
    subprocess.run([*RUN, str(bag), str(tmp_path / 'out'), *OPTIONS, '--resume'], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in', 'out']


@pytest.mark.parametrize('tool, ending', [(stylize_bag, ''), (stylize_video, '.mp4')])
def test_what_appears_at_the_place_of_the_result_is_not_overwritten_and_nothing_painted_is_lost(
        tmp_path, monkeypatch, tool, ending):
    source = make_bag(tmp_path / 'in', 40) if tool is stylize_bag else make_video(tmp_path / 'in.mp4')
    out, publish = tmp_path / f'out{ending}', Unfinished.publish

    def late(run, result):
        out.write_text('mine')
        publish(run, result)
    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, 'publish', late)
        with pytest.raises(SystemExit, match='has appeared meanwhile .* --resume'):
            tool.main([str(source), str(out), *OPTIONS])
    assert out.read_text() == 'mine'
    out.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Painters, 'submit', None)         # nothing is painted again
        tool.main([str(source), str(out), *OPTIONS, '--resume'])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, out.name])


def test_two_runs_do_not_meet_in_one_folder(tmp_path):
    bag = make_bag(tmp_path / 'in', 400)
    running = subprocess.Popen([*RUN, str(bag), str(tmp_path / 'out'), *OPTIONS])
    deadline = time.monotonic() + 60
    while not (tmp_path / 'out.unfinished' / 'plan.json').is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    running.send_signal(signal.SIGSTOP)
    second = subprocess.run([*RUN, str(bag), str(tmp_path / 'out'), *OPTIONS, '--resume'], capture_output=True,
                            text=True)
    running.send_signal(signal.SIGCONT)
    assert running.wait(60) == 0
    assert second.returncode == 1 and 'Another run' in second.stderr


def test_a_file_system_without_locks_is_said_and_used(tmp_path, monkeypatch, capfd):
    def none(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    monkeypatch.setattr(fcntl, 'flock', none)
    stylize_bag.main([str(make_bag(tmp_path / 'in', 3)), str(tmp_path / 'out'), *OPTIONS])
    said = capfd.readouterr().err
    assert 'without locks' in said and said.count('\n') == 1 and len(read(tmp_path / 'out')) > 3


def test_a_run_goes_on_with_another_number_of_cores(tmp_path, monkeypatch):
    real = Stylizer.load

    def load(model, runtime, threads):
        stylizer = real(model, runtime, threads)
        learn = stylizer.learn_style
        stylizer.learn_style = lambda picture: learn(picture) + np.float32(threads * 1e-6)      # as real runtimes do
        return stylizer
    monkeypatch.setattr(Stylizer, 'load', load)
    bag = make_bag(tmp_path / 'in', 40)
    for cores, resume in ((1, []), (32, ['--resume'])):
        with monkeypatch.context() as patch:
            patch.setattr(session, 'cores_given', lambda: cores)        # noqa: B023 - called within the loop
            if not resume:
                patch.setattr(bag_writer.WindowWriter, 'write',
                              failing_after(120, bag_writer.WindowWriter.write, errno.EIO))
                with pytest.raises(SystemExit):
                    stylize_bag.main([str(bag), str(tmp_path / 'out'), *OPTIONS])
            else:
                stylize_bag.main([str(bag), str(tmp_path / 'out'), *OPTIONS, *resume])
    assert (tmp_path / 'out').is_dir()


MEMORY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from conftest import ORANGE
from style_transfer_ros.archive import painting
from style_transfer_ros.archive.bags import repaint_bag
from style_transfer_ros.archive.plan import make_look
from style_transfer_ros.archive.report import Report
from style_transfer_ros.engine.stream import PaintSettings
from style_transfer_ros.engine.stylizer import Stylizer
painting._FRAME_BYTES, painting._OTHER_BYTES = 16 << 20, 8 << 20
look = make_look('fake', 'auto', 'orange', ORANGE, PaintSettings())
with painting.Painters(lambda threads: Stylizer.load('fake', 'auto', threads), 2) as painters:
    for bag in sys.argv[1:3]:
        repaint_bag(bag, Path(bag + '_out'), look, painters, Report(), window=1.0)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_bag(tmp_path):
    """The large bag has 370 MB, the bound is 24 MB of frames and messages at either side of the conductor."""
    small, large = (make_bag(tmp_path / name, count, 'mcap', '', (480, 640)) for name, count in (('s', 30), ('l', 330)))
    done = subprocess.run([sys.executable, '-c', MEMORY, str(small), str(large), os.path.dirname(__file__)],
                          capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert second - first < 60, f'{first} MB, then {second} MB'
