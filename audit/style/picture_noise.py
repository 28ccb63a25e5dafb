"""A copy of a picture with as much random noise as another has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.images.drawn import noise_level

_MOST = 256.0
_HALVINGS = 14


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
