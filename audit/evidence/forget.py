"""Take the artist's pictures, what was computed from them, and the trained add-ons off the disk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from audit.base.errors import BadInput, StorageError
from audit.base.files import of_file_manager
from audit.evidence.ledger import LEDGER
from audit.runfolder import CALIBRATIONS, forecasts
from audit.store import storage_errors
from audit.store.listing import PROBES, blob_folders, each_step, origin_of, step_kinds
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


Told: TypeAlias = Callable[[int, int], None]
"""Takes how many steps and pictures are done, and how many there are."""


class _Going:
    """Deletes piece by piece, and counts."""

    def __init__(self, store: Path, told: Told | None, total: int) -> None:
        self.store, self.told, self.total = store, told, total
        self.files = self.size = self.done = 0

    def one(self) -> None:
        """A step or picture was looked at."""
        self.done += 1
        if self.told is not None:
            self.told(min(self.done, self.total), self.total)

    def take(self, path: Path) -> None:
        files, size = _measured(path)
        remove_below(self.store, path)
        self.files, self.size = self.files + files, self.size + size


def forget(store: Path, *, only_adapters: bool, told: Told | None = None) -> Forgotten:
    """Delete a store's contents but for calibration cards, or only the add-ons and their checkpoints.

    The space is given back to the system; as with any deletion, a disk may keep the old bytes until it uses
    them again. Runs that use the store later make again what they need. Stopped in the middle, it can be repeated.

    Raises:
        BadInput: `not-a-store`, for a folder that holds anything a store does not; `store-linked`.
        StorageError: `store-busy`; something cannot be deleted.
    """
    look_at(store)
    rooms = [store / "steps" / "adapter", store / "checkpoints"] if only_adapters else [store / r for r in ROOMS]
    with storage_errors(store), gate(store):
        _refuse_busy(store)
        going = _Going(store, told, sum(1 for room in rooms for _ in _pieces(room)))
        for room in rooms:
            for piece in _pieces(room):
                going.take(piece)
                going.one()
            going.take(room)
        for owner in [] if only_adapters else owners_of(store):
            if not Path(owner.folder).is_dir():
                drop_owner(store, Path(owner.folder))
    return Forgotten(going.files, going.size)


def forget_artist(store: Path, names: Iterable[str], owners: Iterable[Owner], *, told: Told | None = None) -> Forgotten:
    """Delete what a store holds of some artists, and leave what is known to be others'.

    What goes: steps first made for a plan of theirs, or for one in which their works served as another artist's, and
    steps that do not tell for which plan they were made; pictures but those of others' plans and steps; trainings
    that were stopped. What others' runs miss later, they make again.

    Memory: 32 bytes for every picture that others' steps name.

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

    def steps() -> Iterator[tuple[Path, str | None]]:
        """Finished steps, each with the plan that it was first made for, where it tells."""
        for name in step_kinds(store):
            for folder in each_step(store, name):
                origin = origin_of(folder)
                yield folder, None if origin is None else origin.plan_sha256

    def blobs() -> Iterator[Path]:
        return (blob for at in blob_folders(store) for blob in _entries(at))

    untold = 0
    with storage_errors(store), gate(store):
        _refuse_busy(store)
        count = sum(1 for name in step_kinds(store) for _ in each_step(store, name))
        going = _Going(store, told, 2 * count + sum(1 for _ in blobs()))
        kept = _Digests()
        for owner in known:
            if owner not in theirs:
                kept.add((*owner.pictures, *owner.others))
        for folder, plan in steps():
            if plan is not None and plan not in plans and folder.parent.name in ("treated", "pictures"):
                kept.add(_pictures_in(folder))
            going.one()
        # Pictures first: once the steps are gone, nothing tells any more which they were.
        stay = kept.sorted()
        for blob in blobs():
            if blob.stem in pictures or not _among(stay, blob.stem):
                going.take(blob)
            going.one()
        for folder, plan in steps():
            if plan is None or plan in plans:
                untold += plan is None
                going.take(folder)
            going.one()
        going.take(store / "checkpoints")
    return Forgotten(going.files, going.size, untold)


class _Digests:
    """Many digests in little memory."""

    def __init__(self) -> None:
        self._held = bytearray()

    def add(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._held += bytes.fromhex(digest)

    def sorted(self) -> np.ndarray[Any, np.dtype[np.bytes_]]:
        return np.unique(np.frombuffer(bytes(self._held), dtype="S32"))


def _among(digests: np.ndarray[Any, np.dtype[np.bytes_]], stem: str) -> bool:
    if not is_digest(stem) or not len(digests):
        return False
    # Of all digests the last bytes that are zero are left away, here and there.
    asked = np.bytes_(bytes.fromhex(stem).rstrip(b"\0"))
    at = int(np.searchsorted(digests, asked))
    return at < len(digests) and bool(digests[at] == asked)


def _pieces(room: Path) -> Iterator[Path]:
    """What is deleted in one go: steps of every kind, pictures, and whatever else lies in a room."""
    for path in _entries(room):
        if room.name in ("steps", "blobs") and path.is_dir() and not path.is_symlink():
            yield from _entries(path)
        else:
            yield path


def _entries(folder: Path) -> Iterator[Path]:
    """What lies in a folder, one by one: they may be deleted as they come."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            yield folder / entry.name


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
