"""The first pictures that a test has made, while it goes on: what lies in its run folder already."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.base.files import read_bounded
from audit.runfolder.pictures import MOST_PNG_BYTES

MOST_CONDITIONS, MOST_PICTURES, MOST_FILES = 4, 4, 50_000
# Of the first replicate and the first noise, as `audit.stages.pictures` names them.
_NAME = re.compile(r"ai-generated-([A-Za-z0-9-]{1,200})-r01-p(\d{1,4})-n0-[0-9a-f]{8}\.png")


@dataclass(frozen=True)
class FirstPictures:
    """Pictures of one condition.

    Attributes:
        condition: as file names give it; names: of files, by prompt.
    """

    condition: str
    names: tuple[str, ...]


def first_pictures(run: Path) -> list[FirstPictures]:
    """A few of each of the first conditions, before training and on the originals before the others."""
    found: dict[str, dict[int, str]] = {}
    for name in _listed(run / "images"):
        if match := _NAME.fullmatch(name):
            found.setdefault(match[1], {}).setdefault(int(match[2]), name)
    order = sorted(found, key=lambda name: ({"base": 0, "clean": 1}.get(name, 2), name))[:MOST_CONDITIONS]
    # The same prompts of each, where they are there.
    prompts = sorted({prompt for name in order for prompt in found[name]}, key=lambda p: (-_has(found, order, p), p))
    shown = sorted(prompts[:MOST_PICTURES])
    return [FirstPictures(name, tuple(found[name][p] for p in shown if p in found[name])) for name in order]


def _has(found: dict[str, dict[int, str]], names: Sequence[str], prompt: int) -> int:
    return sum(prompt in found[name] for name in names)


def _listed(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as there:
            return [entry.name for entry, _ in zip(there, range(MOST_FILES), strict=False)]
    except OSError:
        return []


def first_picture(run: Path, name: str) -> bytes | None:
    """One of them by its name; None for any other file, and where it is gone."""
    path = run / "images" / name
    if not _NAME.fullmatch(name) or path.is_symlink() or path.parent.is_symlink():
        return None
    try:
        return read_bounded(path, limit=MOST_PNG_BYTES)
    except OSError:
        return None
