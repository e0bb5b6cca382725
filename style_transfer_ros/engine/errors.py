# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
What can go wrong, one class for each thing that a caller can act on.

::

    StyleTransferError
    ├── ArchiveError      a bag, a video or a folder of pictures cannot be read or written
    ├── ImageError        a picture or a camera frame cannot be read
    │   └── UnknownEncoding   its encoding is not in our table; cv_bridge may know it
    ├── ModelError        a model directory cannot be used
    ├── ParameterError    a parameter is of another type, out of its range, or cannot change now
    ├── RuntimeMissing    the runtime asked for is not installed
    ├── SourceError       a source of camera frames cannot be used
    │   └── SourceGone    its device or file is not there; it may come back, so try again
    └── StyleError        a style is not there, or does not fit the model
"""
from __future__ import annotations

from numbers import Real
from typing import Any

#: A value of a stranger is shown up to this many characters.
_SHOWN = 100


class StyleTransferError(Exception):
    """Base of all; its text is one sentence that says the fact, the value and what to do."""


def shown(value: object) -> str:
    """Return a value of a stranger as it may stand in a message or a log: quoted, one line, about 100 characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
    return repr(text) if isinstance(value, str) else text


class ArchiveError(StyleTransferError):
    """A bag, a video or a folder of pictures cannot be read or written."""


class ImageError(StyleTransferError):
    """A picture or a frame is empty, truncated, too large or in an unknown encoding."""


class UnknownEncoding(ImageError):
    """The encoding of a frame is not in our table."""


class ModelError(StyleTransferError):
    """A model directory misses a file, or a file is foreign, truncated or of another version."""


class ParameterError(StyleTransferError):
    """A parameter is of another type, out of its range, unknown as a choice, or cannot change now."""


class RuntimeMissing(StyleTransferError):
    """The runtime that was asked for is unknown or not installed."""


class SourceError(StyleTransferError):
    """A source of frames holds no picture or no video, or the size that was asked for is not possible."""


class SourceGone(SourceError):
    """The device, file or folder is not there, is in use, or has stopped delivering frames."""


class StyleError(StyleTransferError):
    """A style is unknown, belongs to another network, or its weights do not add up."""


def sentence(error: BaseException) -> str:
    """Return the text of our own errors, and the kind of others with the beginning of their text, on one line."""
    if isinstance(error, StyleTransferError):
        return str(error)
    text, longest = ' '.join(str(error).split()), 3 * _SHOWN
    return f'{type(error).__name__}: {text[:longest]}' + ('...' if len(text) > longest else '')


def check_within(name: str, value: Any, low: float, high: float) -> None:
    """
    Check a number that a program gives.

    :raises ParameterError: it is none, or not within ``low`` and ``high``, both included.
    """
    if not isinstance(value, Real) or not low <= float(value) <= high:
        raise ParameterError(f"The parameter '{name}' is {shown(value)}; choose {low} to {high}.")
