"""Recognised as this artist among N: the artist whose works a picture is nearest to, beyond what a stranger's is.

Each artist is the mean direction of some real works. Raw cosines favour hubs, artists whose mean lies
near to everything, so that from each artist's closeness the mean closeness of other artists' works is
taken off. Dividing by its spread as well (z-scores) and CSLS (Lample et al., 2018) were tried: on the
lab's sets neither recognises more, and CSLS can favour a hub that is drawn alike (DECISIONS).
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


def nearest_artist(pictures: Features, own: Features, others: Others) -> NDArray[np.int64]:
    """The nearest artist of each picture, (P,): 0 is this artist, i the i-th of the others.

    Args:
        pictures: unit features, (P, d); own: of this artist's held-out works, (K, d).
    """
    artists = [own, *(others.features[others.artist == a] for a in range(len(others.names)))]
    centres = np.stack([direction(works) for works in artists])
    closeness = np.stack([works.mean(axis=0) for works in artists]) @ centres.T
    # (artist whose works, artist whose centre): a stranger's is the mean over all other artists.
    np.fill_diagonal(closeness, 0.0)
    strangers = closeness.sum(axis=0) / (len(artists) - 1)
    return np.asarray((pictures @ centres.T - strangers).argmax(axis=1), dtype=np.int64)


def direction(rows: Features) -> Features:
    """The unit mean of features, (d,); zero where they cancel."""
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    found: Features = mean / length if length > 0 else mean
    return found
