# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Pictures are painted from files, folders, patterns and the standard input."""
from dataclasses import replace
import errno
import os
import signal
import subprocess
import sys

from bags import frame
import cv2
import numpy as np
import pytest

from style_transfer_ros.archive import folders
from style_transfer_ros.archive.folders import paint_tasks, repaint_pictures
from style_transfer_ros.archive.report import Report
from style_transfer_ros.engine.errors import ArchiveError
from style_transfer_ros.engine.pictures import encode_jpeg, encode_png, read_picture

RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_images']


def repaint(inputs, out, look, painters, **options):
    report = Report()
    repaint_pictures([str(one) for one in inputs], out, look, painters, report, **options)
    return report


@pytest.fixture
def look(look):
    """Paint each picture for itself."""
    return replace(look, settings=replace(look.settings, smoothing=0.0))


@pytest.fixture
def trip(tmp_path):
    """Three pictures of different kinds, one of them in a folder below, a text and a broken picture."""
    folder = tmp_path / 'trip'
    (folder / 'day 2').mkdir(parents=True)
    (folder / 'a.jpg').write_bytes(encode_jpeg(frame(1)))
    (folder / 'day 2' / 'a.png').write_bytes(encode_png(frame(2)))
    cv2.imwrite(str(folder / 'c.webp'), frame(3))
    (folder / 'notes.txt').write_text('sunny')
    (folder / 'broken.jpg').write_bytes(encode_jpeg(frame(1))[:100])
    return folder


def test_names_of_any_length_are_painted(tmp_path, look, painters):
    folder = tmp_path / 'in'
    folder.mkdir()
    (folder / f'{"a" * 247}.jpg').write_bytes(encode_jpeg(frame(1)))
    (folder / f'{"ä" * 125}.jpg').write_bytes(encode_jpeg(frame(1)))        # two bytes each
    for end in 'xy':
        cv2.imwrite(str(tmp_path / 'x.webp'), frame(3))
        (tmp_path / 'x.webp').rename(folder / f'{"b" * 247}{end}.webp')     # one name without the last letter
    report = repaint([folder], tmp_path / 'out', look, painters)
    assert names(tmp_path / 'out') == sorted([f'{"a" * 247}.jpg', f'{"ä" * 125}.jpg', f'{"b" * 247}x.we.png',
                                              f'{"b" * 247}y.we.png'])
    assert report.painted.total() == 4 and report.exit_code() == 0


def test_names_that_are_cut_to_the_same_stay_apart(tmp_path, look, painters):
    for ending in ('webx', 'weby'):
        (tmp_path / f'{"b" * 250}.{ending}').write_bytes(encode_png(frame(1)))
    repaint([tmp_path / f'{"b" * 250}.*'], tmp_path / 'out', look, painters)
    assert names(tmp_path / 'out') == sorted([f'{"b" * 250}..png', f'{"b" * 249}_2.png'])


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def test_a_folder_is_painted_with_all_below_it_and_a_broken_picture_is_named(tmp_path, trip, look, painters):
    report = repaint([trip], tmp_path / 'out', look, painters)
    assert names(tmp_path / 'out') == ['a.jpg', 'c.webp.png', 'day 2/a.png']
    assert report.exit_code() == 3 and 'broken.jpg' in report.damage[0] and '1 files' in report.notes[0]
    expected = np.clip(frame(2) * 0.5 + np.array([1, 0.5, 0]) * 127.5, 0, 255).astype(np.uint8)
    assert (read_picture(tmp_path / 'out' / 'day 2' / 'a.png') == expected).all()
    assert read_picture(tmp_path / 'out' / 'a.jpg').shape == frame(1).shape


def test_patterns_and_files_are_painted_and_equal_names_get_a_number(tmp_path, trip, look, painters):
    repaint([trip / '*.webp', trip / 'a.jpg', trip / 'a.jpg'], tmp_path / 'out', look, painters)
    assert names(tmp_path / 'out') == ['a.jpg', 'a_2.jpg', 'c.webp.png']


@pytest.mark.parametrize('given, part', [('none*', 'pattern'), ('nowhere', 'nowhere'), ('empty', 'no picture')])
def test_what_is_not_there_is_said_in_one_sentence(tmp_path, look, painters, given, part):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ArchiveError, match=part):
        repaint([tmp_path / given], tmp_path / 'out', look, painters)
    assert not (tmp_path / 'out').exists()


