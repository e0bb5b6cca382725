# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A calibration is found where camera_info_manager finds it, checked field by field, and fits the camera's size."""
import math
from pathlib import Path

import pytest
import yaml

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.paths import share_folder
from style_transfer_ros.ros.calibration import calibration_path, read_calibration


def document(**changes):
    """Return a calibration as camera_calibration writes it."""
    def matrix(rows, columns, data):
        return {'rows': rows, 'cols': columns, 'data': data}
    return {'image_width': 640, 'image_height': 480, 'camera_name': 'camera',
            'camera_matrix': matrix(3, 3, [500.0, 0, 319.5, 0, 510.0, 239.5, 0, 0, 1]),
            'distortion_model': 'plumb_bob', 'distortion_coefficients': matrix(1, 5, [0.1, -0.2, 1e-05, 0, 0]),
            'rectification_matrix': matrix(3, 3, [1, 0, 0, 0, 1, 0, 0, 0, 1]),
            'projection_matrix': matrix(3, 4, [490.0, 0, 319.5, -20.0, 0, 495.0, 239.5, 0, 0, 0, 1, 0]), **changes}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Make homes of a user and of ROS, and an installed package."""
    for name in ('home', 'ros home', 'prefix/share/my_robot/cameras'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'prefix/share/my_robot/package.xml').touch()
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros home'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}/prefix')
    return tmp_path


@pytest.mark.parametrize('url, path', [
    ('{}/a.yaml', '{}/a.yaml'), ('file://{}/a%20b%C3%A9.yaml', '{}/a bé.yaml'),
    ('FILE://localhost{}/a.yaml', '{}/a.yaml'),
    ('~/a.yaml', '{}/home/a.yaml'), ('file://~/a.yaml', '{}/home/a.yaml'), ('file:///~/a.yaml', '{}/home/a.yaml'),
    ('file://${{ROS_HOME}}/camera_info/${{NAME}}.yaml', '{}/ros home/camera_info/front.yaml'),
    ('${{ROS_HOME}}/a.yaml', '{}/ros home/a.yaml'),
    ('package://my_robot/cameras/${{NAME}}.yaml', '{}/prefix/share/my_robot/cameras/front.yaml')])
def test_a_url_is_resolved_as_camera_info_manager_does_it(places, url, path):
    assert calibration_path(url.format(places), 'front') == Path(path.format(places))


def test_our_own_package_is_found_and_the_home_of_ros_has_a_default(places, monkeypatch):
    assert calibration_path('package://style_transfer_ros/config/a.yaml') == share_folder() / 'config' / 'a.yaml'
    monkeypatch.delenv('ROS_HOME')
    assert calibration_path('${ROS_HOME}/a.yaml') == places / 'home' / '.ros' / 'a.yaml'


@pytest.mark.parametrize('url, fact', [
    ('package://nobody_has_this/a.yaml', 'not installed'), ('package://../a.yaml', 'not installed'),
    ('http://host/a.yaml', 'is no file'), ('file://host/a.yaml', 'another machine'), ('${HOME}/a.yaml', 'ROS_HOME'),
    ('/nowhere/a.yaml', 'No such file'), ('/dev/zero', 'regular file'), ('x' * 10_000, 'cannot be read'),
    ('a\nb', 'cannot be read'), ('/', 'directory')])
def test_what_cannot_be_found_is_one_sentence(places, url, fact):
    with pytest.raises(StyleTransferError, match=fact) as caught:
        read_calibration(url, 'front', 640, 480)
    text = str(caught.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 500


def written(folder, data):
    path = folder / 'calibration.yaml'
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding='utf-8')
    return str(path)


def test_every_field_is_read(tmp_path):
    info = read_calibration(written(tmp_path, document()), 'camera', 640, 480)
    assert (info.width, info.height, info.distortion_model) == (640, 480, 'plumb_bob')
    assert list(info.d) == [0.1, -0.2, 1e-05, 0, 0] and list(info.k)[::4] == [500, 510, 1]
    assert list(info.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1] and list(info.p)[3] == -20
    assert read_calibration(written(tmp_path, yaml.safe_dump(document()).replace('- 1.0e-05', '- 1e-05')), 'camera',
                            640, 480).d[2] == 1e-05


@pytest.mark.parametrize('scale', [0.5, 2])
def test_another_size_of_the_same_proportions_scales_the_matrices(tmp_path, scale):
    info = read_calibration(written(tmp_path, document()), 'camera', int(640 * scale), int(480 * scale))
    assert (info.k[0], info.k[4], info.p[0], info.p[3]) == (500 * scale, 510 * scale, 490 * scale, -20 * scale)
    centre = 640 * scale / 2 - 0.5, 480 * scale / 2 - 0.5
    assert (info.k[2], info.k[5]) == centre and (info.p[2], info.p[6]) == centre
    assert list(info.d) == [0.1, -0.2, 1e-05, 0, 0] and info.k[8] == 1


def test_other_proportions_are_refused_with_both_sizes(tmp_path):
    with pytest.raises(StyleTransferError, match='640x480.*1280x720'):
        read_calibration(written(tmp_path, document()), 'camera', 1280, 720)


@pytest.mark.parametrize('changes, fact', [
    ({'image_width': 0}, 'image_width'), ({'image_height': '480'}, 'image_height'),
    ({'image_width': True}, 'image_width'),
    ({'distortion_model': 'wavy'}, 'wavy'), ({'distortion_model': None}, 'None'), ({'distortion_model': ['a']}, 'used'),
    ({'distortion_coefficients': {'data': [0, 0, 0]}}, '4 or 5'), ({'distortion_coefficients': 7}, 'used'),
    ({'camera_matrix': {'data': [0.0] * 9}}, 'focal'), ({'camera_matrix': {'data': [math.nan] * 9}}, 'finite'),
    ({'camera_matrix': {'data': [500.0] * 8}}, '9'), ({'camera_matrix': {'data': 'x' * 9}}, 'camera_matrix'),
    ({'projection_matrix': {'data': [math.inf] * 12}}, 'finite'),
    ({'projection_matrix': {'data': [True] * 12}}, 'finite'),
    ({'rectification_matrix': {'data': ['a'] * 9}}, 'rectification_matrix'), ({'rectification_matrix': {}}, 'data')])
def test_every_field_is_checked_before_it_is_published(tmp_path, changes, fact):
    with pytest.raises(StyleTransferError, match=fact) as caught:
        read_calibration(written(tmp_path, document(**changes)), 'camera', 640, 480)
    text = str(caught.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 600


@pytest.mark.parametrize('text', ['', '[]', 'a: b', '5', '{', '\x00', '[' * 3000, 'image_width: 640'])
def test_another_file_is_one_sentence(tmp_path, text):
    with pytest.raises(StyleTransferError, match='cannot be used') as caught:
        read_calibration(written(tmp_path, text), 'camera', 640, 480)
    assert '\n' not in str(caught.value) and str(caught.value).endswith('.')
