# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Repaints a robot's camera in the style of any picture.

All data stays on the device.  Two libraries would call their makers' hosts when they are imported, and a third one
would write into the home folder, unless the lines below come first; every program of this package imports this module
before them.
"""
import os
import sys

# A folder of the user that is not absolute would be made in whatever folder the program runs in: XDG says to ignore it.
for variable in ('HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'):
    if not os.path.isabs(os.environ.get(variable, '/')):
        del os.environ[variable]
# The log of ROS needs one; a user of some containers has no entry in passwd either.
os.environ.setdefault('HOME', os.path.join('/', os.path.expanduser('~').removeprefix('~')))
# OpenVINO calls a web analytics host and writes an identifier below ~/intel, unless this module of its cannot be found.
sys.modules['openvino_telemetry'] = None    # type: ignore[assignment]
# ONNX Runtime looks up a telemetry host and writes an identifier, unless it is told not to before it is loaded.
os.environ['ORT_DISABLE_TELEMETRY'] = '1'
# Keras, which TensorFlow loads, writes its settings below ~/.keras unless it is given another folder.
os.environ.setdefault('KERAS_HOME', os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'style_transfer_ros', 'keras'))
