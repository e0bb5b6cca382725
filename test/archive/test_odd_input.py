# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What nobody plans for is painted rightly, or refused in one sentence with the exit code that the tools document."""
import os
import subprocess
import sys

from bags import COMPRESSED, compressed, frame, IMAGE, image, make_bag, messages, RAW, ROS1, START, STEP, STORE
import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from test_bags import PAINTED, read, repaint, topic, write

from style_transfer_ros.archive import folders
from style_transfer_ros.engine.pictures import encode_png
from style_transfer_ros.tools import stylize_bag, stylize_images, stylize_video


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run a tool in an empty folder: exit code, and what it said on the error stream."""
    monkeypatch.chdir(tmp_path)

    def go(tool, *arguments):
        code = 0
        try:
            tool.main([*map(str, arguments), '--model', 'fake', '--quiet'])
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                return 1, code
        return code, capfd.readouterr().err.strip()
    return go


def pictures(folder, count=3):
    folder.mkdir()
    for n in range(count):
        (folder / f'{n}.png').write_bytes(encode_png(frame(n)))


@pytest.mark.parametrize('entries', [[], [(RAW, IMAGE, 0, None)], 'tf'])
def test_a_bag_without_pictures_is_one_sentence(tmp_path, run, entries):
    if entries == 'tf':
        name, kind, _, message = next(messages(STORE, 1))
        entries = [(name, kind, 0, message)]
    write(tmp_path / 'in', *entries)
    code, said = run(stylize_bag, 'in', 'out')
    assert code == 1 and "'in' has no image topic with messages" in said and '\n' not in said
    assert sorted(os.listdir()) == ['in']


def changed(**fields):
    message = image(1)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


NOTHING = np.zeros(0, np.uint8)


def test_images_that_cannot_be_are_named_one_by_one_and_the_rest_is_painted(tmp_path, look, painters):
    odd = [changed(width=0, height=0, step=0, data=NOTHING), changed(width=0, data=NOTHING),
           changed(height=0, data=NOTHING), changed(step=3), changed(step=2**32 - 1),
           changed(width=2**32 - 1, height=2**32 - 1), changed(encoding=''), changed(encoding='64FC1'),
           changed(encoding='a\n\x1b[31m' * 50)]
    good = [image(1), changed(width=1, height=1, step=3, data=np.zeros(3, np.uint8))]
    bag = write(tmp_path / 'in', *((RAW, IMAGE, n * STEP, message) for n, message in enumerate([*odd, *good])))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 3 and report.left_out == len(odd) and report.painted == {PAINTED: 2}
    for n, text in enumerate(report.damage):
        assert text.startswith(f'{RAW} at 1700000000.{n}00000000 s, ') and len(text) < 700 and text.isprintable()


ENCODINGS = ('16UC1', 'bayer_rggb8', 'bayer_gbrg16', 'yuv422_yuy2', 'uyvy', 'nv21', 'mono16', '32FC1', 'bgra16')


@pytest.mark.parametrize('replace', [False, True])
def test_the_encodings_of_cameras_are_painted_side_by_side(tmp_path, look, painters, replace):
    bag = write(tmp_path / 'in', *((f'/c{n}', IMAGE, n, image(1, encoding=name)) for n, name in enumerate(ENCODINGS)))
    report = repaint(bag, tmp_path / 'out', look, painters, replace=replace)
    assert report.exit_code() == 0 and sum(report.painted.values()) == len(ENCODINGS)


@pytest.mark.parametrize('ending, form', [
    ('.png', 'png'), ('.png', '16UC1; png compressed '), ('.jpg', ''), ('.jpg', '; ; ;'), ('.jpg', 'h264'),
    ('.jpg', 'mono8; jpeg compressed mono8'), ('.png', 'yuv422_yuy2; jpeg compressed'), ('.webp', 'JPG'),
    ('.jpg', 'bayer_rggb8; jpeg compressed mono8'), ('.bmp', 'bgr8; png compressed bgr8')])
def test_a_compressed_picture_is_what_its_bytes_are_not_what_its_format_says(tmp_path, look, painters, ending, form):
    bag = write(tmp_path / 'in', ('/cam/compressed', COMPRESSED, 0, compressed(1, ending=ending, form=form)))
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.exit_code() == 0 and sum(report.painted.values()) == 1


@pytest.mark.parametrize('replace', [False, True])
def test_a_camera_that_changes_its_size_and_its_encoding_is_painted_as_it_is(tmp_path, look, painters, replace):
    kinds = [((32, 48), 'bgr8'), ((64, 48), 'mono8'), ((33, 49), 'rgb8')]
    bag = write(tmp_path / 'in', *((RAW, IMAGE, n * STEP, image(n, size=kinds[n // 3][0], encoding=kinds[n // 3][1]))
                                   for n in range(9)))
    report = repaint(bag, tmp_path / 'out', look, painters, replace=replace)
    out = [STORE.deserialize_cdr(data, IMAGE)
           for _, data in topic(read(tmp_path / 'out'), RAW if replace else PAINTED)]
    assert report.exit_code() == 0 and [(m.height, m.width) for m in out] == [kinds[n // 3][0] for n in range(9)]
    assert [m.encoding for m in out] == [kinds[n // 3][1] if replace else 'rgb8' for n in range(9)]


@pytest.fixture
def nobody():
    """Be a user without rights, for whom chmod counts."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def closed(tmp_path, run):
    """Make a bag, pictures and a folder that nobody may use."""
    assert run(stylize_images, *[pictures(tmp_path / 'warm') or 'warm', 'painted'])[0] == 0      # imports all it needs
    make_bag(tmp_path / 'in', 2)
    make_bag(tmp_path / 'secret', 2)
    pictures(tmp_path / 'pics')
    pictures(tmp_path / 'pics' / 'below')
    pictures(tmp_path / 'listed')
    pictures(tmp_path / 'listed' / 'below')
    (tmp_path / 'full').mkdir()
    for name, mode in (('secret/secret.mcap', 0), ('pics/1.png', 0), ('pics/below', 0), ('listed/below', 0o444),
                       ('full', 0o555), ('.', 0o777)):
        (tmp_path / name).chmod(mode)
    for path in (tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o111)
    yield
    for name in ('pics', 'listed'):
        (tmp_path / name / 'below').chmod(0o755)


