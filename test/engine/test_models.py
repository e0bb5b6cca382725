# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Model directories are checked file by file, and what is wrong is said in a sentence that names the file."""
import shutil

import pytest
import yaml

from style_transfer_ros.engine.errors import ModelError, RuntimeMissing
from style_transfer_ros.engine.models import load_model, read_model
from style_transfer_ros.engine.runtimes import load_runtime
from style_transfer_ros.paths import share_folder


@pytest.fixture
def copy(tmp_path):
    """Give a copy of the swift model to spoil."""
    return shutil.copytree(share_folder() / 'models' / 'swift', tmp_path / 'mine')


def rewrite(folder, **changes):
    description = folder / 'model.yaml'
    fields = yaml.safe_load(description.read_text())
    fields.update(changes)
    description.write_text(yaml.safe_dump(fields))


def test_a_users_own_directory_is_a_model_like_the_bundled_one(copy):
    model = load_model(str(copy))
    assert (model.name.startswith('swift'), model.architecture, model.int8) == (True, 'swift', True)
    assert model.identity_vector.shape == (100,)


def _remove(folder):
    (folder / 'predictor.onnx').unlink()


def _truncate(folder):
    data = (folder / 'transformer.onnx').read_bytes()
    (folder / 'transformer.onnx').write_bytes(data[:1000])


@pytest.mark.parametrize('spoil, file, fact', [
    (_remove, 'predictor.onnx', 'misses'),
    (_truncate, 'transformer.onnx', '1000 bytes'),
    (lambda f: (f / 'model.yaml').unlink(), 'mine', 'model.yaml'),
    (lambda f: (f / 'model.yaml').write_text('a poem'), 'model.yaml', 'schema'),
    (lambda f: (f / 'model.yaml').write_bytes(b'\xff\xfe\x00'), 'model.yaml', 'schema'),
    (lambda f: rewrite(f, schema=1), 'model.yaml', 'schema 1'),
    (lambda f: rewrite(f, files={'../../etc/passwd': 'x'}), 'model.yaml', 'checksum'),
    (lambda f: rewrite(f, identity_vector=[1, 2]), 'model.yaml', 'incomplete'),
    (lambda f: rewrite(f, files=None), 'model.yaml', 'incomplete'),
])
def test_a_spoilt_directory_is_refused_by_a_sentence_that_names_the_file(copy, spoil, file, fact):
    spoil(copy)
    with pytest.raises(ModelError) as error:
        read_model(copy)
    assert file in str(error.value) and fact in str(error.value) and '\n' not in str(error.value)


def test_a_file_that_is_no_network_is_refused_by_the_runtime(copy):
    import hashlib
    (copy / 'predictor.onnx').write_bytes(b'no network')
    fields = yaml.safe_load((copy / 'model.yaml').read_text())
    fields['files']['predictor.onnx'] = hashlib.sha256(b'no network').hexdigest()
    rewrite(copy, files=fields['files'])
    with pytest.raises(ModelError, match='predictor.onnx'):
        load_runtime('auto', read_model(copy))


def test_an_unknown_model_or_runtime_is_answered_by_the_choices():
    with pytest.raises(ModelError, match='swift.*magenta'):
        load_model('none')
    with pytest.raises(RuntimeMissing, match='openvino, onnxruntime'):
        load_runtime('none', load_model('fake'))
