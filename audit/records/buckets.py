"""In which shapes works are trained on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit.base.record import Record

Crop = Literal["centre-square", "buckets"]
"""`centre-square`: the middle square as high as the short side, resized to the model's resolution by antialiased
bicubic interpolation (`audit.images.tensors.to_model_size`). `buckets`: in training each work is resized to cover the
bucket nearest to its aspect and cut there on both sides alike (`to_shape`); scores see the middle square."""


class Bucket(Record):
    """A height and a width in which some works are trained on."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    works: tuple[str, ...]
    """Their ids, in the plan's order."""
