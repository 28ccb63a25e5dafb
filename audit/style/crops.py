"""How an encoder with a small fixed input sees a larger picture: whole, and in squares at finer scales.

Style lives in texture too, and so do cloaks; a network that sees 224 pixels of a picture of 768 sees
neither. So the picture is shown as a whole, and cut into squares of the network's size at its own
scale and at every octave between. Each square gives one embedding; embeddings are averaged within a
scale and then over scales, so that the whole counts as much as all squares of one scale together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

CHUNK = 32
"""Squares in one pass at most. A pass never holds squares of two pictures, so that no embedding depends, in
its last bits, on which other pictures were scored beside it."""
LEAST = 1.5
"""A scale is cut into squares only where its side is this many times the network's."""

Embed = Callable[[Tensor], Tensor]
"""Squares in 0..1, (N, 3, tile, tile), to embeddings (N, D)."""


def scales(side: int, tile: int) -> list[int]:
    """Sides at which a square picture is cut, the finest first; the whole, at `tile`, comes last.

    512 at 224 gives [512, 224]; 768 gives [768, 384, 224].
    """
    found = []
    while side >= LEAST * tile:
        found.append(side)
        side //= 2
    return [*found, tile]


def squares(picture: Tensor, side: int, tile: int) -> Tensor:
    """A picture (1, 3, S, S) at `side`, cut into as few evenly spaced squares as cover it: (n * n, 3, tile, tile)."""
    if picture.shape[-1] != side:
        picture = F.interpolate(picture, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
    starts = np.linspace(0, side - tile, -(-side // tile)).round().astype(int).tolist()
    return torch.cat([picture[..., y : y + tile, x : x + tile] for y in starts for x in starts])


def pooled(pixels: NDArray[np.uint8], embed: Embed, *, tile: int, device: torch.device) -> NDArray[np.float64]:
    """Unit embeddings of square pictures, uint8 (N, S, S, 3) to (N, D)."""
    return np.stack([_one(picture, embed, tile, device) for picture in pixels])


@torch.no_grad()
def _one(pixels: NDArray[np.uint8], embed: Embed, tile: int, device: torch.device) -> NDArray[np.float64]:
    picture = torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1)[None].float().div(255)
    means = []
    for side in scales(pixels.shape[0], tile):
        parts = [embed(batch).cpu().double() for batch in torch.split(squares(picture, side, tile), CHUNK)]
        means.append(F.normalize(torch.cat(parts), dim=1).mean(dim=0))
    found: NDArray[np.float64] = F.normalize(torch.stack(means).mean(dim=0), dim=0).cpu().numpy()
    return found
