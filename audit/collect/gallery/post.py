"""What an archive says of one picture, and the small readings that all services share."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from audit.collect.gallery.archive import Archive
from audit.collect.names import first_caption
from audit.images.kinds import ARCHIVE_ENDINGS, PICTURE_ENDINGS
from audit.images.more import suffixes

_TEXT = 4_000
"""Characters of a post that are looked at."""
_TAGS = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_MARKS = re.compile(r"<[^<>]{0,2000}>")
_NO_WORDS = re.compile(r"(?:https?://|www\.)\S{1,500}|[@#]\w{1,200}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
READ = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp"})
_VIDEO = frozenset((".mp4", ".mov", ".webm", ".m4v", ".avi", ".mkv", ".mp3", ".m4a", ".ts", ".m3u8"))
_SCREENSHOT = re.compile(
    r"screen[-_ ]?shots?|screen[-_ ]?cap(?:ture)?s?|bildschirmfoto|captura[-_ ]de[-_ ]pantalla|capture[-_ ]d.?.cran"
    r"|schermata|スクリーンショット|截屏|屏幕截图",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Post:
    """One picture file of an archive as its service tells of it.

    Attributes:
        path: in the archive; it may be missing there.
        caption: what the post says the picture shows, one line; '' for nothing.
        date: of the post, YYYY-MM-DD in UTC; '' where none is told.
        out: why it is left out (`left.<out>` of the catalogue); '' for a picture to take.
    """

    path: str
    caption: str = ""
    date: str = ""
    out: str = ""


def words_of(*texts: Any) -> str:
    """The first line of the first text that says something, without links, mentions, tags and markup."""
    for text in texts:
        if isinstance(text, str):
            plain = _MARKS.sub(" ", _TAGS.sub("\n", text[:_TEXT]))
            plain = _NO_WORDS.sub(" ", html.unescape(plain))
            lines = "\n".join(line for line in plain.splitlines() if any(c.isalpha() for c in line))
            if said := first_caption(lines):
                return said
    return ""


def day_of(value: Any) -> str:
    """A moment as services write it (seconds, ISO 8601, or X's `Wed Oct 10 20:19:24 +0000 2018`) as a day in UTC."""
    try:
        moment = _moment(value)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%d") if moment and _EARLIEST <= moment < _LATEST else ""


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 14:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str) or len(value) > 60:
        return None
    parts = value.split()
    if len(parts) == 6 and parts[1] in _MONTHS:
        month = _MONTHS.index(parts[1]) + 1
        # Month names depend on the machine's language for `strptime`.
        return datetime.fromisoformat(f"{int(parts[5]):04d}-{month:02d}-{int(parts[2]):02d}T{parts[3]}{parts[4]}")
    found = datetime.fromisoformat(value.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ending_of(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def is_picture(path: str) -> bool:
    """Whether a file's name is that of a picture that can be read here."""
    return ending_of(path) in READ | suffixes()


def out_by_name(path: str) -> str:
    """Why a file is left out by its name alone; '' for a picture of no special name, None of these for other files."""
    ending = ending_of(path)
    if ending in _VIDEO:
        return "video"
    if ending in ARCHIVE_ENDINGS:
        return "nested"
    if not is_picture(path):
        return "format" if ending in PICTURE_ENDINGS else "other"
    return "screenshot" if _SCREENSHOT.search(PurePosixPath(path).name) else ""


def as_rows(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list, or of the lists in an object; anything else is none."""
    lists = value.values() if isinstance(value, dict) else (value,)
    for rows in lists:
        if isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, dict))


def inside(value: Any, *names: str) -> Any:
    """What lies at these names, one within the other; None where something else does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


Reader = Callable[[Archive], Iterator[Post]]
