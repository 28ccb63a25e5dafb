"""A change of tone as visible as a protection: what a veil does that any paint program takes away again."""

from __future__ import annotations

import numpy as np

from audit.base.messages import words
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded
from audit.images import at_size_of
from audit.style.lpips import lpips_distance

LIFT = 96 / 255
"""Share of the way to white that a veil of strength 1 lifts black."""
CREAM = np.array([0.0, 0.07, 0.18])
"""What a veil of strength 1 takes from red, green and blue: a cream cast."""
MOST = 2.4
"""Strength at which nine tenths of the contrast are gone."""
HALVINGS = 10


def veiled(picture: Pixels, strength: float) -> Pixels:
    """Less contrast and a cream cast: (96 + x * 159 / 255) * (1, 0.93, 0.82) at strength 1, unchanged at 0.

    Args:
        picture: uint8 (H, W, 3).
        strength: 0 to `MOST`.
    """
    lift = LIFT * strength
    found: Pixels = np.rint((255 * lift + picture * (1 - lift)) * (1 - CREAM * strength)).clip(0, 255).astype(np.uint8)
    return found


def _placebo_tone(pictures: list[Pixels], argument: float, context: Context) -> Made:
    """The strongest veil that stays within an LPIPS distance of the original, sought by halving.

    Without an argument (0) the distance is each protected picture's own, as for `placebo-lpips`.
    """
    made = []
    for row, picture in enumerate(pictures):
        original = context.original(row)
        wanted = argument or lpips_distance(original, at_size_of(original, picture))
        low, high = 0.0, MOST
        for _ in range(HALVINGS):
            strength = (low + high) / 2
            if lpips_distance(original, veiled(original, strength)) <= wanted:
                low = strength
            else:
                high = strength
        made.append(veiled(original, low))
    return Made(made)


PLACEBO_TONE = Treatment(
    name="placebo-tone",
    called=Called(words("a change of tone as visible as the protection"), words("a change of tone at distance {arg}")),
    label=words("change of tone"),
    kind="placebo",
    run=_placebo_tone,
    unit=words("an LPIPS distance (0: that of the protected picture)"),
    default=0,
    low=0,
    high=2,
    budget=unbounded,
    version=1,
    source=words("the same control as placebo-lpips, with a change that automatic levels undo"),
    settings=lambda argument, surrogate, asked: {
        "veil": words("less contrast and a cream cast, the strongest that keeps the distance"),
        "distance": words("{argument:g}", argument=argument)
        if argument
        else words("that of the protected copy of the same picture"),
    },
    way=lambda argument: "tone",
    whole=False,
    may_resize=True,
)
