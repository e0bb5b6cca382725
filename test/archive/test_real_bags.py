# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Bags that robots recorded, from the source package of evo (https://github.com/MichaelGrupp/evo, GPL-3.0-or-later).

It is fetched when the test runs.  No package of a registry is known to hold a bag with pictures, so a camera is laid
beside each bag.
"""
import shutil
import subprocess
import sys
import tarfile

from bags import IMAGE, image, RAW, STEP, STORE
from mcap.reader import make_reader
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from test_bags import decoded, PAINTED, read_raw, repaint

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Return the folder of evo's bags."""
    folder = tmp_path_factory.mktemp('evo')
    done = subprocess.run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', 'evo',
                           '--ignore-requires-python', '--dest', str(folder), 'evo==1.38.1'], capture_output=True,
                          text=True)
    packages = list(folder.glob('evo-*.tar.gz'))
    if not packages:
        pytest.skip(f'evo cannot be fetched: {done.stderr.strip().splitlines()[-1:]}')
    with tarfile.open(packages[0]) as archive:
        for member in archive.getmembers():
            if member.isfile() and '/test/data/' in member.name:
                member.name = member.name.split('/test/data/')[1]
                archive.extract(member, folder, filter='data')
    return folder


def with_camera(bag, folder):
    """Lay the file of a recorded bag beside one with six frames of a camera from its beginning on."""
    with AnyReader([bag], default_typestore=STORE) as reader:
        start = reader.start_time
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(RAW, IMAGE, typestore=STORE)
        for n in range(6):
            writer.write(camera, start + 1 + n * STEP, STORE.serialize_cdr(image(n), IMAGE))
    (folder / 'metadata.yaml').unlink()
    shutil.copy(next(bag.glob('*.db3')) if bag.is_dir() else bag, folder)
    return folder


@pytest.mark.parametrize('name, topics', [
    ('nav2_turtlebot.mcap', {'/odom': 2639, '/tf': 5422, '/tf_static': 1, '/amcl_pose': 135}),
    ('tf_example', {'/tf': 517, '/tf_static': 1})])
def test_what_robots_recorded_comes_out_as_it_was(tmp_path, look, painters, data, name, topics):
    report = repaint(with_camera(data / name, tmp_path / 'in'), tmp_path / 'out', look, painters)
    assert report.painted == {PAINTED: 6} and report.exit_code() == 0 and not report.notes
    with AnyReader([data / name], default_typestore=STORE) as reader:
        recorded = [(c.topic, c.msgtype, bytes(message)) for c, _, message in reader.messages()]
    found = read_raw(tmp_path / 'out')
    assert len(found) == len(recorded) + 12
    for topic, number in topics.items():
        messages = [one for one in found if one[0] == topic]
        assert messages == [one for one in recorded if one[0] == topic] and len(messages) == number
        assert len(decoded(tmp_path / 'out', topic)) == number


def values(message):
    """Return the values of transforms, as any reader gives them."""
    return [(one.header.frame_id, one.child_frame_id, one.header.stamp.sec,
             one.transform.translation.x, one.transform.translation.y, one.transform.rotation.z)
            for one in message.transforms]


def test_what_a_robot_with_ros_1_recorded_comes_out_with_the_same_values(tmp_path, look, painters, data):
    report = repaint(with_camera(data / 'tf_example.bag', tmp_path / 'in'), tmp_path / 'out', look, painters)
    assert report.painted == {PAINTED: 6} and report.exit_code() == 0 and not report.notes
    for topic, number in (('/tf', 517), ('/tf_static', 1)):
        with AnyReader([data / 'tf_example.bag']) as reader:
            recorded = [values(reader.deserialize(message, c.msgtype)) for c, _, message in reader.messages(
                [c for c in reader.connections if c.topic == topic])]
        assert [values(message) for message in decoded(tmp_path / 'out', topic)] == recorded
        assert len(recorded) == number


def test_a_part_of_what_robots_recorded_has_its_latched_messages(tmp_path, look, painters, data):
    bag = with_camera(data / 'nav2_turtlebot.mcap', tmp_path / 'in')
    repaint(bag, tmp_path / 'out', look, painters, start=0.25)
    with (data / 'nav2_turtlebot.mcap').open('rb') as stream:
        recorded = [(channel.topic, message) for _, channel, message in make_reader(stream).iter_messages()]
    cut = min(message.log_time for _, message in recorded) + 250_000_000
    with next((tmp_path / 'out').glob('*.mcap')).open('rb') as stream:
        first = [(channel.topic, message.data) for _, channel, message in make_reader(stream).iter_messages()
                 if message.log_time == cut]
    latched = {topic: message.data for topic, message in recorded if message.log_time < cut
               and topic in ('/tf_static', '/amcl_pose')}
    assert dict(first) == latched and '/tf_static' in latched
