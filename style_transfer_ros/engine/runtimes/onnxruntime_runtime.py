# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""ONNX Runtime: any frame size without recompiling; the lightest on ARM."""
from __future__ import annotations

import numpy as np
import onnxruntime

from style_transfer_ros.engine.errors import ModelError, sentence
from style_transfer_ros.engine.models import Model
from style_transfer_ros.engine.runtimes.memory import give_back


class OnnxRuntime:
    """:class:`~style_transfer_ros.engine.runtimes.Runtime` over two inference sessions."""

    name = 'onnxruntime'

    def __init__(self, model: Model, threads: int) -> None:
        onnxruntime.disable_telemetry_events()      # nothing leaves the machine
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # between frames the threads sleep: spinning would take the cores from the camera driver
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')

        def session(file: str) -> onnxruntime.InferenceSession:
            try:
                return onnxruntime.InferenceSession(model.path(file), options, providers=['CPUExecutionProvider'])
            except Exception as error:          # its exceptions have no common base below Exception
                raise ModelError(f"ONNX Runtime cannot read '{model.path(file)}' ({sentence(error)}); "
                                 'restore the model directory.') from error
        self._predictor, self._transformer = session('predictor.onnx'), session('transformer.onnx')
        # memory of a large frame is given back with the first smaller one
        self._shrinking = onnxruntime.RunOptions()
        self._shrinking.add_run_config_entry('memory.enable_memory_arena_shrinkage', 'cpu:0')
        self._shape: tuple = (0, 0, 0)

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.predict`."""
        return self._predictor.run(None, {'picture': picture[None]})[0][0]

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """As :meth:`Runtime.paint`."""
        options = self._shrinking if frame.size < np.prod(self._shape) else None
        painted = self._transformer.run(None, {'frame': frame[None], 'style_vector': vector[None]}, options)[0][0]
        if options is not None:
            give_back()
        self._shape = frame.shape
        return painted


def load(model: Model, threads: int) -> OnnxRuntime:
    """
    Load both networks.

    :raises ModelError: a file is not an ONNX network.
    """
    return OnnxRuntime(model, threads)
