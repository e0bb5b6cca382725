# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Workers paint what one process paints, to the byte, and the loss of some of them costs little."""
from dataclasses import replace
import json
import os
import signal
import subprocess
import sys
import time

from bags import frame, IMAGE, image, make_bag, RAW, START, STEP, STORE
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from test_bags import PAINTED, read, repaint, topic
from test_damage import cut, SIZE, the_file
from test_latched import CUT, latched_bag

pytest.importorskip('distributed', reason='Dask is not installed (requirements/scale.txt)')

from style_transfer_ros.archive import cluster as clusters  # noqa: E402
from style_transfer_ros.archive import distributed_runs, segments  # noqa: E402
from style_transfer_ros.archive.bag_reader import Bag  # noqa: E402
from style_transfer_ros.archive.bags import make_plan  # noqa: E402
from style_transfer_ros.archive.report import Report  # noqa: E402
from style_transfer_ros.engine.errors import ArchiveError  # noqa: E402
from style_transfer_ros.engine.pictures import encode_png  # noqa: E402

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope='module', params=[1, 2, 4])
def workers(request):
    with clusters.cluster(request.param) as running:
        yield running


@pytest.fixture(scope='module')
def two_workers():
    with clusters.cluster(2) as running:
        yield running


def on(workers, bag, out, look, **options):
    report = Report()
    distributed_runs.repaint_bags(workers, [(str(bag), str(out))], look, report, **options)
    return report


def test_workers_paint_what_one_process_paints(tmp_path, look, painters, workers):
    bag = make_bag(tmp_path / 'in', 40)
    (tmp_path / 'one').mkdir()
    (tmp_path / 'many').mkdir()
    serial = repaint(bag, tmp_path / 'one' / 'out', look, painters, window=0.7)
    report = on(workers, bag, tmp_path / 'many' / 'out', look, window=0.7)
    for name in ('out_0.mcap', 'metadata.yaml'):
        assert (tmp_path / 'one' / 'out' / name).read_bytes() == (tmp_path / 'many' / 'out' / name).read_bytes()
    assert report.counts() == serial.counts() and report.exit_code() == 0
    assert [path.name for path in (tmp_path / 'many').iterdir()] == ['out']


def test_a_part_begins_on_workers_as_in_one_process(tmp_path, look, painters, two_workers):
    bag = latched_bag(tmp_path / 'in')
    options = {'start': CUT / 1e9, 'window': 0.4}       # shorter than what leads in
    for folder in ('one', 'many'):
        (tmp_path / folder).mkdir()
    serial = repaint(bag, tmp_path / 'one' / 'out', look, painters, **options)
    report = on(two_workers, bag, tmp_path / 'many' / 'out', look, **options)
    assert (tmp_path / 'one/out/out_0.mcap').read_bytes() == (tmp_path / 'many/out/out_0.mcap').read_bytes()
    assert report.counts() == serial.counts() and report.painted['/still/stylized/image'] == 2


def test_a_damaged_bag_gives_the_same_on_workers(tmp_path, look, painters, two_workers):
    bag = make_bag(tmp_path / 'in', 120, 'mcap', '', SIZE)
    cut(the_file(bag))
    serial = repaint(bag, tmp_path / 'one', look, painters, window=2)
    report = on(two_workers, bag, tmp_path / 'many', look, window=2)
    assert read(tmp_path / 'one') == read(tmp_path / 'many')
    assert report.counts() == serial.counts() and report.exit_code() == 3


