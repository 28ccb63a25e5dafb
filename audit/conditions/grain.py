"""Noise in grains of one pixel of what training sees, whatever the size of the file."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audit.models.frames import Shape

Number = TypeVar("Number", bound=np.generic)


def grid_of(height: int, width: int, *, shape: Shape) -> tuple[int, int]:
    """Rows and columns of grains: the size that training resizes to, or the file's own where that is smaller.

    Args:
        shape: that the resized picture covers and is cut to, height and width.
    """
    scale = max(shape[0] / height, shape[1] / width)
    if scale >= 1:
        return height, width
    return round(height * scale), round(width * scale)


def spread(grains: NDArray[Number], height: int, width: int) -> NDArray[Number]:
    """Grains (h, w, C) over a picture, (height, width, C): every grain a block on the grid of the training's resize.

    Blocks off that grid would be averaged with their neighbours: of signs drawn on 1000 px files for a model of
    512 px, 42 % were left after the resize, and 69 % on the grid (69 to 76 % at ratios above 1).
    """
    rows, columns = np.arange(height) * grains.shape[0] // height, np.arange(width) * grains.shape[1] // width
    found: NDArray[Number] = grains[rows][:, columns]
    return found
