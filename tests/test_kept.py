"""What a model's size leaves of a protection's change."""

from __future__ import annotations

import numpy as np
import pytest

from audit.store import Store
from audit.style.visibility import kept_shares

GREY = np.full((256, 320, 3), 128, np.uint8)


def noisy(cell: int) -> np.ndarray:
    """Grey with noise in squares of so many pixels."""
    fine = np.random.default_rng(0).integers(-12, 13, (256 // cell, 320 // cell, 3))
    return (GREY + np.kron(fine, np.ones((cell, cell, 1), int))).astype(np.uint8)


@pytest.mark.parametrize(
    ("after", "low", "high"),
    [(GREY + 9, 0.99, 1.01), (noisy(1), 0.1, 0.35), (noisy(32), 0.8, 1.05)],
    ids=["a tone", "fine noise", "coarse noise"],
)
def test_fine_changes_are_lost_and_coarse_ones_kept(after, low, high, tmp_path):
    store = Store(tmp_path)
    (share,) = kept_shares(((store.put_pixels(GREY), store.put_pixels(after)),), store, side=64)
    assert low <= share <= high


def test_of_nothing_there_is_no_share(tmp_path):
    store = Store(tmp_path)
    digest = store.put_pixels(GREY)
    assert kept_shares(((digest, digest),), store, side=64) == (None,)
