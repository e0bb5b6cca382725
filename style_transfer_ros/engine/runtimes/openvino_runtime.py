# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""OpenVINO: the fastest on x86 CPUs; takes the model's 8-bit transformer where that is faster."""
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import openvino
from openvino import CompiledModel, Core, InferRequest, Tensor

from style_transfer_ros.engine.errors import ModelError
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.memory import give_back

#: Compiled frame sizes that are kept; a new size costs about 0.3 s once.
_KEPT_SIZES = 3
#: Pixels of all kept sizes but the one in use; each takes about 50 bytes.
_KEPT_PIXELS = 2_200_000


def _fast_in_8_bits() -> bool:
    """Tell whether this is an x86 CPU with AVX2: 1.4 to 3 times as fast in 8 bits, see docs/runtimes.md."""
    try:
        return 'avx2' in Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        return False


class OpenvinoRuntime:
    """
    :class:`~style_transfer_ros.engine.runtimes.Runtime` compiled for one frame size at a time.

    Fixed sizes run faster than dynamic ones; the last few are kept.

    :param int8: take ``transformer_int8.onnx``; None: if the model has it and the CPU is faster with it.
    """

    name = 'openvino'

    def __init__(self, model: Model, threads: int, int8: bool | None = None) -> None:
        self.int8 = (model.int8 and _fast_in_8_bits()) if int8 is None else int8
        self._core = Core()
        self._options = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': 'f32',
                         'ENABLE_CPU_PINNING': False, 'INFERENCE_NUM_THREADS': threads}
        self._transformer = self._read(model.path('transformer_int8.onnx' if self.int8 else 'transformer.onnx'))
        self._predictor = self._compile(self._read(model.path('predictor.onnx'))).create_infer_request()
        self._painters: OrderedDict[tuple, InferRequest] = OrderedDict()
        self._shape: tuple = ()         # of the last frame

    def _read(self, path: str) -> openvino.Model:
        try:
            return self._core.read_model(path)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot read '{path}'; restore the model directory.") from error

    def _compile(self, network: openvino.Model) -> CompiledModel:
        compiled = self._core.compile_model(network, 'CPU', self._options)
        give_back()
        return compiled

    def _painter(self, shape: tuple) -> InferRequest:
        if shape not in self._painters:
            network = self._transformer.clone()
            network.reshape({'frame': [1, *shape], 'style_vector': [1, 100]})
            self._painters[shape] = self._compile(network).create_infer_request()
        if shape != self._shape:        # the size has changed: what is too much for the next time goes now
            self._shape = shape
            self._painters.move_to_end(shape)
            others = list(self._painters)[-2::-1]       # the last used first
            pixels = np.cumsum([height * width for height, width, _ in others])
            for n, other in enumerate(others):
                if n >= _KEPT_SIZES - 1 or pixels[n] > _KEPT_PIXELS:
                    del self._painters[other]
            give_back()
        return self._painters[shape]

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.predict`."""
        self._predictor.infer({'picture': picture[None]})
        return self._predictor.get_output_tensor().data[0].copy()

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.paint`."""
        request = self._painter(frame.shape)
        painted = np.empty(frame.shape, np.uint8)
        # OpenVINO shares only writable memory, though it does not write; others are copied, and it keeps no copy alive
        inputs = {name: np.require(value[None], requirements=('C', 'W'))
                  for name, value in (('frame', frame), ('style_vector', vector))}
        for name, array in inputs.items():
            request.set_tensor(name, Tensor(array, shared_memory=True))
        request.set_output_tensor(Tensor(painted[None], shared_memory=True))
        request.infer()
        return painted


def load(model: Model, threads: int, int8: bool | None = None) -> OpenvinoRuntime:
    """
    Load both networks.

    :raises ModelError: a file is not a network.
    """
    return OpenvinoRuntime(model, threads, int8)
