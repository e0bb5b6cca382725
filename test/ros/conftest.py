# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Everything here needs rclpy: say so where it is missing, instead of failing to import it."""
import importlib.util

import pytest


class _NeedsRos(pytest.Module):
    """A test file that is skipped as a whole, with its reason."""

    def collect(self):
        pytest.skip('rclpy is not importable: neither a sourced ROS 2 installation nor requirements/ros.txt is here',
                    allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    if importlib.util.find_spec('rclpy') is None:
        return _NeedsRos.from_parent(parent, path=module_path)
