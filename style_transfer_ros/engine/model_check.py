# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The check of networks that are not ours, in a process that may crash, hang or fill its memory in place of the program.

The checksums of a model directory are its maker's own, so they cannot tell whether a runtime survives its networks.
"""
from __future__ import annotations

import os
from pathlib import Path
import resource
import signal
import subprocess
import sys

import numpy as np
import platformdirs

from style_transfer_ros.engine.errors import ModelError, sentence, shown
from style_transfer_ros.engine.models import Model, read_model
from style_transfer_ros.engine.runtimes import load_runtime
from style_transfer_ros.paths import share_folder

#: A check takes at most this time, s (usually two), and this memory, bytes.
_LONGEST, _MEMORY = 120.0, 4 << 30
#: The program of that process; without the working directory, which could hold modules of a stranger.
_PROGRAM = ('import sys; sys.path = [p for p in sys.path if p]; '
            'from style_transfer_ros.engine.model_check import main; main()')
#: Exit code of a check that has said why the networks cannot be used.
REFUSED = 3
#: Height and width of what is painted: networks that fit one size alone are refused.
_SIZES = (48, 80), (64, 32)
_passed: set[tuple[str, str]] = set()


def is_ours(folder: Path) -> bool:
    """Tell whether a model directory is in the package, or was made from the wheel of magenta."""
    ours = share_folder() / 'models', platformdirs.user_cache_path('style_transfer_ros') / 'models'
    return folder.resolve().parent in [place.resolve() for place in ours]


def check(model: Model, runtime: str) -> None:
    """
    Let a process of its own load the networks and paint with them; once for the same files.

    :param runtime: the name of a runtime that is installed.
    :raises ModelError: they cannot be used.
    """
    key = runtime, (model.folder / 'model.yaml').read_text(encoding='utf-8')      # with the checksums of all files
    if key in _passed:
        return
    try:
        done = subprocess.run([sys.executable, '-c', _PROGRAM, str(model.folder), runtime], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_LONGEST, check=False)
        code, said = done.returncode, done.stdout.decode('utf-8', 'replace').strip()
    except subprocess.TimeoutExpired:
        code, said = None, ''
    judge(model, runtime, code, said)
    _passed.add(key)


def judge(model: Model, runtime: str, code: int | None, said: str) -> None:
    """
    Tell what the end of a check means.

    :param code: its exit code, minus the number of the signal that ended it, or None if it took too long.
    :param said: why it refused the networks.
    :raises ModelError: the networks cannot be used.
    """
    if code == 0:
        return
    if code == REFUSED and said:
        raise ModelError(said)
    what = (f'does not paint within {_LONGEST:.0f} s' if code is None else
            f'ends with {_signal(-code)}' if code < 0 else f'ends with exit code {code}')
    raise ModelError(f'A process that tries the networks in {shown(str(model.folder))} with the runtime '
                     f"'{runtime}' {what}; export the model again, or choose another one.")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f'signal {number}'


def attempt(model: Model, runtime: str) -> None:
    """
    Load the networks, learn a picture and paint two frames, here.

    :raises ModelError: they cannot be used; the sentence says why.
    """
    from style_transfer_ros.engine.stylizer import Stylizer  # it imports this module, too
    try:
        stylizer = Stylizer(model, load_runtime(runtime, model, 1))
        vector = stylizer.learn_style(np.full((64, 64, 3), 128, np.uint8))
        if vector.shape != (100,) or vector.dtype != np.float32 or not np.isfinite(vector).all():
            raise ValueError(f'a style vector of shape {vector.shape} and type {vector.dtype}, or not finite')
        for size in _SIZES:
            painted = stylizer.paint(np.full((*size, 3), 128, np.uint8), vector)
            if painted.shape != (*size, 3) or painted.dtype != np.uint8:
                raise ValueError(f'a painting of shape {painted.shape} and type {painted.dtype}')
    except ModelError:
        raise
    except Exception as error:      # runtimes have no common base for their own
        raise ModelError(f"The runtime '{runtime}' cannot paint with the networks in {shown(str(model.folder))} "
                         f'({sentence(error)}); export the model again, or choose another one.') from error


def limit_memory(runtime: str) -> None:
    """Let this process refuse more memory than a check needs, and leave no core; TensorFlow reserves what it likes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if runtime != 'tensorflow':
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


def main() -> None:
    """Make a check: the arguments are a model directory and a runtime; ends the process."""
    folder, runtime = sys.argv[1:]
    limit_memory(runtime)
    code = 0
    try:
        attempt(read_model(Path(folder)), runtime)
    except ModelError as error:
        print(error, flush=True)
        code = REFUSED
    os._exit(code)      # not through the teardown of a library that is at work
