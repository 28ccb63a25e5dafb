"""Planted nulls: treatments whose true effect is known to be none."""

from __future__ import annotations

import numpy as np

from audit.conditions.base import Context, Pixels, Treatment
from audit.streams import rng


def _identity(pictures: list[Pixels], argument: float, context: Context) -> list[Pixels]:
    return pictures


def _null(pictures: list[Pixels], argument: float, context: Context) -> list[Pixels]:
    """Each channel moves by -1, 0 or 1 level with equal chance."""
    made = []
    for picture, digest in zip(pictures, context.digests, strict=True):
        change = rng("null", context.seed, digest).integers(-1, 2, size=picture.shape)
        made.append((picture.astype(np.int16) + change).clip(0, 255).astype(np.uint8))
    return made


def _at_most_one(argument: float) -> float | None:
    return 1.0


def _nothing(argument: float) -> float | None:
    return 0.0


IDENTITY = Treatment(
    name="identity",
    kind="control",
    run=_identity,
    unit="",
    default=None,
    low=0,
    high=0,
    budget=_nothing,
    version=1,
    source="plumbing test: must be bit-equal to clean",
)

NULL = Treatment(
    name="null",
    kind="control",
    run=_null,
    unit="",
    default=None,
    low=0,
    high=0,
    budget=_at_most_one,
    version=1,
    source="A/A test: pixels that differ, pictures that do not",
)
