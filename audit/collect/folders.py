"""One folder of pictures: what is in it, what is left out, and each picture read once."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from audit.base.errors import BadInput
from audit.base.files import gap_of, of_file_manager
from audit.base.messages import Said, Value, framed, say
from audit.base.text import printable
from audit.collect.alignment import sketch
from audit.collect.sidecars import folded, is_sidecar
from audit.images import Ground, PictureFacts, Pixels, fingerprint, pixels_digest
from audit.images.decoder import open_isolated
from audit.images.kinds import ARCHIVE_ENDINGS, PICTURE_ENDINGS
from audit.images.more import HEIC_SUFFIXES, suffixes
from audit.records import Note

Role: TypeAlias = Literal[
    "originals", "protected", "other artist's", "reference", "given", "generated", "control", "other-name"
]  # fmt: skip

MAX_FILES = 5_000
GALLERY_TABLE = "gallery.csv"
"""What `cloakcheck gallery` writes beside the pictures that it took; no picture, and nothing that is missed."""
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

LEFT_OUT = ("heic", "formats", "archives", "subfolders", "files")
"""Kinds of what is left out, each with its note."""
_USUAL = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp"})
PICTURE_SUFFIXES = _USUAL | suffixes()
"""Endings of files that are read as pictures, in small letters."""
_DEEP, _MOST_FOLDERS = 3, 500
"""How far a folder without pictures is searched for subfolders with some."""
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
    fingerprint: npt.NDArray[np.float32]
    sketch: npt.NDArray[np.uint8]
    ground: Ground = "white"


def same_folder(a: Path, b: Path) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False  # the one that is missing gets its own sentence


def list_pictures(folder: Path, role: Role, notes: list[Note], *, also: Container[str] = ()) -> list[Path]:
    """Paths of a folder's picture files, sorted by name; notes what is left out.

    Args:
        also: endings of other files that are taken.
    """
    shown: dict[str, Value] = {"role": ROLES[role], "folder": folder.absolute().name}
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            ending = folder.suffix.lower()
            kind = ".archive" if ending in ARCHIVE_ENDINGS else ".picture" if ending in PICTURE_SUFFIXES else ""
            raise BadInput(f"folder-not-a-folder{kind}", **shown)
        with os.scandir(folder) as found:
            entries = sorted((e.name, e.is_dir()) for e in found)
    except FileNotFoundError as exc:
        raise _absent(folder, shown) from exc
    except (OSError, ValueError) as exc:
        raise BadInput("folder-unreadable", **shown) from exc
    groups: dict[str, list[str]] = defaultdict(list)
    for name, is_folder in entries:
        if not name.startswith(".") and not of_file_manager(name):
            group = _group(name, is_folder)
            groups["picture" if group == "files" and Path(name).suffix.lower() in also else group].append(name)
    masks = _masks(groups["picture"])
    doubles = _doubles(groups["picture"])
    pictures = [name for name in groups["picture"] if name not in masks and name not in doubles]
    if not pictures:
        raise _no_pictures(folder, groups, shown)
    if len(pictures) > MAX_FILES:
        raise BadInput("folder-too-many-files", count=len(pictures), most=MAX_FILES, **shown)
    left = {"masks-left-out": masks, "doubles-left-out": doubles} | {
        f"{kind}-left-out": groups[kind] for kind in LEFT_OUT
    }
    for id, others in left.items():
        if others:
            notes.append(Note(said=say(id, role=ROLES[role], names=others)))
    return [folder / e for e in pictures]


def _absent(folder: Path, shown: Mapping[str, Value]) -> BadInput:
    # On Windows a backslash before the closing quotation mark takes the mark, and all that follows, into the path.
    if '"' in folder.name:
        return BadInput("folder-missing.quote", role=shown["role"])
    gap = gap_of(folder)
    if gap.similar:
        return BadInput("folder-missing.similar", missing=gap.missing, within=gap.within, similar=gap.similar, **shown)
    return BadInput("folder-missing", missing=gap.missing, within=gap.within, **shown)


def _no_pictures(folder: Path, groups: Mapping[str, list[str]], shown: Mapping[str, Value]) -> BadInput:
    """What lies in a folder that holds no pictures itself."""
    below = _pictures_below(folder) if groups["subfolders"] else {}
    if below:
        parts = [say("folder-empty.part", folder=name, count=count) for name, count in below.items()]
        return BadInput("folder-empty.below", parts=parts, **shown)
    other = next((kind for kind in ("heic", "formats", "archives", "subfolders") if groups[kind]), None)
    if other is None:
        return BadInput("folder-empty", **shown)
    return BadInput(f"folder-empty.{other}", names=tuple(groups[other]), **shown)


def _pictures_below(folder: Path) -> dict[str, int]:
    """Subfolders with pictures, those with most first: path below the folder -> how many."""
    found: dict[str, int] = {}
    for seen, (at, folders, files) in enumerate(os.walk(folder)):
        depth = len(Path(at).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not of_file_manager(f) and depth < _DEEP)
        count = sum(_group(name, False) == "picture" and not name.startswith(".") for name in files)
        if count:
            found[Path(at).relative_to(folder).as_posix()] = count
        if seen >= _MOST_FOLDERS:
            break
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _group(name: str, is_folder: bool) -> str:
    ending = Path(name).suffix.lower()
    if ending in PICTURE_SUFFIXES:
        return "picture"
    if is_sidecar(name) or name == GALLERY_TABLE:
        return "sidecar"
    if is_folder:
        return "subfolders"
    if ending in HEIC_SUFFIXES:  # with its extra they are pictures
        return "heic"
    return "formats" if ending in PICTURE_ENDINGS else "archives" if ending in ARCHIVE_ENDINGS else "files"


def _doubles(pictures: Sequence[str]) -> list[str]:
    """Working files beside a picture of the same name that was exported from them."""
    exported = {folded(Path(name).stem) for name in pictures if Path(name).suffix.lower() in _USUAL}
    return [n for n in pictures if Path(n).suffix.lower() not in _USUAL and folded(Path(n).stem) in exported]


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
        fingerprint=fingerprint(pixels),
        sketch=sketch(pixels),
        ground=ground,
    )


class HasName(Protocol):
    """A file with a name that may be shown."""

    @property
    def name(self) -> str: ...


def names(pictures: Sequence[HasName]) -> tuple[str, ...]:
    """Their names, for a message."""
    return tuple(p.name for p in pictures)
