"""The BagIt format (RFC 8493), written and read strictly: SHA-256, plain ASCII names, regular files only.

Written here and not by the `bagit` package because that one follows symbolic links, works in place and
changes the process's folder; the tests check every bag with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from audit.base.errors import BadEvidence
from audit.base.files import file_digest, of_file_manager, read_bounded
from audit.store import write_atomic

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
INFO = "bag-info.txt"
SIZE = "Payload-Oxum"
TAG_FILES = ("bag-info.txt", "bagit.txt", PAYLOAD)
"""The tag files that the tag manifest covers, in its order."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
"""Paths inside a bundle: nothing that a shell, a web page or another file system reads in its own way."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
MOST_FILES = 200_000
MOST_TEXT = 256 << 20
MOST_FILE, MOST_BYTES = 8 << 30, 64 << 30
"""Of one file and of all together; what is larger is not read, since a sparse file costs its maker nothing."""


def manifest_text(digests: Mapping[str, str]) -> bytes:
    """Lines that `sha256sum -c` reads, sorted by path."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode("ascii")


def read_manifest(data: bytes) -> dict[str, str] | None:
    """Path -> digest of a manifest as `manifest_text` writes it; None when a byte is otherwise."""
    found = {}
    try:
        for line in data.decode("ascii").split("\n")[:-1]:
            matched = _LINE.fullmatch(line)
            if matched is None or not NAME.fullmatch(matched[2]):
                return None
            found[matched[2]] = matched[1]
    except UnicodeDecodeError:
        return None
    return found if manifest_text(found) == data else None


def write_bag(folder: Path, info: Iterable[tuple[str, str]]) -> None:
    """Make a folder whose `data/` is filled into a bag: tag files and both manifests.

    Args:
        info: further lines of bag-info.txt, label and value, in order.
    """
    files = list_files(folder)
    digests = {name: file_digest(folder / name) for name in files}
    total = sum((folder / name).stat().st_size for name in files)
    lines = [*info, (SIZE, f"{total}.{len(files)}")]
    write_atomic(folder / "bagit.txt", DECLARATION)
    write_atomic(folder / INFO, info_text(lines))
    write_atomic(folder / PAYLOAD, manifest_text(digests))
    write_atomic(folder / TAGS, manifest_text({name: file_digest(folder / name) for name in TAG_FILES}))


def info_text(lines: Iterable[tuple[str, str]]) -> bytes:
    """bag-info.txt of labels and values, in order."""
    # Line ends would end a header early; long values stay on one line, which readers must take.
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in lines).encode("utf-8")


def read_info(data: bytes) -> dict[str, str]:
    """Label -> value of bag-info.txt; lines that are none are left out."""
    pairs = (line.partition(": ") for line in data.decode("utf-8", errors="replace").splitlines())
    return {label: value for label, found, value in pairs if found}


DEEPEST = 12
"""Folders inside one another: what CloakCheck writes has four."""


def list_files(folder: Path) -> list[str]:
    """Every file under a folder, as sorted POSIX paths.

    Raises:
        BadEvidence: `bundle-names`, for a link, hard link, pipe, device, empty folder, or name outside `NAME`;
            `bundle-too-large`.
    """
    found: list[str] = []
    size = 0
    for at, folders, files in os.walk(folder, onerror=_unreadable):
        if len(found) > MOST_FILES:
            raise BadEvidence("bundle-too-large", most=MOST_FILES)
        here = Path(at)
        if not folders and not files and here != folder:
            raise BadEvidence("bundle-names.empty", name=here.relative_to(folder).as_posix())
        for name in [*folders, *files]:
            path = (here / name).relative_to(folder).as_posix()
            status = os.lstat(here / name)
            mode = status.st_mode
            if of_file_manager(name):
                raise BadEvidence("bundle-names.system", name=path)
            if path.count("/") > DEEPEST or not NAME.fullmatch(path):
                raise BadEvidence("bundle-names", name=name)
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise BadEvidence("bundle-names.link", name=name)
            if stat.S_ISREG(mode) and status.st_nlink > 1:
                raise BadEvidence("bundle-names.hard-link", name=name)
            if stat.S_ISREG(mode):
                size += status.st_size
                if status.st_size > MOST_FILE or size > MOST_BYTES:
                    raise BadEvidence("bundle-too-large.bytes", name=name, gib=MOST_FILE >> 30, all=MOST_BYTES >> 30)
        found += [(here / name).relative_to(folder).as_posix() for name in files]
    seen: set[str] = set()
    for path in found:
        # On another system the one would be written over the other.
        if path.casefold() in seen:
            raise BadEvidence("bundle-names.capitals", name=path)
        seen.add(path.casefold())
    return sorted(found)


def _unreadable(error: OSError) -> None:
    raise BadEvidence("bundle-unreadable.folder", folder=Path(os.fsdecode(error.filename or "")).name) from error


def read_text(path: Path, *, limit: int = MOST_TEXT) -> bytes:
    """Bytes of a regular file that is not larger than it should be.

    Raises:
        BadEvidence: `bundle-unreadable`.
    """
    try:
        return read_bounded(path, limit=limit)
    except OSError as error:
        raise BadEvidence("bundle-unreadable", file=path.name, mib=limit >> 20) from error


def read_given(path: Path, *, limit: int = MOST_TEXT) -> bytes:
    """Bytes of a file that a user named beside a bundle, such as an authority's chain.

    Raises:
        BadEvidence: `bundle-unreadable.given`.
    """
    try:
        return read_bounded(path, limit=limit)
    except OSError as error:
        raise BadEvidence("bundle-unreadable.given", file=path.name, mib=limit >> 20) from error


class _Twice(Exception):
    """A key stands twice in one object."""


def key_twice(texts: Iterable[bytes]) -> str:
    """The first key that stands twice in one object of some JSON texts, so that two readers may read two things."""

    def unique(pairs: list[tuple[str, object]]) -> None:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise _Twice(next(k for k in keys if keys.count(k) > 1))

    for text in texts:
        # A line that was cut off by a full disk is no event.
        with contextlib.suppress(ValueError, RecursionError):
            try:
                json.loads(text, object_pairs_hook=unique)
            except _Twice as found:
                return str(found)
    return ""


def digest(data: bytes) -> str:
    """SHA-256 hex of some bytes."""
    return hashlib.sha256(data).hexdigest()
