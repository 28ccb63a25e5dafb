"""A download archive, packed or not: its plain files by name, each read within bounds; nothing is ever unpacked.

No name of an archive becomes a name on this disk, so none can lead outside. What is no plain file is left out.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from audit.base.errors import BadInput
from audit.base.files import TooLarge, of_file_manager, open_regular, read_whole, reason

MOST_FILES = 500_000
MOST_JSON = 128 << 20
"""Bytes of one file of an archive that is read as JSON."""
MOST_JSON_IN_ALL = 1 << 30
_MOST_LISTED = 256 << 20
"""Bytes of the table at a zip's end, which is read whole."""
_MOST_DEEP = 24
_PACKED = 60
"""A zip that unpacks to more than so many times its size, and to more than `_SMALL`, is made to fill disks. Pictures do
not shrink; an archive of texts alone shrinks to a tenth."""
_SMALL = 1 << 30
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, KeyError)


@dataclass(frozen=True)
class _Member:
    """Where a file of the archive is read from: an entry of a zip, or a path."""

    zip: zipfile.ZipFile | None
    entry: zipfile.ZipInfo | Path


class Unreadable(Exception):
    """A file of the archive that is damaged, too large or gone."""


class Archive:
    """One download, from one zip, several parts of one, or folders.

    Attributes:
        name: of the first part, for messages.
        left: (path, why) of what is no plain file: `link`, `name`, `double`, `packed`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.left: list[tuple[str, str]] = []
        self._members: dict[str, _Member] = {}
        self._json_bytes = 0

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of its plain files, with `/` between their parts, sorted."""
        return tuple(sorted(self._members))

    def __contains__(self, path: str) -> bool:
        return path in self._members

    def read(self, path: str, *, limit: int) -> bytes:
        """Bytes of one file.

        Raises:
            Unreadable: larger than `limit`, damaged or gone.
        """
        member = self._members[path]
        try:
            with _file(member) as handle:
                return read_whole(handle, limit=limit)
        except (OSError, *_BROKEN) as error:
            raise Unreadable(path) from error

    def json(self, path: str, *, limit: int = MOST_JSON) -> Any:
        """One file as JSON; X writes an assignment of JavaScript before it.

        Raises:
            Unreadable: it is none, too large or too deep, or more of it was read than an archive has.
        """
        data = self.read(path, limit=min(limit, MOST_JSON_IN_ALL - self._json_bytes))
        self._json_bytes += len(data)
        try:
            text = data.decode("utf-8-sig")
            if text.lstrip()[:7] == "window.":
                text = text.partition("=")[2].rstrip().removesuffix(";")
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Unreadable(path) from error

    def add(self, path: str, member: _Member) -> None:
        """List a file, or say why it is left out."""
        parts = path.split("/")
        if len(self._members) >= MOST_FILES:
            raise BadInput("gallery-unreadable.files", file=self.name, most=MOST_FILES)
        if of_file_manager(parts[-1]) or "__MACOSX" in parts:
            return
        if any(part in ("", ".", "..") for part in parts) or ":" in parts[0] or "\0" in path or len(path) > 1000:
            self.left.append((path, "name"))
        elif path in self._members:
            self.left.append((path, "double"))
        else:
            self._members[path] = member


def _file(member: _Member) -> IO[bytes]:
    if isinstance(member.entry, Path):
        if member.entry.is_symlink():
            raise OSError("a link")
        return open_regular(member.entry)
    assert member.zip is not None
    return member.zip.open(member.entry)


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[Archive]:
    """The archive in these zips and folders: the parts of one download.

    Raises:
        BadInput: `gallery-unreadable` and its variants.
    """
    archive = Archive(paths[0].absolute().name)
    with ExitStack() as stack:
        for path in paths:
            try:
                if stat.S_ISDIR(path.stat().st_mode):
                    _list_folder(archive, path)
                    continue
                handle = stack.enter_context(open_regular(path))
            except (OSError, ValueError) as error:
                raise BadInput("gallery-unreadable", file=path.absolute().name, why=reason(error)) from error
            _list_zip(archive, stack, handle, path)
        yield archive


def _list_folder(archive: Archive, folder: Path) -> None:
    """Plain files below a folder; links are not followed."""
    queue = [(folder, 0)]
    while queue:
        at, depth = queue.pop()
        with os.scandir(at) as found:
            entries = sorted(found, key=lambda e: e.name)
        for entry in entries:
            path = PurePosixPath(Path(entry.path).relative_to(folder)).as_posix()
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                archive.left.append((path, "link"))
            elif entry.is_file():
                archive.add(path, _Member(None, Path(entry.path)))
            elif depth < _MOST_DEEP:
                queue.append((Path(entry.path), depth + 1))
            else:
                archive.left.append((path, "name"))


def _list_zip(archive: Archive, stack: ExitStack, handle: IO[bytes], path: Path) -> None:
    name = path.absolute().name
    size = os.fstat(handle.fileno()).st_size
    try:
        if _listed(handle, size) > _MOST_LISTED:
            raise BadInput("gallery-unreadable.files", file=name, most=MOST_FILES)
        packed = stack.enter_context(zipfile.ZipFile(handle))
        entries = packed.infolist()
    except (OSError, *_BROKEN) as error:
        raise BadInput("gallery-unreadable.kind", file=name) from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise BadInput("gallery-unreadable.locked", file=name)
    in_all = sum(entry.file_size for entry in entries)
    if in_all > max(_SMALL, _PACKED * size):
        raise BadInput("gallery-unreadable.bomb", file=name, gib=in_all >> 30)
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
        inside = entry.filename.replace("\\", "/")
        if entry.is_dir():
            continue
        if kind not in (0, stat.S_IFREG):
            archive.left.append((inside, "link"))
        elif entry.compress_type not in _READ:
            archive.left.append((inside, "packed"))
        else:
            archive.add(inside, _Member(packed, entry))


def _listed(handle: IO[bytes], size: int) -> int:
    """How many bytes the table at a zip's end says that it has; nothing is set aside for it before."""
    handle.seek(max(0, size - (1 << 16) - 22))
    tail = handle.read()
    at = tail.rfind(b"PK\5\6")
    found = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if found == 0xFFFFFFFF and (wide := tail.rfind(b"PK\6\6", 0, at)) >= 0:
        found = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    return found


__all__ = ["MOST_FILES", "MOST_JSON", "Archive", "TooLarge", "Unreadable", "opened"]
