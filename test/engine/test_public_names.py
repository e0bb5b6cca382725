# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The engine's public names are there, are all of them, and cost nothing before they are used."""
import inspect
from pathlib import Path
import subprocess
import sys

import pytest

from style_transfer_ros import engine
from style_transfer_ros.engine import errors


def test_every_public_name_is_there_and_defined_in_the_engine():
    assert engine.__all__ == sorted(set(engine.__all__), key=str.lower)
    for name in engine.__all__:
        found = getattr(engine, name)
        assert found.__name__ == name and found.__module__.startswith('style_transfer_ros.engine.'), name
        assert inspect.getdoc(found), name


def test_every_error_that_a_caller_can_act_on_is_public():
    defined = {name for name, kind in vars(errors).items()
               if inspect.isclass(kind) and issubclass(kind, errors.StyleTransferError)}
    assert defined == {name for name in engine.__all__ if inspect.isclass(getattr(engine, name))
                       and issubclass(getattr(engine, name), Exception)}


def test_type_checkers_see_the_names_that_programs_see():
    text = inspect.getsource(engine)
    seen = text[text.index('if TYPE_CHECKING'):text.index('__all__')]
    assert [name for name in engine.__all__ if name not in seen.replace(',', ' ').split()] == []
    assert (Path(engine.__file__).parents[1] / 'py.typed').is_file()


def test_a_star_import_gives_the_public_names():
    names: dict = {}
    exec('from style_transfer_ros.engine import *', names)
    assert {name for name in names if not name.startswith('_')} == set(engine.__all__)


def test_an_unknown_name_is_an_error():
    with pytest.raises(ImportError, match="cannot import name 'Painter'"):
        from style_transfer_ros.engine import Painter  # noqa: F401
    assert not hasattr(engine, 'onnx')


def test_the_errors_load_neither_opencv_nor_numpy_nor_a_runtime():
    program = ('import sys; from style_transfer_ros.engine import StyleTransferError; '
               'print(sorted({"cv2", "numpy", "onnx", "openvino", "onnxruntime"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'
