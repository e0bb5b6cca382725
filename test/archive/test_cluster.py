# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Workers paint what one process paints, to the byte, and the loss of some of them costs little."""
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
from test_bags import extras, PAINTED, read, repaint, topic
from test_damage import cut, SIZE, the_file
from test_latched import CUT, latched_bag
from test_several_bags import unpaintable

Client = pytest.importorskip('distributed', reason='Dask is not installed (requirements/scale.txt)').Client

from style_transfer_ros.archive import cluster as clusters  # noqa: E402
from style_transfer_ros.archive import distributed_runs, segments  # noqa: E402
from style_transfer_ros.archive.bag_reader import Bag  # noqa: E402
from style_transfer_ros.archive.bags import make_plan  # noqa: E402
from style_transfer_ros.archive.painting import cores_given  # noqa: E402
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


def test_workers_copy_attachments(tmp_path, look, painters, two_workers, attached):
    repaint(attached, tmp_path / 'one', look, painters, window=0.1)
    on(two_workers, attached, tmp_path / 'many', look, window=0.1)
    assert extras(tmp_path / 'one')[:2] == extras(tmp_path / 'many')[:2]


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

    def paint(plan_text, window, topic, parts):      # it travels to the workers as its code
        import os
        import signal
        if window == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(plan_text, window, topic, parts)

    monkeypatch.setattr(distributed_runs.segments, 'paint_segment', paint)
    report = on(two_workers, tmp_path / 'in', tmp_path / 'out', look, window=1.0)
    assert report.exit_code() == 3 and report.left_out == 10
    assert any(RAW in note and 'killed two workers' in note for note in report.notes)
    times = [t // STEP for t, _ in topic(read(tmp_path / 'out'), PAINTED)]
    assert times == [*range(10), *range(20, 30)]


def test_a_worker_that_is_killed_once_costs_nothing(tmp_path, look, painters, two_workers, monkeypatch):
    bag = make_bag(tmp_path / 'in', 30)
    real, flag = segments.paint_segment, str(tmp_path / 'killed')

    def paint(plan_text, window, topic, parts):
        import os
        import signal
        if window == 1 and not os.path.exists(flag):
            open(flag, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        return real(plan_text, window, topic, parts)

    serial = repaint(bag, tmp_path / 'one', look, painters, window=1.0)
    monkeypatch.setattr(distributed_runs.segments, 'paint_segment', paint)
    report = on(two_workers, bag, tmp_path / 'many', look, window=1.0)
    assert os.path.exists(flag) and report.counts() == serial.counts() and report.exit_code() == 0
    assert read(tmp_path / 'one') == read(tmp_path / 'many')


def test_a_bag_that_fails_costs_no_other_and_leaves_nothing(tmp_path, look, painters, two_workers, monkeypatch):
    changed, good = (make_bag(tmp_path / name, 30) for name in ('changed', 'good'))
    bags = [unpaintable(tmp_path / 'bad'), changed, tmp_path / 'nowhere', good]
    (tmp_path / 'one').mkdir()
    (tmp_path / 'many').mkdir()
    real = segments.paint_segment

    def paint(plan_text, window, topic, parts):
        from style_transfer_ros.engine.errors import ArchiveError
        if 'changed' in parts:
            raise ArchiveError('it has changed')
        return real(plan_text, window, topic, parts)

    monkeypatch.setattr(distributed_runs.segments, 'paint_segment', paint)
    report = Report()
    failed = distributed_runs.repaint_bags(two_workers, [(str(bag), str(tmp_path / 'many' / bag.name)) for bag in bags],
                                           look, report, window=1.0)
    assert sorted(error[:9] for error in failed) == ['Nothing o', 'There is ', 'it has ch'] and report.exit_code() == 3
    repaint(good, tmp_path / 'one' / 'good', look, painters, window=1.0)
    assert read(tmp_path / 'one' / 'good') == read(tmp_path / 'many' / 'good')
    assert sorted(path.name for path in (tmp_path / 'many').iterdir()) == ['good']


def test_parts_whose_reports_a_power_cut_emptied_are_painted_again(tmp_path, look, painters, two_workers, monkeypatch):
    bag, out = make_bag(tmp_path / 'in', 30), tmp_path / 'out'
    real = segments.paint_segment

    def paint(plan_text, window, topic, parts):
        from style_transfer_ros.engine.errors import ArchiveError
        if window == 2:
            raise ArchiveError('interrupted')
        return real(plan_text, window, topic, parts)

    with monkeypatch.context() as patch, pytest.raises(ArchiveError, match='interrupted'):
        patch.setattr(distributed_runs.segments, 'paint_segment', paint)
        on(two_workers, bag, out, look, window=1.0)
    assert len(finished(out)) > 1
    for report in finished(out):
        report.write_bytes(b'')
    (tmp_path / 'out.unfinished' / 'windows.json').unlink(missing_ok=True)
    report = on(two_workers, bag, out, look, window=1.0, resume=True)
    serial = repaint(bag, tmp_path / 'one', look, painters, window=1.0)
    assert read(out) == read(tmp_path / 'one') and report.counts() == serial.counts()


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


def test_ctrl_c_in_a_terminal_is_one_sentence_of_all_processes(tmp_path):
    bag, out = make_bag(tmp_path / 'in', 400), tmp_path / 'out'
    running = subprocess.Popen(
        [sys.executable, '-m', 'style_transfer_ros.tools.stylize_bag', str(bag), str(out), '--model', 'fake',
         '--segment', '0.5', '--workers', '2', '--quiet'], stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 100
    while not (tmp_path / 'out.unfinished' / 'windows.json').is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=60)[1]       # which ends with the last worker
    assert running.returncode == 130 and said.count('\n') == 1 and '--resume' in said, said


def test_a_worker_with_another_model_is_refused(tmp_path, look, monkeypatch, two_workers):
    monkeypatch.setattr(clusters, 'model_hash', lambda model: 'another')
    clusters._about.cache_clear()
    with pytest.raises(ArchiveError, match='the model'):
        on(two_workers, make_bag(tmp_path / 'in', 2), tmp_path / 'out', look)
    clusters._about.cache_clear()


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


@contextmanager
def scheduler(folder):
    """Start a scheduler of Dask as a process; give its address, and what starts workers there."""
    processes = []

    def start(what, *arguments, **variables):
        processes.append(subprocess.Popen([sys.executable, '-m', f'distributed.cli.dask_{what}', *arguments,
                                           '--no-dashboard'], stderr=subprocess.DEVNULL, cwd=folder,
                                          env={**os.environ, **variables}))
        return processes[-1]

    def worker(*arguments, **variables):
        return start('worker', address, '--local-directory', str(folder / 'worker'), *arguments, **variables)

    file = folder / 'scheduler.json'
    process = start('scheduler', '--host', '127.0.0.1', '--port', '0', '--scheduler-file', str(file))
    try:
        wait_for(lambda: file.is_file() and file.stat().st_size, process)
        address = json.loads(file.read_text())['address']
        yield address, worker, process
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_for(event, running):
    deadline = time.monotonic() + 120
    while not event():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def stylize(bag, out, *options, **variables):
    return subprocess.Popen([*RUN, str(bag), str(out), '--model', 'fake', '--quiet', *options], stderr=subprocess.PIPE,
                            text=True, env={**os.environ, **variables})


def finished(out):
    return list(out.with_name(f'{out.name}.unfinished').glob('parts/*.json'))


def test_a_killed_scheduler_is_one_sentence_and_the_parts_stay(tmp_path):
    bag, out = make_bag(tmp_path / 'in', 400), tmp_path / 'out'
    with scheduler(tmp_path) as (address, worker, process):
        worker('--nthreads', '1')
        running = stylize(bag, out, '--segment', '0.5', '--scheduler', address,
                          DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT='5s')
        wait_for(lambda: finished(out), running)
        process.kill()
        said = running.communicate(timeout=200)[1]
    assert running.returncode == 1 and 'scheduler is lost' in said and '--resume' in said
    assert 'Traceback' not in said and not out.exists() and finished(out)


def foreign(folder, what):
    """Make a folder that gives a worker another version of this package, or something else of this name."""
    told = folder / 'style_transfer_ros-9.9.9.dist-info'
    if what == 'version':
        told.mkdir()
        (told / 'METADATA').write_text('Metadata-Version: 2.1\nName: style_transfer_ros\nVersion: 9.9.9\n')
    else:
        (folder / 'style_transfer_ros.py').touch()
    return f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"


@pytest.mark.parametrize('what, said', [('version', "style_transfer_ros '9.9.9'"), ('nothing', 'ModuleNotFoundError')])
def test_a_worker_that_comes_later_with_another_version_is_refused(tmp_path, look, monkeypatch, what, said):
    bag, real, folder = make_bag(tmp_path / 'in', 30), segments.paint_segment, str(tmp_path)

    def paint(plan_text, window, topic, parts):
        import os
        import time
        open(f'{folder}/begun', 'w').close()
        while not os.path.exists(f'{folder}/late'):
            time.sleep(0.01)
        return real(plan_text, window, topic, parts)

    def come_later():
        wait_for((tmp_path / 'begun').is_file, process)
        late = worker('--nthreads', '1', PYTHONPATH=foreign(tmp_path, what))
        wait_for(lambda: len(watching.scheduler_info()['workers']) == 2, late)
        (tmp_path / 'late').touch()

    with scheduler(tmp_path) as (address, worker, process), Client(address) as watching:
        worker('--nthreads', '1')
        with clusters.cluster(0, address) as workers, ThreadPoolExecutor() as pool:
            with monkeypatch.context() as patch:
                patch.setattr(distributed_runs.segments, 'paint_segment', paint)
                coming = pool.submit(come_later)
                with pytest.raises(ArchiveError, match='install the same everywhere') as late:
                    on(workers, bag, tmp_path / 'out', look, window=0.5)
                coming.result()
            with pytest.raises(ArchiveError, match='install the same everywhere') as early:
                on(workers, bag, tmp_path / 'other', look, window=0.5)
    assert said in str(late.value) and said in str(early.value)
    assert finished(tmp_path / 'out') and not finished(tmp_path / 'other')


def test_a_scheduler_without_tls_is_warned_of_in_one_sentence(tmp_path):
    bag = make_bag(tmp_path / 'in', 3)
    with scheduler(tmp_path) as (address, worker, _):
        worker('--nthreads', '1')
        running = stylize(bag, tmp_path / 'out', '--scheduler', address)
        said = running.communicate(timeout=300)[1]
    assert running.returncode == 0 and said.count('without TLS') == 1 and address in said and said.count('\n') == 1


@pytest.mark.parametrize('threads', [1, 2])
def test_a_worker_paints_with_as_many_threads_as_it_was_given(tmp_path, look, threads):
    if threads > cores_given():
        pytest.skip('this machine has one core')
    with scheduler(tmp_path) as (address, worker, _):
        worker('--nthreads', str(threads))
        with clusters.cluster(0, address) as workers:
            on(workers, make_bag(tmp_path / 'in', 3), tmp_path / 'out', look)
        with Client(address) as client:
            there = client.submit(lambda look: segments.painters(look).count, look).result()
    assert there == threads


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
    out = tmp_path / 'again.mp4'

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distributed_runs.repaint_video(two_workers, str(video), out, look, Report(), window=0.5, progress=interrupt)
    for part in finished(out):      # as a power cut may leave it
        part.write_bytes(b'')
    distributed_runs.repaint_video(two_workers, str(video), out, look, Report(), window=0.5, resume=True)
    assert len(streams(out)[0]) == 45
