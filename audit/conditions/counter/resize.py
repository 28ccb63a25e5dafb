"""Down and up again (or up and down): what a thumbnail, a screenshot or an upscaler does."""

from __future__ import annotations

import cv2
import numpy as np

from audit.base.messages import words
from audit.conditions.base import Called, Pixels, Treatment, each, unbounded


def _resize(picture: Pixels, argument: float) -> Pixels:
    height, width = picture.shape[:2]
    size = (max(1, round(width * argument)), max(1, round(height * argument)))
    shrink, grow = cv2.INTER_AREA, cv2.INTER_CUBIC
    there = cv2.resize(picture, size, interpolation=shrink if argument < 1 else grow)
    back = cv2.resize(there, (width, height), interpolation=grow if argument < 1 else shrink)
    return np.asarray(back, dtype=np.uint8)


RESIZE = Treatment(
    name="resize",
    called=Called(words("resizing"), words("resizing ({arg})")),
    kind="counter",
    run=each(_resize),
    unit=words("a scale that the picture is brought to and back from"),
    default=0.5,
    low=0.05,
    high=4,
    budget=unbounded,
    version=1,
    source=words("Xie et al. 2018, as a counter to adversarial changes"),
    published=words("no fixed scale; half and double are usual"),
    settings=lambda argument, surrogate, asked: {"down": words("mean of the area"), "up": words("bicubic")},
    whole=False,
    tier="cheap",
)