def test_what_may_not_be_read_or_written_is_named(tmp_path, run, closed, nobody):
    for arguments in (('secret', 'out'), ('in', 'full/out'), ('in', 'out', '--style', 'pics/1.png')):
        code, said = run(stylize_bag, *arguments)
        assert code == 1 and 'Permission denied' in said and '\n' not in said, said
    code, said = run(stylize_images, 'pics', 'out')
    assert code == 3 and "'pics/1.png'" in said and "'pics/below'" in said
    assert sorted(os.listdir('out')) == ['0.png', '2.png']
    code, said = run(stylize_images, 'pics/0.png', 'pics/below', 'stopped', '--on-error', 'stop')
    assert code == 1 and said.startswith('Stopped at') and "'pics/below'" in said and not os.path.exists('stopped')


def test_a_folder_whose_files_may_not_be_looked_at_costs_only_them(tmp_path, run, closed, nobody):
    code, said = run(stylize_images, 'listed', 'out')
    assert code == 3 and said.count('Permission denied') == 3 and "'listed/below/2.png'" in said
    assert sorted(os.listdir('out')) == ['0.png', '1.png', '2.png']
    code, said = run(stylize_images, 'listed/0.png', 'listed/below/*.png', 'listed/below/2.png', 'matched')
    assert code == 3 and said.count('Permission denied') == 4 and os.listdir('matched') == ['0.png']
    code, said = run(stylize_bag, 'in', 'out2', '--style', 'listed/below/1.png')
    assert code == 1 and 'Permission denied' in said and '\n' not in said


def test_a_picture_that_vanishes_is_named(tmp_path, run, monkeypatch):
    pictures(tmp_path / 'pics')
    found = folders.find

    def find(inputs):
        result = found(inputs)
        (tmp_path / 'pics' / '1.png').unlink()
        return result
    monkeypatch.setattr(folders, 'find', find)
    code, said = run(stylize_images, 'pics', 'out')
    assert code == 3 and "'pics/1.png'" in said and sorted(os.listdir('out')) == ['0.png', '2.png']


