"""Whether two pages of a report are the same, when their pictures were encoded by other versions of a library."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from audit.report.pictures import MAX_PIXELS

PICTURE = re.compile(rb"data:image/(webp|jpeg);base64,([A-Za-z0-9+/=]*)")
ENCODING = 4.0
"""Root mean square difference, in levels of 255, up to which a lossy picture counts as encoded from the same one."""
BLOCK, ENCODING_BLOCK = 16, 16.0
"""Side of the squares, px, and the greatest such difference of any of them: a word put in is a few squares."""


def same_page(first: bytes, second: bytes) -> bool:
    """Whether every byte outside the inlined pictures is the same, and every picture shows the same."""
    if first == second:
        return True
    if PICTURE.sub(rb"\1", first) != PICTURE.sub(rb"\1", second):
        return False
    return all(
        seen == made or _shows_same(seen[1], made[1])
        for seen, made in zip(PICTURE.findall(first), PICTURE.findall(second), strict=True)
    )


def _shows_same(first: bytes, second: bytes) -> bool:
    try:
        (a, more), (b, also) = (_open(data) for data in (first, second))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    if a.shape != b.shape or more != also:
        return False
    square = (a - b) ** 2
    # From either end, so that no strip along an edge is left out.
    worst = max(_worst_square(square[::down, ::across]) for down in (1, -1) for across in (1, -1))
    return bool(np.sqrt(np.mean(square)) <= ENCODING and np.sqrt(worst) <= ENCODING_BLOCK)


def _worst_square(square: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The greatest mean of a block, of blocks laid from the first corner on; a side under a block's is one block."""
    high, wide = (min(BLOCK, side) for side in square.shape[:2])
    height, width = square.shape[0] // high, square.shape[1] // wide
    blocks = square[: height * high, : width * wide].reshape(height, high, width, wide, -1)
    return float(blocks.mean(axis=(1, 3, 4)).max())


def _open(data: bytes) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], dict[str | tuple[int, int], object]]:
    """The pixels, and all else that a browser may show otherwise: frames, transparency, profile, orientation."""
    read = base64.b64decode(data, validate=True)
    with Image.open(io.BytesIO(read), formats=("WEBP", "JPEG")) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError("too large")
        more: dict[str | tuple[int, int], object] = {
            "mode": picture.mode,
            "frames": getattr(picture, "n_frames", 1),
            "format": picture.format,
        }
        return np.asarray(picture.convert("RGB"), dtype=np.float64), more | dict(picture.info)
