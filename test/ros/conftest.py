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
