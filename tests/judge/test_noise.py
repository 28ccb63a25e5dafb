"""Noise in the pictures: the index at equal noise, and what a label may be there."""

from __future__ import annotations

import pytest

from audit import records as r
from audit.judge import judge
from audit.judge.limits.limit import AGREES, BOLDNESS, allowed, capped
from audit.judge.verdict import WORST_FIRST
from tests.judge.audits import PGD, audit, with_noise


def noise_check(results: r.Results) -> r.Check:
    return next(c for c in judge(results).checks if c.slug == "noise-not-style")


def label(results: r.Results) -> str:
    verdict = judge(results).verdict
    assert verdict is not None
    assert verdict.per_condition[PGD.name].label == verdict.label
    return verdict.label


def test_beyond_the_step_only_held_is_believed() -> None:
    noisy = with_noise(audit(protection={PGD.name: 0.9}), PGD.name, level=13.0, base=0.02, clean=-0.02)
    assert noise_check(noisy).passed is True
    assert label(noisy) == "held"
    little = with_noise(audit(protection={PGD.name: 0.3}), PGD.name, level=12.5)
    assert noise_check(little).passed is True, "not above clean's by more than the step"
    less = with_noise(audit(protection={PGD.name: 0.3}), PGD.name, level=14.0)
    assert noise_check(less).passed is False
    assert label(less) == "not-valid"


def test_without_a_range_at_equal_noise_the_limit_says_so() -> None:
    """Base as noisy as the condition is as near as clean: there is no gain to take a share of."""
    noisy = with_noise(audit(protection={PGD.name: 0.7}), PGD.name, level=2.0, base=1.0)
    verdict = judge(noisy).verdict
    assert verdict is not None
    assert "limit.equal-noise-open" in [limit.said.id for limit in verdict.per_condition[PGD.name].limited]


@pytest.mark.parametrize(
    ("index", "base", "clean", "expected", "softer"),
    [
        (0.7, 0.0, -0.02, "held", False),
        (0.7, 0.02, -0.12, "partly-held", True),  # held, but in part at equal noise
        (0.4, 0.0, -0.05, "partly-held", False),
        (0.3, 0.0, -0.12, "inconclusive", True),  # partly, but nothing at equal noise
        (0.1, 0.2, 0.0, "inconclusive", True),  # noise taken for style: in part at equal noise
        (0.0, 0.0, -0.02, "did-not-hold", False),
    ],
)
def test_a_label_is_what_both_readings_allow(
    index: float, base: float, clean: float, expected: str, softer: bool
) -> None:
    plain = audit(protection={PGD.name: index}, run_sd=0.003, picture_sd=0.01)
    noisy = with_noise(plain, PGD.name, level=2.0, base=base, clean=clean)
    assert label(noisy) == expected
    assert noise_check(noisy).passed is True
    assert ("may account for a part" in noise_check(noisy).sentence) is softer


@pytest.mark.parametrize("own", WORST_FIRST)
@pytest.mark.parametrize("equal", WORST_FIRST)
def test_equal_noise_never_makes_a_claim_bolder(own: r.VerdictLabel, equal: r.VerdictLabel) -> None:
    found = allowed(own, equal)
    assert found in (own, "held-plain", "partly-held", "inconclusive")
    assert (found == own) is (equal in AGREES[own])
    # A claim gets no bolder, and there is no news where nothing was claimed.
    assert found == own or own not in BOLDNESS or BOLDNESS.index(found) < BOLDNESS.index(own)
    assert found in (own, "inconclusive") or own in BOLDNESS


@pytest.mark.parametrize("own", WORST_FIRST)
@pytest.mark.parametrize("most", BOLDNESS)
def test_a_cap_takes_back_success_alone(own: r.VerdictLabel, most: r.VerdictLabel) -> None:
    found = capped(own, most)
    assert found == own or (own in BOLDNESS and BOLDNESS.index(own) > BOLDNESS.index(most) and found == most)
    assert own in BOLDNESS or found == own


def test_a_failure_must_show_at_equal_noise_as_a_success_must() -> None:
    assert allowed("did-not-hold", "inconclusive") == "inconclusive"
    assert allowed("held", "inconclusive") == "inconclusive"
    assert allowed("did-not-hold", "did-not-hold") == "did-not-hold"


def test_index_at_equal_noise_by_hand() -> None:
    """Noise moves base by 0.04 and clean by -0.05 (in run 0, more later): the condition is seen between the two."""
    plain = audit(protection={PGD.name: 0.6}, run_sd=1e-9, picture_sd=1e-9)
    judged = judge(with_noise(plain, PGD.name, level=5.0, base=0.04, clean=-0.05))
    gain, runs = 0.3, [1 + 0.01 * r for r in range(1, 7)]
    clean = [gain - 0.05 * x - 0.04 * x for x in runs]
    treated = [0.4 * gain - 0.04 * x for x in runs]
    expected = 1 - sum(treated) / sum(clean)
    found = next(e for e in judged.estimates if e.name == "index_at_equal_noise" and e.metric == "channel_stats")
    assert found.value == pytest.approx(expected, abs=1e-6)
    excess = next(e for e in judged.estimates if e.name == "noise_excess" and e.condition == PGD.name)
    assert excess.value == pytest.approx(4.035)
