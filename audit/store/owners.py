"""Whose pictures a store holds, and in which folders runs with them lie: what `forget` goes by.

A file for each plan and run folder, written when the folder is claimed. It holds the artist's name as the plan has it,
digests of pictures and the folder's path, and never leaves the store.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from audit.base.record import Digest, Record
from audit.store import write_atomic
from audit.store.sound import MOST_BYTES, read_regular, remove_below

OWNERS = "owners"


class Owner(Record):
    """One run of an artist's works."""

    artist: str
    plan_sha256: Digest
    folder: str
    """Absolute path of the run folder."""
    pictures: tuple[Digest, ...]
    """Of works and of their protected copies, or of the pictures that were scored."""
    others: tuple[Digest, ...] = ()
    """Of other artists, whose works served as theirs."""


def keep_owner(root: Path, owner: Owner) -> None:
    """Write down whose run a folder is.

    Raises:
        StorageError: the store cannot be written.
    """
    name = hashlib.sha256(f"{owner.plan_sha256} {owner.folder}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    write_atomic(root / OWNERS / f"{name}.json", owner.canonical().encode("ascii"))


def owners_of(root: Path) -> list[Owner]:
    """Every record that can be read."""
    return [owner for _, owner in _records(root)]


def drop_owner(root: Path, folder: Path) -> None:
    """Delete what is written down of a run folder."""
    for path, owner in _records(root):
        if Path(owner.folder) == folder:
            remove_below(root, path)


def _records(root: Path) -> list[tuple[Path, Owner]]:
    at, found = root / OWNERS, []
    for path in sorted(at.iterdir()) if at.is_dir() and not at.is_symlink() else ():
        try:
            found.append((path, Owner.model_validate_json(read_regular(path, limit=MOST_BYTES))))
        except (OSError, ValueError):
            continue
    return found
