"""Pictures near each other, found in blocks of rows: the same as all distances at once, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
from scipy.spatial.distance import cdist

from audit.collect.folders import Picture
from audit.collect.nearness import Looks, alike, distance
from audit.images import PictureFacts

FACTS = PictureFacts(
    format="PNG", mode="RGB", width=64, height=64, frames=1, sha256="0" * 64, lossy=False, icc="none",
    rotated=False, transparent=False,
)  # fmt: skip


def shown(values: np.ndarray) -> list[Picture]:
    nothing = np.zeros((1, 1), np.uint8)
    return [Picture(str(n), str(n), FACTS, "", str(n), row.astype(np.float32), nothing) for n, row in enumerate(values)]


def drawn(count: int, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(count).integers(low, high, (count, 768))


def test_the_nearest_are_those_of_all_distances_to_the_last_bit():
    works, copies = drawn(700), drawn(600)
    copies[:300] = works[100:400] + np.random.default_rng(1).integers(0, 2, (300, 768))
    copies[7], works[650] = works[9], works[9]  # two works at the same distance, 0
    all_of_them = cdist(copies.clip(0, 255), works) / np.sqrt(768)
    a, b = shown(copies.clip(0, 255)), shown(works)
    found = Looks(a).nearest(Looks(b))
    ordered = np.sort(all_of_them, axis=1)
    assert np.array_equal(found.place, all_of_them.argmin(axis=1))
    assert np.array_equal(found.best, ordered[:, 0])
    assert np.array_equal(found.second, ordered[:, 1])
    assert distance(a[3], b[5]) == all_of_them[3, 5]
    assert not found.clearly(7, within=20, share=0.6), "two are as near"
    assert found.clearly(0, within=20, share=0.6)


def test_few_that_are_alike_are_all_told_and_many_that_are_stay_bounded():
    few = drawn(300)
    few[[5, 200, 299]] = few[0] + np.array([[1], [2], [3]])
    near = cdist(few, few) / np.sqrt(768) < 8
    assert alike(shown(few), 8) == [tuple(pair) for pair in np.argwhere(np.triu(near, k=1)).tolist()]
    many = drawn(900, 120, 124)
    found = alike(shown(many), 8)
    assert len(found) <= 16 * 900
    having = np.bincount(np.asarray(found).ravel(), minlength=900)
    assert having.min() >= 16


def test_memory_grows_with_the_pictures_not_with_their_pairs():
    pictures = shown(drawn(3000))
    tracemalloc.start()
    try:
        looks = Looks(pictures)
        looks.nearest(looks)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 3000 * 3000 * 8 * 0.7, "the whole table was held"
