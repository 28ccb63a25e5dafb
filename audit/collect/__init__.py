"""Folders of pictures -> ArtistSet: captions, pairing with protected copies, ingest checks.

folders.py  lists a folder and reads each picture once
names.py    captions, and the renamings of protection tools
arms.py     sets of protected copies, cut to the works that all of them have
pairing.py  work <-> protected copy, by name, else by look; refuses other works and shapes
references.py  works by other artists
split.py    which works are held out
notes.py    what the reader must know but that does not stop the run

Nothing is written except through the `save` that the caller hands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.text import printable
from audit.collect.arms import MIN_WORKS, Arm, FilesRead, in_every_arm, read_all, same_arms, told
from audit.collect.by_hand import ByHand
from audit.collect.captions import apply_captions, caption_of
from audit.collect.folders import Picture, list_pictures, read_picture, same_folder
from audit.collect.names import caption_for, claimed_levels
from audit.collect.notes import foreign_captions, pair_notes, picture_notes, twins
from audit.collect.pairing import Pair, on_ground_of_copies, refuse_copies, refuse_swapped, refuse_swapped_folders
from audit.collect.references import collect_references
from audit.collect.sidecars import Sidecars, sidecar_notes
from audit.collect.split import apart_notes, part_once, reference_works
from audit.images import Ground, Pixels
from audit.records import ArtistSet, Note, ProtectedFile, Work

__all__ = [
    "MIN_WORKS",
    "apart_notes",
    "collect",
    "collect_references",
    "list_folders",
    "part_once",
    "reference_works",
]

FEW_WORKS = 20


def collect(
    *,
    originals: Path,
    protected: Mapping[str, Path],
    artist: str,
    save: Callable[[Pixels], str],
    progress: Callable[[int, int], None] | None = None,
    captions: Mapping[str, str] | None = None,
    by_hand: ByHand | None = None,
) -> ArtistSet:
    """Read folders into the record that everything else starts from.

    Arms are compared on the works that all of them have; what an arm lacks is named.

    Args:
        originals: folder of the artist's works: PNG, JPEG, WebP, not recursive.
        protected: arm -> folder of their protected copies, paired by name, else by look.
        artist: display name.
        save: stores uint8 RGB (H, W, 3) and returns the store's digest.
        progress: called with (files read, files in all).
        captions: file name of an original -> caption, from `read_captions`; None takes sidecars and names.
        by_hand: what a person mended of the pairs, from `read_pairs`; None for nothing.

    Raises:
        BadInput: one sentence for the first thing that cannot be used. Slugs: those of
            `images.open_picture`; `folder-missing`, `folder-not-a-folder`, `folder-unreadable`,
            `folder-empty`, `folder-too-many-files`; `picture-too-small`, `caption-unreadable`, `caption-encoding`,
            `captions-incomplete`, `too-few-works`; `protected-same-folder`, `protected-ambiguous`,
            `protected-unpaired`, `arms-unlike`,
            `protected-other-work`, `protected-other-shape`, `originals-hold-copies`, `folders-swapped`,
            `nothing-protected`, `pairs-unknown`.
    """
    notes: list[Note] = []
    listed, arms = list_folders(originals=originals, protected=protected, notes=notes)
    if by_hand is not None:
        listed, mended = by_hand.apply(listed, arms)
        notes += mended
    with _beside(notes, arms):
        return _collect(
            listed, arms, notes, originals=originals, artist=artist, save=save, progress=progress, captions=captions
        )


def list_folders(
    *, originals: Path, protected: Mapping[str, Path], notes: list[Note], least: int = 0
) -> tuple[list[Path], list[Arm]]:
    """Picture files of the originals' folder, and the arms with theirs; notes what is left out.

    Args:
        least: fewer originals than this are refused.

    Raises:
        BadInput: `protected-same-folder`, `folders-swapped.folders`, `too-few-works`, and those of a folder that
            cannot be listed.
    """
    arms = [Arm(name, folder, alone=len(protected) == 1) for name, folder in protected.items()]
    if any(same_folder(originals, arm.folder) for arm in arms):
        raise BadInput("protected-same-folder", folder=originals.absolute().name)
    for arm in arms:
        refuse_swapped_folders(originals.absolute().name, arm.folder.absolute().name)
    with _beside(notes, arms):
        listed = list_pictures(originals, "originals", notes)
        for arm in arms:
            arm.find()
        _refuse_few(originals, len(listed), least)
        return listed, arms


def _refuse_few(originals: Path, count: int, least: int) -> None:
    if count < least:
        raise BadInput("too-few-works", folder=originals.absolute().name, count=count, least=least)


@contextmanager
def _beside(notes: list[Note], arms: Sequence[Arm]) -> Iterator[None]:
    """Files that were left out may be why a folder is refused, so an error takes their notes along."""
    try:
        yield
    except BadInput as error:
        error.beside = tuple(note.said for note in (*notes, *told(arms)))
        raise


def _collect(
    listed: Sequence[Path],
    arms: Sequence[Arm],
    notes: list[Note],
    *,
    originals: Path,
    artist: str,
    save: Callable[[Pixels], str],
    progress: Callable[[int, int], None] | None,
    captions: Mapping[str, str] | None,
) -> ArtistSet:
    done = FilesRead(len(listed) + sum(len(arm.listed) for arm in arms), progress)
    works = read_all(listed, "originals", save, done, notes)
    _refuse_few(originals, len(works), MIN_WORKS)
    refuse_copies(works)

    def on_ground(work: Picture, ground: Ground) -> Picture:
        return read_picture(originals / work.file, "originals", save, known=(), ground=ground)

    for arm in arms:
        arm.copies = read_all(arm.listed, "protected", save, done, arm.notes)
        refuse_swapped([w.file for w in works], [c.file for c in arm.copies])
        works = on_ground_of_copies(works, arm.copies, on_ground)
    for arm in arms:
        arm.pair(works)
    works = in_every_arm(works, arms)
    notes += same_arms(arms)
    if len(works) < FEW_WORKS:
        notes.append(Note(said=say("few-works", n=len(works), least=FEW_WORKS)))
    if captions is not None:
        apply_captions(captions, [w.file for w in works])
    sidecars = Sidecars(originals)
    if captions is None:
        notes += sidecar_notes(sidecars, listed=[p.name for p in listed], used=[w.file for w in works])
        for arm in arms:
            arm.notes += _copies_captions(sidecars, works, Sidecars(arm.folder), arm.pairs)
    ids = {work.file: f"w{index:03d}" for index, work in enumerate(works)}
    found = tuple(_work(w, ids[w.file], sidecars, captions) for w in works)
    notes += foreign_captions([work.caption for work in found])
    for arm in arms:
        arm.notes += [*picture_notes([], [p.copy for p in arm.pairs], ids), *pair_notes(arm.pairs, ids)]
    return ArtistSet(
        artist=printable(artist),
        works=found,
        protected=tuple(_protected_file(p, ids[p.work.file], arm.name) for arm in arms for p in arm.pairs),
        notes=(*notes, *picture_notes(works, [], ids), *told(arms)),
        alike=tuple((ids[works[i].file], ids[works[j].file]) for i, j in twins(works)),
    )


def _work(picture: Picture, work_id: str, sidecars: Sidecars, captions: Mapping[str, str] | None) -> Work:
    given = caption_of(captions, picture.file) if captions is not None else None
    return Work(
        id=work_id,
        name=picture.name,
        caption=given or caption_for(picture.file, sidecar=sidecars.text(picture.file)),
        sha256=picture.facts.sha256,
        pixels=picture.stored,
        width=picture.facts.width,
        height=picture.facts.height,
    )


def _copies_captions(own: Sidecars, works: Sequence[Picture], beside: Sidecars, pairs: Sequence[Pair]) -> list[Note]:
    """Sidecars beside protected copies of works that have none of their own."""
    alone = {work.file for work in works if not own.all_beside(work.file)}
    found = [beside.all_beside(pair.copy.file)[:1] for pair in pairs if pair.work.file in alone]
    shown = tuple(name for one in found for name in one)
    return [Note(said=say("sidecars-unused.copies", names=shown))] if shown else []


def _protected_file(pair: Pair, work_id: str, arm: str) -> ProtectedFile:
    return ProtectedFile(
        arm=arm,
        work=work_id,
        name=pair.copy.name,
        sha256=pair.copy.facts.sha256,
        pixels=pair.copy.stored,
        width=pair.copy.facts.width,
        height=pair.copy.facts.height,
        matched_by=pair.matched_by,
        claimed_tools=pair.tools,
        claimed_levels=claimed_levels(pair.copy.name) if pair.tools else (),
        lossy=pair.copy.facts.lossy,
        shift=0.0 if pair.moved is None else pair.moved.shift,
        scale=1.0 if pair.moved is None else pair.moved.scale,
    )
