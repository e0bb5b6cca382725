"""Parameters are checked before they are used: type, elements, range and choice."""
import pytest
from rclpy.parameter import Parameter

from style_transfer_ros.engine.errors import ParameterError
from style_transfer_ros.ros.parameters import changed
from style_transfer_ros.settings import StyleTransferParameters


def updated(name, value):
    return changed(StyleTransferParameters(), [Parameter(name, value=value)], locked=False)


@pytest.mark.parametrize('value', ['/home/robot/styles', '/', 5, True, 1.5, [1, 2], [True], [1.5], [b'/']])
def test_style_directories_are_a_list_of_texts_and_nothing_else(value):
    with pytest.raises(ParameterError, match='style_directories.*list of texts'):
        updated('style_directories', value)


@pytest.mark.parametrize('value, kept', [(['/a', '/b'], ['/a', '/b']), ([''], ['']), ([], []), (None, [])])
def test_style_directories_keep_every_folder_that_is_given(value, kept):
    assert updated('style_directories', value).style_directories == kept
