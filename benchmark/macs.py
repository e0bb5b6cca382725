# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Count the multiply-accumulates of an ONNX network."""
from __future__ import annotations

import numpy as np
import onnx

#: Floating point operations in one multiply-accumulate.
FLOP_PER_MAC = 2


def count_macs(model: onnx.ModelProto, sizes: dict[str, int]) -> int:
    """
    Count the multiply-accumulates of all convolutions and matrix products; the rest is small beside them.

    :param model: any ONNX network; it is not changed.
    :param sizes: what the named dimensions of its inputs are, such as ``{'height': 480, 'width': 640}``.
    :raises ValueError: the shapes of a layer do not follow from those of the inputs.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for item in (*fixed.graph.input, *fixed.graph.output):
        for dimension in item.type.tensor_type.shape.dim:
            if dimension.dim_param in sizes:
                dimension.dim_value = sizes[dimension.dim_param]
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    shapes = {i.name: list(i.dims) for i in graph.initializer}
    shapes |= {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
               for v in (*graph.input, *graph.value_info, *graph.output)}

    def shape(name: str) -> list:
        if not all(shapes.get(name, [0])):
            raise ValueError(f"The shape of '{name}' does not follow from the inputs; give all their sizes.")
        return shapes[name]
    total = 0
    for node in graph.node:
        if node.op_type == 'Conv':          # every output value is a product over (channels in / groups, kh, kw)
            total += int(np.prod(shape(node.output[0])) * np.prod(shape(node.input[1])[1:]))
        elif node.op_type in ('Gemm', 'MatMul'):
            transposed = any(a.name == 'transA' and a.i for a in node.attribute)
            total += int(np.prod(shape(node.output[0])) * shape(node.input[0])[0 if transposed else -1])
    return total
