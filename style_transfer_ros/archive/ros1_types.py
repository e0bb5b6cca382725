# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Messages of ROS 1 as messages of ROS 2."""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rosbags.convert.converter import is_same_wireformat, migrate_bytes, STATIC_MSGTYPE_RENAMES
from rosbags.serde import SerdeError
from rosbags.typesys import get_types_from_msg, get_typestore, Stores, TypesysError
from rosbags.typesys.msg import normalize_msgtype

from style_transfer_ros.archive.records import Definition
from style_transfer_ros.engine.errors import ArchiveError


@lru_cache(maxsize=1000)
def conversion(kind: str, text: str) -> tuple[str, Definition, str, Callable[[bytes], memoryview]]:
    """
    Find the type of ROS 2 for one of ROS 1.

    A type that ROS 2 has takes ROS 2's fields, as ``rosbags-convert`` does it; others keep their own.

    :param kind: such as ``sensor_msgs/Image``.
    :param text: its definition, with those of the types in it.
    :returns: the type's name, definition and hash, and what converts a message to CDR.
    :raises ArchiveError: the definition cannot be read.
    """
    kind = normalize_msgtype(kind)
    new = STATIC_MSGTYPE_RENAMES.get(kind, kind)
    old = get_typestore(Stores.EMPTY)
    try:
        types = get_types_from_msg(text, kind)
        types.setdefault('std_msgs/msg/Header', get_typestore(Stores.ROS1_NOETIC).fielddefs['std_msgs/msg/Header'])
        old.register(types)
        store = get_typestore(Stores.ROS2_JAZZY)
        if new not in store.fielddefs:
            foreign = get_types_from_msg(text, new)
            store.register({name: fields for name, fields in foreign.items() if name not in store.fielddefs})
        same = is_same_wireformat(old, store, kind, new)
        definition, digest = Definition('ros2msg', store.generate_msgdef(new, ros_version=2)[0].encode()), \
            store.hash_rihs01(new)
    except (TypesysError, SerdeError, KeyError, ValueError, AssertionError) as error:
        raise ArchiveError(f"The type '{kind[:100]}' has a definition that cannot be read "
                           f"({str(error)[:100]}).") from error
    cache: dict[str, object] = {}

    def convert(data: bytes) -> memoryview:
        if same:
            return store.ros1_to_cdr(data, new)
        return migrate_bytes(old, store, kind, new, cache, data, src_is2=False, dst_is2=True)

    return new, definition, digest, convert
