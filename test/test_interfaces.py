# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The message and service files explain themselves."""
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[1] / 'style_transfer_msgs').glob('*/*.[ms][sr][gv]'))


def fields_without_comment(text: str) -> list:
    """List the fields and constants that have neither a comment on the line above nor one behind."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for above, line in zip(['', *lines], lines)
            if line and not line.startswith(('#', '---')) and '#' not in line and not above.startswith('#')]


def test_there_are_interfaces():
    assert {file.suffix for file in FILES} == {'.msg', '.srv'}


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_every_field_has_a_comment(file):
    assert fields_without_comment(file.read_text()) == []


def test_a_field_without_a_comment_is_found():
    assert fields_without_comment('# why\nint8 a\nint8 b  # why\n---\nint8 c\n') == ['int8 c']


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_every_file_is_built(file):
    cmake = file.parents[1] / 'CMakeLists.txt'
    assert f'{file.parent.name}/{file.name}' in cmake.read_text()
