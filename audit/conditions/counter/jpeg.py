"""JPEG compression: the cheapest thing that happens to a cloaked picture, on purpose or not."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from audit.base.messages import words
from audit.conditions.base import Called, Pixels, Treatment, each, unbounded

USUAL = 75
"""Quality from which down a pass counts as tried: what many programs save with when nobody asks."""


def _jpeg(picture: Pixels, argument: float) -> Pixels:
    return through_jpeg(picture, quality=int(argument), subsampling="4:2:0")


def through_jpeg(picture: Pixels, *, quality: int, subsampling: str) -> Pixels:
    """Encode as JPEG and decode again; `subsampling` is 4:4:4, 4:2:2 or 4:2:0. Metadata is lost on the way."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=quality, subsampling=subsampling)
    with Image.open(buffer, formats=["JPEG"]) as opened:
        return np.asarray(opened.convert("RGB"))


JPEG = Treatment(
    name="jpeg",
    called=Called(words("JPEG compression"), words("JPEG compression at quality {arg}")),
    kind="counter",
    run=each(_jpeg),
    unit=words("a quality"),
    default=50,
    low=1,
    high=95,
    budget=unbounded,
    version=1,
    source=words("Dziugaite et al. 2016, as a counter to adversarial changes"),
    published=words("qualities 30 to 90 throughout the literature"),
    settings=lambda argument, surrogate, asked: {"chroma": words("4:2:0")},
    way=lambda argument: "jpeg" if argument <= USUAL else "",
    tier="cheap",
)
