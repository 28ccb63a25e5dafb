"""Planted nulls, whose true effect is known to be none, and the half-protected portfolio."""

from __future__ import annotations

from audit.base.messages import words
from audit.base.rng import rng, stream_seed
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded


def _identity(pictures: list[Pixels], argument: float, context: Context) -> Made:
    return Made(pictures)


def _null(pictures: list[Pixels], argument: float, context: Context) -> Made:
    """Each channel moves by -1, 0 or 1 level with equal chance."""
    made = []
    for picture, name in zip(pictures, context.names, strict=True):
        change = rng("null", context.seed, name).integers(-1, 2, size=picture.shape)
        made.append((picture.astype("int16") + change).clip(0, 255).astype("uint8"))
    return Made(made)


def _mixed(pictures: list[Pixels], argument: float, context: Context) -> Made:
    """A share of the works, chosen by seed and content, is put back as the original.

    Chosen over the whole pool, so that a replicate, which draws from it, holds the share on average.
    """
    rows = sorted(range(len(pictures)), key=lambda row: stream_seed("mixed", context.seed, context.names[row]))
    online = set(rows[: round(argument * len(pictures))])
    return Made([context.original(row) if row in online else picture for row, picture in enumerate(pictures)])


def _at_most_one(argument: float) -> float | None:
    return 1.0


def _nothing(argument: float) -> float | None:
    return 0.0


IDENTITY = Treatment(
    name="identity",
    called=Called(words("unchanged copies of your originals")),
    label=words("unchanged copies"),
    truth="same-pixels",
    kind="control",
    run=_identity,
    default=None,
    low=0,
    high=0,
    budget=_nothing,
    version=1,
    source=words("plumbing test: must be bit-equal to clean"),
)

NULL = Treatment(
    name="null",
    called=Called(words("a change too small to see")),
    label=words("tiny change"),
    truth="same-pictures",
    kind="control",
    run=_null,
    default=None,
    low=0,
    high=0,
    budget=_at_most_one,
    version=1,
    source=words("A/A test: pixels that differ, pictures that do not"),
)

MIXED = Treatment(
    name="mixed",
    called=Called(words("putting part of the originals back"), words("putting a share of {arg} of the originals back")),
    alone=Called(
        words("a mix of protected and unprotected files"), words("a mix with a share of {arg} left unprotected")
    ),
    label=words("mixed"),
    per_protection=True,
    kind="control",
    run=_mixed,
    unit=words("the share of works that are online unprotected"),
    default=0.25,
    low=0,
    high=1,
    budget=unbounded,
    version=1,
    source=words("the situation of most artists who begin to protect their works; untested elsewhere"),
    settings=lambda argument, surrogate, asked: {"choice": words("over the whole pool, by seed and content")},
    whole=False,
    whole_set=True,
    may_resize=True,
)
