# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Keeps OpenCV and the libraries in it silent: what is wrong with a picture or a video is said once, by our own errors.

A stream of broken pictures would otherwise fill the terminal with lines of libjpeg, libpng, FFmpeg and OpenCV.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
import os
from threading import Lock

import cv2

if 'OPENCV_LOG_LEVEL' not in os.environ and hasattr(cv2.utils, 'logging'):
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')       # AV_LOG_QUIET


class _Stderr:
    """
    The variable ``stderr`` of glibc, to which libjpeg and libpng write.

    Only what reads the variable is silenced: Python, the log of ROS and C++ streams hold the stream itself, and are
    heard as before.
    """

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        libc = ctypes.CDLL(None)
        self._variable: ctypes.c_void_p | None = None
        if hasattr(libc, 'gnu_get_libc_version'):       # elsewhere it may be read-only
            libc.fopen.restype = ctypes.c_void_p
            self._nowhere = libc.fopen(os.devnull.encode(), b'w')
            if self._nowhere:
                self._variable = ctypes.c_void_p.in_dll(libc, 'stderr')

    @contextmanager
    def off(self) -> Iterator[None]:
        if self._variable is None:
            yield
            return
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._real, self._variable.value = self._variable.value, self._nowhere
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._variable.value = self._real


#: A context in which libraries that are written in C print nothing; any number of threads may be in it.
silence = _Stderr().off
