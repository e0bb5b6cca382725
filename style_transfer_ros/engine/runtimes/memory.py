# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Memory that a runtime does not need any more."""
from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)


def give_back() -> None:
    """Return freed memory to the system at once; glibc would keep it, and other C libraries do it by themselves."""
    if _trim is not None:
        _trim(0)