def test_the_input_is_not_changed_by_an_output_inside_it(tmp_path, run):
    make_bag(tmp_path / 'in', 2)
    make_bag(tmp_path / 'other', 2)
    pictures(tmp_path / 'pics')
    (tmp_path / 'pics' / 'below').mkdir()
    for tool, arguments in ((stylize_bag, ('in', 'in/out')), (stylize_bag, ('in', 'other', 'other/out')),
                            (stylize_images, ('pics', 'pics/below/out')), (stylize_images, ('.', 'painted'))):
        code, said = run(tool, *arguments)
        assert code == 1 and 'lies inside the input' in said and '\n' not in said
    assert sorted(os.listdir('in')) == ['in.mcap', 'metadata.yaml'] and 'out' not in os.listdir('other')
    assert sorted(os.listdir()) == ['in', 'other', 'pics'] and not os.listdir('pics/below')


def test_a_file_url_names_the_file(tmp_path, run):
    make_bag(tmp_path / 'in', 2)
    make_bag(tmp_path / 'two', 2)
    pictures(tmp_path / 'pics')
    here = f'file://{tmp_path}'
    assert run(stylize_bag, f'{here}/in', f'{here}/out')[0] == 0 and len(read(tmp_path / 'out')) > 2
    assert run(stylize_bag, f'{here}/in', 'two', f'{here}/both')[0] == 0 and sorted(os.listdir('both')) == ['in', 'two']
    assert run(stylize_images, f'{here}/pics', f'{here}/painted')[0] == 0 and len(os.listdir('painted')) == 3
    assert 'lies inside' in run(stylize_bag, f'{here}/in', 'in/out')[1]
    code, said = run(stylize_bag, 'in', 'file://elsewhere/out')
    assert code == 2 and 'another machine' in said


def test_an_output_that_is_a_link_to_itself_is_there_already(tmp_path, run):
    make_bag(tmp_path / 'in', 2)
    (tmp_path / 'loop').symlink_to('loop')
    code, said = run(stylize_bag, 'in', 'loop')
    assert code == 1 and "'loop' exists already" in said and '\n' not in said


@pytest.mark.parametrize('out', ['', '.', '..', '/'])
def test_an_output_without_a_name_is_refused(tmp_path, run, out):
    make_bag(tmp_path / 'in', 2)
    code, said = run(stylize_bag, 'in', out)
    assert code == 1 and 'no name for the result' in said and '\n' not in said and os.listdir() == ['in']


@pytest.mark.parametrize('options, expected, part', [
    (['--from', '100'], 1, 'Nothing lies between'), (['--to', '0'], 1, 'Nothing lies between'),
    (['--from', '9' * 400], 2, 'longer than any recording'), (['--to', '99999999999999999999'], 2, 'longer than any'),
    (['--style', 'no_such_style'], 1, "'no_such_style'"), (['--topic', '/words'], 1, "no image topic '/words'")])
def test_a_wish_that_cannot_be_met_is_one_sentence(tmp_path, run, options, expected, part):
    make_bag(tmp_path / 'in', 2)
    code, said = run(stylize_bag, 'in', 'out', *options)
    assert code == expected and part in said and 'Traceback' not in said and os.listdir() == ['in']


@pytest.mark.parametrize('cut', [1, 9, 20, 100, 600])
def test_a_file_that_is_cut_in_its_summary_loses_nothing(tmp_path, look, painters, cut):
    bag = make_bag(tmp_path / 'in', 5)
    expected = repaint(bag, tmp_path / 'whole', look, painters)
    data = (bag / 'in.mcap').read_bytes()
    (tmp_path / 'cut.mcap').write_bytes(data[:-cut])
    report = repaint(tmp_path / 'cut.mcap', tmp_path / 'out', look, painters)
    assert report.painted == expected.painted and read(tmp_path / 'out') == read(tmp_path / 'whole')


