# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Videos are painted frame for frame, with their times, their sound and their upright picture."""
import errno
from fractions import Fraction
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

from bags import frame
import cv2
import numpy as np
import pytest
from videos import make_video, turned

from style_transfer_ros.archive import painting
from style_transfer_ros.archive import videos as archive_videos
from style_transfer_ros.archive.report import Report
from style_transfer_ros.archive.unfinished import StopAtDamage
from style_transfer_ros.archive.video_file import has_pyav, upright
from style_transfer_ros.archive.videos import repaint_video
from style_transfer_ros.engine.errors import ArchiveError, ImageError

needs_pyav = pytest.mark.skipif(not has_pyav(), reason='PyAV is not installed (requirements/video.txt)')


def repaint(video, out, look, painters, **options):
    report = Report()
    repaint_video(str(video), out, look, painters, report, **options)
    return report


def streams(path):
    """Return the times of the frames, s, the codecs, and the seconds of sound."""
    import av
    with av.open(str(path)) as container:
        picture = container.streams.video[0]
        times = [float(f.pts * picture.time_base) for f in container.decode(picture)]
        codecs = [stream.codec_context.name for stream in container.streams]
    with av.open(str(path)) as container:
        sound = sum(f.samples / f.sample_rate for f in container.decode(audio=0)) if container.streams.audio else 0.0
    return times, codecs, sound


def pictures(path):
    capture = cv2.VideoCapture(str(path))
    found = []
    while (got := capture.read())[0]:
        found.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    return found


@needs_pyav
@pytest.mark.parametrize('ending, sound', [('.mp4', 'aac'), ('.mkv', 'pcm_s16le'), ('.avi', 'mp3'), ('.mp4', '')])
def test_every_frame_is_painted_and_times_and_sound_stay(tmp_path, look, painters, ending, sound):
    video = make_video(tmp_path / f'in{ending}', 45, sound=sound)
    report = repaint(video, tmp_path / 'out.mp4', look, painters, window=0.5)
    times, codecs, seconds = streams(tmp_path / 'out.mp4')
    assert report.painted.total() == len(times) == 45 and report.exit_code() == 0
    before = streams(video)[0]
    assert np.allclose(times, np.array(before) - before[0], atol=2e-3)
    assert codecs[0] in ('h264', 'libx264') and len(codecs) == (2 if sound else 1)
    assert abs(seconds - streams(video)[2]) < 0.1
    painted = pictures(tmp_path / 'out.mp4')[0].astype(int)
    expected = pictures(video)[0] * 0.5 + np.array([1, 0.5, 0]) * 127.5
    assert np.abs(painted - expected).mean() < 8


@needs_pyav
@pytest.mark.parametrize('ending', ['.mp4', '.mov', '.mkv', '.avi', '.ts'])
@pytest.mark.parametrize('size, frames', [((64, 48), 4), ((160, 120), 12)])
def test_every_format_takes_what_was_painted(tmp_path, look, painters, ending, size, frames):
    """The muxer of AVI refused four small frames as invalid data."""
    out = tmp_path / f'out{ending}'
    report = repaint(make_video(tmp_path / 'in.mp4', frames, size=size), out, look, painters)
    assert report.exit_code() == 0 and len(pictures(out)) == frames


@pytest.mark.parametrize('name', ['out.webm', 'out.gif', 'out.jpg', 'out.xyz', 'out'])
def test_a_name_that_is_no_video_is_refused_before_painting(tmp_path, look, painters, name):
    with pytest.raises(ArchiveError, match='has no ending of a video .*; choose one of .mp4, .m4v'):
        repaint(tmp_path / 'in.mp4', tmp_path / name, look, painters)
    assert not list(tmp_path.iterdir())


@needs_pyav
def test_a_variable_rate_stays(tmp_path, look, painters):
    video = make_video(tmp_path / 'in.mp4', 40, variable=True)
    repaint(video, tmp_path / 'out.mp4', look, painters, window=0.4)
    assert np.allclose(streams(tmp_path / 'out.mp4')[0], streams(video)[0], atol=2e-3)


