# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Frame sources: always the size asked for, never stretched, and a sentence when there is nothing to show."""
from __future__ import annotations

import os
from pathlib import Path
import socket

import cv2
import numpy as np
import pytest

from style_transfer_ros.engine import sources
from style_transfer_ros.engine.errors import SourceError, SourceGone, StyleTransferError
from style_transfer_ros.engine.sources import CameraSource, fit, open_source, PicturesSource, SceneSource, VideoSource


def sentence(text: str) -> bool:
    return text.endswith('.') and '\n' not in text and 'Traceback' not in text


def write_picture(path: Path, colour, width: int = 80, height: int = 60) -> Path:
    """Write a picture of one RGB colour."""
    cv2.imwrite(str(path), np.full((height, width, 3), colour[::-1], np.uint8))
    return path


def write_video(path: Path, frames: int = 8, fps: float = 10, width: int = 64, height: int = 48) -> Path:
    """Write a video whose frame n is grey of 20 + 25 n, with a red left edge."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), fps, (width, height))
    for n in range(frames):
        frame = np.full((height, width, 3), 20 + 25 * n, np.uint8)
        frame[:, :16] = (0, 0, 255)
        writer.write(frame)
    writer.release()
    return path


def write_matroska(path: Path, times: list[int]) -> Path:
    """Write the frames of :func:`write_video` to be shown at these times, ms: OpenCV writes constant rates alone."""
    def element(name: str, content: bytes) -> bytes:
        return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, 'big') + content

    def unsigned(name: str, value: int) -> bytes:
        return element(name, value.to_bytes(4, 'big'))
    blocks = b''
    for n, time in enumerate(times):
        jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 20 + 25 * n, np.uint8))[1].tobytes()
        blocks += element('a3', b'\x81' + time.to_bytes(2, 'big') + b'\x80' + jpeg)
    track = element('ae', unsigned('d7', 1) + unsigned('73c5', 1) + unsigned('83', 1) + element('86', b'V_MJPEG')
                    + element('e0', unsigned('b0', 64) + unsigned('ba', 48)))
    path.write_bytes(element('1a45dfa3', element('4282', b'matroska')) + element('18538067', (
        element('1549a966', unsigned('2ad7b1', 1_000_000)) + element('1654ae6b', track)
        + element('1f43b675', unsigned('e7', 0) + blocks))))
    return path


def number(frame: np.ndarray) -> int:
    """Read back which frame of :func:`write_video` this is."""
    return round((float(frame[:, frame.shape[1] // 2:].mean()) - 20) / 25)


def chart(height: int = 300, width: int = 400) -> np.ndarray:
    """Draw a picture with detail everywhere, RGB."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def everything(tmp_path):
    """Name one source of each kind that needs no device."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    write_picture(folder / 'a.png', (1, 2, 3), 30, 90)
    return ['scene', str(write_video(tmp_path / 'video.avi')), str(folder), str(folder / 'a.png')]


@pytest.mark.parametrize('size', [(640, 480), (160, 120), (333, 777), (1280, 720), (1, 1), (3, 500)])
def test_every_source_gives_frames_of_exactly_the_size_asked_for(everything, size):
    for name in everything:
        with open_source(name, *size) as source:
            frames = [source.read() for _ in range(3)]
        for frame in frames:
            assert frame.shape == (size[1], size[0], 3) and frame.dtype == np.uint8 and frame.flags.c_contiguous
        frames[0][:] = 77      # a frame belongs to who asked for it
        assert not np.shares_memory(frames[0], frames[1]) and not (frames[1] == 77).all()


@pytest.mark.parametrize('size', [(0, 480), (640, -1), (640, 10_000)])
def test_an_impossible_size_is_refused(everything, size):
    for name in everything:
        with pytest.raises(SourceError, match=f'{size[0]}x{size[1]}') as error:
            open_source(name, *size)
        assert sentence(str(error.value))


@pytest.mark.parametrize('rate', [0, -5, float('nan'), float('inf')])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(SourceError, match='rate'):
        open_source('scene', 64, 48, rate)


@pytest.mark.parametrize('name', ['', 'nowhere.mp4', '/no/such/folder', '~nobody/at all', 'a\0b', 'x' * 5000,
                                  '97', '/dev/video97', '/dev/v4l/by-id/none'])
def test_what_is_not_there_is_a_sentence_and_may_be_tried_again(name):
    with pytest.raises(SourceGone) as error:
        open_source(name, 64, 48)
    assert sentence(str(error.value)) and 'scene' in str(error.value)
    assert isinstance(error.value, StyleTransferError)


def test_a_file_of_another_kind_is_a_sentence(tmp_path, capfd):
    (tmp_path / 'notes.txt').write_text('no video')
    with pytest.raises(SourceError, match='no video or picture') as error:
        open_source(str(tmp_path / 'notes.txt'), 64, 48)
    assert sentence(str(error.value)) and not isinstance(error.value, SourceGone)


def test_fit_cuts_the_longer_sides_equally_and_never_stretches():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 255
    assert fit(picture, 50, 50).min() == 255
    assert fit(picture.transpose(1, 0, 2), 50, 50).min() == 255
    assert fit(picture, 200, 200).min() == 255
    assert np.shares_memory(fit(picture, 300, 100), picture)     # nothing to do, nothing copied
    disc = cv2.circle(np.zeros((400, 600, 3), np.uint8), (300, 200), 150, (255, 255, 255), -1)
    for width, height in ((300, 300), (320, 200), (500, 400), (640, 480)):
        rows, columns = np.nonzero(fit(disc, width, height)[..., 0] > 127)
        assert abs(np.ptp(rows) - np.ptp(columns)) <= 2


class TestScene:

    def test_a_frame_depends_on_its_number_only(self):
        one, other = open_source('scene', 160, 120), open_source('scene', 160, 120)
        read = [one.read() for _ in range(5)]
        for n in (3, 0, 4, 2, 1):
            np.testing.assert_array_equal(other.frame(n), read[n])

    def test_it_moves_slowly_and_smoothly_and_comes_back(self):
        scene = open_source('scene', 320, 240)
        window = cv2.createHanningWindow((320, 240), cv2.CV_64F)
        grey = [cv2.cvtColor(scene.frame(n), cv2.COLOR_RGB2GRAY).astype(np.float64) for n in range(0, 1805, 5)]
        steps = [np.hypot(*cv2.phaseCorrelate(a, b, window)[0]) for a, b in zip(grey, grey[1:])]
        assert 0.2 < np.median(steps) < 5 and max(steps) < 8         # pixels in five frames
        np.testing.assert_array_equal(grey[0], grey[-1])             # 60 s later

    @pytest.mark.parametrize('size', [(640, 480), (90, 400), (400, 90), (1920, 1080)])
    def test_it_never_shows_what_is_outside_the_photograph(self, size):
        photograph = np.full((300, 400, 3), 200, np.uint8)
        scene = SceneSource(photograph, *size, rate=1)
        assert all((scene.frame(n) == 200).all() for n in range(60))

    def test_it_shows_the_same_motion_at_any_rate(self):
        slow, fast = SceneSource(chart(), 160, 120, 10), SceneSource(chart(), 160, 120, 30)
        np.testing.assert_array_equal(slow.frame(7), fast.frame(21))

    def test_it_visits_every_side_of_the_photograph(self):
        photograph = np.zeros((300, 400, 3), np.uint8)
        photograph[:12, ..., 0] = photograph[-12:, ..., 1] = photograph[:, :12, 2] = 255
        photograph[:, -12:] = 255
        scene = SceneSource(photograph, 64, 48, rate=2)
        seen = np.max([scene.frame(n).max((0, 1)) for n in range(120)], axis=0)
        assert (seen > 100).all()


class TestVideo:

    def test_every_frame_comes_once_and_then_the_first_again(self, tmp_path):
        with VideoSource(write_video(tmp_path / 'v.avi'), 64, 48) as video:
            assert [number(video.read()) for _ in range(20)] == [n % 8 for n in range(20)]

    def test_colours_are_rgb(self, tmp_path):
        red = VideoSource(write_video(tmp_path / 'v.avi'), 64, 48).read()[20, 4]
        assert red[0] > 200 and red[1] < 60 and red[2] < 60

    @pytest.mark.parametrize(('rate', 'expected'), [
        (10, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]),
        (30, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]),
        (5, [0, 2, 4, 6, 0, 2, 4, 6, 0, 2]),
        (1000, [0] * 10),
    ])
    def test_with_a_rate_it_runs_at_its_own_speed(self, tmp_path, rate, expected):
        with open_source(str(write_video(tmp_path / 'v.avi', fps=10)), 64, 48, rate) as video:
            assert [number(video.read()) for _ in range(10)] == expected

    def test_a_video_of_one_frame_is_shown_for_ever(self, tmp_path):
        with open_source(str(write_video(tmp_path / 'v.avi', frames=1)), 64, 48) as video:
            assert [number(video.read()) for _ in range(3)] == [0, 0, 0]

    def test_a_truncated_video_is_played_as_far_as_it_goes(self, tmp_path, capfd):
        path = write_video(tmp_path / 'v.avi')
        data = path.read_bytes()
        path.write_bytes(data[:(data.index(b'movi') + data.index(b'idx1')) // 2])
        with open_source(str(path), 64, 48) as video:
            shown = [number(video.read()) for _ in range(12)]
        assert shown[:3] == [0, 1, 2] and shown.count(0) >= 2

    def test_a_video_that_is_deleted_while_it_plays_is_gone_at_its_end(self, tmp_path):
        path = write_video(tmp_path / 'v.avi')
        with open_source(str(path), 64, 48) as video:
            path.unlink()
            with pytest.raises(SourceGone, match='not there any more'):
                for _ in range(9):
                    video.read()

    def test_a_varying_frame_rate_is_kept(self, tmp_path):
        path = write_matroska(tmp_path / 'v.mkv', [0, 100, 200, 1200, 1300, 3100])
        with open_source(str(path), 64, 48, 10) as video:
            shown = [number(video.read()) for _ in range(36)]
        steps = [n for n in range(1, 36) if shown[n] != shown[n - 1]]
        assert shown[:32] == [0, 1] + [2] * 10 + [3] + [4] * 18 + [5], shown
        assert steps[5] >= 32 and shown[steps[5]] == 0          # and from the beginning again

    def test_without_a_rate_every_frame_of_it_comes_once(self, tmp_path):
        path = write_matroska(tmp_path / 'v.mkv', [0, 100, 1200, 3100])
        with open_source(str(path), 64, 48) as video:
            assert [number(video.read()) for _ in range(6)] == [0, 1, 2, 3, 0, 1]

    def test_a_damaged_video_prints_nothing(self, tmp_path, capfd):
        path = write_video(tmp_path / 'v.avi')
        data = bytearray(path.read_bytes())
        data[1500:2500:7] = bytes(len(data[1500:2500:7]))
        path.write_bytes(data)
        (tmp_path / 'v.mp4').write_bytes(b'\0\0\0\x18ftypisom' + bytes(300))
        for name in ('v.avi', 'v.mp4'):
            try:
                with open_source(str(tmp_path / name), 64, 48, 30) as video:
                    for _ in range(40):
                        video.read()
            except SourceError as error:
                assert sentence(str(error))
        assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('kind', ['pipe', 'folder of pipes', '/dev/zero', '/dev/tty', 'socket'])
def test_nothing_that_never_ends_is_waited_for(tmp_path, kind):
    (tmp_path / 'folder').mkdir()
    os.mkfifo(tmp_path / 'pipe')
    os.mkfifo(tmp_path / 'folder' / 'a.jpg')
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / 'socket'))
    source = kind if kind.startswith('/') else str(tmp_path / kind.split()[0])
    with pytest.raises(SourceError) as error:
        open_source(source, 64, 48)
    assert sentence(str(error.value))


class TestPictures:

    def test_each_is_shown_for_its_time_in_the_order_of_names(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sources, 'PICTURE_SECONDS', 0.5)
        for name, colour in (('b.png', (0, 255, 0)), ('c.png', (0, 0, 255)), ('a.png', (255, 0, 0))):
            write_picture(tmp_path / name, colour)
        (tmp_path / 'README.md').write_text('no picture')
        (tmp_path / 'folder').mkdir()
        with open_source(str(tmp_path), 32, 32, rate=4) as pictures:
            shown = ['rgb'[int(pictures.read()[16, 16].argmax())] for _ in range(8)]
        assert ''.join(shown) == 'rrggbbrr'

    def test_numbered_pictures_are_no_video(self, tmp_path):
        for n in range(3):
            write_picture(tmp_path / f'frame{n}.jpg', (n * 100, 0, 0))
        with open_source(str(tmp_path / 'frame1.jpg'), 32, 32) as picture:
            assert isinstance(picture, PicturesSource)
            assert [round(float(picture.read()[..., 0].mean()), -2) for _ in range(3)] == [100, 100, 100]

    def test_an_unreadable_picture_is_left_out_with_a_warning(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr(sources, 'PICTURE_SECONDS', 0.1)
        good = write_picture(tmp_path / 'b.png', (0, 255, 0))
        (tmp_path / 'a.png').write_bytes(good.read_bytes()[:60])
        with open_source(str(tmp_path), 32, 32) as pictures:
            assert all(pictures.read()[0, 0, 1] == 255 for _ in range(9))
        assert [record.levelname for record in caplog.records] == ['WARNING'] and 'a.png' in caplog.text

    def test_no_picture_is_a_sentence(self, tmp_path):
        with pytest.raises(SourceError, match='holds no picture') as error:
            open_source(str(tmp_path), 32, 32)
        assert sentence(str(error.value))
        (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(20))
        with pytest.raises(SourceError, match='No picture is left to show: .*a.png') as error:
            open_source(str(tmp_path), 32, 32)
        assert sentence(str(error.value))

    def test_pictures_that_vanish_are_a_sentence(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sources, 'PICTURE_SECONDS', 0.1)
        path = write_picture(tmp_path / 'a.png', (9, 9, 9))
        with open_source(str(tmp_path), 32, 32) as pictures:
            path.unlink()
            with pytest.raises(SourceError, match='a.png'):
                for _ in range(5):
                    pictures.read()


class FakeCapture:
    """Stands in for cv2.VideoCapture: a camera that ignores the size and gives ``left`` blue 4:3 frames."""

    opens, left = True, 2

    def __init__(self, device, api):
        self.device, self.api, self.settings, self.released = device, api, {}, False
        FakeCapture.last = self

    def isOpened(self):     # noqa: N802 - OpenCV's name
        return self.opens

    def set(self, what, value):     # noqa: A003 - OpenCV's name
        self.settings[what] = value

    def read(self):
        self.left -= 1
        return (False, None) if self.left < 0 else (True, np.full((480, 640, 3), (255, 0, 0), np.uint8))

    def release(self):
        self.released = True


@pytest.fixture
def camera(monkeypatch, tmp_path):
    """Put a fake camera at a path; 0 and that path open it."""
    device = tmp_path / 'video0'
    device.touch()
    exists = os.path.exists
    monkeypatch.setattr(cv2, 'VideoCapture', FakeCapture)
    monkeypatch.setattr(os.path, 'exists', lambda path: path == '/dev/video0' or exists(path))
    monkeypatch.setattr(os, 'access', lambda *_: True)
    return str(device)


class TestCamera:

    def test_it_is_asked_for_the_size_and_cut_to_it_when_it_gives_another(self, camera):
        with open_source('0', 1280, 720, rate=25) as source:
            frame = source.read()
        capture = FakeCapture.last
        assert frame.shape == (720, 1280, 3) and tuple(frame[0, 0]) == (0, 0, 255)
        assert (capture.device, capture.api) == ('/dev/video0', cv2.CAP_V4L2)
        assert capture.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1280 and capture.settings[cv2.CAP_PROP_FPS] == 25
        assert capture.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 720 and cv2.CAP_PROP_FOURCC in capture.settings
        assert capture.released

    def test_a_camera_that_is_pulled_out_is_gone(self, camera):
        source = CameraSource(camera, 640, 480)
        for _ in range(2):
            source.read()
        with pytest.raises(SourceGone, match='stopped') as error:
            source.read()
        assert sentence(str(error.value)) and FakeCapture.last.released

    def test_a_camera_in_use_is_a_sentence(self, camera, monkeypatch):
        monkeypatch.setattr(FakeCapture, 'opens', False)
        with pytest.raises(SourceGone, match='/dev/video0 cannot be opened') as error:
            open_source('/dev/video0', 640, 480)
        assert sentence(str(error.value))

    def test_a_camera_that_this_user_may_not_open_is_a_sentence(self, camera, monkeypatch):
        monkeypatch.setattr(os, 'access', lambda *_: False)
        with pytest.raises(SourceGone, match='usermod') as error:
            open_source('/dev/video0', 640, 480)
        assert sentence(str(error.value))
