"""What is measured of a model's pictures beside their style, to tell whether it broke."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audit.images import Pixels

CHANGED_LEVELS = 2.0
"""Mean difference, in levels of 255, above which a picture counts as changed from base's."""
BLANK_LEVELS = 4.0
"""Standard deviation over a picture, in levels of 255, under which it counts as blank."""
_NORMAL_MEDIAN = 0.6744897501960817
"""Median of the absolute value of a standard normal variable."""


def changed_share(pictures: Sequence[Pixels], base: Sequence[Pixels]) -> float:
    """Share of pictures that differ visibly from base's with the same noise, 0..1."""
    pairs = zip(pictures, base, strict=True)
    return float(np.mean([np.abs(a.astype(np.int16) - b).mean() > CHANGED_LEVELS for a, b in pairs]))


def blank_share(pictures: Sequence[Pixels]) -> float:
    """Share of pictures with next to no contrast, 0..1."""
    return float(np.mean([p.std() < BLANK_LEVELS for p in pictures]))


def noise_level(pixels: Pixels) -> float:
    """Standard deviation of the noise in a picture, in levels of 255.

    The median absolute deviation of the diagonal Haar coefficients of the finest scale, over all channels
    (Donoho & Johnstone, 1994): edges and shading touch few of these, noise touches all.

    Args:
        pixels: (H, W, 3); an odd last row or column is left out.

    Returns:
        0 and up; 0 for a picture of less than two rows or columns.
    """
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    if not height or not width:
        return 0.0
    x = pixels[:height, :width].astype(np.float64)
    diagonal = (x[0::2, 0::2] - x[0::2, 1::2] - x[1::2, 0::2] + x[1::2, 1::2]) / 2
    return float(np.median(np.abs(diagonal)) / _NORMAL_MEDIAN)
