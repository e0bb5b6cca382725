"""A real bag is painted frame for frame, stamps and other topics kept."""
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from style_transfer_ros.engine import pictures
from style_transfer_ros.paths import share_folder
from style_transfer_ros.tools import gallery, stylize_bag

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
    stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet'])
    said = capsys.readouterr()
    assert 'Painted 2 frames' in said.out and 'left out' in said.err
    with AnyReader([tmp_path / 'out'], default_typestore=STORE) as reader:
        messages = [(c.topic, t, reader.deserialize(d, c.msgtype)) for c, t, d in reader.messages()]
    assert sorted({topic for topic, _, _ in messages}) == ['/camera/image_raw', '/stylized/image', '/words']
    painted = [(t, m) for topic, t, m in messages if topic == '/stylized/image']
    assert [t for t, _ in painted] == [10**9, 3 * 10**9]
    assert [(m.header.stamp.sec, m.header.stamp.nanosec, m.header.frame_id) for _, m in painted] == [
        (1, 5, 'eye'), (3, 5, 'eye')]
    assert all((m.width, m.height, m.step, m.encoding) == (64, 48, 192, 'rgb8') for _, m in painted)


@pytest.mark.parametrize('arguments, part', [
    (['--topic', '/nothing'], '/camera/image_raw'), (['--output-topic', '/words'], '/words'),
    (['--style', 'nobody'], 'starry_night'), (['--model', 'none'], 'none'), (['--runtime', 'cuda'], 'onnxruntime')])
def test_what_cannot_be_done_is_said_in_one_sentence(bag, tmp_path, arguments, part):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet', *arguments])
    assert part in str(end.value) and '\n' not in str(end.value)


@pytest.mark.parametrize('bag, part', [('nowhere', 'nowhere'), ('.', 'rosbag2 folder'), (__file__, 'rosbag2 folder')])
def test_what_is_no_bag_is_said_with_its_name(tmp_path, bag, part):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([bag, str(tmp_path / 'out'), '--model', 'fake', '--quiet'])
    assert part in str(end.value) and str(end.value).startswith(f"The bag '{bag}'") and '\n' not in str(end.value)


def test_a_bag_that_is_there_already_is_not_overwritten(bag, tmp_path):
    (tmp_path / 'out').mkdir()
    with pytest.raises(SystemExit, match="The bag '.*out' cannot be made"):
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet'])


@pytest.mark.parametrize('program, arguments, part', [
    (stylize_bag, ['a', 'b', '--strength', '3'], '0.0 to 1.0'),
    (stylize_bag, ['a', 'b', '--smoothing', 'nan'], '0.0 to 0.95'),
    (stylize_bag, ['a', 'b', '--processing-height', '-3'], '0 to 4320'),
    (stylize_bag, ['a', 'b', '--output-topic', 'bad topic'], 'bad topic'),
    (gallery, ['a.jpg', '--height', '0'], '16 to 2160'), (gallery, ['a.jpg', '--output', 'x.gif'], 'x.gif'),
    (gallery, ['a.jpg', '--output', 'nowhere/x.png'], 'nowhere')])
def test_an_argument_that_does_not_fit_is_refused_before_any_work(program, arguments, part, capsys):
    with pytest.raises(SystemExit):
        program.main(arguments)
    assert part in capsys.readouterr().err


def test_a_gallery_takes_bundled_styles_by_name(tmp_path, capsys):
    sheet, photo = tmp_path / 'sheet.png', str(share_folder() / 'scenes' / 'mountains.jpg')
    gallery.main([photo, '--styles', 'great_wave', 'poppies', '--height', '64', '--output', str(sheet)])
    assert pictures.read_picture(sheet).shape[0] == 3 * (64 + 6) + 6
    with pytest.raises(SystemExit, match='nobody'):
        gallery.main([photo, '--styles', 'nobody', '--output', str(sheet)])
