"""Memory that a runtime does not need any more."""
from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)


def give_back() -> None:
    """Return freed memory to the system at once; glibc would keep it, and other C libraries do it by themselves."""
    if _trim is not None:
        _trim(0)
