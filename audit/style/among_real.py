"""Whether a picture looks like any real one: what broken models draw lies far from all art, not only the artist's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.style import Features

REAL_LEFT_OUT = 0.05
"""Share of real works that are further from every other real work than a picture may be."""


def among_real(pictures: Features, real: Features) -> NDArray[np.bool_]:
    """Whether each picture is as near to some real work as nearly all real works are to one another, (P,).

    A yardstick in the manner of precision (Kynkäänniemi et al., 2019), with one radius for all works.

    Args:
        pictures: unit features, (P, d), NaN where a picture has none; real: of works by anyone, (N, d), two or more.
    """
    among = real @ real.T
    np.fill_diagonal(among, -1.0)
    radius = float(np.quantile(among.max(axis=1), REAL_LEFT_OUT))
    return np.asarray((pictures @ real.T).max(axis=1) >= radius)
