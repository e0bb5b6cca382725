# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Every encoding that ROS's own cv_bridge knows is read and written as cv_bridge does it.

cv_bridge is not on PyPI.  Debian and Ubuntu have that of ROS 1, whose conversions are the same, as python3-cv-bridge
for the system's Python; a ROS 2 installation has its own.  Neither goes with the NumPy of a virtual environment, so
pictures are exchanged in files.
"""
import os
from pathlib import Path
import subprocess

import numpy as np
import pytest

from style_transfer_ros.engine.encodings import decode, encode, ENCODINGS

SYSTEM_PYTHON, PEER = '/usr/bin/python3', Path(__file__).with_name('cv_bridge_peer.py')
HEIGHT, WIDTH = 32, 48
#: cv_bridge fills in the missing colours of a mosaic with 16 bits and rounds after that, we before.
TOLERANCE = {f'bayer_{pattern}16': 1 for pattern in ('rggb', 'bggr', 'gbrg', 'grbg')}
#: What it reads, each as colours; the others of ours are unlabelled, or newer than it is.
READ = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'rgb16', 'bgr16', 'rgba16', 'bgra16', 'mono16', 'yuv422',
        'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8', *TOLERANCE)
WRITTEN = ('bgr8', 'rgba8', 'bgra8', 'mono8', 'rgb16', 'bgr16', 'rgba16', 'bgra16', 'mono16')
#: Unlabelled samples, which it reads as viewers do if it is told which one is white.
SHOWN = {'16UC1': 10_000, '32FC1': 1}
LONG = [name for name in READ if ENCODINGS[name].dtype != 'u1']


def picture(encoding: str, byte_order: str = 'little') -> np.ndarray:
    """Draw noise as OpenCV holds it, (H, W) or (H, W, samples), 10 % of it beyond white where that is possible."""
    found, rng = ENCODINGS[encoding], np.random.default_rng(0)
    white = SHOWN.get(encoding, found.white) * (1.1 if encoding in SHOWN else 1)
    samples = rng.uniform(0, white, (HEIGHT, WIDTH, found.samples))
    dtype = np.dtype(found.dtype).newbyteorder('>' if byte_order == 'big' else '<')
    return (samples if found.dtype == 'f4' else np.rint(samples)).astype(dtype).squeeze()


def environment() -> dict:
    """Leave out what the wheels of ROS 2 set for their own libraries; a ROS installation needs what it sets."""
    wheels = ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
    return {k: v for k, v in os.environ.items() if wheels[1] not in os.environ or k not in wheels}


@pytest.fixture(scope='module')
def peer(tmp_path_factory):
    """Let cv_bridge convert everything at once; give a function that returns one result."""
    found = [SYSTEM_PYTHON, '-c', 'import cv_bridge.boost.cv_bridge_boost, sensor_msgs.msg']
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(found, env=environment(), capture_output=True).returncode:
        pytest.skip("the system's Python has no cv_bridge: apt install python3-cv-bridge")
    folder = tmp_path_factory.mktemp('cv_bridge')
    pictures = {**{f'convert|{name}|rgb8|little': picture(name) for name in READ},
                **{f'convert|{name}|rgb8|big': picture(name, 'big') for name in LONG},
                **{f'convert|rgb8|{name}|little': picture('rgb8') for name in WRITTEN},
                **{f'show|{name}|{white}': picture(name) for name, white in SHOWN.items()}}
    np.savez(folder / 'in.npz', **pictures)
    done = subprocess.run([SYSTEM_PYTHON, PEER, folder / 'in.npz', folder / 'out.npz'], env=environment(),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr
    results = np.load(folder / 'out.npz')
    return lambda *parts: results['|'.join(map(str, parts))].astype(int)


def read(encoding: str, byte_order: str = 'little') -> np.ndarray:
    """Read the noise with our table."""
    drawn = picture(encoding, byte_order)
    return decode(drawn.tobytes(), encoding, HEIGHT, WIDTH, drawn.strides[0], byte_order == 'big').astype(int)


@pytest.mark.parametrize('encoding, byte_order', [
    *((name, 'little') for name in READ), *((name, 'big') for name in LONG)])
def test_an_encoding_is_read_as_cv_bridge_reads_it(encoding, byte_order, peer):
    theirs = peer('convert', encoding, 'rgb8', byte_order)
    assert np.abs(read(encoding, byte_order) - theirs).max() <= TOLERANCE.get(encoding, 0)


@pytest.mark.parametrize('encoding', SHOWN)
def test_unlabelled_samples_are_read_as_cv_bridge_shows_them(encoding, peer):
    np.testing.assert_array_equal(read(encoding), peer('show', encoding, SHOWN[encoding]))


@pytest.mark.parametrize('encoding', WRITTEN)
def test_an_encoding_is_written_as_cv_bridge_writes_it(encoding, peer):
    theirs = peer('convert', 'rgb8', encoding, 'little')
    data, _ = encode(picture('rgb8'), encoding)
    np.testing.assert_array_equal(data.view(ENCODINGS[encoding].dtype).reshape(theirs.shape), theirs)
