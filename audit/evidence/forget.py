"""Take the artist's pictures, what was computed from them, and the trained add-ons off the disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import SYSTEM_FILES
from audit.runfolder import CALIBRATIONS
from audit.store import storage_errors

ROOMS = ("steps", "blobs", "tmp", "checkpoints")
"""What is deleted: everything that is made from the artist's works."""
KEPT = (CALIBRATIONS,)
"""Cards of error rates, which hold no art and take hours to make again; a store holds nothing else."""


@dataclass(frozen=True)
class Forgotten:
    """What was deleted."""

    files: int
    size: int


def forget(store: Path, *, only_adapters: bool) -> Forgotten:
    """Delete a store's contents but for calibration cards, or only the add-ons and their checkpoints.

    The space is given back to the system; as with any deletion, a disk may keep the old bytes until it uses
    them again. Runs that use the store later make again what they need.

    Raises:
        BadInput: `not-a-store`, for a folder that holds anything a store does not.
        StorageError: something cannot be deleted.
    """
    if not store.is_dir() or store.is_symlink() or not (store / "steps").is_dir():
        raise _no_store(store)
    if {p.name for p in store.iterdir()} - {*ROOMS, *KEPT, *SYSTEM_FILES}:
        raise _no_store(store)
    rooms = [store / "steps" / "adapter", store / "checkpoints"] if only_adapters else [store / r for r in ROOMS]
    files = size = 0
    with storage_errors(store):
        for room in rooms:
            if not room.is_dir() or room.is_symlink():
                continue
            for at, _, names in os.walk(room):
                files += len(names)
                size += sum(os.lstat(os.path.join(at, name)).st_size for name in names)
            shutil.rmtree(room)
    return Forgotten(files, size)


def _no_store(folder: Path) -> BadInput:
    return BadInput("not-a-store", folder=folder.absolute().name)
