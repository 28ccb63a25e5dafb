"""Clips that a service made, beside its pictures: found in a folder, and read at stated times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import framed
from audit.base.text import printable
from audit.collect.folders import MIN_SIDE, ROLES, Role, list_pictures
from audit.images import Pixels
from audit.images.clips import CLIP_ENDINGS, MOST_SECONDS, MOST_TIMES, ClipFacts, open_clip
from audit.records import Note


@dataclass(frozen=True)
class Frames:
    """One clip that was read; its frames are in the caller's store, in the order of `facts.times`."""

    file: str
    name: str
    facts: ClipFacts
    stored: tuple[str, ...]


def times_of(text: str) -> tuple[float, ...]:
    """Seconds as typed, `0.5,1,2`, in order.

    Raises:
        BadInput: `clip-times-typed`.
    """
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not 0 < len(found) <= MOST_TIMES or not all(0 <= at <= MOST_SECONDS for at in found):
        raise BadInput("clip-times-typed", text=text, most=MOST_TIMES, longest=int(MOST_SECONDS))
    return tuple(found)


def list_delivered(path: Path, role: Role, notes: list[Note]) -> list[Path]:
    """Pictures and clips of a folder, sorted by name, or the one clip that `path` is.

    Raises:
        BadInput: those of `list_pictures`.
    """
    if path.suffix.lower() in CLIP_ENDINGS and path.is_file():
        return [path]
    return list_pictures(path, role, notes, also=CLIP_ENDINGS)


def read_clip(path: Path, role: Role, save: Callable[[Pixels], str], *, times: Sequence[float]) -> Frames:
    """Frames of a clip.

    Raises:
        BadInput: those of `open_clip`, in the folder's name; `picture-too-small`.
    """
    try:
        frames, facts = open_clip(path, times=times)
    except BadInput as error:
        raise BadInput(framed(error.said, "in-folder", role=ROLES[role])) from error
    if min(facts.width, facts.height) < MIN_SIDE:
        size = {"width": facts.width, "height": facts.height, "least": MIN_SIDE}
        raise BadInput("picture-too-small", role=ROLES[role], file=path.name, **size)
    return Frames(path.name, printable(path.name), facts, tuple(save(frame) for frame in frames))
