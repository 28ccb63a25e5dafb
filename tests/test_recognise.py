"""The nearest artist: against a slow definition, on planted artists, and with hubs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import BadInput
from audit.collect import collect_references
from audit.store import Store
from audit.style import METRICS, closeness, unit
from audit.style.recognise import Others, cosines_of_own, nearest_artist
from tests.builders import make_work
from tests.e2e.folders import write_references


def clusters(rng, *, artists=5, works=12, spread=0.5, dimensions=16):
    """Works around one direction per artist: features (artists, works, d)."""
    centres = unit(rng.normal(size=(artists, 1, dimensions)))
    return unit(centres + spread * rng.normal(size=(artists, works, dimensions)) / dimensions**0.5)


def others(groups):
    names = tuple(f"artist {i}" for i in range(len(groups)))
    return Others(
        names=names, features=np.concatenate(groups), artist=np.repeat(np.arange(len(groups)), len(groups[0]))
    )


def slowly(picture, own, groups):
    """Closeness beyond a stranger's, one artist and one work at a time."""
    sets = [own, *groups]
    best, answer = -np.inf, -1
    for a, works in enumerate(sets):
        mean = sum(works) / len(works)
        centre = mean / np.sqrt(sum(x * x for x in mean))
        foreign = [np.mean([float(np.dot(centre, w)) for w in s]) for b, s in enumerate(sets) if b != a]
        score = float(np.dot(picture, centre)) - sum(foreign) / len(foreign)
        if score > best:
            best, answer = score, a
    return answer


@given(st.integers(0, 10_000), st.sampled_from([0.3, 1.5, 4.0]))
def test_nearest_is_the_slow_definition(seed, spread):
    rng = np.random.default_rng(seed)
    groups = clusters(rng, spread=spread)
    pictures = unit(rng.normal(size=(6, 16)))
    found = nearest_artist(pictures, groups[0], others(list(groups[1:])))
    assert found.tolist() == [slowly(p, groups[0], list(groups[1:])) for p in pictures]


def test_planted_artists_are_recognised():
    groups = clusters(np.random.default_rng(0), works=24)
    for artist in range(5):
        rest = [g[:12] for i, g in enumerate(groups) if i != artist]
        assert (nearest_artist(groups[artist][12:], groups[artist][:12], others(rest)) == 0).all()
        assert (nearest_artist(rest[0], groups[artist][:12], others(rest)) == 1).all()


def test_a_hub_does_not_take_everything():
    """An artist in the middle of all others draws their works by raw cosine, and fewer when that is taken off."""
    by_cosine, found = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        middle = unit(rng.normal(size=(1, 1, 16)))
        groups = list(unit(middle + 0.4 * clusters(rng, artists=4, spread=2.0)))
        hub = unit(middle[0] + 0.1 * rng.normal(size=(6, 16)) / 4)
        raw = np.stack([unit(g[:6].mean(0)) for g in [*groups, hub]])
        by_cosine.append(np.mean((groups[0][6:] @ raw.T).argmax(1) == 4))
        known = others([g[:6] for g in [*groups[1:], hub]])
        found.append(np.mean(nearest_artist(groups[0][6:], groups[0][:6], known) == 4))
    assert np.mean(by_cosine) > 0.2
    assert np.mean(found) < 0.5 * np.mean(by_cosine)


def test_the_labs_own_sets_are_told_apart_better_than_chance():
    for metric in METRICS.values():
        lab = metric.whitening()
        own, keep = lab.others[lab.others_set == 3], lab.others_set != 3
        sets = sorted(set(lab.others_set[keep].tolist()))
        names = tuple(str(i) for i in sets)
        artist = np.searchsorted(sets, lab.others_set[keep])
        found = nearest_artist(own[10:], own[:10], Others(names, lab.others[keep], artist))
        assert np.mean(found == 0) > 3 / (len(names) + 1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_folders_become_artists_in_order(tmp_path, store):
    folder = write_references(tmp_path / "others")
    found = collect_references(folder, works=[], save=store.put_pixels)
    assert [a.name for a in found] == ["ann", "bob", "cy"]
    assert all(len(a.pixels) == 5 for a in found)
    assert store.get_pixels(found[0].pixels[0]).shape[2] == 3


def test_too_few_or_the_artist_himself_are_refused(tmp_path, store):
    folder = write_references(tmp_path / "others")
    mine = collect_references(folder, works=[], save=store.put_pixels)[1].pixels[2]
    own = make_work(0).model_copy(update={"pixels": mine, "name": "mine.png"})
    for prepare, slug in (
        (lambda: [own], "reference-artist-same"),
        (lambda: next((folder / "cy").iterdir()).unlink() or [], "reference-artists-few"),
        (lambda: (folder / "ann").rename(tmp_path / "gone") and [], "reference-artists-few"),
    ):
        with pytest.raises(BadInput) as caught:
            collect_references(folder, works=prepare(), save=store.put_pixels)
        assert caught.value.slug == slug
    with pytest.raises(BadInput):
        collect_references(tmp_path / "nothing", works=[], save=store.put_pixels)


@given(st.integers(0, 10_000), st.sampled_from([0.3, 1.5, 4.0]))
def test_a_work_is_never_compared_with_a_mean_that_it_is_part_of(seed, spread):
    """Against means worked out anew without each work; what a stranger's closeness is stays as it was."""
    rng = np.random.default_rng(seed)
    groups, own = clusters(rng, artists=3, works=4, spread=spread), clusters(rng, artists=1)[0]
    rows = others(groups)
    cosines = cosines_of_own(rows)
    for artist, works in enumerate(groups):
        for k, work in enumerate(works):
            rest = np.delete(works, k, axis=0).mean(axis=0)
            assert cosines[artist * len(works) + k] == pytest.approx(float(work @ rest / np.linalg.norm(rest)))
    alone = Others(names=("a",), features=unit(rng.normal(size=(1, 16))), artist=np.zeros(1, dtype=np.int64))
    assert cosines_of_own(alone).tolist() == [0.0]
    assert nearest_artist(rows.features, own, rows, themselves=True).min() >= 0


def test_without_any_structure_others_are_taken_for_the_artist_as_often_as_chance_has_it():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(40):
        rows = unit(rng.normal(size=(20, 256)))
        strangers = Others(names=("a", "b", "c"), features=rows[5:], artist=np.repeat(np.arange(3), 5))
        found.append(np.mean(nearest_artist(strangers.features, rows[:5], strangers, themselves=True) == 0))
    assert 0.1 < np.mean(found) < 0.4


def test_a_picture_without_features_is_nobodys():
    rng = np.random.default_rng(1)
    groups, own = clusters(rng), clusters(rng, artists=1)[0]
    features = unit(np.array([[np.nan] * 16, [np.inf] + [1.0] * 15, list(own[0])]))
    assert np.isnan(features[:2]).all(axis=1).tolist() == [True, True]
    assert nearest_artist(features, own, others(groups)).tolist() == [-1, -1, 0]
    assert np.isnan(closeness(features, own)).tolist() == [True, True, False]