def test_a_segment_that_kills_two_workers_is_given_up_and_named(tmp_path, look, monkeypatch, two_workers):
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(RAW, IMAGE, typestore=STORE)
        for n in range(30):
            writer.write(camera, START + n * STEP, STORE.serialize_cdr(image(n), IMAGE))
    real = segments.paint_segment

    def paint(plan_text, window, topic, parts, cores):      # it travels to the workers as its code
        import os
        import signal
        if window == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(plan_text, window, topic, parts, cores)

    monkeypatch.setattr(distributed_runs.segments, 'paint_segment', paint)
    report = on(two_workers, tmp_path / 'in', tmp_path / 'out', look, window=1.0)
    assert report.exit_code() == 3 and report.left_out == 10
    assert any(RAW in note and 'killed two workers' in note for note in report.notes)
    times = [t // STEP for t, _ in topic(read(tmp_path / 'out'), PAINTED)]
    assert times == [*range(10), *range(20, 30)]


def test_a_worker_that_is_killed_once_costs_nothing(tmp_path, look, painters, two_workers, monkeypatch):
    bag = make_bag(tmp_path / 'in', 30)
    real, flag = segments.paint_segment, str(tmp_path / 'killed')

    def paint(plan_text, window, topic, parts, cores):
        import os
        import signal
        if window == 1 and not os.path.exists(flag):
            open(flag, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        return real(plan_text, window, topic, parts, cores)

    serial = repaint(bag, tmp_path / 'one', look, painters, window=1.0)
    monkeypatch.setattr(distributed_runs.segments, 'paint_segment', paint)
    report = on(two_workers, bag, tmp_path / 'many', look, window=1.0)
    assert os.path.exists(flag) and report.counts() == serial.counts() and report.exit_code() == 0
    assert read(tmp_path / 'one') == read(tmp_path / 'many')


RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_bag']


def test_a_killed_run_goes_on_with_the_parts_that_are_finished(tmp_path):
    bag = make_bag(tmp_path / 'in', 200)
    (tmp_path / 'one').mkdir()
    out = tmp_path / 'out'
    options = ['--model', 'fake', '--segment', '0.5', '--quiet']
    subprocess.run([*RUN, str(bag), str(tmp_path / 'one' / 'out'), *options], check=True)
    running = subprocess.Popen([*RUN, str(bag), str(out), *options, '--workers', '2'], start_new_session=True)
    parts = tmp_path / 'out.unfinished' / 'parts'
    deadline = time.monotonic() + 300
    while len(list(parts.glob('*.json'))) < 3:
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)      # with its workers
    running.wait()
    assert not out.exists()
    subprocess.run([*RUN, str(bag), str(out), *options, '--workers', '2', '--resume'], check=True)
    assert (out / 'out_0.mcap').read_bytes() == (tmp_path / 'one' / 'out' / 'out_0.mcap').read_bytes()
    assert not (tmp_path / 'out.unfinished').exists()


def test_a_worker_with_another_model_is_refused(tmp_path, look, monkeypatch, two_workers):
    monkeypatch.setattr(clusters, 'model_hash', lambda model: 'another')
    with pytest.raises(ArchiveError, match='the model'):
        on(two_workers, make_bag(tmp_path / 'in', 2), tmp_path / 'out', look)


def test_a_scheduler_that_does_not_answer_is_one_sentence(tmp_path):
    done = subprocess.run([*RUN, str(make_bag(tmp_path / 'in', 2)), str(tmp_path / 'out'), '--model', 'fake', '--quiet',
                           '--scheduler', 'tcp://127.0.0.1:9'], capture_output=True, text=True)
    assert done.returncode == 1 and 'does not answer' in done.stderr and 'Traceback' not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in']


def test_a_plan_survives_json(tmp_path, look):
    from style_transfer_ros.archive.plan import Plan
    bag = make_bag(tmp_path / 'in', 20)
    with Bag(bag) as opened:
        plan, _ = make_plan(opened, str(bag), look, window=0.5)
    assert Plan.from_json(plan.to_json()) == plan and len(plan.windows) == 4
    for text in ('{}', 'no', '[]', plan.to_json().replace('"schema": 1', '"schema": 9')):
        with pytest.raises(ArchiveError, match='begin the run again'):
            Plan.from_json(text)


def test_a_killed_scheduler_is_one_sentence_and_the_parts_stay(tmp_path):
    bag = make_bag(tmp_path / 'in', 400)
    environment = {**os.environ, 'DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT': '5s'}
    scheduler = subprocess.Popen([sys.executable, '-m', 'distributed.cli.dask_scheduler', '--host', '127.0.0.1',
                                  '--port', '0', '--no-dashboard', '--scheduler-file',
                                  str(tmp_path / 'scheduler.json')], stderr=subprocess.DEVNULL)
    worker = None
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / 'scheduler.json').is_file() or not (tmp_path / 'scheduler.json').stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads((tmp_path / 'scheduler.json').read_text())['address']
        worker = subprocess.Popen([sys.executable, '-m', 'distributed.cli.dask_worker', address, '--nthreads', '1',
                                   '--no-dashboard', '--local-directory', str(tmp_path / 'worker')],
                                  stderr=subprocess.DEVNULL)
        running = subprocess.Popen([*RUN, str(bag), str(tmp_path / 'out'), '--model', 'fake', '--segment', '0.5',
                                    '--quiet', '--scheduler', address], stderr=subprocess.PIPE, text=True,
                                   env=environment)
        while not list((tmp_path / 'out.unfinished' / 'parts').glob('*.json')):
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        scheduler.kill()
        said = running.communicate(timeout=200)[1]
        assert running.returncode == 1 and 'scheduler is lost' in said and '--resume' in said
        assert 'Traceback' not in said and not (tmp_path / 'out').exists()
        assert list((tmp_path / 'out.unfinished' / 'parts').glob('*.json'))
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.kill()
                process.wait()


def test_workers_paint_videos_and_pictures(tmp_path, look, two_workers):
    still = replace(look, settings=replace(look.settings, smoothing=0.0))
    (tmp_path / 'in').mkdir()
    for n in range(40):
        (tmp_path / 'in' / f'{n:02d}.png').write_bytes(encode_png(frame(n)))
    report = Report()
    distributed_runs.repaint_pictures(two_workers, [str(tmp_path / 'in')], tmp_path / 'out', still, report)
    assert len(list((tmp_path / 'out').iterdir())) == report.painted.total() == 40 and report.exit_code() == 0
    pytest.importorskip('av', reason='PyAV is not installed (requirements/video.txt)')
    from test_videos import streams
    from videos import make_video
    video, report = make_video(tmp_path / 'in.mp4', 45, sound='aac'), Report()
    distributed_runs.repaint_video(two_workers, str(video), tmp_path / 'out.mp4', look, report, window=0.5)
    assert len(streams(tmp_path / 'out.mp4')[0]) == report.painted.total() == 45 and report.exit_code() == 0
