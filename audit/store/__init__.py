"""The content-addressed store under every stage: a finished step is never run twice.

A step's key is the SHA-256 of its name, version, settings and input digests. Its files are written
to a temporary folder, synced, and renamed into place; `manifest.json`, written last inside that
folder, lists every file's digest, so a folder under its final name is complete by construction.
`made.json`, one of these files, says where, when and for which plan the step was first made; it enters no key, and
steps of before, which have none, are read all the same.
Only safetensors, PNG and JSON are stored: nothing in the store can run code when it is opened. What is read back
passes a schema first; what does not is taken away and made anew (`rejected`).

Layout under the root:
    steps/<name>/<key>/...    finished steps
    blobs/<aa>/<digest>.png   pictures by the digest of their pixels
    checkpoints/              trainings that were stopped
    owners/                   whose pictures and run folders there are (`audit.store.owners`)
    tmp/                      unfinished work, a room for each process (`audit.store.room`)
"""

from __future__ import annotations

import contextlib
import copy
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from audit.base.errors import StorageError
from audit.base.files import disk_of, file_digest, user_folder
from audit.base.private import FOLDER, Exposed, make_private, private_folder, write_private
from audit.images import decode_png, encode_png, pixels_digest
from audit.records import StepEnvironment, StepOrigin, canonical_json
from audit.store.listing import ORIGIN, origin_of
from audit.store.moves import put, put_back, take_away
from audit.store.room import GATE, TMP, room_in
from audit.store.sound import (
    MANIFEST,
    MOST_BYTES,
    is_digest,
    is_sound,
    links_in,
    read_regular,
    remove_below,
)
from audit.store.versions import VERSIONS

T = TypeVar("T")
MOST_PNG_BYTES = 1 << 30
"""Of a stored picture: the largest that is read takes 240 MB of pixels."""
ROOMS = ("steps", "blobs", TMP)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:")
"""Begins the address of an object store, as `s3:`; a drive has one letter."""


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or a refused write into one sentence."""
    try:
        yield
    except Exposed as error:
        id = "folder-exposed.foreign" if error.how == "foreign" else "folder-exposed"
        raise StorageError(id, folder=folder.absolute().name) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError("disk-full", disk=disk_of(folder), folder=_as_known(folder)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ELOOP):
            raise StorageError("folder-unwritable", folder=_as_known(folder), why=error.strerror) from error
        raise


def _as_known(folder: Path) -> str:
    """The name by which a user knows a folder: of a store's inner folders, such as `blobs/ef`, the store's own."""
    at = folder.absolute()
    return next((up for up in (at, *at.parents) if (up / GATE).exists()), at).name


def write_atomic(path: Path, data: bytes, *, partial: Path | None = None) -> None:
    """Write a whole file or nothing, for its owner alone: temporary name, sync, rename.

    Args:
        partial: the temporary name, on the same disk; None for one beside the file.
    """
    with storage_errors(path.parent):
        write_private(path, data, partial=partial)


def default_store() -> Path:
    """Where finished steps are kept: $CLOAKCHECK_STORE, else the user's cache folder."""
    if "CLOAKCHECK_STORE" in os.environ:
        return Path(os.environ["CLOAKCHECK_STORE"])
    return user_folder("XDG_CACHE_HOME", ".cache") / "cloakcheck"


class _Found(NamedTuple):
    """A step that an earlier process has finished; its origin is None where it tells none."""

    name: str
    origin: StepOrigin | None


