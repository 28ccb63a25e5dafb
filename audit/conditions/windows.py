"""Which parts of a picture a model is shown: whole pictures of any size, through square windows.

Training cuts the middle square and resizes it (`audit.images.tensors`). A work is published whole, though,
and another trainer may cut elsewhere. So what works through a model, be it a protection or a
countermeasure, sees the picture through several windows, the training's own always among them.

`squares`: windows as high as the short side, side by side along the long one with an overlap of at
least a quarter; a square picture has exactly one, the training's view. `tiles`: windows of the
model's own resolution, in rows and columns with the same overlap, for trainings on crops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from audit.images.tensors import to_model_size

Policy = Literal["squares", "tiles"]
OVERLAP = 0.25
MOST = 9
"""Windows along one side; a strip longer than that many of them is covered with gaps."""


@dataclass(frozen=True)
class Window:
    """A square part of a picture, in its pixels."""

    top: int
    left: int
    side: int

    def view(self, pictures: Tensor, side: int) -> Tensor:
        """(N, 3, H, W) to (N, 3, side, side), as training would resize this square; differentiable."""
        part = pictures[..., self.top : self.top + self.side, self.left : self.left + self.side]
        return to_model_size(part, side)


def training_window(height: int, width: int) -> Window:
    """The square that training cuts."""
    square = min(height, width)
    return Window((height - square) // 2, (width - square) // 2, square)


def windows(height: int, width: int, *, side: int, policy: Policy) -> list[Window]:
    """Windows that cover a picture; the training's own is always among those of `squares`."""
    square = min(height, width)
    if policy == "tiles":
        square = min(square, side)
    return [Window(top, left, square) for top in _starts(height, square) for left in _starts(width, square)]


def _starts(length: int, square: int) -> list[int]:
    """Evenly spaced; an odd number, so that one stands in the middle where the training cuts."""
    room = length - square
    if room == 0:
        return [0]
    count = min(MOST, 1 + math.ceil(room / (square * (1 - OVERLAP))))
    count += 1 - count % 2
    # Rounded as the training's cut is: the middle start is room // 2.
    return sorted({room * i // (count - 1) for i in range(count)})


def through_windows(
    picture: Tensor, change: Callable[[Tensor], Tensor], *, side: int, places: Sequence[Window]
) -> Tensor:
    """Let something that works at a model's resolution change a whole picture.

    What is enlarged and added is the change, not the small picture: the file keeps its size and the
    detail that no training sees, and a training sees what came out of `change`.

    Args:
        picture: (1, 3, H, W), -1..1.
        change: (1, 3, side, side) -> same, -1..1; called once per window.

    Returns:
        (1, 3, H, W), -1..1; overlapping windows are blended, parts under no window stay.
    """
    total, weight = torch.zeros_like(picture), torch.zeros_like(picture[:, :1])
    for place in places:
        small = place.view(picture, side)
        moved = F.interpolate(
            change(small) - small, size=(place.side, place.side), mode="bicubic", antialias=place.side < side
        )
        axis = (1 - torch.linspace(-1, 1, place.side + 2, device=picture.device).abs())[1:-1]
        hat = axis[:, None] * axis[None, :]
        rows, columns = slice(place.top, place.top + place.side), slice(place.left, place.left + place.side)
        total[..., rows, columns] += moved * hat
        weight[..., rows, columns] += hat
    return (picture + total / weight.clamp_min(1e-6)).clamp(-1, 1)
