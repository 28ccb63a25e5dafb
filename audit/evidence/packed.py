"""A bundle as one file: a zip whose every byte follows from the bundle, so that nothing can hide in it.

Nothing in it is compressed: what it unpacks to is no larger than the file, and no library decides its bytes.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.base.errors import BadEvidence, BadInput
from audit.base.files import file_digest
from audit.evidence import bag
from audit.store import storage_errors

TOP = "bundle"
"""The folder that it unpacks to."""
_WHEN = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_END = struct.Struct("<4s4H2LH")
MOST_LISTED = 64 << 20
"""Bytes of the table at a zip's end, which is read whole."""


def pack(folder: Path, target: Path) -> None:
    """Write a bundle's zip, whole or not at all.

    Raises:
        BadInput: `bundle-exists`. BadEvidence: `not-a-bundle`; see `list_files`. StorageError: disk full.
    """
    if not (folder / "bag" / "bagit.txt").is_file():
        raise BadEvidence("not-a-bundle", folder=folder.absolute().name)
    if target.exists() or target.is_symlink():
        raise BadInput("bundle-exists", folder=target.absolute().name)
    partial = target.absolute().with_name(f".{target.name}.{uuid.uuid4().hex}")
    with storage_errors(target.absolute().parent):
        try:
            _write(folder, partial)
            partial.rename(target)
        finally:
            partial.unlink(missing_ok=True)


def _write(folder: Path, target: Path) -> None:
    with target.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in bag.list_files(folder):
            entry = zipfile.ZipInfo(f"{TOP}/{name}", _WHEN)
            entry.create_system, entry.external_attr = 3, _MODE
            entry.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(entry, "w") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a bundle: `path` itself, or a private copy of what a zip holds, which goes again.

    Raises:
        BadEvidence: `packed-unreadable`, `packed-otherwise`; nothing is written outside the copy.
        StorageError: the copy cannot be written.
    """
    if not path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="cloakcheck-", ignore_cleanup_errors=True) as home:
        folder = Path(home) / TOP
        with storage_errors(Path(home)):
            try:
                _unpack(path, folder)
                _write(folder, Path(home) / "again.zip")
            except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
                raise BadEvidence("packed-unreadable", file=path.name) from error
            if file_digest(Path(home) / "again.zip") != file_digest(path):
                raise BadEvidence("packed-otherwise", file=path.name)
            (Path(home) / "again.zip").unlink()
        yield folder


def _unpack(path: Path, folder: Path) -> None:
    """Copy a zip's files, each of which must be one that `pack` writes.

    Raises:
        BadEvidence: `packed-otherwise`. ValueError, BadZipFile and others of `zipfile`: it is no zip.
    """
    refused = BadEvidence("packed-otherwise", file=path.name)
    with path.open("rb") as file:
        whole = os.fstat(file.fileno()).st_size
        if whole < _END.size or whole > bag.MOST_BYTES:
            raise refused
        file.seek(whole - _END.size)
        mark, *_, listed, _, comment = _END.unpack(file.read(_END.size))
        if mark != b"PK\x05\x06" or comment or listed > MOST_LISTED:
            raise refused
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            plain = all(
                e.compress_type == zipfile.ZIP_STORED and not e.flag_bits & 1 and e.compress_size == e.file_size
                for e in entries
            )
            rooted = all(n.startswith(f"{TOP}/") and bag.NAME.fullmatch(n) for n in names)
            once = len({n.casefold() for n in names}) == len(names) <= bag.MOST_FILES
            if not (plain and rooted and once) or sum(e.file_size for e in entries) > whole:
                raise refused
            for entry in entries:
                target = folder.parent / entry.filename
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, target.open("xb") as copy:
                        shutil.copyfileobj(source, copy, 1 << 20)
                except (FileExistsError, NotADirectoryError) as error:
                    raise refused from error
