"""AUC and base position against brute force, published figures and coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audit.judge.separation import auc, auc_variance, base_position

scores = st.lists(st.integers(-5, 5).map(lambda i: i / 4), min_size=1, max_size=12)


@given(scores, scores)
def test_auc_counts_won_pairs_with_ties_as_half(real: list[float], others: list[float]) -> None:
    won = sum((r > o) + 0.5 * (r == o) for r in real for o in others) / (len(real) * len(others))
    found = auc(np.array(real), np.array(others), others_units=len(others), level=0.95)
    assert found.value == pytest.approx(won)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1


def test_auc_is_scipys_mann_whitney() -> None:
    rng = np.random.default_rng(0)
    real, others = rng.normal(1, 1, 14), rng.normal(0, 1, 40)
    found = auc(real, others, others_units=40, level=0.95)
    assert found.value == pytest.approx(stats.mannwhitneyu(real, others).statistic / (14 * 40))


def test_variance_of_the_published_example() -> None:
    # Hanley & McNeil (1982): 51 abnormal and 58 normal images, area 0.893, standard error 0.032.
    assert math.sqrt(auc_variance(0.893, real=51, others=58)) == pytest.approx(0.032, abs=0.0006)


@pytest.mark.parametrize("value", [0.6, 0.85, 1.0, 0.0])
def test_bounds_are_the_areas_within_z_standard_errors(value: float) -> None:
    m, k = 20, 30
    # `value` of the real works above all the others, the rest below.
    above = round(value * m)
    found = auc(np.array([1.0] * above + [-1.0] * (m - above)), np.zeros(k), others_units=k, level=0.95)
    grid = np.linspace(0, 1, 200_001)
    spread = np.array([auc_variance(a, real=m, others=k) for a in grid[::10]])
    inside = grid[::10][np.abs(grid[::10] - value) <= 1.959964 * np.sqrt(np.maximum(spread, 0)) + 1e-12]
    assert (found.low, found.high) == pytest.approx((inside.min(), inside.max()), abs=1e-4)


def test_full_separation_is_not_taken_for_certainty() -> None:
    found = auc(np.ones(10), np.zeros(60), others_units=15, level=0.95)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert 0.6 < found.low < 0.95


def test_fewer_other_artists_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    real, others = rng.normal(1, 1, 14), rng.normal(0, 1, 60)
    few, many = (auc(real, others, others_units=units, level=0.95) for units in (5, 60))
    assert few.value == many.value
    assert few.low is not None
    assert many.low is not None
    assert few.low < many.low


def test_auc_covers_the_true_area() -> None:
    rng, covered, rounds = np.random.default_rng(8), 0, 400
    truth = float(stats.norm.cdf(1.5 / math.sqrt(2)))
    for _ in range(rounds):
        found = auc(rng.normal(1.5, 1, 20), rng.normal(0, 1, 40), others_units=40, level=0.95)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / rounds <= 0.99


def test_without_works_there_is_no_area() -> None:
    found = auc(np.array([]), np.zeros(3), others_units=3, level=0.95)
    assert found.value is None
    assert found.why is not None


def test_base_position_runs_from_others_to_the_artist() -> None:
    others, real = np.array([-0.1, 0.1, 0.0]), np.array([0.7, 0.9])
    for mean, expected in ((0.0, 0.0), (0.8, 1.0), (0.2, 0.25), (-0.4, -0.5)):
        base = mean + np.array([-0.01, 0.01])
        assert base_position(base, real, others, others_units=3, level=0.95).value == pytest.approx(expected)


def test_base_position_bounds_solve_their_own_equation() -> None:
    rng = np.random.default_rng(4)
    base, real, others = rng.normal(0.3, 0.05, 8), rng.normal(0.7, 0.08, 10), rng.normal(0, 0.3, 20)
    found = base_position(base, real, others, others_units=12, level=0.95)
    t = stats.t.ppf(0.975, 7)
    for p in (found.low, found.high):
        assert p is not None
        # base - p real - (1 - p) others, three independent means, is t standard errors from 0.
        apart = base.mean() - p * real.mean() - (1 - p) * others.mean()
        weights = (base.var(ddof=1) / 8, p**2 * real.var(ddof=1) / 10, (1 - p) ** 2 * others.var(ddof=1) / 12)
        assert abs(apart) == pytest.approx(t * math.sqrt(sum(weights)))


def test_base_position_covers_the_true_place() -> None:
    rng, covered, rounds = np.random.default_rng(3), 0, 400
    for _ in range(rounds):
        base, real, others = rng.normal(0.3, 0.1, 12), rng.normal(0.7, 0.08, 12), rng.normal(0, 0.1, 40)
        found = base_position(base, real, others, others_units=40, level=0.95)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 / 0.7 <= found.high
    assert covered / rounds >= 0.93


@pytest.mark.parametrize(
    ("base", "real", "others", "has_value"),
    [
        ([0.2], [0.7, 0.8], [0.0, 0.1], True),
        ([0.2, 0.3], [0.1, 0.1], [0.4, 0.5], False),
        ([], [1.0], [0.0], False),
    ],
)
def test_base_position_says_why_it_has_no_bounds(
    base: list[float], real: list[float], others: list[float], has_value: bool
) -> None:
    found = base_position(np.array(base), np.array(real), np.array(others), others_units=len(others), level=0.95)
    assert (found.value is not None) == has_value
    assert found.low is None
    assert found.high is None
    assert found.why is not None
