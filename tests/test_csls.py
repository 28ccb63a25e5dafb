"""CSLS beside any metric: a slow definition, what it is for, and how it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.base.errors import BadInput
from audit.judge.separation import auc
from audit.store import Store
from audit.style import METRICS, closeness, style_metric, style_scores, unit
from audit.style.choice import check_metric, pick_metrics
from audit.style.csls import csls
from audit.style.recognise import Others
from audit.style.score import View, features, other_artists


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def works_of(rng, centre, count, spread):
    return unit(centre + spread * rng.normal(size=(count, len(centre))))


def others_of(groups):
    return Others(
        names=tuple(str(i) for i in range(len(groups))),
        features=np.concatenate(groups),
        artist=np.repeat(np.arange(len(groups)), [len(g) for g in groups]),
    )


def slowly(picture, references, groups):
    def direction(rows):
        return sum(rows) / np.linalg.norm(sum(rows))

    own, centres = direction(references), [direction(g) for g in groups]
    near = sorted((float(picture @ c) for c in [own, *centres]), reverse=True)[:10]
    around = sorted((float(own @ c) for c in centres), reverse=True)[:10]
    return 2 * float(picture @ own) - sum(near) / len(near) - sum(around) / len(around)


@pytest.mark.parametrize("artists", [3, 10, 25])
def test_it_is_its_definition(rng, artists):
    groups = [works_of(rng, rng.normal(size=8), 4, 0.3) for _ in range(artists)]
    references, pictures = works_of(rng, rng.normal(size=8), 5, 0.3), works_of(rng, rng.normal(size=8), 6, 0.5)
    found = csls(pictures, references, others_of(groups))
    assert found == pytest.approx([slowly(p, references, groups) for p in pictures], abs=1e-12)


def test_it_takes_off_what_is_near_to_everyone(rng):
    """Works of a common look outscore the artist's own by cosine, and no longer when that look is taken off."""
    size = 40
    common = np.eye(size)[0]
    artist = unit((0.8 * common + np.eye(size)[1])[None])[0]
    groups = [works_of(rng, 2.0 * common + np.eye(size)[2 + i], 6, 0.02) for i in range(20)]
    own = works_of(rng, artist + 0.9 * np.eye(size)[30], 12, 0.15)
    others, references = others_of(groups), works_of(rng, artist, 8, 0.02)
    raw, mended = (
        auc(score(own), score(others.features), others_units=20, level=0.95).value
        for score in (lambda rows: closeness(rows, references), lambda rows: csls(rows, references, others))
    )
    assert raw < 0.9
    assert mended > 0.97


def test_it_is_asked_for_by_its_suffix_and_has_the_plain_metric_beside_it():
    assert pick_metrics("openclip-csls", lab=True, references=False) == ("openclip-csls", "openclip", "channel_stats")
    assert pick_metrics(None, lab=True, references=False) == tuple(METRICS)
    with pytest.raises(BadInput, match="-csls"):
        check_metric("nothing-csls")
    row, plain = style_metric("openclip-csls"), style_metric("openclip")
    assert (row.name, row.lineage, row.csls, plain.csls) == ("openclip-csls", plain.lineage, True, False)
    assert row.digest() != plain.digest()


def test_features_are_worked_out_once_for_both(tmp_path):
    store = Store(tmp_path)
    digests = [store.put_pixels(np.full((32, 32, 3), 60 * i, np.uint8)) for i in range(3)]
    view = View(side=32, device=torch.device("cpu"), store=store)
    plain = features("channel_stats", digests, view=view)
    run = store.run
    assert np.array_equal(features("channel_stats-csls", digests, view=view), plain)
    assert store.run == run
    others = other_artists("channel_stats-csls", (), view=view)
    assert np.array_equal(style_scores("channel_stats", plain, plain, others), closeness(plain, plain))
    assert np.array_equal(style_scores("channel_stats-csls", plain, plain, others), csls(plain, plain, others))


def test_a_metric_that_cannot_tell_artists_apart_does_not_pass_for_one_that_can(rng):
    """Features without any artist: works of few artists, compared with means that they were part of, gave 0.85."""
    found = []
    for _ in range(60):
        rows = unit(rng.normal(size=(16 + 5 + 15, 256)))
        pool, references, others = rows[:16], rows[16:21], others_of([rows[21:26], rows[26:31], rows[31:]])
        own = csls(pool, references, others)
        theirs = csls(others.features, references, others, themselves=True)
        found.append(np.mean(own[:, None] > theirs[None]))
    assert 0.4 < np.mean(found) < 0.6