@needs_pyav
def test_a_turned_video_comes_out_upright(tmp_path, look, painters):
    video = turned(make_video(tmp_path / 'in.mp4', 5))
    repaint(video, tmp_path / 'out.mp4', look, painters)
    upright, painted = pictures(video)[0], pictures(tmp_path / 'out.mp4')[0]        # OpenCV turns it too
    assert painted.shape == upright.shape == (64, 48, 3)
    assert np.abs(painted - (upright * 0.5 + np.array([1, 0.5, 0]) * 127.5)).mean() < 10


@needs_pyav
def test_odd_sides_are_possible_and_a_part_can_be_cut_out(tmp_path, look, painters):
    video = make_video(tmp_path / 'in.avi', 60, size=(51, 75), sound='mp3')
    repaint(video, tmp_path / 'out.mp4', look, painters, start=0.5, stop=1.5)
    times, _, seconds = streams(tmp_path / 'out.mp4')
    assert len(times) == 30 and abs(times[0]) < 0.01 and abs(seconds - 1) < 0.1
    assert pictures(tmp_path / 'out.mp4')[0].shape == (52, 76, 3)


@needs_pyav
def test_damaged_frames_are_named_and_the_rest_is_painted(tmp_path, look, painters):
    video = make_video(tmp_path / 'in.avi', 60)
    data = bytearray(video.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 3000] = bytes(3000)
    video.write_bytes(data)
    report = repaint(video, tmp_path / 'out.mp4', look, painters)
    assert report.exit_code() == 3 and 'in.avi' in report.damage[0] and 'at ' in report.damage[0]
    assert 40 < report.painted.total() <= 60


def plain_video(path):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 30, (64, 48))
    for n in range(30):
        writer.write(frame(n, 48, 64))
    writer.release()
    return path


RUN = [sys.executable, '-m', 'style_transfer_ros.tools.stylize_video']


@needs_pyav
def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path):
    video = make_video(tmp_path / 'in.mp4', 240, sound='aac')
    options = ['--model', 'fake', '--segment', '0.5', '--quiet']
    subprocess.run([*RUN, str(video), str(tmp_path / 'whole.mp4'), *options], check=True)
    out = tmp_path / 'out.mp4'
    running = subprocess.Popen([*RUN, str(video), str(out), *options])
    finished = tmp_path / 'out.mp4.unfinished' / 'parts' / '00001.json'
    deadline = time.monotonic() + 60
    while not finished.is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not out.exists()
    subprocess.run([*RUN, str(video), str(out), *options, '--resume'], check=True)
    assert out.read_bytes() == (tmp_path / 'whole.mp4').read_bytes() and len(pictures(out)) == 240


@needs_pyav
def test_equal_frames_become_equal_bytes_whatever_lies_in_memory(tmp_path):
    """X264's MB-tree took what it had not written for data, in one of 60 parts among such pieces of memory."""
    chance, rubbish, parts = random.Random(7), [], set()
    frames = [(frame(n, 48, 64) * 0.5 + np.array([1, 0.5, 0]) * 127.5).astype(np.uint8) for n in range(15)]
    for n in range(300):
        part = archive_videos._Part(tmp_path / f'{n}.mp4', Fraction(1, 30), Fraction(30))
        for pts, picture in enumerate(frames):
            part.write(pts, archive_videos._h264(picture), Fraction(1))
            rubbish.append(bytearray(chance.randbytes(64) * chance.randrange(1, 1000)))
            if len(rubbish) > 50:
                del rubbish[chance.randrange(50)]
        part.close({})
        parts.add((tmp_path / f'{n}.mp4').read_bytes())
    assert len(parts) == 1


