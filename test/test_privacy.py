"""Nothing leaves the machine: no program asks a host for anything, however the environment is."""
from importlib.util import find_spec
import os
import shutil
import subprocess
import sys

import pytest

#: Each paints one picture in one runtime, from a fresh interpreter, as the programs do.
PAINT = """
import numpy as np
from style_transfer_ros.engine.stylizer import Stylizer
stylizer = Stylizer.load(runtime={runtime!r})
stylizer.paint(np.zeros((64, 64, 3), np.uint8), stylizer.learn_style(np.zeros((64, 64, 3), np.uint8)))
"""


@pytest.mark.skipif(shutil.which('strace') is None, reason='strace watches the sockets: apt install strace')
@pytest.mark.parametrize('runtime', ['openvino', 'onnxruntime'])
def test_loading_and_painting_opens_no_internet_socket_and_writes_no_file(runtime, tmp_path):
    if find_spec(runtime) is None:
        pytest.skip(f'{runtime} is not installed')
    home, trace = tmp_path / 'home', tmp_path / 'trace'
    home.mkdir()
    # CI would silence the libraries by itself, and so hide that they call when a user starts them
    environment = {k: v for k, v in os.environ.items() if k not in ('CI', 'ORT_DISABLE_TELEMETRY')}
    environment.update(HOME=str(home), XDG_DATA_HOME=str(home / 'data'), XDG_CACHE_HOME=str(home / 'cache'))
    program = [sys.executable, '-c', PAINT.format(runtime=runtime)]
    traced = subprocess.run(['strace', '-f', '-o', trace, '-e', 'trace=connect,sendto,bind', *program],
                            env=environment, capture_output=True, text=True)
    assert traced.returncode == 0, traced.stderr
    packets = [line for line in trace.read_text().splitlines() if 'AF_INET' in line]
    assert packets == []
    assert [path for path in home.rglob('*') if path.is_file()] == []
