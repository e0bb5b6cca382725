# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Networks of a stranger are tried in a process of their own: what kills that one is refused in one sentence."""
import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml

from style_transfer_ros.engine import model_check
from style_transfer_ros.engine.errors import ModelError, RuntimeMissing
from style_transfer_ros.engine.models import read_model
from style_transfer_ros.engine.runtimes import installed
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import share_folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a copy of the bundled model; nothing was tried before."""
    monkeypatch.setattr(model_check, '_passed', set())
    return shutil.copytree(share_folder() / 'models' / 'swift', tmp_path / 'mine')


def put(folder, data):
    """Put a file in the place of each network, with its checksum."""
    fields = yaml.safe_load((folder / 'model.yaml').read_text())
    for name in fields['files']:
        (folder / name).write_bytes(data)
        fields['files'][name] = hashlib.sha256(data).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(fields))


def refusal(folder, **options):
    with pytest.raises(ModelError) as error:
        Stylizer.load(str(folder), **options)
    text = str(error.value)
    assert text.endswith('.') and '\n' not in text and len(text) < 700
    return text


def test_a_good_directory_paints_and_is_tried_once(folder, monkeypatch):
    stylizer = Stylizer.load(str(folder), threads=1)
    vector = stylizer.learn_style(np.full((64, 64, 3), 200, np.uint8))
    assert stylizer.paint(np.zeros((32, 48, 3), np.uint8), vector).shape == (32, 48, 3)
    monkeypatch.setattr(model_check, '_PROGRAM', 'raise SystemExit(1)')
    Stylizer.load(str(folder), threads=1)
    (folder / 'model.yaml').write_text((folder / 'model.yaml').read_text() + '# changed')
    assert 'exit code 1' in refusal(folder)


@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime'])
@pytest.mark.parametrize('data', [b'no network', b'', bytes(1000)])
def test_what_is_no_network_is_refused(folder, runtime, data):
    if not installed(runtime):
        pytest.skip(f'{runtime} is not installed')
    put(folder, data)
    assert 'predictor.onnx' in (said := refusal(folder, runtime=runtime)) or 'transformer' in said


@pytest.mark.parametrize('program, fact', [
    ('import os; os.kill(os.getpid(), 11)', 'SIGSEGV'), ('import os; os.abort()', 'SIGABRT'),
    ('import time; time.sleep(60)', 'does not paint within'), ('raise SystemExit(9)', 'exit code 9'),
    ("import os; os.write(1, b'half a'); os.kill(os.getpid(), 9)", 'SIGKILL')])
def test_a_check_that_crashes_or_hangs_is_a_sentence_with_the_directory(folder, monkeypatch, program, fact):
    monkeypatch.setattr(model_check, '_PROGRAM', program)
    monkeypatch.setattr(model_check, '_LONGEST', 10.0 if 'sleep' not in program else 0.5)
    said = refusal(folder)
    assert fact in said and 'mine' in said


def test_memory_without_end_is_refused():
    program = """
import numpy as np
from style_transfer_ros.engine import model_check
model_check.limit_memory('openvino')
np.ones(8 << 30, np.uint8)
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and 'MemoryError' in done.stderr


def test_networks_with_the_names_but_not_the_function_are_refused(folder):
    """The predictor stands in the transformer's place."""
    put(folder, (folder / 'predictor.onnx').read_bytes())
    assert 'cannot paint' in refusal(folder) or 'cannot read' in refusal(folder)


def test_a_runtime_that_is_not_there_is_named_before_anything_is_tried(folder, monkeypatch):
    monkeypatch.setattr(model_check, '_PROGRAM', 'raise SystemExit(1)')
    with pytest.raises(RuntimeMissing):
        Stylizer.load(str(folder), runtime='none')


def test_the_bundled_model_is_not_tried(monkeypatch):
    monkeypatch.setattr(model_check, 'check', lambda *arguments: pytest.fail('it is ours'))
    assert read_model(share_folder() / 'models' / 'swift')
    Stylizer.load('swift', threads=1)
