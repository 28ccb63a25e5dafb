"""What lies in a store, for those who look through it; nothing behind a link."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from audit.records import StepOrigin
from audit.store.sound import MOST_BYTES, read_regular

ORIGIN = "made.json"
PROBES = "probes"
"""Folder of what was measured of this machine: times and bytes, no art."""


def origin_of(folder: Path) -> StepOrigin | None:
    """Where a finished step was made; None for one of before that was written down, or by another version."""
    try:
        return StepOrigin.model_validate_json(read_regular(folder / ORIGIN, limit=MOST_BYTES))
    except (OSError, ValueError):
        return None


def checkpoints_of(root: Path, keys: set[str]) -> list[tuple[Path, tuple[str, ...]]]:
    """Folders of unfinished trainings that hold any of some adapters, by their keys, and the keys each one holds.

    One that does not say what it holds may hold any of them, and has none.
    """
    found = []
    for folder in sorted(p for p in _inside(root, "checkpoints") if p.is_dir() and not p.is_symlink()):
        try:
            stand = json.loads(read_regular(folder / "step.json", limit=MOST_BYTES))
            held = tuple(str(key) for key in stand["keys"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            held = ()
        if not held or keys & set(held):
            found.append((folder, held))
    return found


def steps_of(root: Path, name: str) -> list[Path]:
    """Folders of all finished steps of a kind; none behind a link."""
    return sorted(p for p in _inside(root, "steps", name) if p.is_dir() and not p.is_symlink())


def each_step(root: Path, name: str) -> Iterator[Path]:
    """The same, one by one in no order; those that came may be deleted meanwhile."""
    at = root / "steps" / name
    if at.is_dir() and not any(p.is_symlink() for p in (at, at.parent)):
        with os.scandir(at) as entries:
            yield from (at / e.name for e in entries if e.is_dir(follow_symlinks=False))


def step_kinds(root: Path) -> list[str]:
    """Names of the steps that a store holds any of."""
    return sorted(p.name for p in _inside(root, "steps") if p.is_dir() and not p.is_symlink())


def blob_folders(root: Path) -> list[Path]:
    """The folders that pictures lie in; none behind a link."""
    return sorted(p for p in _inside(root, "blobs") if p.is_dir() and not p.is_symlink())


def _inside(root: Path, *way: str) -> list[Path]:
    """What lies in a folder of a store; nothing where it is missing or a link stands on the way to it."""
    at = root
    for part in way:
        at = at / part
        if at.is_symlink():
            return []
    return list(at.iterdir()) if at.is_dir() else []