def test_without_pyav_it_is_motion_jpeg_and_that_is_said(tmp_path, monkeypatch, look, painters):
    video = tmp_path / 'in.avi'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 20.0, (64, 48))
    for n in range(20):
        writer.write(np.full((48, 64, 3), n * 10, np.uint8))
    writer.release()
    monkeypatch.setattr(archive_videos, 'has_pyav', lambda: False)
    report = repaint(video, tmp_path / 'out.mp4', look, painters)
    assert report.painted.total() == len(pictures(tmp_path / 'out.mp4')) == 20
    assert 'requirements/video.txt' in report.notes[0] and 'Motion JPEG' in report.notes[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in.avi', 'out.mp4']

    def refuse(*_):
        raise ImageError('It cannot be painted.')

    monkeypatch.setattr(painting, 'paint_alone', refuse)
    with pytest.raises(StopAtDamage, match='--on-error skip'):
        repaint(video, tmp_path / 'other.mp4', look, painters, on_error='stop')


@pytest.mark.parametrize('content', [None, b'', b'no video'])
def test_what_is_no_video_is_said_in_one_sentence(tmp_path, look, painters, content):
    path = tmp_path / 'x.mp4'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArchiveError, match='video') as error:
        repaint(path, tmp_path / 'out.mp4', look, painters)
    assert '\n' not in str(error.value) and 'x.mp4' in str(error.value) and not (tmp_path / 'out.mp4').exists()


@needs_pyav
def test_pictures_of_an_unknown_kind_are_told_before_painting(tmp_path, look, painters):
    video = make_video(tmp_path / 'in.mp4', 5)
    video.write_bytes(video.read_bytes().replace(b'avc1', b'xyz1'))
    with pytest.raises(ArchiveError, match='of an unknown kind.*convert it'):
        repaint(video, tmp_path / 'out.mp4', look, painters)


@needs_pyav
def test_the_picture_of_a_cover_is_not_taken_for_the_video(tmp_path, look, painters):
    import av
    video, cover = make_video(tmp_path / 'plain.mkv', 30), tmp_path / 'in.mkv'
    with av.open(str(video)) as source, av.open(str(cover), 'w') as target:
        still = target.add_stream('mjpeg')
        still.width, still.height, still.pix_fmt = 32, 32, 'yuvj420p'
        still.disposition = av.stream.Disposition.attached_pic
        moving = target.add_stream_from_template(source.streams.video[0])
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format='rgb24')
        picture.pts = 0
        target.mux(still.encode(picture) + still.encode(None))
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = moving
                target.mux(packet)
    assert repaint(cover, tmp_path / 'out.mp4', look, painters).painted.total() == 30
    assert pictures(tmp_path / 'out.mp4')[0].shape == (48, 64, 3)


def test_the_report_of_a_video_is_json(tmp_path, capsys):
    from style_transfer_ros.tools import stylize_video
    video = tmp_path / 'in.avi'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 20.0, (64, 48))
    for _ in range(5):
        writer.write(np.full((48, 64, 3), 99, np.uint8))
    writer.release()
    stylize_video.main([str(video), str(tmp_path / 'out.mp4'), '--model', 'fake', '--json', '--quiet'])
    report = json.loads(capsys.readouterr().out)
    assert report['frames_painted'] == 5 and report['exit_code'] == 0


@needs_pyav
@pytest.mark.parametrize('name, units', [('in.mp4', 60_000), ('in.mp4', 90_000), ('in.mp4', 1_000_000), ('in.ts', 0)])
def test_a_fine_time_base_stays(tmp_path, look, painters, name, units):
    video = make_video(tmp_path / name, 30, units=units, sound='aac')
    report = repaint(video, tmp_path / 'out.mp4', look, painters, window=0.5)
    assert report.painted.total() == 30 and report.exit_code() == 0
    before, after = streams(video)[0], streams(tmp_path / 'out.mp4')[0]
    assert np.allclose(after, np.array(before) - before[0], atol=1e-3)


