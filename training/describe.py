# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What the style predictor's dense layers see of a picture: computed once for each, trained on many times."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper
import onnxruntime

from style_transfer_ros.engine import magenta, networks, onnx_ops


def describer() -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """
    Return a function of a picture, uint8 (256, 256, 3).

    It gives the pooled statistics of ``networks.swift_pooled`` (470,) and Magenta's style vector (100,), float32.
    """
    ops = onnx_ops.OnnxOps(magenta.predictor_weights())
    pixels = onnx_ops.pixels_in(ops, 'picture')
    outputs = networks.swift_pooled(ops, pixels), networks.magenta_predictor(ops, pixels)
    graph = helper.make_graph(
        ops.nodes, 'describe', [helper.make_tensor_value_info('picture', onnx.TensorProto.UINT8, [1, 256, 256, 3])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        list(ops.initializers.values()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def describe(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pooled, vector = session.run(None, {'picture': picture[None]})
        return pooled.ravel(), vector.ravel()
    return describe
