"""Pictures as tensors: float32 in -1..1, (N, 3, H, W), and the one resize rule of the project."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def to_model_size(pictures: Tensor, side: int) -> Tensor:
    """Centre-crop to a square and resize with antialiasing: `to_shape` of a square."""
    return to_shape(pictures, side, side)


def to_shape(pictures: Tensor, height: int, width: int) -> Tensor:
    """Centre-crop to the aspect of a shape and resize to it with antialiasing; differentiable.

    Args:
        pictures: (N, 3, H, W), values -1..1.
        height, width: wanted, in pixels.

    Returns:
        (N, 3, height, width), values -1..1 (bicubic overshoot is clipped).
    """
    whole_height, whole_width = pictures.shape[-2:]
    rows, columns = whole_height, whole_width
    if whole_width * height >= whole_height * width:
        columns = max(1, round(whole_height * width / height))
    else:
        rows = max(1, round(whole_width * height / width))
    top, left = (whole_height - rows) // 2, (whole_width - columns) // 2
    part = pictures[..., top : top + rows, left : left + columns]
    if (rows, columns) == (height, width):
        return part
    return F.interpolate(part, size=(height, width), mode="bicubic", antialias=True).clamp(-1, 1)


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) to float32 (1, 3, H, W) in -1..1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float().div(127.5).sub(1.0)


def to_pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """float (N, 3, H, W) in -1..1 to uint8 (N, H, W, 3), rounded to nearest."""
    levels = pictures.detach().float().cpu().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().numpy()


def autocast_of(precision: str) -> torch.dtype | None:
    """The autocast type of a plan's precision: `bf16` -> bfloat16, `fp32` -> None."""
    return torch.bfloat16 if precision == "bf16" else None
