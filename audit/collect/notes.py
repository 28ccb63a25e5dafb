"""What a reader must know about the pictures that does not stop the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from audit.base.messages import say
from audit.collect.folders import ROLES, Picture, Role, names
from audit.collect.names import NIGHTSHADE
from audit.collect.nearness import alike
from audit.collect.pairing import Pair
from audit.models.vocabulary import whole_words
from audit.records import Note
from audit.records.works import NEUTRAL_CAPTION

_TWIN = 8.0
"""Works nearer to each other than this are noted as nearly the same."""


_ROUNDED = 0.02
"""Share of a side by which tools round and people cut in passing."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_FEW_WORDS = 6
_ENGLISH = 0.6
"""Share of known words below which captions are taken for another language."""


def twins(works: list[Picture]) -> list[tuple[int, int]]:
    """Positions of works that look almost the same, in pairs."""
    return alike(works, _TWIN)


def foreign_captions(captions: Sequence[str]) -> list[Note]:
    """A note where most words of captions are none that the text encoder knows as words.

    Measured: 94 to 97 % of the words in the lab's captions and in 34 English ones are known, 17 to 20 % of as many
    German, French, Spanish and Polish ones.
    """
    words = {word for caption in captions if caption != NEUTRAL_CAPTION for word in _WORD.findall(caption.lower())}
    try:
        known = words & whole_words()
    except ModuleNotFoundError:
        return []  # the light installation reads no captions to train on
    if len(words) < _FEW_WORDS or len(known) >= _ENGLISH * len(words):
        return []
    example = next(c for c in captions if set(_WORD.findall(c.lower())) - known and c != NEUTRAL_CAPTION)
    return [Note(said=say("captions-foreign", unknown=len(words) - len(known), all=len(words), example=example))]


def picture_notes(works: list[Picture], copies: list[Picture], ids: dict[str, str]) -> list[Note]:
    """What was done to single pictures on the way in."""
    found: list[Note] = []
    groups: tuple[tuple[str, Callable[[Picture], bool]], ...] = (
        ("picture-animated", lambda p: p.facts.frames > 1),
        ("picture-profile-ignored", lambda p: p.facts.icc == "unusable"),
        ("picture-converted", lambda p: p.facts.icc == "converted"),
        ("picture-turned-in-xmp", lambda p: p.facts.turned_in_xmp),
        ("picture-endless", lambda p: p.facts.endless),
        ("picture-transparent", lambda p: p.facts.transparent and p.ground == "white"),
        ("picture-filled-like-copy", lambda p: p.ground != "white"),
    )
    sides: tuple[tuple[Role, list[Picture]], ...] = (("originals", works), ("protected", copies))
    for id, applies in groups:
        for role, pictures in sides:
            hits = [p for p in pictures if applies(p)]
            if hits:
                only = ids[hits[0].file] if role == "originals" and len(hits) == 1 else None
                found.append(Note(said=say(id, role=ROLES[role], names=names(hits)), work=only))
    return found


def _resized(pair: Pair) -> float:
    """By how much a copy's sides differ from its original's, as a share; 0 for one of its size."""
    a, b = pair.work.facts, pair.copy.facts
    return max(abs(b.width / a.width - 1), abs(b.height / a.height - 1))


def pair_notes(pairs: list[Pair], ids: dict[str, str]) -> list[Note]:
    """How the delivered copies differ from their originals beside the protection."""
    found: list[Note] = []
    rules: tuple[tuple[str, Callable[[Pair], bool]], ...] = (
        ("protected-identical", lambda p: p.copy.content == p.work.content),
        ("protected-other-size", lambda p: _resized(p) > _ROUNDED),
        ("protected-other-size.slightly", lambda p: 0 < _resized(p) <= _ROUNDED),
        ("protected-tones", lambda p: p.toned),
        (
            "protected-cropped",
            lambda p: p.moved is not None and p.moved.cropped,
        ),
        (
            "protected-misaligned",
            lambda p: p.moved is not None and not p.moved.cropped,
        ),
        (
            "protected-jpeg",
            lambda p: p.copy.facts.lossy and not p.work.facts.lossy,
        ),
        (
            "protected-other-profile",
            lambda p: (p.copy.facts.icc == "converted") != (p.work.facts.icc == "converted"),
        ),
        (
            "nightshade-lora",
            lambda p: NIGHTSHADE in p.tools,
        ),
    )
    for id, applies in rules:
        # One note for all pairs concerned, so that a hundred files do not make a hundred notes.
        if hits := [p for p in pairs if applies(p)]:
            only = ids[hits[0].work.file] if len(hits) == 1 else None
            found.append(Note(said=say(id, names=names([p.copy for p in hits])), work=only))
    return found
