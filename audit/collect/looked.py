"""Which protected file is taken for which work, told whole: every file that cannot be used, every pair that is unsure.

`collect` ends at the first thing that cannot be used; a person who mends wants to see all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.collect import list_folders
from audit.collect.arms import Arm, FilesRead
from audit.collect.by_hand import ByHand
from audit.collect.captions import caption_of
from audit.collect.folders import ROLES, Picture, Role, read_picture
from audit.collect.names import caption_for, first_caption
from audit.collect.nearness import Looks, Nearest, distance
from audit.collect.pairing import Proposal, check_same_work, check_shape, on_ground_of_copies, proposals
from audit.collect.relation import MATCH
from audit.collect.sidecars import Sidecars
from audit.images import Ground, pixels_digest
from audit.records import Note
from audit.records.works import NEUTRAL_CAPTION

SURE = MATCH / 2
"""Levels of 255 between fingerprints up to which a pair by name is shown as sure: half of what a pair by look may have.
It orders what a person looks at and refuses nothing."""


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used, and why."""

    file: str
    said: Said


@dataclass(frozen=True)
class SeenPair:
    """A work and the file that is taken for its copy.

    Attributes:
        matched_by: `name`, `perceptual-hash` or `hand`; distance: levels of 255 between fingerprints.
        unsure: whether a person should look; problem: why it is refused as it stands.
    """

    work: str
    copy: str
    matched_by: str
    distance: float
    unsure: bool
    problem: Said | None


@dataclass(frozen=True)
class SeenArm:
    """One set of protected copies.

    Attributes:
        pairs: those that must be looked at first; alone: works without a copy; extra: copies of no work.
        unclear: works with several copies, each with why; unusable: files that cannot be read.
    """

    name: str
    files: tuple[str, ...]
    pairs: tuple[SeenPair, ...]
    alone: tuple[str, ...]
    extra: tuple[str, ...]
    unclear: tuple[Problem, ...]
    unusable: tuple[Problem, ...]

    @property
    def to_mend(self) -> bool:
        """Whether anything here would end a run, or is not what a person would expect."""
        return bool(self.alone or self.unclear or self.unusable or any(pair.problem for pair in self.pairs))


@dataclass(frozen=True)
class SeenCaption:
    """What a run would train an original with; `source` is `table`, `sidecar`, `file name`, or `none` for neither."""

    file: str
    caption: str
    source: str


