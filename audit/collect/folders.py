"""One folder of pictures: what is in it, what is left out, and each picture read once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from audit.base.errors import BadInput
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

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp"})
_QUIET = frozenset({"thumbs.db", "desktop.ini"})
_SIDECAR_BYTES = 64 * 1024
_LISTED = 10


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
    shown = f"The {role} folder '{printable(folder.absolute().name)}'"
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise BadInput("folder-not-a-folder", f"{shown} is no folder; give the folder of the pictures.")
        entries = sorted(os.listdir(folder))
    except FileNotFoundError as exc:
        raise BadInput("folder-missing", f"{shown} does not exist; check how it is spelled.") from exc
    except (OSError, ValueError) as exc:
        raise BadInput("folder-unreadable", f"{shown} cannot be read; check that you may open it.") from exc
    visible = [e for e in entries if not e.startswith(".") and e.lower() not in _QUIET]
    pictures = [e for e in visible if Path(e).suffix.lower() in _SUFFIXES]
    others = [e for e in visible if Path(e).suffix.lower() not in _SUFFIXES | {".txt"}]
    if not pictures:
        raise BadInput("folder-empty", f"{shown} holds no PNG, JPEG or WebP pictures; give one that does.")
    if len(pictures) > MAX_FILES:
        raise BadInput(
            "folder-too-many-files",
            f"{shown} holds {len(pictures)} pictures, more than the {MAX_FILES} that are accepted; "
            "give a folder with fewer.",
        )
    if others:
        left_out = at_most_ten([f"'{printable(e)}'" for e in others])
        sentence = f"Not PNG, JPEG or WebP and therefore left out of the {role} folder: {left_out}."
        notes.append(Note(slug="files-left-out", sentence=sentence))
    return [folder / e for e in pictures]


def read_picture(path: Path, role: Role, save: Callable[[Pixels], str], *, known: Container[str]) -> Picture:
    try:
        pixels, facts = open_isolated(path)
    except BadInput as exc:
        raise BadInput(exc.slug, f"In the {role} folder, {exc.sentence}") from exc
    if min(facts.width, facts.height) < MIN_SIDE:
        raise BadInput(
            "picture-too-small",
            f"In the {role} folder, '{printable(path.name)}' is {facts.width} x {facts.height} pixels, but "
            f"each side needs {MIN_SIDE}; take it out.",
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
        raise BadInput(
            "caption-unreadable",
            f"The caption file '{printable(beside.name)}' is not a readable text file of at most "
            f"{_SIDECAR_BYTES // 1024} KiB; mend it or take it out.",
        ) from exc


def quoted(pictures: Sequence[Picture]) -> str:
    return at_most_ten([f"'{p.name}'" for p in pictures])


def at_most_ten(shown: Sequence[str]) -> str:
    """At most ten of them, and how many more."""
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more
