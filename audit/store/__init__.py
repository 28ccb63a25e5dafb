"""The content-addressed store under every stage: a finished step is never run twice.

A step's key is the SHA-256 of its name, version, settings and input digests. Its files are written
to a temporary folder, synced, and renamed into place; `manifest.json`, written last inside that
folder, lists every file's digest, so a folder under its final name is complete by construction.
`made.json`, one of these files, says where, when and for which plan the step was first made; it enters no key, and
steps of before, which have none, are read all the same.
Only safetensors, PNG and JSON are stored: nothing in the store can run code when it is opened.

Layout under the root:
    steps/<name>/<key>/...    finished steps
    blobs/<aa>/<digest>.png   pictures by the digest of their pixels
    tmp/                      unfinished work; cleaned when the store is opened
"""

from __future__ import annotations

import contextlib
import copy
import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.base.errors import StorageError
from audit.base.private import FOLDER, Exposed, make_private, private_file, private_folder
from audit.images import decode_png, encode_png, pixels_digest
from audit.records import EarlierSteps, ReusedSteps, StepEnvironment, StepOrigin, canonical_json
from audit.store.versions import VERSIONS

MANIFEST = "manifest.json"
ORIGIN = "made.json"
FEATURES = ("features", "encoded")
OUTCOMES = ("adapter", "pictures", *FEATURES)
"""Steps that tell how a test comes out; a plan must come before them."""
STALE_AFTER = 24 * 3600
"""Seconds after which another process's temporary folder is taken for dead."""


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
            raise StorageError("disk-full") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ELOOP):
            raise StorageError("folder-unwritable", folder=folder.absolute().name, why=error.strerror) from error
        raise


