"""Reading a small file that somebody else may have written: regular, bounded, without waiting on a pipe.

Also what file managers leave behind, where a path that leads nowhere ends, and which disk a folder lies on.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shlex
import stat
import sys
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from audit.base.errors import BadInput
from audit.base.messages import Said, render, say

SYSTEM_FILES = frozenset((".DS_Store", "Thumbs.db", "desktop.ini", ".localized", "Icon\r", "ehthumbs.db", "__MACOSX"))
"""What file managers leave in folders that a person would call empty."""
_OF_SYSTEM = frozenset(name.casefold() for name in SYSTEM_FILES)
_DOUBLES = re.compile(r"\._.+", re.DOTALL)
"""What macOS writes beside each file on disks that hold no more than its bytes."""
_SIMILAR = 0.6
_LISTED = 2_000


def of_file_manager(name: str) -> bool:
    """Whether a file of this name was left by Finder or Explorer and says nothing."""
    return name.casefold() in _OF_SYSTEM or _DOUBLES.fullmatch(name) is not None


@dataclass(frozen=True)
class Gap:
    """Where a path that leads nowhere ends.

    Attributes:
        missing: the first part that is not there; within: name of the folder that it should lie in.
        similar: what lies there under nearly that name; '' for nothing.
    """

    missing: str
    within: str
    similar: str


def gap_of(path: Path) -> Gap:
    """Where an absent path ends; only names are told, no whole path."""
    whole = Path(os.path.abspath(path))
    there = next((p for p in whole.parents if p.is_dir()), whole.parent)
    missing = whole.relative_to(there).parts[0] if whole != there else whole.name
    try:
        beside = [entry.name for entry, _ in zip(os.scandir(there), range(_LISTED), strict=False)]
    except OSError:
        beside = []
    near = difflib.get_close_matches(missing.casefold(), [name.casefold() for name in beside], n=1, cutoff=_SIMILAR)
    similar = next((name for name in beside if near and name.casefold() == near[0]), "")
    return Gap(missing, there.name or str(there), similar)


def typed_path(text: str, *, windows: bool = sys.platform == "win32") -> Path:
    """The path that a person typed or dragged into a terminal, which puts quotation marks or backslashes into it."""
    text = text.strip()
    if text.startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    plain = Path(text).expanduser()
    if plain.is_dir():
        return plain
    if windows:
        # PowerShell writes an ampersand before a path that it puts in quotation marks.
        return Path(text.removeprefix("&").strip().strip("'\""))
    try:
        words = shlex.split(text)
    except ValueError:
        return plain
    # A path that was typed with its spaces stays one.
    return Path(words[0]).expanduser() if len(words) == 1 else plain


def disk_of(folder: Path) -> str:
    """The disk that a folder, there or not, lies on: where it is mounted, or its drive's letter."""
    at = Path(os.path.abspath(folder))
    if at.drive:
        return at.drive
    while not os.path.ismount(at) and at != at.parent:
        at = at.parent
    return str(at)


def user_folder(variable: str, *below: str) -> Path:
    """A folder of the user's by the variable of the XDG standard that names it, else below the home folder.

    Raises:
        BadInput: `no-home`, the system tells of none.
    """
    if given := os.environ.get(variable):
        return Path(given)
    try:
        return Path.home().joinpath(*below)
    except RuntimeError as error:
        raise BadInput("no-home", variable=variable) from error


class NotRead(OSError):
    """A file that is not read; `said` is why, to stand within a sentence."""

    def __init__(self, said: Said) -> None:
        super().__init__(render(said))
        self.said = said


class TooLarge(NotRead):
    """A file is larger than what is read of its kind; `limit` in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(say("not-read.size", most=limit >> 20))
        self.limit = limit


def reason(error: Exception) -> Said | str:
    """Why a file could not be read or written, to stand within a sentence; what the system says ends in no path."""
    if isinstance(error, NotRead):
        return error.said
    return (isinstance(error, OSError) and error.strerror) or str(error)


def open_regular(path: Path) -> BufferedReader:
    """A regular file opened to be read; links are followed.

    Raises:
        OSError: missing, unreadable, or a pipe or device, which might never end.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise NotRead(say("not-read.kind"))
    return handle


def read_bounded(path: Path, *, limit: int) -> bytes:
    """Bytes of a regular file of at most `limit` bytes; links are followed.

    Raises:
        OSError: missing, unreadable, too large, or a pipe or device, which might never end.
    """
    with open_regular(path) as handle:
        return read_whole(handle, limit=limit)


def read_whole(handle: IO[bytes], *, limit: int) -> bytes:
    """What is left of an open file or of a packed one, at most `limit` bytes.

    Raises:
        TooLarge: there is more. OSError: it cannot be read.
    """
    found, size = [], 0
    # Piece by piece: asked for all at once, the whole limit would be set aside for the smallest file.
    while piece := handle.read(1 << 20):
        found.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLarge(limit)
    return b"".join(found)


def file_digest(path: Path) -> str:
    """SHA-256 hex of a regular file's bytes; links are followed.

    Raises:
        OSError: missing, unreadable, or a pipe or device, which might never end.
    """
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