def test_an_interrupted_run_goes_on(tmp_path, trip, look, painters):
    (trip / 'broken.jpg').unlink()

    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repaint([trip], tmp_path / 'out', look, painters, progress=interrupt)
    assert not (tmp_path / 'out').exists()
    with pytest.raises(ArchiveError, match='--resume'):
        repaint([trip], tmp_path / 'out', look, painters)
    report = repaint([trip], tmp_path / 'out', look, painters, resume=True)
    assert len(names(tmp_path / 'out')) == report.painted.total() == 3 and report.exit_code() == 0


def test_a_picture_that_a_power_cut_emptied_is_painted_again(tmp_path, trip, look, painters):
    (trip / 'broken.jpg').unlink()

    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repaint([trip], tmp_path / 'out', look, painters, progress=interrupt)
    parts = tmp_path / 'out.unfinished' / 'parts'
    (parts / 'a.jpg').write_bytes(b'')
    (parts / '.killed.new').write_bytes(b'half a picture')
    repaint([trip], tmp_path / 'out', look, painters, resume=True)
    assert names(tmp_path / 'out') == ['a.jpg', 'c.webp.png', 'day 2/a.png']
    assert read_picture(tmp_path / 'out' / 'a.jpg').shape == frame(1).shape


def test_a_painting_has_its_name_only_when_it_is_on_the_disk(tmp_path, trip, look, painters, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def paint(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(os, 'fsync', full)
            paint_tasks(*arguments, **options)

    monkeypatch.setattr(folders, 'paint_tasks', paint)
    with pytest.raises(OSError, match='No space'):
        repaint([trip], tmp_path / 'out', look, painters)
    assert names(tmp_path / 'out.unfinished' / 'parts') == []


def webp(rgb):
    return cv2.imencode('.webp', rgb)[1].tobytes()


@pytest.mark.parametrize('encode, head', [(encode_jpeg, b'\xff\xd8'), (encode_png, b'\x89PNG'), (webp, b'\x89PNG')])
def test_the_standard_input_goes_to_the_standard_output(encode, head):
    done = subprocess.run([*RUN, '-', '-', '--model', 'fake'], input=encode(frame(1)), capture_output=True, check=True)
    picture = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_COLOR)
    assert done.stdout.startswith(head) and picture.shape == frame(1).shape and b'Painted 1' in done.stderr


@pytest.mark.parametrize('name, head', [('o.png', b'\x89PNG'), ('o.JPG', b'\xff\xd8'), ('o.jpeg', b'\xff\xd8')])
def test_the_standard_input_becomes_what_the_name_of_the_output_says(tmp_path, name, head):
    for encoded in (encode_jpeg(frame(1)), encode_png(frame(1))):
        subprocess.run([*RUN, '-', str(tmp_path / name), '--model', 'fake', '--quiet'], input=encoded, check=True)
        assert (tmp_path / name).read_bytes().startswith(head)
        (tmp_path / name).unlink()


@pytest.mark.parametrize('name', ['o.webp', 'o'])
def test_an_output_that_does_not_say_what_it_becomes_is_refused(tmp_path, name):
    done = subprocess.run([*RUN, '-', str(tmp_path / name), '--model', 'fake', '--quiet'],
                          input=encode_png(frame(1)), capture_output=True)
    assert done.returncode == 1 and b'.jpg' in done.stderr and done.stderr.count(b'\n') == 1
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_no_half_painting_of_the_standard_input(tmp_path):
    limited = ['bash', '-c', 'ulimit -f 1; exec "$@"', 'bash', *RUN]
    done = subprocess.run([*limited, '-', str(tmp_path / 'o.png'), '--model', 'fake', '--quiet'],
                          input=encode_png(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)),
                          capture_output=True, preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
    assert done.returncode == 1 and b'choose another place' in done.stderr and os.listdir(tmp_path) == []


def test_a_broken_picture_on_the_standard_input_is_one_sentence():
    done = subprocess.run([*RUN, '-', '-', '--model', 'fake'], input=b'what', capture_output=True)
    assert done.returncode == 1 and done.stdout == b'' and b'standard input' in done.stderr
    assert b'Traceback' not in done.stderr
