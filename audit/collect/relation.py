"""What became of a copy that no longer looks like its original: mirrored, other tones, inverted, framed or cropped."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from audit.collect.alignment import SIDE
from audit.collect.folders import Picture

Relation = Literal["turned", "mirrored", "framed", "cropped", "tones", "inverted"]
Floats = npt.NDArray[np.float32]

MATCH = 20.0
"""Levels of 255 between fingerprints within which a picture is a copy."""
_ALIKE = 0.3
"""Of a copy that was turned or mirrored, 1 - correlation is at most this."""
SAME_LINES = 0.6
"""Correlation of what is left without large tones. Measured on the lab's works: 760 pairs of different ones reach 0.45
at most, 150 copies under haze, vignette or darkening with noise of 16/255 at least 0.76."""
OTHER_LINES = 0.45
"""Correlation up to which different works reach."""
_CLEARLY_BETTER = 0.3
_FITS = 0.85
"""Correlation of a picture with the part of another that shows it."""
_BETTER = 0.03
"""By so much a part must fit better than the whole, or nothing was cut or framed."""
_SCALES = tuple(np.arange(0.6, 0.99, 0.03))
_UNEVEN = 0.25
"""Most by which width and height may be cut or framed unlike each other."""
_TONES = 6.0
"""Width of the blur that takes lines away and leaves tones, in pixels of the small picture."""
_FLAT = 3.0


def relation(work: Picture, copy: Picture) -> Relation | None:
    """What a copy of another look is; None where it shows another picture, or the whole of its own squashed."""
    side = math.isqrt(len(copy.fingerprint) // 3)
    shown = copy.fingerprint.reshape(side, side, 3)
    if any(_near(np.rot90(shown, k).ravel(), work.fingerprint) for k in (1, 2, 3)):
        return "turned"
    if any(_near(np.flip(shown, axis).ravel(), work.fingerprint) for axis in (0, 1)):
        return "mirrored"
    before, after = _smooth(work), _smooth(copy)
    whole = _fit(before, after)
    framed, cropped = _part(before, after), _part(after, before)
    if max(framed, cropped) >= max(_FITS, whole + _BETTER):
        return "framed" if framed >= cropped else "cropped"
    lines = same_lines(work, copy)
    return "tones" if lines >= SAME_LINES else "inverted" if lines <= -SAME_LINES else None


def lies(work: Picture, copy: Picture) -> Literal["turned", "mirrored"] | None:
    """How a copy lies whose lines fit its original only when turned or mirrored back, however alike their tones."""
    before, after = _lines(_smooth(work)), _lines(_smooth(copy))
    upright = _alike_lines(before, after)
    ways = [(_alike_lines(before, np.rot90(after, k)), "turned") for k in (1, 2, 3)]
    ways += [(_alike_lines(before, np.flip(after, axis)), "mirrored") for axis in (0, 1)]
    best, way = max(ways)
    if best < SAME_LINES or upright > best - _CLEARLY_BETTER:
        return None
    return "turned" if way == "turned" else "mirrored"


def same_lines(work: Picture, copy: Picture) -> float:
    """Correlation of two pictures without their large tones, -1..1."""
    return _alike_lines(*(_lines(_smooth(p)) for p in (work, copy)))


def _alike_lines(a: Floats, b: Floats) -> float:
    return float((a * b).sum() / max(math.sqrt(float((a * a).sum() * (b * b).sum())), 1e-6))


def unlikeness(a: Floats, b: Floats) -> float:
    """1 - Pearson correlation, 0..2."""
    x, y = a - a.mean(), b - b.mean()
    return 1 - float(x @ y) / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-6)


def _near(a: Floats, b: Floats) -> bool:
    # Pictures of little contrast are near to each other however they lie.
    return float(np.sqrt(np.mean(np.square(a - b)))) <= MATCH and unlikeness(a, b) <= _ALIKE


def _smooth(picture: Picture) -> Floats:
    import cv2

    return np.asarray(cv2.GaussianBlur(picture.sketch, (5, 5), 0), dtype=np.float32)


def _lines(grey: Floats) -> Floats:
    import cv2

    fine = grey - cv2.GaussianBlur(grey, (0, 0), _TONES)
    return np.asarray(fine / (cv2.GaussianBlur(np.abs(fine), (0, 0), _TONES) + _FLAT), dtype=np.float32)


def _fit(a: Floats, b: Floats) -> float:
    """The best correlation of `a` with a part of `b` of its size; `a` is no larger."""
    import cv2

    # A flat part fits everything or nothing.
    return 0.0 if float(a.std()) < _FLAT else float(np.nan_to_num(cv2.matchTemplate(b, a, cv2.TM_CCOEFF_NORMED)).max())


def _part(whole: Floats, within: Floats) -> float:
    """How well the whole of one picture, made smaller, fits a part of another."""
    import cv2

    best = 0.0
    for across in (*_SCALES, 1.0):
        for down in (*_SCALES, 1.0):
            if across + down < 2 and abs(across - down) <= _UNEVEN:
                size = (round(across * SIDE), round(down * SIDE))
                small = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
                best = max(best, _fit(small, within))
    return best
