"""Gaussian noise over the picture: drowns what a cloak drew, at the price of grain."""

from __future__ import annotations

import numpy as np

from audit.base.messages import words
from audit.base.rng import rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded
from audit.conditions.grain import grid_of, spread
from audit.models.frames import Shape

PUBLISHED_NOISE = 25.0
"""Levels of 255 from which noise before an upscaler is as strong as published (0.1 of 1)."""


def grain(picture: Pixels, name: str, *, sigma: float, context: Context, shape: Shape | None = None) -> Pixels:
    """Gaussian noise of deviation `sigma` levels, constant over one pixel of the model's resolution.

    Published at the training's own resolution; drawn per pixel of a larger file it would be
    averaged away by the training's resize.

    Args:
        shape: that the picture is looked at in; None for squares of the model's own size.
    """
    height, width = picture.shape[:2]
    side = context.model.facts.resolution
    grid = (*grid_of(height, width, shape=shape or (side, side)), 3)
    noise = spread(rng("noise", context.seed, name).normal(0, sigma, size=grid), height, width)
    return (picture + noise).round().clip(0, 255).astype(np.uint8)


def _noise(pictures: list[Pixels], argument: float, context: Context) -> Made:
    return Made(
        [
            grain(p, name, sigma=argument, context=context, shape=context.trained_in(name))
            for p, name in zip(pictures, context.names, strict=True)
        ]
    )


NOISE = Treatment(
    name="noise",
    called=Called(words("added noise"), words("added noise at strength {arg} of 255")),
    kind="counter",
    run=_noise,
    unit=words("a deviation in levels of 255"),
    default=13,
    low=1,
    high=128,
    budget=unbounded,
    version=1,
    grained=True,
    source=words("Hönig et al. 2024 (Gaussian noising)"),
    published=words("deviation 0.05 of 1, which is 12.75 levels"),
    settings=lambda argument, surrogate, asked: {"grain": words("one pixel of the model's resolution")},
    whole=False,
    tier="cheap",
)
