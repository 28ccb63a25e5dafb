"""How much of what a protection changed is a plain edit: tone, blur, a shift of light, a frame or a mark on every file.

Such an edit is fitted to the original and its copy, so that what it explains is known whatever program made it and
whoever could take it back. What is left is what somebody added to the single picture: the pattern of a cloak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.images import Pixels, at_size_of

MOST_SIDE = 1024
"""Longest side at which a picture is looked at, in pixels."""
PIXELS = 12_000
"""Pixels of a picture that its edit is fitted to. Single ones: averages of noise near white would pass for a tone."""
GRID = 128
"""Height and width at which works are laid on each other."""
ENDS = 8
"""Levels from black and from white within which a change can only go one way, so that noise looks like a tone."""
FEWEST = 0.05
"""Share of pixels off both ends that a fit needs; with fewer it takes all."""
CURVE = 8
"""Pieces of a tone curve."""
BLURS = (0.7, 1.5, 3.0, 6.0)
"""Deviations of the blurs that a softening or sharpening is put together from, in pixels of a picture 256 wide."""
MEDIANS = (3, 7)
JPEGS = (25, 60)
SMALLER = (2, 4)
"""Parts of their size that pictures are brought to and back from."""
SLOPE_KEPT = 100.0
"""Square of the tone, in levels of 255, from which on works tell how a mark over them changes their contrast."""
LEAST_CHANGE = 0.25
"""Root mean square change, in levels of 255, under which there is nothing to explain."""
RIDGE = 1e-6
Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class _Seen:
    """Pixels of one original and its copy, on a grid for all works and on one for the picture alone.

    Attributes:
        before, after: (GRID, GRID, 3), levels of 255; edited: the same as a plain edit gives it.
        own: share of the change that this edit explains; None where nothing changed.
    """

    before: Floats
    after: Floats
    edited: Floats
    own: float | None


def plain_shares(pairs: Sequence[tuple[Pixels, Pixels]]) -> tuple[float | None, ...]:
    """Share of each picture's change that a plain edit explains: 1 - energy left / energy of the change.

    The edit is a tone curve in each channel with a mixture of channels, light that falls off smoothly over the
    picture, and a mixture of filters, fitted picture by picture; or the same frame or mark over all of them, place by
    place, judged on works that it was not fitted to; whichever explains more.

    Args:
        pairs: originals and their copies, uint8 (H, W, 3); a copy of another size is seen at its original's.

    Returns:
        For each pair 0..1, to six places: those beyond hang on how many threads add up. None where nothing changed.
    """
    seen = [_seen(before, at_size_of(before, after)) for before, after in pairs]
    shared = _shared_shares(seen)
    return tuple(
        None if one.own is None else round(float(np.clip(max(one.own, of_all), 0, 1)), 6)
        for one, of_all in zip(seen, shared, strict=True)
    )


def _seen(before: Pixels, after: Pixels) -> _Seen:
    before, after = (_small(x) for x in (before, after))
    start, copy = (x.reshape(-1, 3).astype(np.float64) for x in (before, after))
    step = max(1, len(start) // PIXELS)
    single, places = np.arange(step // 2, len(start), step), _places(before, GRID)
    features, on_grid = np.split(_features(before, np.concatenate([single, places])), [len(single)])
    change, inner = (copy - start)[single], (start[single] > ENDS) & (start[single] < 255 - ENDS)
    edited = np.empty((len(places), 3))
    left = energy = 0.0
    for channel in range(3):
        used = inner[:, channel] if inner[:, channel].mean() >= FEWEST else np.ones(len(single), dtype=bool)
        x, wanted = features[used], change[used, channel]
        gram = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, x.T @ wanted / len(x))
        made = (start[single[used], channel] + x @ weights).clip(0, 255)
        left += float(np.square(copy[single[used], channel] - made).mean())
        energy += float(np.square(wanted).mean())
        edited[:, channel] = start[places, channel] + on_grid @ weights
    own = None if float(np.square(copy - start).mean()) < LEAST_CHANGE**2 else 1 - left / max(energy, 1e-9)
    laid = [x.reshape(GRID, GRID, 3) for x in (start[places], copy[places], edited.clip(0, 255))]
    return _Seen(before=laid[0], after=laid[1], edited=laid[2], own=own)


def _small(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    scale = MOST_SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _places(picture: Pixels, side: int) -> Places:
    """Numbers of the pixels that lie nearest to an even grid, (side * side,)."""
    height, width = picture.shape[:2]
    rows, columns = (((np.arange(side) + 0.5) * n / side).astype(np.int64) for n in (height, width))
    return np.asarray((rows[:, None] * width + columns).ravel())


def _features(before: Pixels, places: Places) -> Floats:
    """What a copy may be put together from at some pixels, (pixels, features), each about 1 in size."""
    height, width = before.shape[:2]
    v, u = 2 * (places // width) / max(1, height - 1) - 1, 2 * (places % width) / max(1, width - 1) - 1
    light = [np.ones_like(u), u, v, u * u, u * v, v * v, (u * u + v * v) ** 2]
    tones = before.reshape(-1, 3)[places] / 255
    colours = [tones[:, c] for c in range(3)]
    columns = [field * colour for field in light for colour in (np.ones_like(u), *colours)]
    columns += [colours[a] * colours[b] for a, b in ((0, 1), (0, 2), (1, 2))]
    columns += [np.maximum(colour - edge, 0) for colour in colours for edge in np.arange(1, CURVE) / CURVE]
    whole = before.astype(np.float32)
    filtered = [cv2.GaussianBlur(whole, (0, 0), blur * max(height, width) / 256) for blur in BLURS]
    filtered += [cv2.medianBlur(before, size) for size in MEDIANS]
    filtered += [_jpeg(before, quality) for quality in JPEGS]
    filtered += [_smaller(before, part) for part in SMALLER]
    for made in filtered:
        softer = made.reshape(-1, 3)[places] / 255 - tones
        columns += [softer[:, c] for c in range(3)]
    return np.stack(columns, axis=1)


def _smaller(picture: Pixels, part: int) -> Pixels:
    height, width = picture.shape[:2]
    size = (max(1, width // part), max(1, height // part))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _jpeg(picture: Pixels, quality: int) -> Pixels:
    written = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]


def _shared_shares(seen: Sequence[_Seen]) -> list[float]:
    """What the same frame or mark over all works explains of each, after the picture's own edit or without it."""
    if len(seen) < 3:
        return [0.0] * len(seen)
    before, after, edited = (np.stack([getattr(one, name) for one in seen]) for name in ("before", "after", "edited"))
    apart = np.square(after - before).mean(axis=(1, 2, 3))
    left = [np.square(_left_out(start, after)).mean(axis=(1, 2, 3)) for start in (before, edited)]
    return [float(share) for share in 1 - np.minimum(*left) / np.maximum(apart, 1e-9)]


def _left_out(start: Floats, after: Floats) -> Floats:
    """What is left of each copy, (works, H, W, 3), once a line in each place and channel, fitted to the other works,
    has been put on `start`."""
    change = after - start
    middle = start.mean(axis=0)
    spread = np.square(start - middle).sum(axis=0) + SLOPE_KEPT
    slope = ((start - middle) * change).sum(axis=0) / spread
    left = change - change.mean(axis=0) - slope * (start - middle)
    # Residuals of leave-one-out by the hat matrix (Allen, 1974).
    weight = 1 / len(start) + np.square(start - middle) / spread
    return np.asarray(left / np.maximum(1 - weight, 1e-3))
