"""Random noise as strong as a protection: what the noise does without the optimisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.base.messages import words
from audit.base.rng import rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, the_argument, unbounded
from audit.conditions.grain import grid_of, spread
from audit.images import at_size_of
from audit.style.lpips import lpips_distance

HALVINGS = 8
"""Of the range of noise levels, when one is sought for an LPIPS distance."""


def _signs(picture: Pixels, name: str, context: Context) -> NDArray[np.int16]:
    """Random signs, constant over one pixel of what training sees.

    A protection is optimised through the resize that training does, so it keeps its size there;
    noise drawn per file pixel would be averaged away and be a weaker opponent than it seems.
    """
    height, width = picture.shape[:2]
    grid = (*grid_of(height, width, shape=context.trained_in(name)), 3)
    signs = rng("placebo", context.seed, name).integers(0, 2, size=grid, dtype=np.int16) * 2 - 1
    return spread(signs, height, width).astype(np.int16)


def _with(picture: Pixels, signs: NDArray[np.int16], level: int) -> Pixels:
    return (picture.astype(np.int16) + signs * np.int16(level)).clip(0, 255).astype(np.uint8)


def _placebo(pictures: list[Pixels], argument: float, context: Context) -> Made:
    return Made(
        [_with(p, _signs(p, name, context), int(argument)) for p, name in zip(pictures, context.names, strict=True)]
    )


def _lpips(pictures: list[Pixels], argument: float, context: Context) -> Made:
    """The greatest whole level of noise that stays within an LPIPS distance of the original.

    Without an argument (0) the distance is each protected picture's own, so it is matched picture by
    picture; the protected picture is given, and what is answered is the original with noise.
    """
    made = []
    for row, (picture, name) in enumerate(zip(pictures, context.names, strict=True)):
        original = context.original(row)
        wanted = argument or lpips_distance(original, at_size_of(original, picture))
        signs = _signs(original, name, context)
        low, high = 0, 255
        for _ in range(HALVINGS):
            level = (low + high + 1) // 2
            if lpips_distance(original, _with(original, signs, level)) <= wanted:
                low = level
            else:
                high = level - 1
        made.append(_with(original, signs, low))
    return Made(made)


PLACEBO = Treatment(
    name="placebo",
    called=Called(words("random noise in place of a protection"), words("random noise at strength {arg} of 255")),
    label=words("random noise"),
    kind="placebo",
    run=_placebo,
    unit=words("an L-inf budget in levels of 255"),
    default=16,
    low=1,
    high=255,
    budget=the_argument,
    version=2,
    grained=True,
    source=words("control used throughout medicine; no audit of cloaks known to its makers has one"),
)

PLACEBO_LPIPS = Treatment(
    name="placebo-lpips",
    called=Called(words("random noise as visible as the protection"), words("random noise at distance {arg}")),
    kind="placebo",
    run=_lpips,
    unit=words("an LPIPS distance (0: that of the protected picture)"),
    default=0,
    low=0,
    high=2,
    budget=unbounded,
    version=3,
    grained=True,
    source=words("the same, matched by what the eye notices instead of by the greatest change"),
    settings=lambda argument, surrogate, asked: {
        "noise": words("random signs of one level for the whole picture, the greatest that keeps the distance"),
        "distance": words("{argument:g}", argument=argument)
        if argument
        else words("that of the protected copy of the same picture"),
    },
    whole=False,
    may_resize=True,
)
