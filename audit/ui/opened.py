"""Which folders the page may look into: below the home folder, and below those that the user opened by typing them.

An address names a root by its number and a folder by its way from there, so that no path of the machine stands in it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from audit.base.files import of_file_manager
from audit.base.text import printable
from audit.ui.door import Door, read_json, write_json

KEPT = "opened.json"
MOST_ROOTS = 50
MOST_LISTED = 400


@dataclass(frozen=True)
class Place:
    """A folder that may be looked into.

    Attributes:
        root: number of the root that it lies below; at: its way from there, '' for the root itself.
        path: absolute, without links.
    """

    root: int
    at: str
    path: Path

    @property
    def name(self) -> str:
        return printable(self.path.name) or "/"

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The way here: name and `at` of every folder below the root."""
        parts = PurePosixPath(self.at).parts
        return [(printable(part), "/".join(parts[: i + 1])) for i, part in enumerate(parts)]


class Opened:
    """The roots, kept in the page's own folder."""

    def __init__(self, door: Door) -> None:
        self._kept = door.folder / KEPT

    def roots(self) -> list[Path]:
        """The home folder first, where the system tells of one."""
        given = read_json(self._kept).get("roots", [])
        typed = [Path(os.fsdecode(one.encode("utf-8", "surrogateescape"))) for one in given if isinstance(one, str)]
        home = _home()
        return typed if home is None else [home, *typed]

    def open(self, folder: Path) -> Place:
        """Let the page look into a folder that the user typed.

        Raises:
            OSError: it is not there.
        """
        whole = folder.resolve(strict=True)
        found = self.holding(whole)
        if found is None:
            typed = [str(root) for root in self.roots()[1:]]
            write_json(self._kept, {"roots": [*typed, str(whole)][-MOST_ROOTS:]})
            found = self.holding(whole)
            assert found is not None
        return found

    def holding(self, folder: Path) -> Place | None:
        """The place of a folder; None where it lies below no root."""
        whole = _resolved(folder)
        for number, root in enumerate(self.roots()):
            at = _resolved(root)
            if whole is not None and at is not None and whole.is_relative_to(at):
                way = whole.relative_to(at).as_posix()
                return Place(number, "" if way == "." else way, whole)
        return None

    def at(self, root: str, at: str) -> Place | None:
        """`place` of what stands in an address."""
        return self.place(int(root), at) if root.isascii() and root.isdigit() and len(root) < 4 else None

    def named(self, path: str) -> str:
        """How a field names a path: below the home folder as `~/…`, so that no more of the machine stands in a page."""
        home = _home()
        try:
            return path if home is None or not path else f"~/{Path(path).relative_to(home).as_posix()}"
        except ValueError:
            return path

    def file(self, root: str, at: str) -> Path | None:
        """A file by its address; None where there is none, or where it leads out of its root."""
        way = PurePosixPath(at)
        place = self.at(root, "" if str(way.parent) == "." else str(way.parent))
        if place is None or way.name in ("", "..") or "\0" in at or "\\" in way.name:
            return None
        whole = _resolved(place.path / way.name)
        base = _resolved(self.roots()[place.root])
        inside = whole is not None and base is not None and whole.is_relative_to(base)
        return whole if whole is not None and inside and whole.is_file() else None

    def place(self, root: int, at: str) -> Place | None:
        """A folder by its address; None where there is none, or where it leads out of its root."""
        roots = self.roots()
        parts = PurePosixPath(at).parts
        if not 0 <= root < len(roots) or "\0" in at or any(part in ("..", "/") or "\\" in part for part in parts):
            return None
        base = _resolved(roots[root])
        whole = None if base is None else _resolved(base.joinpath(*parts))
        if base is None or whole is None or not whole.is_relative_to(base) or not whole.is_dir():
            return None
        return Place(root, "/".join(parts), whole)


def files_in(place: Place, endings: Collection[str]) -> list[tuple[str, str]]:
    """Name and `at` of the files in a folder with one of these endings, without hidden ones and links.

    Raises:
        OSError: it cannot be listed.
    """
    if not endings:
        return []
    with os.scandir(place.path) as found:
        names = [
            entry.name
            for entry in found
            if Path(entry.name).suffix.lower() in endings
            and not entry.name.startswith(".")
            and "\\" not in entry.name
            and not of_file_manager(entry.name)
            and entry.is_file(follow_symlinks=False)
        ]
    names.sort(key=str.casefold)
    return [(printable(name), f"{place.at}/{name}" if place.at else name) for name in names[:MOST_LISTED]]


def subfolders(place: Place) -> tuple[list[tuple[str, str]], bool]:
    """Name and `at` of the folders in a folder, without hidden ones and links; whether there are more.

    Raises:
        OSError: it cannot be listed.
    """
    with os.scandir(place.path) as found:
        names = [
            entry.name
            for entry in found
            if not entry.name.startswith(".")
            and "\\" not in entry.name
            and not of_file_manager(entry.name)
            and entry.is_dir(follow_symlinks=False)
        ]
    names.sort(key=str.casefold)
    shown = [(printable(name), f"{place.at}/{name}" if place.at else name) for name in names[:MOST_LISTED]]
    return shown, len(names) > MOST_LISTED


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
