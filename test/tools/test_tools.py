# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A real bag is painted frame for frame, stamps and other topics kept."""
import argparse
import errno
import json
import os

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from style_transfer_ros.engine import pictures
from style_transfer_ros.paths import share_folder
from style_transfer_ros.settings import StyleTransferParameters, text_of
from style_transfer_ros.tools import gallery, stylize_bag
from style_transfer_ros.tools.arguments import add_parameter

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types


def header(n):
    stamp = TYPES['builtin_interfaces/msg/Time'](sec=n, nanosec=5)
    return TYPES['std_msgs/msg/Header'](stamp=stamp, frame_id='eye')


@pytest.fixture
def bag(tmp_path):
    """Three images, the second of them truncated, and a string."""
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection('/camera/image_raw', 'sensor_msgs/msg/Image', typestore=STORE)
        words = writer.add_connection('/words', 'std_msgs/msg/String', typestore=STORE)
        for n in (1, 2, 3):
            data = np.full(48 * 64 * 3 if n != 2 else 10, 90, np.uint8)
            image = TYPES['sensor_msgs/msg/Image'](header=header(n), height=48, width=64, encoding='bgr8',
                                                   is_bigendian=0, step=192, data=data)
            writer.write(camera, n * 10**9, STORE.serialize_cdr(image, 'sensor_msgs/msg/Image'))
        text = TYPES['std_msgs/msg/String'](data='hello')
        writer.write(words, 4 * 10**9, STORE.serialize_cdr(text, 'std_msgs/msg/String'))
    return tmp_path / 'in'


