# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""TensorFlow: the reference, and the runtime for machines with a GPU; slow to import, so ``auto`` takes it last."""
from __future__ import annotations

from collections.abc import Sequence
import os

import numpy as np
import platformdirs

from style_transfer_ros.engine import networks
from style_transfer_ros.engine.errors import ModelError
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.onnx_ops import load_weights

# Keras imports matplotlib where it is installed, and that would make folders of its own
os.environ.setdefault('MPLCONFIGDIR', str(platformdirs.user_cache_path('style_transfer_ros') / 'matplotlib'))
import tensorflow as tf  # noqa: E402, I100


class TensorflowOps:
    """:class:`~style_transfer_ros.engine.networks.Ops` on tensors N,H,W,C."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights

    def conv(self, x: tf.Tensor, name: str, channels: int, kernel: int, stride: int = 1, *,
             depthwise: bool = False, padding: str = 'zero', bias: bool = True) -> tf.Tensor:
        weight, half = self.weights[f'{name}/weight'], kernel // 2
        if padding == 'same' and stride == 2:
            x = tf.pad(x, [[0, 0], [0, half], [0, half], [0, 0]])
        else:
            mode = 'REFLECT' if padding == 'reflect' else 'CONSTANT'
            x = tf.pad(x, [[0, 0], [half, half], [half, half], [0, 0]], mode)
        if depthwise:
            y = tf.nn.depthwise_conv2d(x, weight.transpose(2, 3, 0, 1), [1, stride, stride, 1], 'VALID')
        else:
            y = tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0), stride, 'VALID')
        return y + self.weights[f'{name}/bias'] if bias else y

    def picture(self, name: str) -> tf.Tensor:
        return tf.cast(self.weights[name], tf.float32) / 255

    def instance_norm(self, x: tf.Tensor, channels: int) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5)

    def style_linear(self, vector: tf.Tensor, name: str, channels: int) -> tf.Tensor:
        y = tf.matmul(vector, self.weights[f'{name}/weight'].T) + self.weights[f'{name}/bias']
        return y[:, None, None, :]

    def flat(self, x: tf.Tensor) -> tf.Tensor:
        return x[:, 0, 0, :]

    def add(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return a + b

    def multiply(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return a * b

    def divide(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return a / b

    def affine(self, x: tf.Tensor, factor: float, offset: float = 0.0) -> tf.Tensor:
        return x * factor + offset

    def limited(self, x: tf.Tensor, low: float, high: float) -> tf.Tensor:
        return tf.clip_by_value(x, low, high)

    def relu(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(x)

    def sigmoid(self, x: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(x)

    def upsample(self, x: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tf.repeat(x, 2, 1), 2, 2)

    def space_to_depth(self, x: tf.Tensor, block: int) -> tf.Tensor:
        return tf.nn.space_to_depth(x, block)

    def depth_to_space(self, x: tf.Tensor, block: int) -> tf.Tensor:
        return tf.nn.depth_to_space(x, block)

    def channels_last(self, x: tf.Tensor) -> tf.Tensor:
        return x                        # as everything here

    def spatial_mean(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(x, [1, 2], keepdims=True)

    def spatial_deviation(self, x: tf.Tensor) -> tf.Tensor:
        return tf.math.reduce_std(x, [1, 2], keepdims=True)

    def concatenate(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat(list(parts), 3)


class TensorflowRuntime:
    """
    :class:`~style_transfer_ros.engine.runtimes.Runtime` over two graphs traced once for every size.

    :param xla: compile with XLA; each new frame size then costs seconds once.
    """

    name = 'tensorflow'

    def __init__(self, model: Model, threads: int, xla: bool = False) -> None:
        if threads:
            try:
                tf.config.threading.set_intra_op_parallelism_threads(threads)
            except RuntimeError:
                pass        # TensorFlow is in use in this process already: its threads are what they are
        try:
            transformer, predictor = networks.PAIRS[model.architecture]
        except KeyError as error:
            raise ModelError(f"The TensorFlow runtime does not know the architecture '{model.architecture}' of the "
                             f"model '{model.name}'; choose the runtime 'onnxruntime' or 'openvino'.") from error
        painter = TensorflowOps(load_weights(model.path('transformer.onnx')))
        reader = TensorflowOps(load_weights(model.path('predictor.onnx')))

        # relaxed shapes would lose the fixed sizes that XLA needs
        @tf.function(jit_compile=xla)
        def paint(frame: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
            painted = transformer(painter, tf.cast(frame, tf.float32) / 255, vector)
            return tf.cast(tf.clip_by_value(tf.round(painted * 255), 0, 255), tf.uint8)

        @tf.function(jit_compile=xla)
        def predict(picture: tf.Tensor) -> tf.Tensor:
            return tf.reshape(predictor(reader, tf.cast(picture, tf.float32) / 255), [100])
        self._paint, self._predict = paint, predict

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.predict`."""
        return self._predict(picture[None]).numpy()

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.paint`."""
        return self._paint(frame[None], vector[None].astype(np.float32)).numpy()[0]


def load(model: Model, threads: int, xla: bool = False) -> TensorflowRuntime:
    """
    Build both networks from the model's weights.

    :raises ModelError: the network is not one of ``networks.py``.
    """
    return TensorflowRuntime(model, threads, xla)
