"""Closeness corrected for local scaling (CSLS; Lample et al., 2018): beside any metric, by the suffix `-csls`.

A raw cosine is high for pictures that lie near to everyone's art. CSLS takes off how near a picture lies to
the artists nearest to it; that of the artist's own mean is the same for every picture and takes part so that
values of different artists can be compared. Needs works by other artists: the user's or the lab's sets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.style.recognise import Others, cosines_of_own, direction

Features = NDArray[np.float64]

SUFFIX = "-csls"
NEIGHBOURS = 10
"""As published; all artists where there are fewer."""


def csls(pictures: Features, references: Features, others: Others, *, themselves: bool = False) -> Features:
    """2 cos(picture, artist) - r(picture) - r(artist), (P,); higher is closer, about -2..2.

    r is the mean cosine to the nearest artists' mean directions, the artist's own among those of a picture.

    Args:
        pictures: unit features, (P, d); references: of the artist's held-out works, (K, d).
        themselves: the pictures are the works of the others; none is then compared with a mean that it is part of.
    """
    own = direction(references)
    centres = np.stack([own, *(direction(others.features[others.artist == a]) for a in range(len(others.names)))])
    cosines = pictures @ centres.T
    if themselves:
        cosines[np.arange(len(pictures)), 1 + others.artist] = cosines_of_own(others)
    apart = centres[1:] @ own
    found: Features = 2 * cosines[:, 0] - _nearest(cosines).mean(axis=1) - _nearest(apart[None]).mean()
    return found


def _nearest(rows: Features) -> Features:
    """The greatest values of each row, at most NEIGHBOURS of them."""
    return np.sort(rows, axis=1)[:, -NEIGHBOURS:]