def file_digest(path: Path) -> str:
    """SHA-256 hex of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, for its owner alone: temporary name beside it, sync, rename."""
    with storage_errors(path.parent):
        make_private(path.parent)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with os.fdopen(private_file(partial), "wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def default_store() -> Path:
    """Where finished steps are kept: $CLOAKCHECK_STORE, else the user's cache folder."""
    if "CLOAKCHECK_STORE" in os.environ:
        return Path(os.environ["CLOAKCHECK_STORE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cloakcheck"


def _origin(folder: Path) -> StepOrigin | None:
    """Where a finished step was made; None for one of before that was written down, or by another version."""
    try:
        return StepOrigin.model_validate_json((folder / ORIGIN).read_bytes())
    except (OSError, ValueError):
        return None


def _earlier(step: str, origins: list[StepOrigin | None]) -> EarlierSteps:
    dated = [origin for origin in origins if origin is not None]
    times = [origin.made for origin in dated]
    return EarlierSteps(
        step=step,
        count=len(origins),
        undated=len(origins) - len(dated),
        first_made=min(times, default=None),
        last_made=max(times, default=None),
        plans=tuple(sorted({origin.plan_sha256 for origin in dated if origin.plan_sha256})),
    )


def checkpoints_of(root: Path, keys: set[str]) -> list[tuple[Path, tuple[str, ...]]]:
    """Folders of unfinished trainings that hold any of some adapters, by their keys, and the keys each one holds.

    One that does not say what it holds may hold any of them, and has none.
    """
    found = []
    for folder in sorted((root / "checkpoints").glob("*")):
        try:
            stand = json.loads((folder / "step.json").read_text(encoding="ascii"))
            held = tuple(str(key) for key in stand["keys"])
        except (OSError, ValueError, KeyError, TypeError):
            held = ()
        if not held or keys & set(held):
            found.append((folder, held))
    return found


class _Found(NamedTuple):
    """A step that an earlier process has finished; its origin is None where it tells none."""

    name: str
    origin: StepOrigin | None


class Store:
    """Finished steps and pictures under one root folder of one user; safe to share between that user's processes.

    Opening one raises StorageError `folder-exposed` where others may write to it, or own it.

    Attributes:
        environment: what steps are made with here, written beside each of them; None writes nothing.
        plan: digest of the plan that they are first made for; '' for none.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: StepEnvironment | None = None
        self.plan = ""
        self._made: set[str] = set()
        self._found: dict[str, _Found] = {}
        with storage_errors(root):
            # The root closes all below it; the others are looked at, since they may have been open to others before.
            for folder in (root, root / "steps", root / "blobs", root / "tmp"):
                private_folder(folder)
        self._drop_stale()

    def _drop_stale(self) -> None:
        for folder in (self.root / "tmp").iterdir():
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > STALE_AFTER:
                    shutil.rmtree(folder)

    @property
    def run(self) -> int:
        """How many steps this process has finished."""
        return len(self._made)

    @property
    def reused(self) -> int:
        """How many steps it found finished by an earlier one."""
        return len(self._found)

    def reused_elsewhere(self) -> tuple[ReusedSteps, ...]:
        """Steps found finished that were made with something else than what works here now, alike ones together."""
        groups: dict[tuple[str, str], list[StepOrigin]] = {}
        for name, origin in self._found.values():
            if origin is not None and origin.environment != self.environment:
                groups.setdefault((name, origin.environment.digest()), []).append(origin)
        return tuple(
            ReusedSteps(
                step=name,
                count=len(origins),
                first_made=min(o.made for o in origins),
                last_made=max(o.made for o in origins),
                plans=tuple(sorted({o.plan_sha256 for o in origins if o.plan_sha256})),
                environment=origins[0].environment,
            )
            for (name, _), origins in sorted(groups.items())
        )

    @property
    def found(self) -> frozenset[str]:
        """Keys of the steps that were found finished so far."""
        return frozenset(self._found)

    def made_before(self, fixed: str, *, inputs: frozenset[str] = frozenset()) -> tuple[EarlierSteps, ...]:
        """Results found finished that are older than a moment, or tell no time, by kind.

        Args:
            fixed: when the plan was fixed, ISO 8601, UTC, whole seconds; '' finds nothing.
            inputs: keys of what was read of real works: features of these are known before any training.
        """
        groups: dict[str, list[StepOrigin | None]] = {}
        for key, (name, origin) in self._found.items():
            outcome = name in OUTCOMES and not (name in FEATURES and key in inputs)
            if fixed and outcome and (origin is None or origin.made < fixed):
                groups.setdefault(name, []).append(origin)
        return tuple(_earlier(name, groups[name]) for name in OUTCOMES if name in groups)

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
        """Whether the step is complete."""
        return (self.folder(name, key) / MANIFEST).exists()

    @contextlib.contextmanager
    def writing(self, name: str, key: str) -> Iterator[Path]:
        """Give a temporary folder; on leaving without an error it becomes the finished step."""
        final = self.folder(name, key)
        with storage_errors(self.root):
            partial = self.root / "tmp" / f"{name}-{uuid.uuid4().hex}"
            partial.mkdir(mode=FOLDER, parents=True)
            try:
                yield partial
                self._sign(partial)
                self._seal(partial)
                make_private(final.parent)
                try:
                    os.replace(partial, final)
                except OSError:
                    # Another process finished the same step first; its result is the same. Systems differ in how
                    # they refuse to put a folder over it.
                    if not self.has(name, key):
                        raise
                self._made.add(key)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

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
        """The finished step's folder, after checking every digest; None when absent or damaged.

        A damaged step (a cut disk, an edited file) is removed, so that it is simply run again.
        """
        folder = self.folder(name, key)
        if not self.has(name, key):
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
            return None
        try:
            digests = json.loads((folder / MANIFEST).read_text(encoding="ascii"))
            sound = all(file_digest(folder / file) == digest for file, digest in digests.items())
        except (OSError, ValueError, AttributeError):
            sound = False
        if not sound:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if key not in self._made and key not in self._found:
            self._found[key] = _Found(name, _origin(folder))
        return folder

    def json_step(self, name: str, settings: Any, inputs: list[str], compute: Callable[[], Any]) -> Any:
        """Return the JSON value of a step, computing and storing it when it is not there yet."""
        key = self.key(name, settings, inputs)
        folder = self.verified(name, key)
        if folder is None:
            value = compute()
            with self.writing(name, key) as partial:
                (partial / "value.json").write_text(canonical_json(value), encoding="ascii")
            return value
        return json.loads((folder / "value.json").read_text(encoding="ascii"))

    # --- pictures ----------------------------------------------------------------------------------

    def blob_path(self, digest: str) -> Path:
        return self.root / "blobs" / digest[:2] / f"{digest}.png"

    def put_pixels(self, pixels: NDArray[np.uint8]) -> str:
        """Store an RGB picture (H, W, 3) losslessly; returns the digest of its pixels."""
        digest = pixels_digest(pixels)
        path = self.blob_path(digest)
        if not path.exists():
            write_atomic(path, encode_png(pixels))
        return digest

    def get_pixels(self, digest: str) -> NDArray[np.uint8]:
        """Return a stored picture, uint8 (H, W, 3).

        Raises:
            StorageError: the picture is missing or its pixels no longer match the digest.
        """
        path = self.blob_path(digest)
        try:
            pixels = decode_png(path.read_bytes())
            sound = pixels_digest(pixels) == digest
        except Exception:
            sound = False
        if not sound:
            path.unlink(missing_ok=True)
            raise StorageError("picture-damaged", digest=digest[:12])
        return pixels