@pytest.mark.parametrize('text', ['topics_with_message_count: 3', 'version: x', 'topics_with_message_count: [3, {}]'])
def test_metadata_that_cannot_be_is_named_and_the_bag_is_read_without_it(tmp_path, look, painters, text):
    bag = make_bag(tmp_path / 'in', 2)
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n  relative_file_paths: [in.mcap]\n'
                                       f'  {text}\n')
    report = repaint(bag, tmp_path / 'out', look, painters)
    assert report.painted[PAINTED] == 2 and (report.exit_code() == 0 or 'metadata.yaml' in report.damage[0])


def test_names_with_spaces_other_alphabets_and_broken_bytes_work(tmp_path, run):
    make_bag(tmp_path / 'mein Bag für 画 #1?%20', 2)
    for out in ('noch eins ü 画', '100 %#?.bag', os.fsdecode(b'caf\xe9')):
        code, _ = run(stylize_bag, 'mein Bag für 画 #1?%20', out, '--json')
        assert code == 0 and os.listdir(out)


def test_a_name_in_a_bag_does_not_command_the_terminal(tmp_path, run):
    name = '/cam\x1b]0;owned\x07/theora'
    write(tmp_path / 'in', (RAW, IMAGE, 0, image(1)), (RAW, IMAGE, 1, b'\0\1'),
          (f'{name}/stylized/x', IMAGE, 2, image(1)))
    code, said = run(stylize_bag, 'in', 'out')
    assert code == 3 and 'owned' in said and all(c.isprintable() or c == '\n' for c in said)


def test_a_topic_of_ros_1_with_a_hyphen_can_be_chosen(tmp_path, run):
    with Writer1(tmp_path / 'in.bag') as writer:
        for n in range(2):
            camera = writer.add_connection(f'/camera-{n}/image_raw', IMAGE, typestore=ROS1)
            writer.write(camera, START + n, ROS1.serialize_ros1(image(1, ROS1), IMAGE))
    assert run(stylize_bag, 'in.bag', 'out', '--topic', '/camera-1/image_raw')[0] == 0
    assert {name for name, *_ in read(tmp_path / 'out') if 'stylized' in name} == {'/camera-1/stylized/image'}


PIPED = f'{sys.executable} -m style_transfer_ros.tools.stylize_images --model fake --quiet'


@pytest.mark.parametrize('command, part', [
    ('{} - - < /dev/null', 'is empty'), ('{} - - <&-', 'input is closed'), ('{} - - < in.png >&-', 'output is closed'),
    ('head -c 60 in.png | {} - -', 'truncated PNG'), ('echo hello | {} - -', 'is no JPEG'),
    ('{} - - < in.png > /dev/full', 'No space left'), ('{} - in.png < in.png', 'exists already'),
    ('{} - none/x.png < in.png', 'none/x.png')])
def test_a_pipe_that_closes_early_is_one_sentence(tmp_path, command, part):
    (tmp_path / 'in.png').write_bytes(encode_png(frame(1)))
    done = subprocess.run(['bash', '-c', command.format(PIPED)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and part in done.stderr and done.stderr.count('\n') == 1 and not done.stdout


def test_what_holds_no_video_is_one_sentence(tmp_path, run):
    av = pytest.importorskip('av', reason='PyAV is not installed (requirements/video.txt)')
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'text.mp4').write_text('hello')
    (tmp_path / 'picture.png').write_bytes(cv2.imencode('.png', frame(1))[1].tobytes())
    with av.open('no frames.mp4', 'w') as container:
        stream = container.add_stream('libx264', rate=30)
        stream.width, stream.height, stream.pix_fmt = 48, 32, 'yuv420p'
        container.start_encoding()
    with av.open('sound.mp4', 'w') as container:
        stream = container.add_stream('aac', rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format='fltp', layout='stereo')
        sound.rate = 48000
        container.mux([*stream.encode(sound), *stream.encode(None)])
    before = sorted(os.listdir())
    for name in ('empty.mp4', 'text.mp4', 'no frames.mp4', 'sound.mp4', 'none.mp4'):
        code, said = run(stylize_video, name, 'out.mp4')
        assert code == 1 and name in said and '\n' not in said and 'Errno' not in said, said
    assert sorted(os.listdir()) == before
