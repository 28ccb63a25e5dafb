"""JPEG compression: the cheapest thing that happens to a cloaked picture, on purpose or not."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from audit.conditions.base import Context, Pixels, Treatment, unbounded


def _jpeg(pictures: list[Pixels], argument: float, context: Context) -> list[Pixels]:
    made = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, format="JPEG", quality=int(argument))
        with Image.open(buffer, formats=["JPEG"]) as opened:
            made.append(np.asarray(opened.convert("RGB")))
    return made


JPEG = Treatment(
    name="jpeg",
    kind="counter",
    run=_jpeg,
    unit="a quality",
    default=50,
    low=1,
    high=95,
    budget=unbounded,
    version=1,
    source="Dziugaite et al. 2016, as a counter to adversarial changes",
)
