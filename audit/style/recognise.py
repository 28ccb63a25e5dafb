"""Recognised as this artist among N: the artist whose works a picture is nearest to, beyond what a stranger's is.

Each artist is the mean direction of some real works. Raw cosines favour hubs, artists whose mean lies
near to everything, so that from each artist's closeness the mean closeness of other artists' works is
taken off. Dividing by its spread as well (z-scores) and CSLS (Lample et al., 2018) were tried: on the
lab's sets neither recognises more, and CSLS can favour a hub that is drawn alike (docs/decisions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]


@dataclass(frozen=True)
class Others:
    """Works by other artists.

    Attributes:
        names: of the artists, (N,).
        features: unit features of their works, (M, d).
        artist: which of the artists each work is by, (M,).
    """

    names: tuple[str, ...]
    features: Features
    artist: NDArray[np.int64]


UNKNOWN = -1


def nearest_artist(pictures: Features, own: Features, others: Others, *, themselves: bool = False) -> NDArray[np.int64]:
    """The nearest artist of each picture, (P,): 0 is this artist, i the i-th of the others, -1 not known.

    Args:
        pictures: unit features, (P, d), NaN where a picture has none; own: of this artist's held-out works, (K, d).
        themselves: the pictures are the works of the others; none is then compared with a mean that it is part of.
    """
    artists = [own, *(others.features[others.artist == a] for a in range(len(others.names)))]
    centres = np.stack([direction(works) for works in artists])
    closeness = np.stack([works.mean(axis=0) for works in artists]) @ centres.T
    # (artist whose works, artist whose centre): a stranger's is the mean over all other artists.
    np.fill_diagonal(closeness, 0.0)
    strangers = closeness.sum(axis=0) / (len(artists) - 1)
    cosines = pictures @ centres.T
    if themselves:
        cosines[np.arange(len(pictures)), 1 + others.artist] = cosines_of_own(others)
    found = (cosines - strangers).argmax(axis=1)
    return np.where(np.isfinite(cosines).all(axis=1), found, UNKNOWN).astype(np.int64)


def cosines_of_own(others: Others) -> Features:
    """Each work's cosine to the mean direction of its artist's other works, (N,); 0 where there is no other."""
    sums = np.stack([others.features[others.artist == a].sum(axis=0) for a in range(len(others.names))])
    rest = sums[others.artist] - others.features
    length = np.linalg.norm(rest, axis=1)
    products = (others.features * rest).sum(axis=1)
    # What is left of one work alone is rounding.
    found: Features = np.divide(products, length, out=np.zeros_like(products), where=length > 1e-9)
    return found


def direction(rows: Features) -> Features:
    """The unit mean of features, (d,); zero where they cancel."""
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    found: Features = mean / length if length > 0 else mean
    return found
