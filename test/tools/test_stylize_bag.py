"""A real bag is painted frame for frame, stamps and other topics kept."""
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from style_transfer_ros.tools import stylize_bag

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
    (['--style', 'nobody'], 'nobody'), (['--model', 'none'], 'none')])
def test_what_cannot_be_done_is_said_in_one_sentence(bag, tmp_path, arguments, part):
    with pytest.raises(SystemExit) as end:
        stylize_bag.main([str(bag), str(tmp_path / 'out'), '--model', 'fake', '--quiet', *arguments])
    assert part in str(end.value) and '\n' not in str(end.value)
