"""Types of command-line arguments: a value that does not fit ends the program with argparse's one sentence."""
from __future__ import annotations

from argparse import ArgumentTypeError
import os
from pathlib import Path
import re
from typing import Callable, TypeVar

from style_transfer_ros.paths import bundled_styles

Number = TypeVar('Number', int, float)


def within(kind: Callable[[str], Number], low: Number, high: Number) -> Callable[[str], Number]:
    """Return a type: a number from ``low`` to ``high``."""
    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise ArgumentTypeError(f"it is '{text}'; choose {low} to {high}")
        return value
    return parse


def topic_name(text: str) -> str:
    """Check the full name of a topic."""
    if not re.fullmatch(r'(/[A-Za-z_][A-Za-z0-9_]*)+', text):
        raise ArgumentTypeError(f"'{text}' is no full topic name; write one such as /stylized/image")
    return text


def png(text: str) -> Path:
    """Check the path of a picture to be written."""
    path = Path(text)
    if path.suffix.lower() != '.png' or path.is_dir() or not path.parent.is_dir():
        raise ArgumentTypeError(f"'{text}' is no .png file in a folder that exists; choose another path")
    return path


def style_picture(style: str) -> Path:
    """Return the picture that is meant: that of a bundled style where no file has this path."""
    return Path(style) if os.path.isfile(style) else bundled_styles().get(style, Path(style))