@dataclass(frozen=True)
class LookedPairs:
    """All of it; `works` are files that can be used, `captions` are of every original, left out ones too."""

    works: tuple[str, ...]
    captions: tuple[SeenCaption, ...]
    unusable: tuple[Problem, ...]
    arms: tuple[SeenArm, ...]
    notes: tuple[Said, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; names keep bytes that are no text."""
        return {
            "works": list(self.works),
            "captions": [vars(one) for one in self.captions],
            "unusable": [_plain(one) for one in self.unusable],
            "arms": [
                {
                    "name": arm.name,
                    "files": list(arm.files),
                    "pairs": [
                        {**vars(pair), "problem": pair.problem.model_dump(mode="json") if pair.problem else None}
                        for pair in arm.pairs
                    ],
                    "alone": list(arm.alone),
                    "extra": list(arm.extra),
                    "unclear": [_plain(one) for one in arm.unclear],
                    "unusable": [_plain(one) for one in arm.unusable],
                }
                for arm in self.arms
            ],
            "notes": [said.model_dump(mode="json") for said in self.notes],
        }


def look_at_pairs(
    *,
    originals: Path,
    protected: Mapping[str, Path],
    by_hand: ByHand | None = None,
    captions: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LookedPairs:
    """Read folders and pair what is in them; nothing is written.

    Args:
        originals, protected, captions, progress: as `collect` takes them; by_hand: None for nothing.

    Raises:
        BadInput: those of folders that cannot be listed; `pairs-unknown`.
    """
    notes: list[Note] = []
    listed, arms = list_folders(originals=originals, protected=protected, notes=notes)
    said = _captions(originals, listed, captions, notes)
    if by_hand is not None:
        listed, mended = by_hand.apply(listed, arms)
        notes += mended
    done = FilesRead(len(listed) + sum(len(arm.listed) for arm in arms), progress)
    works, unusable = _read_each(listed, "originals", done, notes)

    def on_ground(work: Picture, ground: Ground) -> Picture:
        return read_picture(originals / work.file, "originals", pixels_digest, known=(), ground=ground)

    seen = []
    for arm in arms:
        arm.copies, bad = _read_each(arm.listed, "protected", done, arm.notes)
        if works and arm.copies:
            works = on_ground_of_copies(works, arm.copies, on_ground)
        seen.append((arm, bad))
    return LookedPairs(
        works=tuple(w.file for w in works),
        captions=said,
        unusable=unusable,
        arms=tuple(_seen(works, arm, bad) for arm, bad in seen),
        notes=tuple(note.said for note in (*notes, *(n for arm in arms for n in arm.notes))),
    )


def _captions(
    originals: Path, listed: Sequence[Path], captions: Mapping[str, str] | None, notes: list[Note]
) -> tuple[SeenCaption, ...]:
    """As a run takes them; what it would refuse is noted, and the words of the name stand in its place."""
    sidecars = Sidecars(originals)
    found = []
    for file in (path.name for path in listed):
        beside = None
        try:
            beside = sidecars.text(file) if captions is None else None
        except BadInput as error:
            notes.append(Note(said=error.said))
        caption, source = caption_for(file, sidecar=beside), "file name"
        if captions is not None and (given := caption_of(captions, file)) is not None:
            caption, source = given, "table"
        elif beside is not None and first_caption(beside):
            source = "sidecar"
        elif caption == NEUTRAL_CAPTION:
            source = "none"
        found.append(SeenCaption(file, caption, source))
    return tuple(found)


def _seen(works: list[Picture], arm: Arm, bad: tuple[Problem, ...]) -> SeenArm:
    if not works or not arm.copies:
        alone, extra = tuple(w.file for w in works), tuple(c.file for c in arm.copies)
        return SeenArm(arm.name, extra, (), alone, extra, (), bad)
    nearest = Looks(arm.copies).nearest(Looks(works))
    found, unclear = proposals(works, arm.copies, nearest, arm.chosen)
    pairs = [_looked(works, arm.copies, one, nearest) for one in found]
    paired, used = {p.work for p in pairs}, {p.copy for p in pairs}
    return SeenArm(
        name=arm.name,
        files=tuple(c.file for c in arm.copies),
        pairs=tuple(sorted(pairs, key=lambda p: (p.problem is None, not p.unsure, -p.distance, p.work))),
        alone=tuple(w.file for i, w in enumerate(works) if w.file not in paired and i not in unclear),
        extra=tuple(c.file for c in arm.copies if c.file not in used),
        unclear=tuple(Problem(works[i].file, error.said) for i, error in unclear.items()),
        unusable=bad,
    )


def _looked(works: list[Picture], copies: list[Picture], one: Proposal, nearest: Nearest) -> SeenPair:
    work, copy = works[one.work], copies[one.copy]
    problem = None
    try:
        if one.matched_by != "perceptual-hash":
            check_same_work(works, copies, one, nearest)
        check_shape(work, copy)
        if work.content == copy.content:
            problem = say("pair-unchanged")
    except BadInput as error:
        problem = error.said
    far = distance(work, copy)
    return SeenPair(
        work=work.file,
        copy=copy.file,
        matched_by=one.matched_by,
        distance=far,
        unsure=problem is not None or one.matched_by == "perceptual-hash" or far > SURE,
        problem=problem,
    )


def _read_each(
    paths: Sequence[Path], role: Role, done: FilesRead, notes: list[Note]
) -> tuple[list[Picture], tuple[Problem, ...]]:
    """Every picture that can be read, each once, and the others with their reasons."""
    found: dict[str, Picture] = {}
    again: list[str] = []
    bad = []
    for path in paths:
        try:
            picture = read_picture(path, role, pixels_digest, known=found.keys())
            if found.setdefault(picture.content, picture) is not picture:
                again.append(picture.name)
        except BadInput as error:
            bad.append(Problem(path.name, error.said))
        done.one()
    if again:
        notes.append(Note(said=say("exact-copies", role=ROLES[role], names=tuple(again))))
    return list(found.values()), tuple(bad)


def _plain(one: Problem) -> dict[str, Any]:
    return {"file": one.file, "said": one.said.model_dump(mode="json")}
