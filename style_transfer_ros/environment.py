# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The environment of ROS processes: shared memory and memory that hold camera images, and a ROS domain of one's own."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import ctypes
import importlib
import os
from pathlib import Path
import random
import re
import sys
import types

from style_transfer_ros.paths import share_folder

#: glibc's numbers of these settings (malloc.h), and bytes that are kept: of a JPEG, a 4K frame, a few of them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_JPEG, _FRAME, _FRAMES = 128 << 10, 32 << 20, 128 << 20
#: Linux's number of the advice to map all pages of a range now (madvise, since 5.14).
_MADV_POPULATE_WRITE = 23
#: The file that a process locks as long as it owns a segment.
_LOCK = re.compile('(/dev/shm/fast(?:rtps|dds)_[0-9a-f]{16})_el')
#: The environment variables that name a profile of Fast DDS: Jazzy's, Kilted's.
_PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'
#: Lets the profile choose how writers and readers keep memory.
_MEMORY_FROM_PROFILE = 'RMW_FASTRTPS_USE_QOS_FROM_XML'

#: What makes modules of messages when ROS is built; a way to compress that no page asks for.
_NOT_NEEDED = 'rosidl_generator_py.generate_py_impl', 'backports.zstd'
#: What is imported for a few values only.
_SELDOM_NEEDED = 'numpy', 'yaml'


def large_shared_memory() -> dict[str, str]:
    """
    Return the environment variables that make Fast DDS fit for camera images.

    With its default segment (549 kB) a best-effort subscriber loses most 640x480 frames, and as ROS sets it up it keeps
    the memory of the largest image for ever.  A profile that the user names already is left alone.
    """
    profile = str(share_folder() / 'config' / 'fastdds.xml')
    variables = dict.fromkeys(_PROFILES, profile) | {_MEMORY_FROM_PROFILE: '1'}
    if any(os.environ.get(variable, profile) != profile for variable in _PROFILES):
        del variables[_MEMORY_FROM_PROFILE]         # in the user's own it may mean anything
    return {variable: value for variable, value in variables.items() if variable not in os.environ}


def prepare_for_images() -> None:
    """
    Make DDS and memory fit for camera images; to be called before ``rclpy.init``.

    glibc would give the memory of every frame back to the system and fetch the next one's page by page, which is half
    of what receiving and publishing a frame costs.  It would also keep free memory for every thread apart, 10 MB in
    all.  Other C libraries have no such settings.
    """
    os.environ.update(large_shared_memory())
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _FRAME)
        mallopt(_M_TRIM_THRESHOLD, _FRAMES)
        mallopt(_M_ARENA_MAX, 1)


def claim_shared_memory() -> None:
    """
    Map all of the shared memory that Fast DDS has reserved for this process; to be called once its node is there.

    The system has set it aside, but counts a page as the process's own only when it is first written to, which stops a
    frame for a moment and makes the memory of the node creep up for hours.  Other middleware, and Linux before 5.14,
    go on without it.
    """
    with suppress(OSError):         # a system that does not show a process its own files goes on without it, too
        # those of other processes are mapped, too
        own = {found[1] for found in map(_LOCK.fullmatch, _open_files()) if found}
        madvise = ctypes.CDLL(None).madvise
        for line in Path('/proc/self/maps').read_text(encoding='utf-8', errors='replace').splitlines():
            place, *_, path = line.split()
            if path in own:
                begin, end = (int(address, 16) for address in place.split('-'))
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_POPULATE_WRITE)


def _open_files() -> Iterator[str]:
    """Name the files that are open in this process; threads of DDS open and close some meanwhile."""
    for number in os.listdir('/proc/self/fd'):
        with suppress(FileNotFoundError):
            yield os.readlink(f'/proc/self/fd/{number}')


def prepare_for_jpegs() -> None:
    """
    Keep memory small in a process that receives compressed images only; to be called before ``rclpy.init``.

    The shared memory for raw images alone would cost it 16 MB, and room for 100 messages of each service 2 MB.  A
    profile that the user names already is left alone.
    """
    small, large = (str(share_folder() / 'config' / name) for name in ('fastdds_small.xml', 'fastdds.xml'))
    if all(os.environ.get(variable, large) == large for variable in _PROFILES):     # of a parent with raw images
        os.environ.update(dict.fromkeys(_PROFILES, small) | {_MEMORY_FROM_PROFILE: '1'})
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, _JPEG)       # what many viewers took for a moment goes back to the system


class _Later(types.ModuleType):
    """Stands for a module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:      # used while it stands there
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def lean_imports() -> Iterator[None]:
    """
    Import in the block what a node with small messages needs of ROS and aiohttp, and keep 19 MB out of memory.

    Messages import NumPy for fields that few of them have, and rclpy a parser of YAML for files of parameters: they get
    them when they use them, all other code as always.  Beside the loader of the messages' libraries comes the generator
    of their code with two parsers, which ROS itself does without where it is missing.  aiohttp imports a way to
    compress that it does without, too, and reads the certificates that clients of HTTPS need.
    """
    certificates = os.environ.get('SSL_CERT_FILE')
    os.environ['SSL_CERT_FILE'] = os.devnull
    seldom = {name: _Later(name) for name in _SELDOM_NEEDED if name not in sys.modules}
    left_out = seldom | {name: None for name in _NOT_NEEDED if name not in sys.modules}     # as if not installed
    sys.modules.update(left_out)                # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in left_out.items():
            if sys.modules.get(name) is module:
                sys.modules.pop(name, None)
        del os.environ['SSL_CERT_FILE']
        if certificates is not None:
            os.environ['SSL_CERT_FILE'] = certificates


def stay_alone() -> None:
    """
    Keep this process and its children apart from other ROS systems, unless the user chose a domain.

    Tests take the domains 1 to 100; to be called before ``rclpy.init``.
    """
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(random.randint(215, 232)))
