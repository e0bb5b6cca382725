# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The programs by name; ``python -m style_transfer_ros.programs NAME`` runs one, too.

A program imports for a second or more before its own code runs.  A signal that comes meanwhile ends it at once, with
the exit code that it has when it is interrupted later, and without the traceback of an import.
"""
from __future__ import annotations

from functools import partial
import importlib
import os
import sys

from style_transfer_ros.signals import on_end

_INTERRUPTED = 130


def _run(module: str, code: int) -> None:
    def leave(*_: object) -> None:
        if code:
            os.write(2, b'Interrupted.\n')
        os._exit(code)
    on_end(leave)
    importlib.import_module(f'style_transfer_ros.{module}').main()


style_transfer_node = partial(_run, 'ros.style_transfer_node', 0)
camera_node = partial(_run, 'ros.camera_node', 0)
web_node = partial(_run, 'ros.web_node', 0)
record_stylized = partial(_run, 'ros.record_node', 0)
stylize_bag = partial(_run, 'tools.stylize_bag', _INTERRUPTED)
stylize_images = partial(_run, 'tools.stylize_images', _INTERRUPTED)
stylize_video = partial(_run, 'tools.stylize_video', _INTERRUPTED)
style_gallery = partial(_run, 'tools.gallery', _INTERRUPTED)
style_transfer_demo = partial(_run, 'demo.demo', 1)
style_transfer_live = partial(_run, 'demo.live', 0)

if __name__ == '__main__':
    del sys.argv[0]
    globals()[sys.argv[0]]()
