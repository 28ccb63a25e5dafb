"""Sets of protected copies: each is listed, read and paired by itself; all are cut to the works that every one has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import Value, framed, render, say
from audit.collect.folders import ROLES, Picture, Role, list_pictures, names, read_picture
from audit.collect.pairing import Pair, pair_copies
from audit.images import Pixels
from audit.records import Note

MIN_WORKS = 10


class FilesRead:
    """Files read, told as they are."""

    def __init__(self, total: int, told: Callable[[int, int], None] | None) -> None:
        self.total, self.told, self.done = total, told, 0

    def one(self) -> None:
        self.done += 1
        if self.told is not None:
            self.told(self.done, self.total)


class Arm:
    """A set of protected copies while it is read and paired.

    Attributes:
        alone: whether it is the only one, so that notes need not say which.
        listed, copies, pairs: what `find`, reading and `pair` found.
        chosen: file of a work -> file of the copy that a person chose for it.
    """

    def __init__(self, name: str, folder: Path, *, alone: bool) -> None:
        self.name, self.folder, self.alone = name, folder, alone
        self.notes: list[Note] = []
        self.listed: list[Path] = []
        self.copies: list[Picture] = []
        self.pairs: list[Pair] = []
        self.chosen: Mapping[str, str] = {}

    def find(self) -> None:
        """List its folder."""
        self.listed = list_pictures(self.folder, "protected", self.notes)

    def pair(self, works: list[Picture]) -> None:
        """Pair the copies with works; notes or refuses the rest.

        Raises:
            BadInput: `protected-unpaired`, `nothing-protected`, and those of pairing.
        """
        try:
            self.pairs, extra = pair_copies(works, self.copies, self.chosen)
            _check_paired(works, self.pairs, extra, self.notes)
            if all(pair.copy.content == pair.work.content for pair in self.pairs):
                raise BadInput("nothing-protected", folder=self.folder.absolute().name, count=len(self.pairs))
        except BadInput as error:
            raise error if self.alone else BadInput(framed(error.said, "in-arm", name=self.name)) from error


def told(arms: Sequence[Arm]) -> list[Note]:
    """The notes of all arms, each saying which it is about where there are several; one for what holds of many."""
    groups: dict[str, tuple[Note, list[Arm]]] = {}
    for arm in arms:
        for note in arm.notes:
            groups.setdefault(note.canonical(), (note, []))[1].append(arm)
    found = []
    for note, about in groups.values():
        said = note.said
        if not about[0].alone and len(about) == 1:
            said = framed(said, "in-arm", name=about[0].name)
        elif not about[0].alone:
            said = framed(said, "in-arms", names=[arm.name for arm in about])
        found.append(note.model_copy(update={"said": said, "sentence": render(said)}))
    return found


def read_all(
    paths: Sequence[Path], role: Role, save: Callable[[Pixels], str], done: FilesRead, notes: list[Note]
) -> list[Picture]:
    """Each picture once; exact copies are noted."""
    seen: dict[str, Picture] = {}
    repeated: list[Picture] = []
    for path in paths:
        picture = read_picture(path, role, save, known=seen.keys())
        if seen.setdefault(picture.content, picture) is not picture:
            repeated.append(picture)
        done.one()
    if repeated:
        notes.append(Note(said=say("exact-copies", role=ROLES[role], names=names(repeated))))
    return list(seen.values())


def in_every_arm(works: list[Picture], arms: Sequence[Arm]) -> list[Picture]:
    """The works that every arm has a copy of, the arms cut to these.

    Raises:
        BadInput: `arms-unlike`, too few.
    """
    having = [{pair.work.file for pair in arm.pairs} for arm in arms]
    kept = [work for work in works if all(work.file in one for one in having)]
    if len(kept) < MIN_WORKS:
        raise BadInput("arms-unlike", count=len(kept), least=MIN_WORKS, names=[arm.name for arm in arms])
    files = {work.file for work in kept}
    for arm in arms:
        if left := [pair.work for pair in arm.pairs if pair.work.file not in files]:
            arm.notes.append(Note(said=say("arm-not-compared", names=names(left))))
        arm.pairs = [pair for pair in arm.pairs if pair.work.file in files]
    return kept


def same_arms(arms: Sequence[Arm]) -> list[Note]:
    """A note for every group of arms whose copies are the same pictures."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for arm in arms:
        shown = sorted((pair.work.file, pair.copy.content) for pair in arm.pairs)
        groups.setdefault(tuple(shown), []).append(arm.name)
    return [Note(said=say("arms-same", names=group)) for group in groups.values() if len(group) > 1]


def _check_paired(works: list[Picture], pairs: list[Pair], extra: list[Picture], notes: list[Note]) -> None:
    """Notes or refuses works without a protected copy, and copies without a work."""
    paired = {p.work.file for p in pairs}
    alone = [w for w in works if w.file not in paired]
    if len(paired) < MIN_WORKS:
        seen: dict[str, Value] = {"count": len(paired), "all": len(works), "least": MIN_WORKS, "names": names(alone)}
        if extra:
            raise BadInput("protected-unpaired.extra", extra=names(extra), **seen)
        raise BadInput("protected-unpaired", **seen)
    if alone:
        notes.append(Note(said=say("partly-protected", n=len(paired), all=len(alone), names=names(alone))))
    if extra:
        notes.append(Note(said=say("protected-extra", names=names(extra))))
