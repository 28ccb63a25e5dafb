"""One folder of pictures: what is in it, what is left out, and each picture read once."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from audit.base.errors import BadInput
from audit.base.messages import Said, Value, framed, say
from audit.base.text import printable
from audit.collect.alignment import sketch
from audit.collect.sidecars import folded, is_sidecar
from audit.images import Ground, PictureFacts, Pixels, fingerprint, pixels_digest
from audit.images.decoder import open_isolated
from audit.images.kinds import ARCHIVE_ENDINGS, PICTURE_ENDINGS
from audit.records import Note

Role: TypeAlias = Literal[
    "originals", "protected", "other artist's", "reference", "given", "generated", "control", "other-name"
]  # fmt: skip

MAX_FILES = 5_000
MIN_SIDE = 16
"""Pixels; smaller pictures are icons of a web page, not works."""

ROLES: Mapping[Role, Said] = {
    "originals": say("role.originals"),
    "protected": say("role.protected"),
    "other artist's": say("role.other-artist"),
    "reference": say("role.reference"),
    "given": say("role.given"),
    "generated": say("role.generated"),
    "control": say("role.control"),
    "other-name": say("role.other-name"),
}
"""How a folder is called."""

LEFT_OUT = ("formats", "archives", "subfolders", "files")
"""Kinds of what is left out, each with its note."""
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp"})
_QUIET = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx"})
_MASKS = re.compile(r"(?P<of>.+)(?P<kind>-masklabel|-condlabel|[-_.]mask)", re.IGNORECASE | re.DOTALL)
"""What training programs call the mask of a picture: OneTrainer's two, and one that others share."""


@dataclass(frozen=True)
class Picture:
    """One file that was read; its pixels are in the caller's store."""

    file: str
    name: str
    facts: PictureFacts
    stored: str
    content: str
    look: npt.NDArray[np.float32]
    sketch: npt.NDArray[np.uint8]
    ground: Ground = "white"


def same_folder(a: Path, b: Path) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False  # the one that is missing gets its own sentence


def list_pictures(folder: Path, role: Role, notes: list[Note]) -> list[Path]:
    """Paths of a folder's picture files, sorted by name; notes what is left out."""
    shown: dict[str, Value] = {"role": ROLES[role], "folder": folder.absolute().name}
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            ending = folder.suffix.lower()
            kind = ".archive" if ending in ARCHIVE_ENDINGS else ".picture" if ending in _SUFFIXES else ""
            raise BadInput(f"folder-not-a-folder{kind}", **shown)
        with os.scandir(folder) as found:
            entries = sorted((e.name, e.is_dir()) for e in found)
    except FileNotFoundError as exc:
        raise BadInput("folder-missing", **shown) from exc
    except (OSError, ValueError) as exc:
        raise BadInput("folder-unreadable", **shown) from exc
    groups: dict[str, list[str]] = defaultdict(list)
    for name, is_folder in entries:
        if not name.startswith(".") and name.lower() not in _QUIET:
            groups[_group(name, is_folder)].append(name)
    masks = _masks(groups["picture"])
    pictures = [name for name in groups["picture"] if name not in masks]
    if not pictures:
        other = next((kind for kind in ("formats", "archives", "subfolders") if groups[kind]), None)
        if other is None:
            raise BadInput("folder-empty", **shown)
        raise BadInput(f"folder-empty.{other}", names=tuple(groups[other]), **shown)
    if len(pictures) > MAX_FILES:
        raise BadInput("folder-too-many-files", count=len(pictures), most=MAX_FILES, **shown)
    left = {"masks-left-out": masks} | {f"{kind}-left-out": groups[kind] for kind in LEFT_OUT}
    for id, others in left.items():
        if others:
            notes.append(Note(said=say(id, role=ROLES[role], names=others)))
    return [folder / e for e in pictures]


def _group(name: str, is_folder: bool) -> str:
    ending = Path(name).suffix.lower()
    if ending in _SUFFIXES:
        return "picture"
    if is_sidecar(name):
        return "sidecar"
    if is_folder:
        return "subfolders"
    return "formats" if ending in PICTURE_ENDINGS else "archives" if ending in ARCHIVE_ENDINGS else "files"


def _masks(pictures: Sequence[str]) -> list[str]:
    """Masks of other pictures; a name that only may be one counts where the picture lies beside it."""
    stems = {folded(Path(name).stem) for name in pictures}
    found = ((name, _MASKS.fullmatch(Path(name).stem)) for name in pictures)
    return [n for n, m in found if m and ((m["kind"][0] == "-" and len(m["kind"]) > 5) or folded(m["of"]) in stems)]


def read_picture(
    path: Path, role: Role, save: Callable[[Pixels], str], *, known: Container[str], ground: Ground = "white"
) -> Picture:
    try:
        pixels, facts = open_isolated(path, ground=ground)
    except BadInput as exc:
        raise BadInput(framed(exc.said, "in-folder", role=ROLES[role])) from exc
    if min(facts.width, facts.height) < MIN_SIDE:
        raise BadInput(
            "picture-too-small",
            role=ROLES[role],
            file=path.name,
            width=facts.width,
            height=facts.height,
            least=MIN_SIDE,
        )
    content = pixels_digest(pixels)
    return Picture(
        file=path.name,
        name=printable(path.name),
        facts=facts,
        stored="" if content in known else save(pixels),
        content=content,
        look=fingerprint(pixels),
        sketch=sketch(pixels),
        ground=ground,
    )


def names(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Their names, for a message."""
    return tuple(p.name for p in pictures)
