"""Folders of pictures that a service made -> one list, each with its prompt, session and group."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import Said, say
from audit.collect.clips import Frames, list_delivered, read_clip
from audit.collect.folders import ROLES, Picture, Role, names, read_picture
from audit.collect.sheet import Asked, one_line
from audit.images import Pixels
from audit.images.clips import CLIP_ENDINGS
from audit.records import ClipFrame, Note, ScoreGroup, ServicePicture, Work

_UUID = re.compile(r"[-_ ]*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COUNTER = re.compile(r"(?:[-_ ]+\d{1,6}|[-_ ]*\(\d{1,6}\))$")
_ROLES: dict[ScoreGroup, Role] = {"named": "generated", "control": "control", "other-name": "other-name"}


def prompt_of(name: str) -> str:
    """The prompt that a file's name stands for: without extension, one counter at its end, and ids.

    `castle by X_2.png`, `castle-by-x (3).png` and `castle_by_x_<uuid>_0.webp` share one prompt. A name
    that holds nothing else keeps its number, so that `1.png` here goes with `1.png` there.
    """
    stem = unicodedata.normalize("NFC", Path(name).stem)
    bare = _UUID.sub("", _COUNTER.sub("", stem))
    words = re.sub(r"[-_\s]+", " ", bare).strip() or re.sub(r"[-_\s]+", " ", stem).strip()
    return one_line(words.casefold()) or "?"


def collect_generated(
    folders: Mapping[ScoreGroup, Path],
    *,
    sheet: Mapping[tuple[str, str], Asked] | None,
    works: Sequence[Work],
    save: Callable[[Pixels], str],
    progress: Callable[[int, int], None],
    times: Sequence[float] = (),
) -> tuple[tuple[ServicePicture, ...], tuple[Note, ...]]:
    """Read every group's folder of pictures and clips, or its one clip.

    Args:
        times: seconds at which frames of clips are taken; () takes the middles of equal parts.
        sheet: what `read_sheet` gave; None takes prompts from the files' names.
        works: of the artist; none of them may be among the pictures.
        save: stores uint8 RGB (H, W, 3) and returns the store's digest.

    Raises:
        BadInput: `generated-same`, `sheet-incomplete`, and all that reading pictures raises.
    """
    notes: list[Note] = []
    listed = {group: list_delivered(folder, _ROLES[group], notes) for group, folder in folders.items()}
    owners = {work.pixels: say("owner.work", name=work.name) for work in works}
    total, rows = sum(map(len, listed.values())), list[tuple[ScoreGroup, Asked, Picture | Frames]]()
    done = 0
    for group, paths in listed.items():
        asked = {path.name: _asked(group, path.name, sheet) for path in paths}
        repeated: list[Picture | Frames] = []
        own: set[str] = set()
        for path in paths:
            picture = _read(path, group, save, times)
            done += 1
            progress(done, total)
            stored = _stored(picture)
            if own.issuperset(stored):
                repeated.append(picture)
                continue
            for digest in stored:
                if digest in owners:
                    raise BadInput("generated-same", role=_shown(group), picture=picture.name, same=owners[digest])
            own.update(stored)
            rows.append((group, asked[path.name], picture))
        owners |= {
            digest: say("owner.picture", role=_shown(group), name=p.name)
            for g, _, p in rows
            if g == group
            for digest in _stored(p)
        }
        if repeated:
            notes.append(Note(said=say("exact-copies", role=_shown(group), names=names(repeated))))
    if sheet is not None:
        notes += _rows_without_picture(sheet, {(g, path.name) for g, paths in listed.items() for path in paths})
    rows.sort(key=lambda r: (list(_ROLES).index(r[0]), r[1].prompt, r[1].session, r[2].file))
    made = [picture for row in rows for picture in _records(*row)]
    pictures = tuple(p.model_copy(update={"id": f"g{index:03d}"}) for index, p in enumerate(made))
    return pictures, (*notes, *_notes(pictures))


def _shown(group: ScoreGroup) -> Said:
    return ROLES[_ROLES[group]]


def _asked(group: ScoreGroup, name: str, sheet: Mapping[tuple[str, str], Asked] | None) -> Asked:
    if sheet is None:
        return Asked(prompt_of(name))
    found = sheet.get((group, name), sheet.get(("", name)))
    if found is None:
        raise BadInput("sheet-incomplete", role=_shown(group), picture=name)
    return found


def _rows_without_picture(sheet: Mapping[tuple[str, str], Asked], present: set[tuple[ScoreGroup, str]]) -> list[Note]:
    shown = {name for _, name in present}
    gone = [name for group, name in sheet if (name not in shown if group == "" else (group, name) not in present)]
    if not gone:
        return []
    return [Note(said=say("sheet-rows-alone", names=gone))]


def _read(path: Path, group: ScoreGroup, save: Callable[[Pixels], str], times: Sequence[float]) -> Picture | Frames:
    if path.suffix.lower() in CLIP_ENDINGS:
        return read_clip(path, _ROLES[group], save, times=times)
    return read_picture(path, _ROLES[group], save, known=())


def _stored(given: Picture | Frames) -> tuple[str, ...]:
    return given.stored if isinstance(given, Frames) else (given.stored,)


def _records(group: ScoreGroup, asked: Asked, given: Picture | Frames) -> list[ServicePicture]:
    """A picture, or the frames of a clip; their ids are given when all are in order."""
    clip: list[ClipFrame | None] = [None]
    if isinstance(given, Frames):
        clip = [ClipFrame(at=at, seconds=given.facts.seconds) for at in given.facts.times]
    return [
        ServicePicture(
            id="",
            group=group,
            name=given.name,
            prompt=asked.prompt,
            session=asked.session,
            sha256=given.facts.sha256,
            pixels=stored,
            width=given.facts.width,
            height=given.facts.height,
            # All codecs of clips that are read lose something.
            lossy=True if isinstance(given, Frames) else given.facts.lossy,
            clip=frame,
        )
        for stored, frame in zip(_stored(given), clip, strict=True)
    ]


def _notes(pictures: Sequence[ServicePicture]) -> list[Note]:
    """What differs between the groups beside the name, and prompts that only one of them has."""
    found = []
    clips = {(p.group, p.sha256): p.clip.seconds for p in pictures if p.clip is not None}
    if clips:
        frames = sum(p.clip is not None for p in pictures)
        found.append(Note(said=say("clips-taken", n=len(clips), frames=frames, longest=max(clips.values()))))
        kinds = {group: any(g == group for g, _ in clips) for group in {p.group for p in pictures}}
        if len(set(kinds.values())) > 1:
            found.append(Note(said=say("clips-one-sided")))
    named = [p for p in pictures if p.group == "named"]
    if len({p.prompt for p in named}) == 1 and len(named) > 1:
        found.append(Note(said=say("one-prompt", n=len(named), name=named[0].prompt)))
    groups: tuple[ScoreGroup, ...] = ("control", "other-name")
    for group in groups:
        rest = [p for p in pictures if p.group == group]
        if not rest:
            continue
        ours, theirs = {p.prompt for p in named}, {p.prompt for p in rest}
        alone = sorted(ours ^ theirs)
        if not ours & theirs:
            found.append(Note(said=say("prompts-unpaired", role=_shown(group))))
        elif alone:
            found.append(Note(said=say("prompts-left-out", role=_shown(group), names=alone)))
        shares = [sum(p.lossy for p in side) / len(side) for side in (named, rest)]
        if abs(shares[0] - shares[1]) > 0.5:
            found.append(Note(said=say("formats-differ", role=_shown(group))))
        if {p.session for p in named} != {p.session for p in rest}:
            found.append(Note(said=say("sessions-differ", role=_shown(group))))
    return found
