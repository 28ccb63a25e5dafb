"""Colours that a PNG tells without a profile: cICP, gAMA and cHRM, converted to sRGB.

The first that is there counts: cICP, an ICC profile, sRGB, then gAMA with cHRM (PNG specification, third edition,
W3C 2025, section 4.3). Primaries and curves by code: ITU-T H.273 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_BAND_ROWS = 256
_D65 = (0.3127, 0.3290)
_SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES = {
    1: _SRGB,
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_SRGB_GAMMA = 0.45455
_SLACK = 0.05
"""A gamma this near to sRGB's means sRGB: programs write 0.45455 to say so."""
_NEAR = 0.002
"""Chromaticities this near are the same but for rounding."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Primaries = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
Curve = Callable[[Array], Array]


@dataclass(frozen=True)
class StatedColours:
    """How stored values become light: a curve from 0..1 to 0..1, primaries and white as CIE x, y."""

    curve: Curve
    primaries: Primaries = _SRGB
    white: tuple[float, float] = _D65


def told(chunks: Mapping[bytes, bytes], *, profile: bool) -> StatedColours | Literal["srgb", "unusable"]:
    """What the chunks say about colour.

    Args:
        chunks: content by name.
        profile: whether the file has an ICC profile, which comes before all but cICP.

    Returns:
        `srgb` where there is nothing to convert, `unusable` for what is not converted (high dynamic range, video).
    """
    if b"cICP" in chunks:
        return _by_code(*chunks[b"cICP"])
    if profile or b"sRGB" in chunks:
        return "srgb"
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")) / 100_000 or _SRGB_GAMMA
    points = (
        [int.from_bytes(chunks[b"cHRM"][i : i + 4]) / 100_000 for i in range(0, 32, 4)] if b"cHRM" in chunks else []
    )
    x, y = points[::2], points[1::2]
    if points and (min(y) < 0.001 or max(x + y) > 1 or not 0.05 < gamma < 5):
        return "unusable"
    if not 0.05 < gamma < 5:
        return "unusable"
    curve = _srgb_light if abs(gamma / _SRGB_GAMMA - 1) <= _SLACK else lambda v: np.power(v, 1 / gamma)
    white = (x[0], y[0]) if points else _D65
    primaries: Primaries = ((x[1], y[1]), (x[2], y[2]), (x[3], y[3])) if points else _SRGB
    same = np.abs(np.subtract((white, *primaries), (_D65, *_SRGB))).max() <= _NEAR
    return "srgb" if same and curve is _srgb_light else StatedColours(curve, primaries, white)


def converted(pixels: npt.NDArray[np.uint8], colours: StatedColours) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, 3) of the colours told -> sRGB; what lies outside sRGB is cut at its edge.

    Raises:
        ValueError: the primaries span no colours.
    """
    try:
        to_light = _to_xyz(colours.primaries, colours.white)
        matrix = np.linalg.inv(_to_xyz(_SRGB, _D65)) @ _adapted(colours.white) @ to_light
    except np.linalg.LinAlgError as exc:
        raise ValueError("the primaries span no colours") from exc
    light = colours.curve(np.arange(256) / 255).astype(np.float32)
    steps = np.round(_srgb_values(np.linspace(0, 1, 1 << 16)) * 255).astype(np.uint8)
    found = np.empty_like(pixels)
    for top in range(0, len(pixels), _BAND_ROWS):
        band = light[pixels[top : top + _BAND_ROWS]] @ matrix.T.astype(np.float32)
        found[top : top + _BAND_ROWS] = steps[np.round(np.clip(band, 0, 1) * 65535).astype(np.uint16)]
    return found


def _by_code(primaries: int, curve: int, matrix: int, whole: int) -> StatedColours | Literal["srgb", "unusable"]:
    if primaries not in _PRIMARIES or matrix or whole != 1:
        return "unusable"
    if curve == 13:
        return "srgb" if primaries == 1 else StatedColours(_srgb_light, _PRIMARIES[primaries])
    powers = {4: 2.2, 5: 2.8, 8: 1.0}
    # 1 and its like are for video on a screen in the dark; 16 and 18 are high dynamic range.
    if curve not in powers:
        return "unusable"
    return StatedColours(lambda v: np.power(v, powers[curve]), _PRIMARIES[primaries])


def _srgb_light(values: Array) -> Array:
    return np.where(values <= 0.04045, values / 12.92, np.power((values + 0.055) / 1.055, 2.4))


def _srgb_values(light: Array) -> Array:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def _xyz(point: tuple[float, float]) -> Array:
    return np.array([point[0] / point[1], 1, (1 - sum(point)) / point[1]])


def _to_xyz(primaries: Primaries, white: tuple[float, float]) -> Array:
    columns = np.stack([_xyz(p) for p in primaries], axis=1)
    return np.asarray(columns * np.linalg.solve(columns, _xyz(white)))


def _adapted(white: tuple[float, float]) -> Array:
    """From light under one white to light under D65 (Bradford)."""
    before, after = _BRADFORD @ _xyz(white), _BRADFORD @ _xyz(_D65)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(after / before) @ _BRADFORD)