class Store:
    """Finished steps and pictures under one root folder of one user; safe to share between that user's processes.

    Opening one raises StorageError: `folder-exposed` where others may write to it, or own it; `store-linked` where a
    link stands in place of one of its folders; `store-busy` while it is emptied; `store-no-locks`; `store-address`
    for an address of an object store.

    Attributes:
        reuse: whether what an earlier process has finished is taken; without, every step is made anew.
        environment: what steps are made with here, written beside each of them; None writes nothing.
        plan: digest of the plan that they are first made for; '' for none.
    """

    def __init__(self, root: Path, *, reuse: bool = True) -> None:
        self.root = root
        self.reuse = reuse
        self.environment: StepEnvironment | None = None
        self.plan = ""
        self._made: set[str] = set()
        self._found: dict[str, _Found] = {}
        self._sent: dict[str, _Found] = {}
        self._environments: dict[str, StepEnvironment] = {}
        self._rejected: list[str] = []
        # As a path it would be a folder named `s3:` on this disk, which nobody meant.
        named = next((at for at, part in enumerate(root.parts) if ADDRESS.fullmatch(part)), None)
        if named is not None and not root.exists():
            raise StorageError("store-address", folder="/".join(root.parts[named:]))
        with storage_errors(root):
            private_folder(root)
            if linked := links_in(root):
                raise StorageError("store-linked.found", folder=root.absolute().name, rooms=linked[:3])
            # The root closes all below it; the others are looked at, since they may have been open to others before.
            for room in ROOMS:
                private_folder(root / room)
            self.room = room_in(root)

    @property
    def run(self) -> int:
        """How many steps this process has finished."""
        return len(self._made)

    @property
    def reused(self) -> int:
        """How many steps it found finished by an earlier one."""
        return len(self._found)

    @property
    def rejected(self) -> tuple[str, ...]:
        """Kinds of the steps whose stored result did not fit its schema and was taken away, in the order found."""
        return tuple(self._rejected)

    def reused_steps(self) -> Iterator[tuple[str, str, StepOrigin | None]]:
        """Name, key and origin of every step that was found finished, in the order found."""
        for key, (name, origin) in self._found.items():
            yield name, key, origin

    def sent_steps(self) -> Iterator[tuple[str, str, StepOrigin | None]]:
        """The same of every step that another machine made for this process."""
        for key, (name, origin) in self._sent.items():
            yield name, key, origin

    def note_sent(self, name: str, key: str) -> None:
        """Remember of a step that another machine made it, as it states itself, or found it: made for another plan."""
        # Its time would not tell: clocks of machines differ.
        origin = self._alike(origin_of(self.folder(name, key)))
        if self.reuse and (origin is None or origin.plan_sha256 != (self.plan or None)):
            self._made.discard(key)
            self._found[key] = _Found(name, origin)
        else:
            self._sent[key] = _Found(name, origin)

    @property
    def found(self) -> frozenset[str]:
        """Keys of the steps that were found finished so far."""
        return frozenset(self._found)

    def working(self, environment: StepEnvironment, *, plan: str = "") -> Store:
        """The same store, with what steps are made with from now on; both count the same steps."""
        store = copy.copy(self)
        store.environment, store.plan = environment, plan
        return store

    # --- steps -------------------------------------------------------------------------------------

    @staticmethod
    def key(name: str, settings: Any, inputs: list[str]) -> str:
        """The key of a step.

        Args:
            name: the step's name, with its version in `VERSIONS`.
            settings: any JSON value.
            inputs: digests of everything it reads.
        """
        text = canonical_json({"name": name, "version": VERSIONS[name], "settings": settings, "inputs": inputs})
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def folder(self, name: str, key: str) -> Path:
        return self.root / "steps" / name / key

    def has(self, name: str, key: str) -> bool:
        """Whether the step is complete, and may be used."""
        return self._usable(key) and (self.folder(name, key) / MANIFEST).exists()

    def _usable(self, key: str) -> bool:
        return self.reuse or key in self._made

    def drop(self, name: str, key: str) -> None:
        """Take a finished step away whose content cannot be used, so that it is made anew; `rejected` names it."""
        self._rejected.append(name)
        self._found.pop(key, None)
        self._made.discard(key)
        with storage_errors(self.root):
            take_away(self.root, self.room, self.folder(name, key))

    def _remove(self, path: Path) -> None:
        with storage_errors(self.root):
            remove_below(self.root, path)

    @contextlib.contextmanager
    def writing(self, name: str, key: str, *, signed: bool = False) -> Iterator[Path]:
        """Give a temporary folder; on leaving without an error it becomes the finished step.

        Args:
            signed: whether what is written there says itself where it was made (`audit.store.parcels`).
        """
        final = self.folder(name, key)
        with storage_errors(self.root):
            partial = self.room.new(name)
            partial.mkdir(mode=FOLDER, parents=True)
            try:
                yield partial
                if not signed:
                    self._sign(partial)
                self._seal(partial)
                make_private(final.parent)
                put(self.root, self.room, partial, final, over=not self._usable(key))
                self._made.add(key)
            finally:
                remove_below(self.root, partial)

    def _sign(self, folder: Path) -> None:
        """Write where the step was made, when, and for which plan."""
        if self.environment is not None:
            made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            origin = StepOrigin(made=made, plan_sha256=self.plan or None, environment=self.environment)
            (folder / ORIGIN).write_text(origin.canonical(), encoding="ascii")

    @staticmethod
    def _seal(folder: Path) -> None:
        digests = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digests[path.relative_to(folder).as_posix()] = file_digest(path)
                with path.open("rb") as handle:
                    os.fsync(handle.fileno())
        with (folder / MANIFEST).open("w", encoding="ascii") as manifest:
            manifest.write(canonical_json(digests))
            manifest.flush()
            os.fsync(manifest.fileno())

    def verified(self, name: str, key: str) -> Path | None:
        """The finished step's folder, after checking every digest; None when absent, damaged or not to be used.

        A damaged step (a cut disk, an edited file, anything but plain files) is removed, so that it is simply run
        again.
        """
        folder = self.folder(name, key)
        if not self._usable(key):
            return None
        with storage_errors(self.root):
            if not is_sound(folder) and not put_back(self.root, self.room, folder):
                return None
        if key not in self._made and key not in self._found:
            self._found[key] = _Found(name, self._alike(origin_of(folder)))
        return folder

    def read(self, name: str, key: str, look: Callable[[Path], T]) -> T | None:
        """What a finished step holds; None where it is not there, or cannot be used and so was taken away.

        Args:
            look: reads it from its folder; OSError or ValueError says that it cannot be used.
        """
        for _ in range(2):
            # Twice, since another process may make it anew just now.
            folder = self.verified(name, key)
            if folder is None:
                return None
            try:
                return look(folder)
            except (OSError, ValueError):
                pass
        self.drop(name, key)
        return None

    def _alike(self, origin: StepOrigin | None) -> StepOrigin | None:
        """The same, with one record for all equal environments: a store holds many steps and few of these."""
        if origin is None:
            return None
        environment = self._environments.setdefault(origin.environment.digest(), origin.environment)
        return origin.model_copy(update={"environment": environment})

    def json_step(
        self,
        name: str,
        settings: Any,
        inputs: list[str],
        compute: Callable[[], Any],
        *,
        of: TypeAdapter[T],
        fits: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """Return the value of a step, computing and storing it when it is not there yet, or is none that it can have.

        Args:
            compute: its JSON value.
            of: what the value is; `fits` tells whether it suits the inputs, by its length for instance.
        """
        key = self.key(name, settings, inputs)

        def look(folder: Path) -> tuple[T]:
            found = of.validate_json(read_regular(folder / "value.json", limit=MOST_BYTES))
            if not fits(found):
                raise ValueError(name)
            # A value may itself be None.
            return (found,)

        if (known := self.read(name, key, look)) is not None:
            return known[0]
        value = compute()
        with self.writing(name, key) as partial:
            (partial / "value.json").write_text(canonical_json(value), encoding="ascii")
        return of.validate_python(value)

    # --- pictures ----------------------------------------------------------------------------------

    def blob_path(self, digest: str) -> Path:
        return self.root / "blobs" / digest[:2] / f"{digest}.png"

    def put_pixels(self, pixels: NDArray[np.uint8]) -> str:
        """Store an RGB picture (H, W, 3) losslessly; returns the digest of its pixels."""
        digest = pixels_digest(pixels)
        path = self.blob_path(digest)
        if not path.exists():
            write_atomic(path, encode_png(pixels, quick=True), partial=self.room.new("blob"))
        return digest

    def get_pixels(self, digest: str) -> NDArray[np.uint8]:
        """Return a stored picture, uint8 (H, W, 3).

        Raises:
            StorageError: the picture is missing or its pixels no longer match the digest.
        """
        path = self.blob_path(digest)
        try:
            pixels = decode_png(read_regular(path, limit=MOST_PNG_BYTES))
            sound = pixels_digest(pixels) == digest
        except Exception:
            sound = False
        if not sound:
            # A stranger's value.json may name any path where a digest belongs; only a picture of the store goes.
            if is_digest(digest):
                self._remove(path)
            raise StorageError("picture-damaged", digest=digest[:12])
        return pixels
