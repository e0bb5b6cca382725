# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""A slice of `make fuzz` that CI has time for, and all inputs that ever failed."""
import importlib.util
import json
from pathlib import Path
import subprocess
import sys

import pytest

FUZZ = Path(__file__).with_name('fuzz.py')
if importlib.util.find_spec('rclpy') is None:
    pytest.skip('rclpy is not installed', allow_module_level=True)


def fuzzed(*options):
    """Run the program; return its last line and its exit code."""
    done = subprocess.run([sys.executable, FUZZ, *options], capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]), done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_a_slice_of_all_inputs_breaks_no_promise_and_so_does_what_ever_failed():
    result, code, said = fuzzed('--runs', '60')
    assert (result['fuzz'], code) == ('passed', 0), said
    assert len(result['targets']) >= 22 and all(
        target['inputs'] for name, target in result['targets'].items() if name != 'corpus')


def test_what_the_fuzzer_begins_with_is_read_and_not_refused(tmp_path, monkeypatch):
    """Else no changed input comes further than the first check."""
    monkeypatch.setenv('FUZZ_SCRATCH', str(tmp_path))
    program = f"""
import sys
sys.path.insert(0, {str(FUZZ.parent)!r})
import networks, targets
for name, check in targets.BYTES.items():
    for seed in targets.seeds(name):
        check(seed)
        assert not targets.refused, (name, targets.refused)
for number, file in enumerate(networks.FILES * len(networks.RUNTIMES)):
    networks.onnx_file(bytes([number]) + networks.GOOD[file])
assert networks.ends == {{'painted': 2 * len(networks.RUNTIMES)}}, (networks.ends, targets.refused)
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_broken_promise_is_found_and_ends_with_exit_code_1(tmp_path):
    """The net has no holes: a reader that raises something else is caught, and its input kept."""
    program = f"""
import sys
sys.argv = ['fuzz.py', '--runs', '20', '--only', 'image_message']
sys.path.insert(0, {str(FUZZ.parent)!r})
import pathlib
import fuzz, targets
fuzz.CORPUS = pathlib.Path({str(tmp_path)!r})
targets.MESSAGES['image_message'] = lambda data: targets.promised(lambda: 1 / len(data[:0]))
from style_transfer_ros.environment import stay_alone
stay_alone()
fuzz.main()
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1 and result['fuzz'] == 'failed', done.stderr
    assert 'ZeroDivisionError' in result['targets']['image_message']['failed']
    assert list(tmp_path.glob('image_message/*'))