def test_every_readable_frame_is_painted_with_its_header_and_time(bag, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet'])
    said = capsys.readouterr()
    assert end.value.code == 3 and 'Painted 2 frames' in said.out and 'Left out' in said.err
    with AnyReader([tmp_path / 'out'], default_typestore=STORE) as reader:
        messages = [(c.topic, t, reader.deserialize(d, c.msgtype)) for c, t, d in reader.messages()]
    assert sorted({topic for topic, _, _ in messages}) == ['/camera/image_raw', '/camera/stylized/image', '/words']
    painted = [(t, m) for topic, t, m in messages if topic == '/camera/stylized/image']
    assert [t for t, _ in painted] == [10**9, 3 * 10**9]
    assert [(m.header.stamp.sec, m.header.stamp.nanosec, m.header.frame_id) for _, m in painted] == [
        (1, 5, 'eye'), (3, 5, 'eye')]
    assert all((m.width, m.height, m.step, m.encoding) == (64, 48, 192, 'rgb8') for _, m in painted)


def test_a_report_for_programs_is_one_line_of_json(bag, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--json'])
    report = json.loads(capsys.readouterr().out)
    assert end.value.code == report['exit_code'] == 3
    assert report['painted'] == {'/camera/stylized/image': 2} and report['left_out'] == 1
    assert '/camera/image_raw' in report['damage'][0] and report['outputs'] == [str(tmp_path / 'out')]


def test_an_error_that_nobody_foresees_is_one_sentence_too(bag, tmp_path, capsys, monkeypatch):
    def paint(*arguments, **options):
        raise ArithmeticError('odd\nnumbers')
    monkeypatch.setattr(stylize_bag, 'repaint_bag', paint)
    with pytest.raises(SystemExit, match=r'ArithmeticError: odd numbers; line \d+ of test_tools.py.*--resume') as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--json'])
    report = json.loads(capsys.readouterr().out)
    assert report['error'] == str(end.value) and report['exit_code'] == 1 and '\n' not in str(end.value)


def test_a_mix_may_stand_before_the_bags(bag, tmp_path, capsys):
    with pytest.raises(SystemExit):
        stylize_bag.main(['--style', 'great_wave', 'poppies', '--weights', '2', '1', str(bag), str(tmp_path / 'mix'),
                          '--model', 'fake', '--quiet'])
    with pytest.raises(SystemExit):
        stylize_bag.main([str(bag), str(tmp_path / 'one'), '--style', 'poppies', '--model', 'fake', '--quiet'])
    pixels = []
    for out in (tmp_path / 'mix', tmp_path / 'one'):
        with AnyReader([out], default_typestore=STORE) as reader:
            pixels.append(next(reader.deserialize(d, c.msgtype).data[:3].tolist() for c, t, d in reader.messages()
                               if 'stylized' in c.topic))
    assert pixels[0] != pixels[1]


def test_several_bags_are_painted_into_one_folder_and_a_broken_one_stops_no_other(bag, tmp_path, capsys):
    (tmp_path / 'broken.mcap').write_bytes(b'what')
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(tmp_path / 'broken.mcap'), str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet'])
    assert end.value.code == 3 and 'broken.mcap' in capsys.readouterr().err
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['in']


@pytest.mark.parametrize('arguments, part', [
    (['--topic', '/nothing'], '/camera/image_raw'), (['--style', 'nobody'], 'starry_night'),
    (['--model', 'none'], 'none'), (['--runtime', 'cuda'], 'onnxruntime'),
    (['--style', 'poppies', '--weights', '1', '2'], 'weights'), (['--from', '0:09'], '3.0 s long')])
def test_what_cannot_be_done_is_said_in_one_sentence(bag, tmp_path, arguments, part):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet', *arguments])
    assert part in str(end.value) and '\n' not in str(end.value) and not (tmp_path / 'out').exists()


@pytest.mark.parametrize('bag', ['nowhere', '.', __file__])
def test_what_is_no_bag_is_said_with_its_name(tmp_path, bag):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([bag, str(tmp_path / 'out'), '--model', 'fake', '--quiet'])
    assert f"'{bag}'" in str(end.value) and 'bag' in str(end.value) and '\n' not in str(end.value)


@pytest.mark.parametrize('program, arguments, part', [
    (stylize_bag, ['a', 'b', '--strength', '3'], '0.0 to 1.0'),
    (stylize_bag, ['a', 'b', '--smoothing', 'nan'], '0.0 to 0.95'),
    (stylize_bag, ['a', 'b', '--processing-height', '-3'], '0 to 4320'),
    (stylize_bag, ['a', 'b', '--topic', 'bad topic'], 'bad topic'),
    (stylize_bag, ['a', 'b', '--from', '-3'], '1:30'),
    (gallery, ['a.jpg', '--height', '0'], '16 to 2160'), (gallery, ['a.jpg', '--output', 'x.gif'], 'x.gif'),
    (gallery, ['a.jpg', '--output', 'nowhere/x.png'], 'nowhere')])
def test_an_argument_that_does_not_fit_is_refused_before_any_work(program, arguments, part, capsys):
    with pytest.raises(SystemExit):
        program.main(arguments)
    assert part in capsys.readouterr().err


def test_an_option_has_the_text_the_range_and_the_default_of_the_parameter(capsys):
    parser = argparse.ArgumentParser()
    for name in ('smoothing', 'preserve_color', 'model'):
        add_parameter(parser, name)
    defaults, settings = parser.parse_args([]), StyleTransferParameters()
    assert all(getattr(defaults, name) == getattr(settings, name) for name in vars(defaults))
    assert text_of(StyleTransferParameters, 'smoothing')[:40] in ' '.join(parser.format_help().split())
    with pytest.raises(SystemExit):
        parser.parse_args(['--smoothing', '0.96'])
    assert 'choose 0.0 to 0.95' in capsys.readouterr().err


def test_a_gallery_takes_bundled_styles_by_name(tmp_path, capsys):
    sheet, photo = tmp_path / 'sheet.png', str(share_folder() / 'scenes' / 'mountains.jpg')
    gallery.main([photo, '--styles', 'great_wave', 'poppies', '--height', '64', '--output', str(sheet)])
    assert pictures.read_picture(sheet).shape[0] == 3 * (64 + 6) + 6
    with pytest.raises(SystemExit, match='nobody'):
        gallery.main([photo, '--styles', 'nobody', '--output', str(sheet)])


def test_a_full_disk_leaves_the_earlier_gallery(tmp_path, monkeypatch):
    sheet, photo = tmp_path / 'sheet.png', str(share_folder() / 'scenes' / 'mountains.jpg')
    sheet.write_text('earlier')

    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(SystemExit, match='cannot be written .* choose another place'):
        gallery.main([photo, '--styles', 'great_wave', '--height', '64', '--output', str(sheet)])
    assert sheet.read_text() == 'earlier' and os.listdir(tmp_path) == ['sheet.png']
