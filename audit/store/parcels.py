"""Finished work as bytes: how a step, a picture or an unfinished training goes from one store into another.

A parcel is looked at before it is unpacked: what comes from another machine names nothing outside of the store, and
every file has the digest that the step's own manifest states, every picture the pixels that its name states.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.base.private import make_private
from audit.images import decode_png, pixels_digest
from audit.store import MOST_PNG_BYTES, Store, storage_errors, write_atomic
from audit.store.sound import MOST_BYTES, is_digest, is_name, manifest_of, read_regular, remove_below
from audit.store.versions import VERSIONS

PICTURE, CHECKPOINT = "picture", "checkpoint"
"""Names of parcels that hold no step."""
MOST_FILE_BYTES = 8 << 30


class Damaged(Exception):
    """What arrived is not what was sent, or none that a store can have."""


@dataclass(frozen=True)
class Parcel:
    """A finished step, a picture or a checkpoint.

    Attributes:
        name: of the step, or PICTURE or CHECKPOINT; key: its key or digest.
        files: by name; a step's without its manifest.
        sha256: over names and bytes, taken where it was packed; of a step the files had to fit their manifest then.
    """

    name: str
    key: str
    files: Mapping[str, bytes]
    sha256: str

    @property
    def bytes(self) -> int:
        """How much it holds."""
        return sum(map(len, self.files.values()))


def contents_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and digests of files."""
    lines = [f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(files.items())]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def holds(store: Store, name: str, key: str) -> bool:
    """Whether a store has it already."""
    if name == PICTURE:
        return store.blob_path(key).exists()
    if name == CHECKPOINT:
        return (_checkpoint(store, key) / "step.json").exists()
    return store.has(name, key)


def pack(store: Store, name: str, key: str) -> Parcel | None:
    """What a store holds, as a parcel; None where it holds none, or none that is sound."""
    try:
        if name == PICTURE:
            files = {"png": read_regular(store.blob_path(key), limit=MOST_PNG_BYTES)}
        elif name == CHECKPOINT:
            files = _read_checkpoint(_checkpoint(store, key))
        else:
            files = _read_step(store.folder(name, key))
    except OSError:
        return None
    return Parcel(name, key, files, contents_digest(files)) if files else None


def unpack(store: Store, parcel: Parcel) -> None:
    """Put a parcel into a store, in which it is then as if it had been made there; of a step, its origin is kept.

    Raises:
        Damaged: its bytes are not those that were packed, or none that this store can have. StorageError.
    """
    named = parcel.name in (PICTURE, CHECKPOINT) or parcel.name in VERSIONS
    if not named or not is_digest(parcel.key) or not all(is_name(name) for name in parcel.files):
        raise Damaged(f"{parcel.name} {parcel.key}")
    if contents_digest(parcel.files) != parcel.sha256:
        raise Damaged(f"{parcel.name} {parcel.key}")
    if parcel.name == PICTURE:
        _put_picture(store, parcel)
    elif parcel.name == CHECKPOINT:
        _put_checkpoint(store, parcel)
    elif not store.has(parcel.name, parcel.key):
        with store.writing(parcel.name, parcel.key, signed=True) as folder:
            for name, data in parcel.files.items():
                (folder / name).write_bytes(data)


def _read_step(folder: Path) -> dict[str, bytes]:
    """Files of a finished step; none where one of them has another digest than the manifest says."""
    stated = manifest_of(folder) or {}
    files = {name: read_regular(folder / name, limit=MOST_FILE_BYTES) for name in stated}
    return files if all(hashlib.sha256(files[name]).hexdigest() == stated[name] for name in stated) else {}


def _read_checkpoint(folder: Path) -> dict[str, bytes]:
    """Files of an unfinished training; none where it was replaced by a newer state while it was read."""
    before = read_regular(folder / "step.json", limit=MOST_BYTES)
    files = {path.name: read_regular(path, limit=MOST_FILE_BYTES) for path in sorted(folder.iterdir())}
    return files if files.get("step.json") == before == read_regular(folder / "step.json", limit=MOST_BYTES) else {}


def _put_picture(store: Store, parcel: Parcel) -> None:
    data = parcel.files.get("png", b"")
    try:
        sound = pixels_digest(decode_png(data)) == parcel.key
    except Exception:
        sound = False
    if not sound:
        raise Damaged(f"{parcel.name} {parcel.key}")
    path = store.blob_path(parcel.key)
    if not path.exists():
        write_atomic(path, data, partial=store.room.new("blob"))


def _checkpoint(store: Store, key: str) -> Path:
    return store.root / "checkpoints" / key


def _put_checkpoint(store: Store, parcel: Parcel) -> None:
    """Replace the checkpoint, as its own training would: two renames, so that one whole state is there at any time."""
    try:
        json.loads(parcel.files["step.json"])
    except (KeyError, ValueError) as error:
        raise Damaged(f"{parcel.name} {parcel.key}") from error
    final = _checkpoint(store, parcel.key)
    old = final.with_suffix(".old")
    with storage_errors(store.root):
        partial = store.room.new(CHECKPOINT)
        make_private(partial)
        try:
            for name, data in parcel.files.items():
                (partial / name).write_bytes(data)
            make_private(final.parent)
            remove_below(store.root, old)
            with contextlib.suppress(FileNotFoundError):
                os.replace(final, old)
            os.replace(partial, final)
            remove_below(store.root, old)
        finally:
            remove_below(store.root, partial)
