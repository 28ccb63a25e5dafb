"""Automatic levels: one click of any paint program takes a veil, a colour cast or a lack of contrast away."""

from __future__ import annotations

import numpy as np

from audit.base.messages import words
from audit.conditions.base import Called, Pixels, Treatment, each, unbounded


def auto_levels(picture: Pixels, clip: float) -> Pixels:
    """Stretch each channel to 0..255, with a share of its pixels at each end clipped.

    The rule of GIMP's "White Balance" (GIMP 2.10 manual, section 8.8): red, green and blue are stretched
    separately, and pixel values that no more than 0.05 % of the pixels use are discarded at each end. It is levels,
    contrast and a white-patch balance (Land & McCann, 1971) in one, and undoes any line in each channel but for
    rounding. A channel of one value stays as it is.

    Args:
        picture: uint8 (H, W, 3).
        clip: share of the pixels at each end, in per cent.
    """
    values = picture.reshape(-1, 3)
    low = np.percentile(values, clip, axis=0, method="lower").astype(np.float64)
    high = np.percentile(values, 100 - clip, axis=0, method="higher").astype(np.float64)
    flat = high <= low
    scale = np.where(flat, 1.0, 255 / np.where(flat, 1.0, high - low))
    stretched: Pixels = np.rint((picture - np.where(flat, 0.0, low)) * scale).clip(0, 255).astype(np.uint8)
    return stretched


TONE = Treatment(
    name="tone",
    called=Called(words("automatic levels"), words("automatic levels ({arg} % clipped)")),
    kind="counter",
    run=each(auto_levels),
    unit=words("per cent of the pixels clipped at each end of each channel"),
    default=0.05,
    low=0,
    high=10,
    budget=unbounded,
    version=1,
    source=words('GIMP 2.10 manual, "White Balance"; the same as automatic tone of other programs'),
    published=words("0.05 % of the pixels at each end"),
    way=lambda argument: "tone",
    whole=False,
    tier="cheap",
)
