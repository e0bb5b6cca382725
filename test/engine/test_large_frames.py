# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Frames of any size are painted within a stated memory, which comes back when they become small again."""
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes import installed
from style_transfer_ros.engine.runtimes.fake_runtime import FakeRuntime
from style_transfer_ros.engine.stylizer import LARGEST_PAINTING, Stylizer


class _Recorder(FakeRuntime):
    """Remembers the sizes that were painted."""

    def __init__(self):
        self.shapes = []

    def paint(self, frame, vector):
        self.shapes.append(frame.shape)
        return super().paint(frame, vector)


@pytest.mark.parametrize('size', [(5773, 8660), (2160, 3841), (1600, 30_000)])
def test_a_frame_larger_than_4k_is_painted_smaller_and_comes_back_in_its_size(size):
    recorder = _Recorder()
    stylizer = Stylizer(Model('fake', Path(), 'fake', 4, np.zeros(100, np.float32), False), recorder)
    assert stylizer.paint(np.zeros((*size, 3), np.uint8), np.ones(100, np.float32)).shape == (*size, 3)
    (height, width, _), = recorder.shapes
    assert 0.9 * LARGEST_PAINTING < height * width < 1.01 * LARGEST_PAINTING


def test_a_4k_frame_is_painted_as_it_is():
    recorder = _Recorder()
    stylizer = Stylizer(Model('fake', Path(), 'fake', 4, np.zeros(100, np.float32), False), recorder)
    stylizer.paint(np.zeros((2160, 3840, 3), np.uint8), np.ones(100, np.float32))
    assert recorder.shapes == [(2160, 3840, 3)]


@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime'])
def test_the_memory_of_a_large_frame_is_given_back_with_the_next_small_one(runtime):
    if not installed(runtime):
        pytest.skip(f'{runtime} is not installed')
    program = f"""
from pathlib import Path
import numpy as np
from style_transfer_ros.engine.stylizer import Stylizer
stylizer = Stylizer.load(runtime={runtime!r}, threads=1)
vector = stylizer.learn_style(np.zeros((64, 64, 3), np.uint8))
for height, width in ((240, 320), (1440, 2560), (240, 320)):
    for _ in range(2):
        stylizer.paint(np.zeros((height, width, 3), np.uint8), vector)
    print(int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 1e6)
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    small, large, small_again = map(float, done.stdout.split())
    assert large > small + 100 and small_again < small + 60, done.stdout