@needs_pyav
@pytest.mark.parametrize('ending, gop', [('.ts', 25), ('.ts', 250), ('.mpg', 25), ('joined.ts', 10)])
def test_all_frames_of_a_file_without_an_index_are_found(tmp_path, look, painters, ending, gop):
    if ending == 'joined.ts':       # its times begin again
        video = tmp_path / ending
        video.write_bytes(2 * make_video(tmp_path / 'half.ts', 50, rate=25, gop=gop).read_bytes())
    else:
        video = make_video(tmp_path / f'in{ending}', 100, rate=25, gop=gop)
    report = repaint(video, tmp_path / 'out.mp4', look, painters, window=1.0)
    assert report.painted.total() == len(streams(tmp_path / 'out.mp4')[0]) == 100 and report.exit_code() == 0
    assert repaint(video, tmp_path / 'end.mp4', look, painters, start=1.0).painted.total() == 75
    assert repaint(video, tmp_path / 'last.mp4', look, painters, start=3.5).painted.total() == 12

    def stops(done, total):
        if done > 30:
            raise StopAtDamage('stopped')
    with pytest.raises(StopAtDamage):
        repaint(video, tmp_path / 'again.mp4', look, painters, window=1.0, progress=stops)
    repaint(video, tmp_path / 'again.mp4', look, painters, window=1.0, resume=True)
    assert (tmp_path / 'again.mp4').read_bytes() == (tmp_path / 'out.mp4').read_bytes()


@needs_pyav
@pytest.mark.parametrize('rate', [25, 30])
def test_a_stream_without_times_is_painted_at_its_rate(tmp_path, look, painters, rate):
    video = make_video(tmp_path / 'in.h264', 30, rate=rate)
    assert repaint(video, tmp_path / 'out.mp4', look, painters).painted.total() == 30
    assert np.allclose(streams(tmp_path / 'out.mp4')[0], np.arange(30) / rate, atol=1e-3)


@needs_pyav
def test_a_video_whose_times_begin_again_goes_on_behind_the_end(tmp_path, look, painters):
    part = make_video(tmp_path / 'part.ts', 30, sound='aac')
    video = tmp_path / 'in.ts'
    video.write_bytes(2 * part.read_bytes())
    report = repaint(video, tmp_path / 'out.mp4', look, painters)
    assert report.painted.total() == 60 and report.exit_code() == 0
    times, _, seconds = streams(tmp_path / 'out.mp4')
    assert np.allclose(np.diff(times), 1 / 30, atol=2e-3) and abs(seconds - 2) < 0.15


@needs_pyav
def test_a_broadcast_may_change_the_size_of_its_pictures_and_the_form_of_its_sound(tmp_path, look, painters):
    first = make_video(tmp_path / 'first.ts', 30, sound='mp2')
    second = make_video(tmp_path / 'second.ts', 30, size=(80, 96), sound='mp2', rate_of_sound=48_000)
    video = tmp_path / 'in.ts'
    video.write_bytes(first.read_bytes() + second.read_bytes())
    report = repaint(video, tmp_path / 'out.mp4', look, painters, window=0.4)
    assert report.painted.total() == 60 and report.exit_code() == 0
    assert abs(streams(tmp_path / 'out.mp4')[2] - 2) < 0.15
    repaint(video, tmp_path / 'end.mp4', look, painters, start=1.5)     # as a part, it fits those before it
    painted = pictures(tmp_path / 'end.mp4')[0]
    assert painted.shape == (48, 64, 3)
    photograph = cv2.resize(frame(15, 80, 96), (64, 48), interpolation=cv2.INTER_AREA)
    expected = photograph * 0.5 + np.array([1, 0.5, 0]) * 127.5
    assert np.abs(painted - expected).mean() < 12


