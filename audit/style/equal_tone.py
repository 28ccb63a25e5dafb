"""Pictures at equal tone and grain: one look for all, so that a score sees what a click cannot change."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Rises when `equal_tone` computes something else; part of the key of features at equal tone."""
MEAN, DEVIATION = 128.0, 60.0
"""What every channel is brought to, in levels of 255."""
LEAST_DEVIATION = 4.0
"""A channel with less contrast than this is not stretched further: it would be its own rounding."""


def equal_tone(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring each channel of a picture to one mean and deviation, then take fine grain away by a 3 x 3 median.

    Means and deviations as a description of tone: Reinhard et al. (2001), here channel by channel. A line in each
    channel (contrast, colour cast, veil) leaves no trace but for rounding and clipping; the median (Tukey, 1977)
    takes grain of one pixel.

    Args:
        pixels: uint8 (H, W, 3).
    """
    values = pixels.astype(np.float64)
    spread = np.maximum(values.std(axis=(0, 1)), LEAST_DEVIATION)
    even = (values - values.mean(axis=(0, 1))) / spread * DEVIATION + MEAN
    return np.asarray(cv2.medianBlur(np.rint(even).clip(0, 255).astype(np.uint8), 3), dtype=np.uint8)
