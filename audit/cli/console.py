"""What the terminal can show."""

from __future__ import annotations

import io
import sys


def write_anything() -> None:
    """Names that the console's code page lacks are written as escapes, so that no name of a file ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
