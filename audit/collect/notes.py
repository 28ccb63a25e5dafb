"""What a reader must know about the pictures that does not stop the run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audit.collect.folders import Picture, at_most_ten, quoted
from audit.collect.pairing import Pair, distances
from audit.images import PictureFacts
from audit.records import Note

_TWIN = 8.0
"""Works nearer to each other than this are noted as nearly the same."""


def twins(works: list[Picture]) -> list[tuple[int, int]]:
    """Positions of works that look almost the same, in pairs."""
    near = np.triu(distances(works, works) < _TWIN, k=1)
    return [(int(i), int(j)) for i, j in np.argwhere(near)]


def picture_notes(
    works: list[Picture], copies: list[Picture], ids: dict[str, str], *, held_out: frozenset[str] = frozenset()
) -> list[Note]:
    """What was done to single pictures on the way in, and works that are nearly the same on both sides of the split.

    Args:
        held_out: pixel digests of the works that no model sees; empty where there is no split.
    """
    found: list[Note] = []
    groups: tuple[tuple[str, str, Callable[[PictureFacts], bool]], ...] = (
        ("picture-animated", "Only the first frame is used of", lambda f: f.frames > 1),
        ("picture-profile-ignored", "A damaged colour profile is ignored in", lambda f: f.icc == "unusable"),
        ("picture-transparent", "Transparent parts are filled with white in", lambda f: f.transparent),
    )
    for slug, said, applies in groups:
        for role, pictures in (("originals", works), ("protected", copies)):
            hits = [p for p in pictures if applies(p.facts)]
            if hits:
                only = ids[hits[0].file] if role == "originals" and len(hits) == 1 else None
                found.append(Note(slug=slug, sentence=f"{said} these {role}: {quoted(hits)}.", work=only))
    apart = [
        f"'{works[i].name}' and '{works[j].name}'"
        for i, j in (twins(works) if held_out else ())
        if (works[i].content in held_out) is not (works[j].content in held_out)
    ]
    if apart:
        sentence = f"Works that look almost the same, so a held-out one may be trained on: {at_most_ten(apart)}."
        found.append(Note(slug="near-duplicate-works", sentence=sentence))
    return found


def pair_notes(pairs: list[Pair], ids: dict[str, str]) -> list[Note]:
    """How the delivered copies differ from their originals beside the protection."""
    same = [p for p in pairs if p.copy.content == p.work.content]
    found = _note("protected-identical", "Has its original's pixels, so it is not protected", same, ids)
    rules: tuple[tuple[str, str, Callable[[Pair], bool]], ...] = (
        (
            "protected-other-size",
            "Has another size than its original; resizing may have weakened the protection",
            lambda p: (p.copy.facts.width, p.copy.facts.height) != (p.work.facts.width, p.work.facts.height),
        ),
        (
            "protected-cropped",
            "Shows a part of its original, enlarged; cropping may have weakened the protection",
            lambda p: p.moved is not None and p.moved.cropped,
        ),
        (
            "protected-misaligned",
            "Does not lie on its original (shifted, shrunk or turned), so its change and visibility are overstated",
            lambda p: p.moved is not None and not p.moved.cropped,
        ),
        (
            "protected-jpeg",
            "Was saved with loss (JPEG or WebP) unlike its original, which may have weakened the protection",
            lambda p: p.copy.facts.lossy and not p.work.facts.lossy,
        ),
        (
            "protected-other-profile",
            "Has another colour profile than its original, so colours may differ beside the protection",
            lambda p: (p.copy.facts.icc == "converted") != (p.work.facts.icc == "converted"),
        ),
        (
            "nightshade-lora",
            "Nightshade by its name, whose authors advise against judging it by LoRA fine-tuning",
            lambda p: "Nightshade" in p.tool,
        ),
    )
    for slug, said, applies in rules:
        found += _note(slug, said, [p for p in pairs if applies(p)], ids)
    return found


def _note(slug: str, said: str, hits: list[Pair], ids: dict[str, str]) -> list[Note]:
    """One note for all pairs concerned, so that a hundred files do not make a hundred notes."""
    if not hits:
        return []
    only = ids[hits[0].work.file] if len(hits) == 1 else None
    return [Note(slug=slug, sentence=f"{said}: {quoted([p.copy for p in hits])}.", work=only)]
