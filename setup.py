# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'style_transfer_ros'


def shared(*folders):
    """Pair every folder below share/style_transfer_ros with its files, as ``data_files`` wants them."""
    below = [d for folder in folders for d in (Path(folder), *Path(folder).rglob('*'))
             if d.is_dir() and d.name != '__pycache__']
    return [(f'share/{PACKAGE}/{d}', [str(f) for f in d.iterdir() if f.is_file()]) for d in below]


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Repaints a live camera in the style of any picture, as a ROS 2 node',
    maintainer='style_transfer_ros maintainers',
    maintainer_email='maintainers@style-transfer-ros.example',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['py.typed', 'web/*']},     # that there are types, and the page
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        *shared('launch', 'config', 'models', 'scenes', 'styles'),
    ],
    zip_safe=False,
    extras_require={'test': ['pytest']},
    entry_points={'console_scripts': [
        'style_transfer_node = style_transfer_ros.programs:style_transfer_node',
        'camera_node = style_transfer_ros.programs:camera_node',
        'style_transfer_demo = style_transfer_ros.programs:style_transfer_demo',
        'style_transfer_live = style_transfer_ros.programs:style_transfer_live',
        'web_node = style_transfer_ros.programs:web_node',
        'record_stylized = style_transfer_ros.programs:record_stylized',
        'stylize_bag = style_transfer_ros.programs:stylize_bag',
        'stylize_images = style_transfer_ros.programs:stylize_images',
        'stylize_video = style_transfer_ros.programs:stylize_video',
        'style_gallery = style_transfer_ros.programs:style_gallery',
    ]},
)
