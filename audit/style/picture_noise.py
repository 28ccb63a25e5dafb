"""How noisy a picture is, and a copy with as much random noise as another has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NORMAL_MEDIAN = 0.6744897501960817
"""Median of the absolute value of a standard normal variable."""
_MOST = 256.0
_HALVINGS = 14


def noise_level(pixels: NDArray[np.uint8]) -> float:
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


def with_noise(pixels: NDArray[np.uint8], *, level: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with white Gaussian noise, so much that `noise_level` finds `level`.

    Args:
        level: 0..255; a picture that is as noisy already comes back as it is.
        rng: of one draw, scaled until it fits.
    """
    draw = rng.standard_normal(pixels.shape)

    def scaled(by: float) -> NDArray[np.uint8]:
        return np.clip(np.rint(pixels + by * draw), 0, 255).astype(np.uint8)

    if noise_level(pixels) >= level:
        return pixels.copy()
    low, high = 0.0, _MOST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if noise_level(scaled(middle)) < level else (low, middle)
    return scaled(high)
