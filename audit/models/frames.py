"""How a picture came to its shape: from which size, cut where, to which bucket.

A bucket is a height and a width in which works of about that aspect are trained on, with about as many pixels as a
square of the model's own size.
"""

from __future__ import annotations

from typing import NamedTuple

Shape = tuple[int, int]
"""Height and width in pixels."""


class Framing(NamedTuple):
    """What became of a work: its own size, what was cut above and on the left once it was resized to cover its bucket,
    and the bucket; all in pixels.

    These are the six numbers that Stable Diffusion XL is told (Podell et al., 2023, section 2.2).
    """

    height: int
    width: int
    top: int
    left: int
    tall: int
    wide: int

    @property
    def shape(self) -> Shape:
        """The bucket."""
        return self.tall, self.wide


def square_frame(side: int) -> Framing:
    """What is told of pictures that are made as whole squares."""
    return Framing(side, side, 0, 0, side, side)


def frame_of(*, height: int, width: int, shape: Shape) -> Framing:
    """A work of some size, resized to cover a bucket and cut on both sides alike."""
    tall, wide = shape
    scale = max(tall / height, wide / width)
    return Framing(height, width, int(height * scale - tall) // 2, int(width * scale - wide) // 2, tall, wide)
