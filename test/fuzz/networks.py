# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
ONNX files of a model directory: small networks, with bytes and with fields of their graph changed.

An input is one byte, which chooses the file and the runtime, and the file.  With the checksum of another file it is
refused before a runtime sees it; with its own it goes through the check of ``engine/model_check.py``, here in a forked
process, which has loaded the runtime already and so takes a tenth of the time of a new one.
"""
from __future__ import annotations

from collections.abc import Callable
import functools
import importlib
import os
import select
import signal
import sys
import time
from typing import Any

from hypothesis import strategies as st
import numpy as np
import onnx
from targets import Broken, promised, SCRATCH

from style_transfer_ros.engine import model_check, onnx_ops
from style_transfer_ros.engine.errors import ModelError
from style_transfer_ros.engine.models import Model, read_model, write_model
from style_transfer_ros.engine.runtimes import installed

RUNTIMES = [name for name in ('openvino', 'onnxruntime') if installed(name)]
FILES = ('transformer.onnx', 'predictor.onnx')
#: A check may take this long, s; what takes longer is ended and refused, as a hang is.
PATIENCE = 30.0
#: How checks ended.
ends: dict[str, int] = {}


def _predictor(ops: Any, x: str) -> str:
    seen = ops.relu(ops.conv(x, 'look', 2, 3, 2))
    return ops.flat(ops.style_linear(ops.flat(ops.spatial_mean(seen)), 'read', 100))


def _transformer(ops: Any, x: str, vector: str) -> str:
    y = ops.instance_norm(ops.conv(ops.space_to_depth(x, 2), 'draw', 12, 1), 12)
    y = ops.add(ops.relu(y), ops.style_linear(vector, 'tint', 12))
    return ops.depth_to_space(ops.sigmoid(y), 2)


def good_files() -> dict[str, bytes]:
    """Return two small networks that paint."""
    rng = np.random.default_rng(0)

    def weights(**shapes: tuple) -> dict[str, np.ndarray]:
        return {f'{name}/{part}': rng.normal(0, 0.1, shape if part == 'weight' else shape[:1]).astype(np.float32)
                for name, shape in shapes.items() for part in ('weight', 'bias')}
    return {'transformer.onnx': onnx_ops.transformer_model(
                _transformer, weights(draw=(12, 12, 1, 1), tint=(12, 100))).SerializeToString(),
            'predictor.onnx': onnx_ops.predictor_model(
                _predictor, weights(look=(2, 3, 3, 3), read=(100, 2))).SerializeToString()}


GOOD = good_files()
#: What integers of a graph are replaced with.
NUMBERS = st.sampled_from([0, 1, -1, 2, 3, 7, 64, 255, 2 ** 31 - 1, -2 ** 31, 2 ** 40, 2 ** 63 - 1, -2 ** 63])


def _change(draw: Any, model: onnx.ModelProto) -> None:
    """Change one thing in the graph."""
    graph = model.graph
    node = draw(st.sampled_from(list(graph.node)))
    kind = draw(st.sampled_from(['operator', 'input', 'output', 'attribute', 'dims', 'type', 'values', 'shape', 'drop',
                                 'again', 'names']))
    if kind == 'operator':
        node.op_type = draw(st.sampled_from(sorted({n.op_type for n in graph.node}) + [
            'Loop', 'If', 'Resize', 'Tile', 'Expand', 'Pow', 'Mod', 'NonZero', 'ConvTranspose', 'MaxPool', 'Nonsense']))
    elif kind in ('input', 'output'):
        names = getattr(node, kind)
        known = [name for other in graph.node for name in (*other.input, *other.output)]
        names[draw(st.integers(0, len(names) - 1))] = draw(st.sampled_from([*known, '']))
    elif kind == 'attribute' and node.attribute:
        attribute = draw(st.sampled_from(list(node.attribute)))
        attribute.i = draw(NUMBERS)
        if attribute.ints:
            attribute.ints[draw(st.integers(0, len(attribute.ints) - 1))] = draw(NUMBERS)
    elif kind in ('dims', 'type', 'values'):
        tensor = draw(st.sampled_from(list(graph.initializer)))
        if kind == 'dims':
            tensor.dims[:] = draw(st.lists(NUMBERS, max_size=4))
        elif kind == 'type':
            tensor.data_type = draw(st.integers(0, 30))
        else:
            tensor.raw_data = draw(st.binary(max_size=32)) + tensor.raw_data[32:]
    elif kind == 'shape':
        value = draw(st.sampled_from([*graph.input, *graph.output])).type.tensor_type
        draw(st.sampled_from(list(value.shape.dim))).dim_value = draw(NUMBERS)
        value.elem_type = draw(st.just(value.elem_type) | st.integers(0, 25))
    elif kind == 'drop':
        graph.node.remove(node)
    elif kind == 'again':
        graph.node.add().CopyFrom(node)
    elif kind == 'names':
        draw(st.sampled_from([*graph.input, *graph.output])).name = draw(st.sampled_from(['frame', 'x', '']))


@st.composite
def onnx_files(draw: Any) -> bytes:
    """Give the networks with fields changed, or bytes, or cut."""
    file, runtime = draw(st.sampled_from(FILES)), draw(st.integers(0, len(RUNTIMES) - 1))
    how = draw(st.integers(0, 5))
    data = GOOD[file]
    if how:
        model = onnx.ModelProto.FromString(data)
        for _ in range(draw(st.integers(1, 3))):
            _change(draw, model)
        data = model.SerializeToString()
    if how <= 1:
        changed = bytearray(data)
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(changed) - 1))
            changed[at:at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
        data = bytes(changed[:draw(st.just(len(changed)) | st.integers(0, len(changed)))])
    return bytes([FILES.index(file) + 2 * runtime]) + data


def _case(data: bytes) -> tuple[str, str, bytes]:
    """Return file name, runtime and contents of an input."""
    flags = data[0] if data else 0
    return FILES[flags % 2], RUNTIMES[flags // 2 % len(RUNTIMES)], data[1:]


def _with(file: str, data: bytes) -> Model:
    """Read a changed file under the checksum of the good one, then write the directory with its own."""
    folder = SCRATCH / 'networks'
    if not folder.exists():
        write_model(folder, 'tiny', 'tiny', 4, None, GOOD)
    for name in FILES:
        (folder / name).write_bytes(data if name == file else GOOD[name])
    if data != GOOD[file]:
        write_model(SCRATCH / 'described', 'tiny', 'tiny', 4, None, GOOD)
        (folder / 'model.yaml').write_bytes((SCRATCH / 'described' / 'model.yaml').read_bytes())
        if promised(lambda: read_model(folder)) is not None:
            raise Broken('a file with the checksum of another one is taken')
    return write_model(folder, 'tiny', 'tiny', 4, None, {name: (folder / name).read_bytes() for name in FILES})


@functools.cache
def _warm() -> None:
    """Load what each forked process would load again."""
    for name in RUNTIMES:
        importlib.import_module(name)
    if 'openvino' in RUNTIMES:
        core = sys.modules['openvino'].Core()
        core.get_versions('CPU')
        core.read_model(GOOD['transformer.onnx'])


def forked(work: Callable[[], None]) -> tuple[int | None, str]:
    """Do some work that may raise ModelError in a forked process; return its end as ``model_check.judge`` takes it."""
    _warm()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        code = 99
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            work()
            code = 0
        except ModelError as error:
            os.write(writing, str(error).encode())
            code = model_check.REFUSED
        finally:
            os._exit(code)
    os.close(writing)
    said, deadline = b'', time.monotonic() + PATIENCE
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(reading, 65536)
        said += part
        if not part:
            break
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        return None, ''
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def onnx_file(data: bytes) -> None:
    """Read a network with a wrong checksum, and try one with the right checksum in a process of its own."""
    file, runtime, content = _case(data)
    model = _with(file, content)

    def work() -> None:
        model_check.limit_memory(runtime)
        model_check.attempt(model, runtime)
    code, said = forked(work)
    if code == 99:
        raise Broken(f'the check of {file} in {runtime} ends with an error that is no refusal')
    end = {0: 'painted', model_check.REFUSED: 'refused', None: 'hung'}.get(code, 'crashed')
    ends[end] = ends.get(end, 0) + 1
    promised(lambda: model_check.judge(model, runtime, code, said))


def onnx_replay(data: bytes) -> None:
    """Try a network as a program does that is given its directory."""
    file, runtime, content = _case(data)
    model = _with(file, content)
    promised(lambda: model_check.check(model, runtime))
