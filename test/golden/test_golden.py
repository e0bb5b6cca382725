# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The same frame, vector and threads give the same bytes; every runtime paints the golden pictures."""
import importlib.util
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from style_transfer_ros.engine.pictures import read_picture
from style_transfer_ros.engine.runtimes import installed, openvino_runtime
from style_transfer_ros.engine.stylizer import Stylizer

PAINT = Path(__file__).with_name('paint.py')
_spec = importlib.util.spec_from_file_location('golden_paint', PAINT)
golden = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden)
#: Least likeness (PSNR, dB): floats in another order of sums, and 8-bit weights and activations.
TOLERANCES = {'onnxruntime': 45.0, 'openvino float': 45.0, 'tensorflow': 45.0, 'openvino int8': 28.0}


def loaded(runtime):
    """Load swift in a runtime with one thread."""
    name, _, kind = runtime.partition(' ')
    if not installed(name):
        pytest.skip(f'{name} is not installed')
    stylizer = Stylizer.load('swift', name, 1)
    if kind:
        if kind == 'int8' and not stylizer.model.int8:
            pytest.skip('the model has no 8-bit network')
        stylizer.runtime = openvino_runtime.load(stylizer.model, 1, int8=kind == 'int8')
    return stylizer


@pytest.mark.parametrize('style', golden.STYLES)
@pytest.mark.parametrize('runtime', TOLERANCES)
def test_every_runtime_paints_the_golden_picture(runtime, style):
    stylizer = loaded(runtime)
    painted_by = (PAINT.parent / 'model.txt').read_text(encoding='utf-8').strip()
    assert stylizer.model.name == painted_by, 'the networks have changed: run scripts/renew_goldens and look'
    painting = golden.paint(stylizer, style).astype(float)
    error = np.mean((painting - read_picture(PAINT.parent / f'{style}.png')) ** 2)
    assert 10 * np.log10(255 ** 2 / max(error, 1e-9)) > TOLERANCES[runtime]


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino float', 'openvino int8'])
def test_the_same_frame_vector_and_threads_give_the_same_bytes(runtime):
    stylizer = loaded(runtime)
    first, second = (golden.paint(stylizer, 'starry_night') for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(golden.paint(loaded(runtime), 'starry_night'), first)


@pytest.mark.parametrize('threads', [1, 2])
def test_another_process_paints_the_same_bytes(threads):
    program = f"""
import hashlib, sys
sys.path.insert(0, {str(PAINT.parent)!r})
import paint
from style_transfer_ros.engine.stylizer import Stylizer
print(hashlib.sha256(paint.paint(Stylizer.load(threads={threads}), 'great_wave').tobytes()).hexdigest())
"""
    sums = {subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True).stdout
            for _ in range(2)}
    assert len(sums) == 1
