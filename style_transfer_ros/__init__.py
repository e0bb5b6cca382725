"""
Repaints a robot's camera in the style of any picture.

All data stays on the device.  Two libraries would call their makers' hosts when they are imported, unless the two lines
below come first; every program of this package imports this module before them.
"""
import os
import sys

# OpenVINO calls a web analytics host and writes an identifier below ~/intel, unless this module of its cannot be found.
sys.modules['openvino_telemetry'] = None    # type: ignore[assignment]
# ONNX Runtime looks up a telemetry host and writes an identifier, unless it is told not to before it is loaded.
os.environ['ORT_DISABLE_TELEMETRY'] = '1'
