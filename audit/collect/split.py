"""Which works are held out: of an audit's replicate, or once for all where nothing is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from audit.base.messages import say
from audit.records import ArtistSet, Note

MIN_REFERENCE = 4


def part_once(artist: ArtistSet, *, seed: int) -> ArtistSet:
    """Hold a third of the works out for good, with a note on works that look almost the same on both sides."""
    place = {work.id: index for index, work in enumerate(artist.works)}
    alike = [(place[one], place[other]) for one, other in artist.alike]
    held_out = reference_works([work.pixels for work in artist.works], seed=seed, alike=alike)
    works = tuple(
        work.model_copy(update={"split": "reference" if work.pixels in held_out else "pool"}) for work in artist.works
    )
    sides = [tuple({work.id for work in works if work.split == split} for split in ("reference", "pool"))]
    notes = (*artist.notes, *apart_notes(artist, sides))
    return artist.model_copy(update={"works": works, "notes": notes})


def apart_notes(artist: ArtistSet, sides: Iterable[Sequence[set[str]]]) -> tuple[Note, ...]:
    """A note on works that look almost the same of which one is held out and another trained on; none where none are.

    Args:
        sides: ids of works held out and of works trained on, of every replicate, or of all.
    """
    parted = list(sides)
    names = {work.id: work.name for work in artist.works}
    apart = [
        say("two-works", one=names[one], other=names[other])
        for one, other in artist.alike
        if any((one in out and other in trained) or (other in out and one in trained) for out, trained in parted)
    ]
    return (Note(said=say("near-duplicate-works", pairs=apart)),) if apart else ()


def reference_works(contents: Sequence[str], *, seed: int, alike: Sequence[tuple[int, int]] = ()) -> frozenset[str]:
    """Choose works to hold out: a third, at least 4, by seed and pixel digests alone.

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
    groups = {content: {content} for content in contents}
    for a, b in alike:
        one, other = groups[contents[a]], groups[contents[b]]
        if one is not other and 2 * (len(one) + len(other)) <= wanted:
            joined = one | other
            for content in joined:
                groups[content] = joined
    chosen: set[str] = set()
    for content in sorted(contents, key=rank):
        if len(chosen) >= wanted:
            break
        chosen |= groups[content]
    return frozenset(chosen)