@needs_pyav
@pytest.mark.parametrize('sound, ending', [('mp2', '.mp4'), ('flac', '.mov'), ('flac', '.avi')])
def test_sound_that_is_damaged_is_left_out_and_the_pictures_stay(tmp_path, look, painters, sound, ending):
    video = make_video(tmp_path / 'in.mkv', 60, sound=sound)
    data = bytearray(video.read_bytes())
    import av
    with av.open(str(video)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    for packet in packets[10:20]:
        at = data.index(packet)
        data[at:at + len(packet)] = random.Random(at).randbytes(len(packet))
    video.write_bytes(data)
    out = tmp_path / f'out{ending}'
    report = repaint(video, out, look, painters)
    times, codecs, seconds = streams(out)
    assert len(times) == 60 and len(codecs) == 2 and 1 < seconds < 2.1
    assert report.exit_code() == 3 and 'cannot be read' in ' '.join(report.damage)


@needs_pyav
@pytest.mark.parametrize('refused, sound, code', [(('ac3',), ['aac'], 0), (('ac3', 'aac'), [], 3)])
def test_sound_that_a_file_refuses_at_the_end_is_encoded_again_or_left_out(
        tmp_path, look, painters, monkeypatch, refused, sound, code):
    import av
    whole = archive_videos.join

    def join(*arguments):
        lost = whole(*arguments)
        if any(codec in refused for codec in streams(arguments[3])[1]):
            raise av.error.InvalidDataError(1094995529, 'Invalid data')
        return lost
    monkeypatch.setattr(archive_videos, 'join', join)
    video = make_video(tmp_path / 'in.mkv', 30, sound='ac3')
    report = repaint(video, tmp_path / 'out.mp4', look, painters)
    assert report.exit_code() == code and len(report.damage) == bool(code)
    assert streams(tmp_path / 'out.mp4')[1][1:] == sound and len(pictures(tmp_path / 'out.mp4')) == 30


@needs_pyav
def test_sound_of_an_unknown_kind_is_left_out_and_the_pictures_stay(tmp_path, look, painters):
    video = make_video(tmp_path / 'in.mkv', 30, sound='pcm_s16le')
    video.write_bytes(video.read_bytes().replace(b'A_PCM/INT/LIT', b'A_XYZ/INT/LIT'))
    report = repaint(video, tmp_path / 'out.mp4', look, painters)
    assert report.exit_code() == 3 and 'sound' in report.damage[0] and 'left out' in report.damage[0]
    assert len(pictures(tmp_path / 'out.mp4')) == 30


@needs_pyav
@pytest.mark.parametrize('ending', ['.mp4', '.mov', '.mkv', '.avi', '.ts'])
def test_mp3_is_copied(tmp_path, look, painters, ending):
    video = make_video(tmp_path / 'in.mkv', 30, sound='mp3')
    assert repaint(video, tmp_path / f'out{ending}', look, painters).exit_code() == 0
    assert 'mp3' in streams(tmp_path / f'out{ending}')[1][1]


@needs_pyav
def test_a_disk_that_is_full_while_sound_is_written_is_no_damage_of_the_sound(tmp_path):
    import av

    class Full:

        def __init__(self, target):
            self.add_stream_from_template = target.add_stream_from_template

        def mux(self, packet):
            av.error.err_check(-errno.ENOSPC)
    with archive_videos.Video(str(make_video(tmp_path / 'in.mp4', 30, sound='aac'))) as video, \
            av.open(str(tmp_path / 'out.mp4'), 'w') as target:
        sound = archive_videos._Sound(video, Full(target), ('aac',), Fraction(0), Fraction(9))
        with pytest.raises(OSError) as error:
            sound.mux(None)
    assert error.value.errno == errno.ENOSPC


@needs_pyav
@pytest.mark.parametrize('rate', [4000, 18_900, 50_000, 192_000])
def test_sound_at_a_rate_that_aac_does_not_have_is_resampled(tmp_path, look, painters, rate):
    video = make_video(tmp_path / 'in.mkv', 30, sound='pcm_s16le', rate_of_sound=rate)
    assert repaint(video, tmp_path / 'out.mp4', look, painters).exit_code() == 0
    assert abs(streams(tmp_path / 'out.mp4')[2] - streams(video)[2]) < 0.1


@needs_pyav
@pytest.mark.parametrize('turn', [False, True])
def test_pixels_that_are_not_square_keep_their_shape(tmp_path, look, painters, turn):
    import av
    video = make_video(tmp_path / 'in.mp4', 5, aspect=Fraction(16, 11))
    repaint(turned(video) if turn else video, tmp_path / 'out.mp4', look, painters)
    with av.open(str(tmp_path / 'out.mp4')) as container:
        assert container.streams.video[0].sample_aspect_ratio == (Fraction(11, 16) if turn else Fraction(16, 11))


@needs_pyav
@pytest.mark.parametrize('height, space', [(480, 'ITU601'), (720, 'ITU709')])
def test_a_video_that_does_not_tell_its_colours_has_those_of_its_size(height, space):
    import av
    rgb = np.full((height, 640, 3), (200, 60, 30), np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format='rgb24').reformat(format='yuv420p', dst_colorspace=space)
    frame.colorspace = 2        # not told
    assert np.abs(upright(frame, (640, height)).astype(int) - rgb).max() <= 4


@needs_pyav
@pytest.mark.parametrize('kept', [0, 0.9])
@pytest.mark.parametrize('lost', ['00001.json', '00001.mp4'])
def test_a_part_that_a_failing_power_emptied_or_cut_is_painted_again(tmp_path, look, painters, lost, kept):
    video = make_video(tmp_path / 'in.mp4', 60)
    repaint(video, tmp_path / 'whole.mp4', look, painters, window=0.5)

    def stops(done, total):
        if done > 50:
            raise StopAtDamage('stopped')
    with pytest.raises(StopAtDamage):
        repaint(video, tmp_path / 'out.mp4', look, painters, window=0.5, progress=stops)
    part = tmp_path / 'out.mp4.unfinished' / 'parts' / lost
    part.write_bytes(part.read_bytes()[:int(kept * part.stat().st_size)])
    repaint(video, tmp_path / 'out.mp4', look, painters, window=0.5, resume=True)
    assert (tmp_path / 'out.mp4').read_bytes() == (tmp_path / 'whole.mp4').read_bytes()


@pytest.mark.parametrize('name', ['out.avi', 'out.mp4'])
def test_without_pyav_a_full_disk_is_told(tmp_path, monkeypatch, look, painters, name):
    class Full:
        """A writer that loses, without a word, what the disk does not take."""

        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def __init__(self, *arguments):
            self.writer, self.left = real(*arguments), 10

        def __getattr__(self, name):
            return getattr(self.writer, name)

        def write(self, picture):
            self.left -= 1
            if self.left >= 0:
                self.writer.write(picture)
    real = cv2.VideoWriter
    video = plain_video(tmp_path / 'in.avi')
    monkeypatch.setattr(cv2, 'VideoWriter', Full)
    monkeypatch.setattr(archive_videos, 'has_pyav', lambda: False)
    with pytest.raises(ArchiveError, match='Only 10 of 30 frames .* the disk may be full'):
        repaint(video, tmp_path / name, look, painters)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize('missing', [1, 300, 900])
def test_without_pyav_a_disk_that_is_full_at_the_very_end_is_told(tmp_path, monkeypatch, look, painters, missing):
    monkeypatch.setattr(archive_videos, 'has_pyav', lambda: False)
    video = plain_video(tmp_path / 'in.avi')
    repaint(video, tmp_path / 'whole.avi', look, painters)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / 'whole.avi').stat().st_size - missing, limits[1]))
    try:
        with pytest.raises((OSError, ArchiveError), match='too large|the disk may be full'):
            repaint(video, tmp_path / 'out.avi', look, painters)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / 'out.avi').exists()


@pytest.mark.parametrize('pyav', [False, pytest.param(True, marks=needs_pyav)])
def test_a_video_is_on_the_disk_before_its_parts_are_removed(tmp_path, monkeypatch, look, painters, pyav):
    synced, real = set(), os.fsync

    def fsync(file):
        synced.add(os.fstat(file).st_ino)
        real(file)
    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(archive_videos, 'has_pyav', lambda: pyav)
    repaint(plain_video(tmp_path / 'in.avi'), tmp_path / 'out.avi', look, painters)
    assert (tmp_path / 'out.avi').stat().st_ino in synced
