"""Which pictures lie near each other by their fingerprints, in blocks of rows: memory grows with the pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audit.collect.folders import Picture

Floats = npt.NDArray[np.float64]

_ROWS = 256
"""So many pictures are held against all others at once."""
_MIDDLE = 128
"""Taken from every value. Fingerprints are whole numbers, so products of what is left add up exactly in float32."""
_MOST = 16
"""A pair is left out where each of the two has so many already: 5,000 pictures that are all alike are 12 million."""


@dataclass(frozen=True)
class Nearest:
    """For every picture of one list the nearest of another: its place, its distance, and that of the second best.

    Attributes:
        place: int64 (n,), the first one at equal distances.
        best, second: levels 0..255 (n,); `second` is infinite where there is one picture only.
    """

    place: npt.NDArray[np.int64]
    best: Floats
    second: Floats

    def clearly(self, one: int, *, within: float, share: float) -> bool:
        """Whether the best is near, and nearer than `share` of the second."""
        return bool(self.best[one] <= within and self.best[one] < share * self.second[one])


class Looks:
    """The fingerprints of some pictures, side by side."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.values = np.stack([p.fingerprint for p in pictures]) - np.float32(_MIDDLE)
        self.squares = np.square(self.values, dtype=np.float64).sum(axis=1)

    def blocks(self, others: Looks) -> Iterator[tuple[int, Floats]]:
        """Distances to `others`, levels 0..255, in blocks (at most 256, len(others)), each with its first row."""
        for first in range(0, len(self.values), _ROWS):
            rows = slice(first, first + _ROWS)
            apart = np.multiply(self.values[rows] @ others.values.T, -2.0, dtype=np.float64)
            apart += self.squares[rows, None]
            apart += others.squares[None]
            np.sqrt(np.maximum(apart, 0.0, out=apart), out=apart)
            apart /= math.sqrt(self.values.shape[1])
            yield first, apart

    def nearest(self, others: Looks) -> Nearest:
        """Of every picture the nearest among `others`, which may not be empty."""
        place, best, second = [], [], []
        for _, apart in self.blocks(others):
            at = apart.argmin(axis=1)
            rows = np.arange(len(at))
            place.append(at)
            best.append(apart[rows, at])
            apart[rows, at] = np.inf
            second.append(apart.min(axis=1))
        return Nearest(np.concatenate(place), np.concatenate(best), np.concatenate(second))


def distance(a: Picture, b: Picture) -> float:
    """Root mean square difference of two fingerprints, levels 0..255."""
    apart = float(np.square(a.fingerprint - b.fingerprint, dtype=np.float64).sum())
    return math.sqrt(apart) / math.sqrt(len(a.fingerprint))


def alike(pictures: Sequence[Picture], within: float) -> list[tuple[int, int]]:
    """Places of pictures nearer to each other than `within`, in order; each has 16 of its pairs at least."""
    looks, found = Looks(pictures), []
    having = np.zeros(len(pictures), dtype=np.int64)
    for first, apart in looks.blocks(looks):
        for row, near in enumerate(apart < within, start=first):
            near[: row + 1] = False
            for other in map(int, np.flatnonzero(near)):
                if min(having[row], having[other]) < _MOST:
                    found.append((row, other))
                    having[row] += 1
                    having[other] += 1
    return found
