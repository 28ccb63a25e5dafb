"""Take the artist's pictures, what was computed from them, and the trained add-ons off the disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.base.errors import BadInput, StorageError
from audit.base.files import of_file_manager
from audit.evidence.ledger import LEDGER
from audit.runfolder import CALIBRATIONS, forecasts
from audit.store import storage_errors
from audit.store.listing import PROBES, blob_folders, origin_of, step_kinds, steps_of
from audit.store.owners import OWNERS, Owner, drop_owner, owners_of
from audit.store.room import GATE, busy, gate
from audit.store.sound import MOST_BYTES, is_digest, read_regular, remove_below

ROOMS = ("steps", "blobs", "tmp", "checkpoints")
"""What is deleted: everything that is made from the artist's works."""
KEPT = (CALIBRATIONS, OWNERS, GATE, LEDGER, PROBES, forecasts.FOLDER)
"""Cards of error rates, and times, measured and foreseen, which hold no art and take long to make again; where run
folders lie; the ledger of attempts, which holds digests and would be no count if it could be emptied. A store holds
nothing else."""


@dataclass(frozen=True)
class Forgotten:
    """What was deleted.

    Attributes:
        untold: of these, steps that do not tell for which plan they were made, so that they may be anybody's.
    """

    files: int
    size: int
    untold: int = 0


def forget(store: Path, *, only_adapters: bool) -> Forgotten:
    """Delete a store's contents but for calibration cards, or only the add-ons and their checkpoints.

    The space is given back to the system; as with any deletion, a disk may keep the old bytes until it uses
    them again. Runs that use the store later make again what they need. Stopped in the middle, it can be repeated.

    Raises:
        BadInput: `not-a-store`, for a folder that holds anything a store does not; `store-linked`.
        StorageError: `store-busy`; something cannot be deleted.
    """
    look_at(store)
    rooms = [store / "steps" / "adapter", store / "checkpoints"] if only_adapters else [store / r for r in ROOMS]
    files = size = 0
    with storage_errors(store), gate(store):
        _refuse_busy(store)
        for room in rooms:
            count, taken = _measured(room)
            files, size = files + count, size + taken
            if room.is_dir():
                shutil.rmtree(room)
        for owner in [] if only_adapters else owners_of(store):
            if not Path(owner.folder).is_dir():
                drop_owner(store, Path(owner.folder))
    return Forgotten(files, size)


def forget_artist(store: Path, names: Iterable[str], owners: Iterable[Owner]) -> Forgotten:
    """Delete what a store holds of some artists, and leave what is known to be others'.

    What goes: steps first made for a plan of theirs, or for one in which their works served as another artist's, and
    steps that do not tell for which plan they were made; pictures but those of others' plans and steps; trainings
    that were stopped. What others' runs miss later, they make again.

    Args:
        owners: every known run, those of the store's own records among them.

    Raises:
        BadInput: `not-a-store`, `store-linked`. StorageError: `store-busy`; something cannot be deleted.
    """
    look_at(store)
    known = list(owners)
    wanted = {folded(name) for name in names}
    theirs = [owner for owner in known if folded(owner.artist) in wanted]
    pictures = {digest for owner in theirs for digest in owner.pictures}
    plans = {owner.plan_sha256 for owner in theirs}
    plans |= {owner.plan_sha256 for owner in known if pictures & set(owner.others)}
    files = size = untold = 0
    with storage_errors(store), gate(store):
        _refuse_busy(store)
        going, kept = [], {d for owner in known if owner not in theirs for d in (*owner.pictures, *owner.others)}
        for name in step_kinds(store):
            for folder in steps_of(store, name):
                origin = origin_of(folder)
                plan = None if origin is None else origin.plan_sha256
                if plan is None or plan in plans:
                    going.append(folder)
                    untold += plan is None
                elif name in ("treated", "pictures"):
                    kept |= _pictures_in(folder)
        # Pictures first: once the steps are gone, nothing tells any more which they were.
        blobs = [b for at in blob_folders(store) for b in at.iterdir() if b.stem not in kept or b.stem in pictures]
        for path in (*blobs, *going, store / "checkpoints"):
            count, taken = _measured(path)
            files, size = files + count, size + taken
            remove_below(store, path)
    return Forgotten(files, size, untold)


def folded(artist: str) -> str:
    """An artist's name, however it is written."""
    return " ".join(artist.split()).casefold()


def look_at(store: Path) -> None:
    """Refuse what is no store, or one that leads elsewhere.

    Raises:
        BadInput: `not-a-store`, `store-linked`.
    """
    if not store.is_dir() or store.is_symlink() or not (store / "steps").is_dir():
        raise _no_store(store)
    if {p.name for p in store.iterdir() if not of_file_manager(p.name)} - {*ROOMS, *KEPT}:
        raise _no_store(store)
    # What lies behind a link may be anybody's.
    places = (*ROOMS, *KEPT, "steps/adapter")
    if linked := [place for place in places if (store / place).is_symlink()]:
        raise BadInput("store-linked", folder=store.absolute().name, rooms=linked)


def _refuse_busy(store: Path) -> None:
    if busy(store):
        raise StorageError("store-busy", folder=store.absolute().name)


def _pictures_in(folder: Path) -> set[str]:
    """Digests that a stored value names."""
    try:
        value: Any = json.loads(read_regular(folder / "value.json", limit=MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return set()
    found = value.get("pixels") if isinstance(value, dict) else value
    return {d for d in found if is_digest(d)} if isinstance(found, list) else set()


def _measured(path: Path) -> tuple[int, int]:
    """Files at or below a path, and their bytes."""
    if path.is_symlink() or not path.is_dir():
        return (1, path.lstat().st_size) if path.is_symlink() or path.exists() else (0, 0)
    files = size = 0
    for at, _, names in os.walk(path):
        files += len(names)
        size += sum(os.lstat(os.path.join(at, name)).st_size for name in names)
    return files, size


def _no_store(folder: Path) -> BadInput:
    return BadInput("not-a-store", folder=folder.absolute().name)
