# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Runtimes: what runs a model's networks on this machine.

Which one ``auto`` takes was measured, see docs/runtimes.md: OpenVINO where it is installed on x86 (8-bit networks on
CPUs with AVX2), else ONNX Runtime, else TensorFlow.
"""
from __future__ import annotations

import importlib
import importlib.util
import platform
from typing import Protocol

import numpy as np

from style_transfer_ros.engine.errors import RuntimeMissing, shown
from style_transfer_ros.engine.models import Model


class Runtime(Protocol):
    """Two functions; both may be called at once from two threads, each from one thread at a time."""

    name: str

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """Read the style vector (100,) float32 of a picture (256, 256, 3) uint8 RGB."""

    def paint(self, frame: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """
        Paint a frame (H, W, 3) uint8 RGB, H and W multiples of the model's ``size_multiple``, with a vector (100,).

        :returns: a new array like ``frame``.
        """


#: name: (module with ``load(model, threads) -> Runtime``, import name of the library, what to install)
RUNTIMES: dict[str, tuple[str, str, str]] = {
    'openvino': ('openvino_runtime', 'openvino', 'openvino'),
    'onnxruntime': ('onnxruntime_runtime', 'onnxruntime', 'onnxruntime'),
    'tensorflow': ('tensorflow_runtime', 'tensorflow', 'tensorflow'),
    'fake': ('fake_runtime', 'numpy', 'numpy'),
}
#: Those that paint; the other one is for tests.
_REAL = tuple(name for name in RUNTIMES if name != 'fake')


def installed(name: str) -> bool:
    """Tell whether the library of the runtime ``name`` can be imported, without importing it."""
    return importlib.util.find_spec(RUNTIMES[name][1]) is not None


def automatic() -> str:
    """
    Name the runtime that ``auto`` stands for here.

    :raises RuntimeMissing: none is installed.
    """
    x86 = platform.machine().lower() in ('x86_64', 'amd64')
    order = ('openvino', 'onnxruntime') if x86 else ('onnxruntime', 'openvino')
    for name in (*order, 'tensorflow'):
        if installed(name):
            return name
    raise RuntimeMissing("No runtime is installed; run 'pip install openvino' (x86) or 'pip install onnxruntime'.")


def chosen(name: str, model: Model) -> str:
    """
    Name the runtime that a name stands for.

    :param name: ``auto`` or a key of :data:`RUNTIMES`.
    :raises RuntimeMissing: the runtime is unknown or not installed.
    """
    name = ('fake' if model.name == 'fake' else automatic()) if name == 'auto' else name
    if name not in RUNTIMES:
        raise RuntimeMissing(f"There is no runtime {shown(name)}; choose auto, {', '.join(_REAL)}.")
    if not installed(name):
        raise RuntimeMissing(f"The runtime '{name}' is not installed; run 'pip install {RUNTIMES[name][2]}' or choose "
                             "'auto'.")
    return name


def load_runtime(name: str, model: Model, threads: int = 0) -> Runtime:
    """
    Load a model into a runtime.

    :param name: as for :func:`chosen`.
    :param threads: CPU threads; 0: all.
    :raises RuntimeMissing: the runtime is unknown or not installed.
    :raises ModelError: the runtime cannot read the model's files.
    """
    module = RUNTIMES[chosen(name, model)][0]
    return importlib.import_module(f'{__name__}.{module}').load(model, threads)
