"""What lies in a store is looked at before it is used or deleted: nothing outside of it is ever touched.

A store may have been unpacked from an archive, or edited: a link can stand where a folder belongs, a manifest can name
files elsewhere, a pipe can lie where a value belongs.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
from pathlib import Path, PurePath

from audit.base.files import file_digest, of_file_manager, read_bounded

MANIFEST = "manifest.json"
MOST_BYTES = 64 << 20
"""Of a manifest or a stored value."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def is_digest(text: object) -> bool:
    """Whether it is a SHA-256 in hex, and so names nothing but itself."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_name(text: object) -> bool:
    """Whether it is the plain name of a file, without a way to anywhere."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def links_in(root: Path) -> list[str]:
    """Links where a store has folders of its own: rooms, the folders of steps and of pictures; by path below it."""
    found = []
    for room in (root, root / "steps", root / "blobs"):
        if room.is_dir() and not (room is not root and room.is_symlink()):
            with os.scandir(room) as entries:
                found += [(room / e.name).relative_to(root).as_posix() for e in entries if e.is_symlink()]
    return sorted(found)


def remove_below(root: Path, path: Path) -> None:
    """Delete a file or folder below a root, if it is there; of a link the link.

    Raises:
        OSError: ELOOP, a link stands on the way to it, which leads elsewhere; or it cannot be deleted.
    """
    _no_link_to(root, path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            # Somebody else may delete it, too; what still lies there after that cannot be deleted.
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def move_below(root: Path, path: Path, to: Path) -> bool:
    """Rename a file or folder below a root; of a link the link. False where nothing is there.

    Raises:
        OSError: as `remove_below`, or it cannot be renamed.
    """
    _no_link_to(root, path)
    try:
        os.replace(path, to)
    except FileNotFoundError:
        return False
    return True


def _no_link_to(root: Path, path: Path) -> None:
    way = PurePath(path).relative_to(root)
    if not way.parts or ".." in way.parts or any((root / part).is_symlink() for part in way.parents):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def is_regular(path: Path) -> bool:
    """Whether a file is no link, pipe, device or folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_regular(path: Path, *, limit: int) -> bytes:
    """Bytes of a regular file that is no link.

    Raises:
        OSError: it is none of these, missing or larger.
    """
    if not is_regular(path):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return read_bounded(path, limit=limit)


def manifest_of(folder: Path) -> dict[str, str] | None:
    """File -> digest of a finished step; None where the manifest is none, or the folder holds anything else.

    The digests are not compared here.
    """
    try:
        found = json.loads(read_regular(folder / MANIFEST, limit=MOST_BYTES))
        with os.scandir(folder) as entries:
            plain = {e.name: e.is_file(follow_symlinks=False) for e in entries}
    except (OSError, ValueError, RecursionError):
        return None
    if folder.is_symlink() or not all(plain.values()) or not isinstance(found, dict):
        return None
    if not all(is_name(name) and is_digest(digest) for name, digest in found.items()):
        return None
    return found if {name for name in plain if not of_file_manager(name)} == {*found, MANIFEST} else None


def is_sound(folder: Path) -> bool:
    """Whether a step's folder holds what its manifest lists, with these digests, and nothing else."""
    digests = manifest_of(folder)
    try:
        return digests is not None and all(file_digest(folder / file) == d for file, d in digests.items())
    except OSError:
        return False
