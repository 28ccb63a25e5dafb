"""Folders of pictures -> ArtistSet: captions, pairing with protected copies, ingest checks, the split.

folders.py  lists a folder and reads each picture once
names.py    captions, and the renamings of protection tools
pairing.py  work <-> protected copy, by name, else by look; refuses other works and shapes
references.py  works by other artists
notes.py    what the reader must know but that does not stop the run

Nothing is written except through the `save` that the caller hands in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.messages import Value, say
from audit.base.text import printable
from audit.collect.captions import apply_captions, caption_of
from audit.collect.folders import ROLES, Picture, Role, list_pictures, names, read_picture, same_folder
from audit.collect.names import caption_for
from audit.collect.notes import pair_notes, picture_notes, twins
from audit.collect.pairing import Pair, on_ground_of_copies, pair_copies, refuse_copies, refuse_swapped
from audit.collect.references import collect_references
from audit.collect.sidecars import Sidecars, sidecar_notes
from audit.images import Ground, Pixels
from audit.records import ArtistSet, Note, ProtectedFile, Work

__all__ = ["MIN_WORKS", "collect", "collect_references", "reference_works"]

MIN_WORKS = 10
FEW_WORKS = 20
MIN_REFERENCE = 4


def collect(
    *,
    originals: Path,
    protected: Path | None,
    artist: str,
    seed: int,
    save: Callable[[Pixels], str],
    progress: Callable[[int, int], None] | None = None,
    captions: Mapping[str, str] | None = None,
) -> ArtistSet:
    """Read one or two folders into the record that everything else starts from.

    Args:
        originals: folder of the artist's works: PNG, JPEG, WebP, not recursive.
        protected: folder of their protected copies, paired by name, else by look; None without.
        artist: display name.
        seed: of the split into training pool and held-out reference works.
        save: stores uint8 RGB (H, W, 3) and returns the store's digest.
        progress: called with (files read, files in all).
        captions: file name of an original -> caption, from `read_captions`; None takes sidecars and names.

    Raises:
        BadInput: one sentence for the first thing that cannot be used. Slugs: those of
            `images.open_picture`; `folder-missing`, `folder-not-a-folder`, `folder-unreadable`,
            `folder-empty`, `folder-too-many-files`; `picture-too-small`, `caption-unreadable`, `caption-encoding`,
            `captions-incomplete`, `too-few-works`; `protected-same-folder`, `protected-ambiguous`,
            `protected-unpaired`,
            `protected-other-work`, `protected-other-shape`, `originals-hold-copies`, `folders-swapped`,
            `nothing-protected`.
    """
    if protected is not None and same_folder(originals, protected):
        raise BadInput("protected-same-folder", folder=originals.absolute().name)
    notes: list[Note] = []
    folders: dict[Role, Path] = {"originals": originals}
    if protected is not None:
        folders["protected"] = protected
    listed = {role: list_pictures(folder, role, notes) for role, folder in folders.items()}
    total = sum(len(paths) for paths in listed.values())
    read: dict[Role, list[Picture]] = {}
    done = 0
    for role, paths in listed.items():
        seen: dict[str, Picture] = {}
        repeated: list[Picture] = []
        for path in paths:
            picture = read_picture(path, role, save, known=seen.keys())
            if seen.setdefault(picture.content, picture) is not picture:
                repeated.append(picture)
            done += 1
            if progress is not None:
                progress(done, total)
        if repeated:
            notes.append(Note(said=say("exact-copies", role=ROLES[role], names=names(repeated))))
        read[role] = list(seen.values())
    works, pairs = read["originals"], list[Pair]()
    if len(works) < MIN_WORKS:
        raise BadInput("too-few-works", folder=originals.absolute().name, count=len(works), least=MIN_WORKS)
    refuse_copies(works)
    if protected is not None:
        refuse_swapped(works, read["protected"])

        def on_ground(work: Picture, ground: Ground) -> Picture:
            return read_picture(originals / work.file, "originals", save, known=(), ground=ground)

        works = on_ground_of_copies(works, read["protected"], on_ground)
        pairs, extra = pair_copies(works, read["protected"])
        works = _keep_paired(works, pairs, extra, notes)
        if all(pair.copy.content == pair.work.content for pair in pairs):
            raise BadInput("nothing-protected", folder=protected.absolute().name, count=len(pairs))
    if len(works) < FEW_WORKS:
        notes.append(Note(said=say("few-works", n=len(works), least=FEW_WORKS)))
    if captions is not None:
        apply_captions(captions, [w.file for w in works])
    sidecars = Sidecars(originals)
    if captions is None:
        notes += sidecar_notes(sidecars, listed=[p.name for p in listed["originals"]], used=[w.file for w in works])
        if protected is not None:
            notes += _copies_captions(sidecars, works, Sidecars(protected), pairs)
    ids = {work.file: f"w{index:03d}" for index, work in enumerate(works)}
    held_out = reference_works([w.content for w in works], seed=seed, alike=twins(works))
    return ArtistSet(
        artist=printable(artist),
        works=tuple(_work(w, ids[w.file], sidecars, held_out, captions) for w in works),
        protected=tuple(_protected_file(p, ids[p.work.file]) for p in pairs),
        notes=(
            *notes,
            *picture_notes(works, [p.copy for p in pairs], ids, held_out=held_out),
            *pair_notes(pairs, ids),
        ),
    )


def _work(
    picture: Picture, work_id: str, sidecars: Sidecars, held_out: frozenset[str], captions: Mapping[str, str] | None
) -> Work:
    given = caption_of(captions, picture.file) if captions is not None else None
    return Work(
        id=work_id,
        name=picture.name,
        caption=given or caption_for(picture.file, sidecar=sidecars.text(picture.file)),
        sha256=picture.facts.sha256,
        pixels=picture.stored,
        width=picture.facts.width,
        height=picture.facts.height,
        split="reference" if picture.content in held_out else "pool",
    )


def _copies_captions(own: Sidecars, works: Sequence[Picture], beside: Sidecars, pairs: Sequence[Pair]) -> list[Note]:
    """Sidecars beside protected copies of works that have none of their own."""
    alone = {work.file for work in works if not own.all_beside(work.file)}
    found = [beside.all_beside(pair.copy.file)[:1] for pair in pairs if pair.work.file in alone]
    shown = tuple(name for one in found for name in one)
    return [Note(said=say("sidecars-unused.copies", names=shown))] if shown else []


def _protected_file(pair: Pair, work_id: str) -> ProtectedFile:
    return ProtectedFile(
        work=work_id,
        name=pair.copy.name,
        sha256=pair.copy.facts.sha256,
        pixels=pair.copy.stored,
        width=pair.copy.facts.width,
        height=pair.copy.facts.height,
        matched_by=pair.matched_by,
        claimed_tools=pair.tools,
        lossy=pair.copy.facts.lossy,
        shift=0.0 if pair.moved is None else pair.moved.shift,
        scale=1.0 if pair.moved is None else pair.moved.scale,
    )


def reference_works(contents: Sequence[str], *, seed: int, alike: Sequence[tuple[int, int]] = ()) -> frozenset[str]:
    """Choose the held-out works: a third, at least 4, by seed and pixel digests alone.

    Ranking by hash makes the choice independent of file names, folder order and library versions. Works that look
    almost the same stay on one side, or a model would learn what is held out; where so many are alike that a
    side would be left with next to nothing, they are parted like any others.

    Args:
        contents: distinct pixel digests (`images.pixels_digest`) of all works, in any order.
        seed: of the split.
        alike: pairs of positions in `contents` that look almost the same.
    """

    def rank(content: str) -> bytes:
        return hashlib.sha256(f"split:{seed}:{content}".encode()).digest()

    wanted = max(MIN_REFERENCE, round(len(contents) / 3))
    groups = [{content} for content in contents]
    for a, b in alike:
        joined = groups[a] | groups[b]
        if 2 * len(joined) <= wanted:
            for content in joined:
                groups[contents.index(content)] = joined
    chosen: set[str] = set()
    for content in sorted(contents, key=rank):
        if len(chosen) >= wanted:
            break
        chosen |= groups[contents.index(content)]
    return frozenset(chosen)


def _keep_paired(works: list[Picture], pairs: list[Pair], extra: list[Picture], notes: list[Note]) -> list[Picture]:
    """Works with a protected copy; notes or refuses the rest."""
    paired = [p.work for p in pairs]
    kept = {w.file for w in paired}
    alone = [w for w in works if w.file not in kept]
    if len(paired) < MIN_WORKS:
        seen: dict[str, Value] = {"count": len(paired), "all": len(works), "least": MIN_WORKS, "names": names(alone)}
        if extra:
            raise BadInput("protected-unpaired.extra", extra=names(extra), **seen)
        raise BadInput("protected-unpaired", **seen)
    if alone:
        notes.append(Note(said=say("partly-protected", n=len(paired), all=len(alone), names=names(alone))))
    if extra:
        notes.append(Note(said=say("protected-extra", names=names(extra))))
    return paired
