"""
What can go wrong, one class for each thing that a caller can act on.

::

    StyleTransferError
    ├── ImageError        a picture or a camera frame cannot be read
    │   └── UnknownEncoding   its encoding is not in our table; cv_bridge may know it
    ├── ModelError        a model directory cannot be used
    ├── RuntimeMissing    the runtime asked for is not installed
    ├── SourceError       a source of camera frames cannot be used
    │   └── SourceGone    its device or file is not there; it may come back, so try again
    └── StyleError        a style is not there, or does not fit the network
"""


class StyleTransferError(Exception):
    """Base of all; its text is one sentence that says the fact, the value and what to do."""


class ImageError(StyleTransferError):
    """A picture or a frame is empty, truncated, too large or in an unknown encoding."""


class UnknownEncoding(ImageError):
    """The encoding of a frame is not in our table."""


class ModelError(StyleTransferError):
    """A model directory misses a file, or a file is foreign, truncated or of another version."""


class RuntimeMissing(StyleTransferError):
    """The runtime that was asked for is unknown or not installed."""


class SourceError(StyleTransferError):
    """A source of frames holds no picture or no video, or the size that was asked for is not possible."""


class SourceGone(SourceError):
    """The device, file or folder is not there, is in use, or has stopped to deliver frames."""


class StyleError(StyleTransferError):
    """A style is unknown, belongs to another network, or its weights do not add up."""
