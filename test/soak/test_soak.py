# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Two minutes of `make soak`."""
import importlib.util
import json
from pathlib import Path
import subprocess
import sys

import pytest

if importlib.util.find_spec('rclpy') is None:
    pytest.skip('rclpy is not installed', allow_module_level=True)


@pytest.mark.timeout(600)
def test_two_minutes_of_load_and_some_kills_break_no_limit():
    done = subprocess.run([sys.executable, Path(__file__).with_name('soak.py'), '--seconds', '120', '--kills', '4'],
                          capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result['broken'], done.returncode) == ([], 0), done.stdout + done.stderr
    assert result['load']['counts']['frames painted'] > 20 and result['styles']['acknowledged'] > 0
