"""Whether a protected copy lies on its original, or was moved, cropped or turned a little on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audit.images import Pixels

SIDE = 128
_SMOOTH = 5
"""Width of the blur before comparing, so that a cloak's own pattern does not lead."""
_MOVED = 0.006
"""Least shift that is told, in shares of the side: under a pixel of the small picture it cannot be measured well."""
_SCALED = 0.015
_TURNED = 0.5
"""Degrees."""
_BETTER = 0.7
"""The difference must shrink to this by moving the copy back, or the finding may be chance."""
_NOISE = 1.0
"""Mean square difference, levels of 255, under which there is nothing to explain."""


@dataclass(frozen=True)
class Moved:
    """How a copy must be moved to lie on its original.

    Attributes:
        shift: distance of the middle, as a share of the side.
        scale: size of what the copy shows against the original; above 1 it was cropped.
    """

    shift: float
    scale: float

    @property
    def cropped(self) -> bool:
        return self.scale > 1 + _SCALED


def sketch(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """A picture as 128 x 128 greys, whatever its size and shape."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def moved(original: npt.NDArray[np.uint8], copy: npt.NDArray[np.uint8]) -> Moved | None:
    """Register a copy's sketch on its original's (ECC; Evangelidis & Psarakis, 2008).

    Returns:
        None when the copy lies where it should, or when moving it explains too little of the difference.
    """
    import cv2

    before, after = (cv2.GaussianBlur(x, (_SMOOTH, _SMOOTH), 0).astype(np.float32) for x in (original, copy))
    inner = np.s_[SIDE // 10 : -SIDE // 10, SIDE // 10 : -SIDE // 10]
    apart = float(np.square(before - after)[inner].mean())
    if apart < _NOISE:
        return None
    everywhere = np.ones((SIDE, SIDE), dtype=np.uint8)
    (sideways, downward), _ = cv2.phaseCorrelate(before, after)
    best, found = _BETTER * apart, None
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    for warp in (_about_middle(1), _about_middle(1, sideways, downward), _about_middle(1.2)):
        try:
            cv2.findTransformECC(before, after, warp, cv2.MOTION_AFFINE, until, everywhere, 1)
        except cv2.error:
            continue  # flat pictures, or no way that leads downhill
        back = cv2.warpAffine(after, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        left = float(np.square(before - back)[inner].mean())
        if left <= best:
            best, found = left, warp
    return None if found is None else _told(found)


def _about_middle(scale: float, sideways: float = 0.0, downward: float = 0.0) -> npt.NDArray[np.float32]:
    """An affine map that scales about the middle and shifts, (2, 3)."""
    rest = (1 - scale) * (SIDE - 1) / 2
    return np.array([[scale, 0, rest + sideways], [0, scale, rest + downward]], dtype=np.float32)


def _told(warp: npt.NDArray[np.float32]) -> Moved | None:
    middle = np.array([(SIDE - 1) / 2, (SIDE - 1) / 2, 1.0])
    shift = float(np.linalg.norm(warp @ middle - middle[:2])) / SIDE
    scale = math.sqrt(abs(float(np.linalg.det(warp[:, :2]))))
    turned = math.degrees(math.atan2(warp[1, 0] - warp[0, 1], warp[0, 0] + warp[1, 1]))
    small = shift < _MOVED and abs(scale - 1) < _SCALED and abs(turned) < _TURNED
    return None if small else Moved(shift=shift, scale=scale)
