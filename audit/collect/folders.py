"""One folder of pictures: what is in it, what is left out, and each picture read once."""

from __future__ import annotations

import os
import stat
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
from audit.images import PictureFacts, Pixels, fingerprint, pixels_digest, read_regular
from audit.images.decoder import open_isolated
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

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp"})
_QUIET = frozenset({"thumbs.db", "desktop.ini"})
_SIDECAR_BYTES = 64 * 1024


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
            raise BadInput("folder-not-a-folder", **shown)
        entries = sorted(os.listdir(folder))
    except FileNotFoundError as exc:
        raise BadInput("folder-missing", **shown) from exc
    except (OSError, ValueError) as exc:
        raise BadInput("folder-unreadable", **shown) from exc
    visible = [e for e in entries if not e.startswith(".") and e.lower() not in _QUIET]
    pictures = [e for e in visible if Path(e).suffix.lower() in _SUFFIXES]
    others = [e for e in visible if Path(e).suffix.lower() not in _SUFFIXES | {".txt"}]
    if not pictures:
        raise BadInput("folder-empty", **shown)
    if len(pictures) > MAX_FILES:
        raise BadInput("folder-too-many-files", count=len(pictures), most=MAX_FILES, **shown)
    if others:
        notes.append(Note(said=say("files-left-out", role=ROLES[role], names=others)))
    return [folder / e for e in pictures]


def read_picture(path: Path, role: Role, save: Callable[[Pixels], str], *, known: Container[str]) -> Picture:
    try:
        pixels, facts = open_isolated(path)
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
    )


def read_sidecar(path: Path) -> bytes | None:
    """Bytes of `<stem>.txt` beside a picture, None without one."""
    beside = path.with_suffix(".txt")
    if not os.path.lexists(beside):
        return None
    try:
        return read_regular(beside, limit=_SIDECAR_BYTES)
    except BadInput as exc:
        raise BadInput("caption-unreadable", file=beside.name, kib=_SIDECAR_BYTES // 1024) from exc


def names(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Their names, for a message."""
    return tuple(p.name for p in pictures)
