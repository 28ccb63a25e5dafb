"""The BagIt format (RFC 8493), written and read strictly: SHA-256, plain ASCII names, regular files only.

Written here and not by the `bagit` package because that one follows symbolic links, works in place and
changes the process's folder; the tests check every bag with it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from audit.base.errors import BadEvidence
from audit.base.files import read_bounded
from audit.store import file_digest, write_atomic

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
INFO = "bag-info.txt"
TAG_FILES = ("bag-info.txt", "bagit.txt", PAYLOAD)
"""The tag files that the tag manifest covers, in its order."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
"""Paths inside a bundle: nothing that a shell, a web page or another file system reads in its own way."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
MOST_FILES = 200_000
MOST_TEXT = 256 << 20


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
    lines = [*info, ("Payload-Oxum", f"{total}.{len(files)}")]
    write_atomic(folder / "bagit.txt", DECLARATION)
    # Line ends would end a header early; long values stay on one line, which readers must take.
    text = "".join(f"{label}: {' '.join(value.split())}\n" for label, value in lines)
    write_atomic(folder / INFO, text.encode("utf-8"))
    write_atomic(folder / PAYLOAD, manifest_text(digests))
    write_atomic(folder / TAGS, manifest_text({name: file_digest(folder / name) for name in TAG_FILES}))


def read_info(data: bytes) -> dict[str, str]:
    """Label -> value of bag-info.txt; lines that are none are left out."""
    pairs = (line.partition(": ") for line in data.decode("utf-8", errors="replace").splitlines())
    return {label: value for label, found, value in pairs if found}


def list_files(folder: Path) -> list[str]:
    """Every file under a folder, as sorted POSIX paths.

    Raises:
        BadEvidence: `bundle-names`, for a link, hard link, pipe, device, empty folder, or name outside `NAME`;
            `bundle-too-large`.
    """
    found: list[str] = []
    for at, folders, files in os.walk(folder, onerror=_unreadable):
        if len(found) > MOST_FILES:
            raise BadEvidence("bundle-too-large", most=MOST_FILES)
        here = Path(at)
        if not folders and not files and here != folder:
            raise BadEvidence("bundle-names.empty")
        for name in [*folders, *files]:
            path = (here / name).relative_to(folder).as_posix()
            status = os.lstat(here / name)
            mode = status.st_mode
            if not NAME.fullmatch(path):
                raise BadEvidence("bundle-names", name=name)
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise BadEvidence("bundle-names.link", name=name)
            if stat.S_ISREG(mode) and status.st_nlink > 1:
                raise BadEvidence("bundle-names.hard-link", name=name)
        found += [(here / name).relative_to(folder).as_posix() for name in files]
    return sorted(found)


def _unreadable(error: OSError) -> None:
    raise BadEvidence("bundle-unreadable.folder") from error


def read_text(path: Path, *, limit: int = MOST_TEXT) -> bytes:
    """Bytes of a regular file that is not larger than it should be.

    Raises:
        BadEvidence: `bundle-unreadable`.
    """
    try:
        return read_bounded(path, limit=limit)
    except OSError as error:
        raise BadEvidence("bundle-unreadable", file=path.name, mib=limit >> 20) from error


def digest(data: bytes) -> str:
    """SHA-256 hex of some bytes."""
    return hashlib.sha256(data).hexdigest()
