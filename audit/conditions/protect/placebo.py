"""Random noise of a protection's own budget: what the noise does without the optimisation."""

from __future__ import annotations

import numpy as np

from audit.conditions.base import Context, Pixels, Treatment, the_argument
from audit.streams import rng


def _placebo(pictures: list[Pixels], argument: float, context: Context) -> list[Pixels]:
    """Random signs at full budget, constant over one pixel of the model's resolution.

    A protection is optimised through the resize that training does, so it keeps its size there;
    noise drawn per file pixel would be averaged away and be a weaker opponent than it seems.
    """
    side = context.model.facts.resolution
    made = []
    for picture, digest in zip(pictures, context.digests, strict=True):
        height, width = picture.shape[:2]
        cell = max(1, min(height, width) // side)
        grid = (-(-height // cell), -(-width // cell), 3)
        signs = rng("placebo", context.seed, digest).integers(0, 2, size=grid) * 2 - 1
        noise = signs.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width] * int(argument)
        made.append((picture.astype(np.int16) + noise).clip(0, 255).astype(np.uint8))
    return made


PLACEBO = Treatment(
    name="placebo",
    kind="placebo",
    run=_placebo,
    unit="an L-inf budget in levels of 255",
    default=16,
    low=1,
    high=255,
    budget=the_argument,
    version=1,
    source="control used throughout medicine; no audit of cloaks that we know of has one",
)
