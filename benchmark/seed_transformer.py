# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Run a transformer that was saved for TensorFlow.js (a graph model) with TensorFlow, to time it beside ours.

Only what such a transformer uses is known: ``model.json`` with one group of float32 and int32 weights.
"""
from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


def _text(attribute: dict) -> str:
    return bytes(attribute['s']).decode('ascii')        # strings are lists of character codes


def _conv(convolve: Callable) -> Callable:
    def run(attributes: dict, x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        strides = [int(i) for i in attributes['strides']['list']['i']]
        return convolve(x, weight, strides, _text(attributes['padding']))
    return run


def _strided_slice(attributes: dict, x: tf.Tensor, *bounds: tf.Tensor) -> tf.Tensor:
    return tf.strided_slice(x, *bounds, **{mask: int(attributes[mask]['i']) for mask in (
        'begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask')})


def _batch_norm(attributes: dict, x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, mean: tf.Tensor,
                variance: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.FusedBatchNormV3(x=x, scale=scale, offset=shift, mean=mean, variance=variance,
                                       epsilon=attributes['epsilon']['f'], is_training=False)[0]


#: What each kind of node does with its attributes and inputs.
_OPERATIONS: dict[str, Callable[..., tf.Tensor]] = {
    'Add': lambda _, a, b: a + b,
    'BiasAdd': lambda _, x, bias: tf.nn.bias_add(x, bias),
    'Conv2D': _conv(tf.nn.conv2d),
    'DepthwiseConv2dNative': _conv(tf.nn.depthwise_conv2d),
    'ExpandDims': lambda _, x, axis: tf.expand_dims(x, axis),
    'FusedBatchNorm': _batch_norm,
    'Mean': lambda about, x, axes: tf.raw_ops.Mean(input=x, axis=axes, keep_dims=about['keep_dims']['b']),
    'Mul': lambda _, a, b: a * b,
    'Pack': lambda about, *parts: tf.stack(parts, int(about['axis']['i'])),
    'Pad': lambda _, x, amounts: tf.pad(x, amounts),
    'Relu': lambda _, x: tf.nn.relu(x),
    'ResizeNearestNeighbor': lambda _, x, size: tf.raw_ops.ResizeNearestNeighbor(images=x, size=size),
    'Rsqrt': lambda _, x: tf.math.rsqrt(x),
    'Shape': lambda _, x: tf.shape(x),
    'Sigmoid': lambda _, x: tf.sigmoid(x),
    'SquaredDifference': lambda _, a, b: tf.math.squared_difference(a, b),
    'Squeeze': lambda about, x: tf.squeeze(x, [int(i) for i in about['squeeze_dims']['list']['i']]),
    'StridedSlice': _strided_slice,
    'Sub': lambda _, a, b: a - b,
}


def _weights(folder: Path, group: dict) -> dict[str, np.ndarray]:
    data = b''.join((folder / path).read_bytes() for path in group['paths'])
    found, offset = {}, 0
    for item in group['weights']:
        count = int(np.prod(item['shape'], dtype=int))
        found[item['name']] = np.frombuffer(data, item['dtype'], count, offset).reshape(item['shape'])
        offset += found[item['name']].nbytes
    return found


def load(folder: Path) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """
    Load a graph model with the inputs picture (1, H, W, 3) in 0..1 and style vector (1, 1, 1, 100).

    :param folder: the folder with ``model.json``.
    :returns: a function that paints a frame (H, W, 3) uint8, H and W multiples of 4, with a vector (100,) float32.
    """
    description: dict[str, Any] = json.loads((folder / 'model.json').read_text(encoding='utf-8'))
    values = _weights(folder, description['weightsManifest'][0])
    nodes: list[dict] = [n for n in description['modelTopology']['node'] if n['op'] != 'Const']
    inputs = [n['name'] for n in nodes if n['op'] == 'Placeholder']

    # the nodes stand in the order of their use
    @tf.function
    def paint(frame: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        known: dict[str, Any] = {**values, inputs[0]: tf.cast(frame, tf.float32) / 255, inputs[1]: vector}
        for node in nodes:
            if node['op'] != 'Placeholder':
                known[node['name']] = _OPERATIONS[node['op']](node['attr'], *(known[name] for name in node['input']))
        return tf.cast(tf.round(known[nodes[-1]['name']] * 255), tf.uint8)
    return lambda frame, vector: paint(frame[None], vector.reshape(1, 1, 1, -1)).numpy()[0]
