"""Sign flips, Holm, detectable effects and the bound on alarms against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from audit.judge.intervals import ratio_interval
from audit.judge.significance import (
    chance_index_at_least,
    chance_not_equivalent,
    detectable_effect,
    holm,
    rate_upper_bound,
    sign_flip,
)
from tests.judge.simulate import simulated_gains


@pytest.mark.parametrize(("n", "shift"), [(2, 1.0), (5, 0.3), (6, 5.0), (9, 0.5)])
def test_sign_flip_is_the_share_of_all_patterns_at_least_as_extreme(n: int, shift: float) -> None:
    differences = np.random.default_rng(n).normal(shift, 1, n)
    observed = abs(differences.mean())
    patterns = itertools.product((-1, 1), repeat=n)
    means = np.array([abs((np.array(s) * differences).mean()) for s in patterns])
    expected = float(np.mean(means >= observed * (1 - 1e-12)))
    found = sign_flip(differences, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(expected)
    assert found.n == n


def test_six_runs_are_the_fewest_that_reach_five_per_cent() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip(np.full(5, 0.1) + np.arange(5) / 100, rng=rng).value == pytest.approx(2 / 2**5)
    assert sign_flip(np.full(6, 0.1) + np.arange(6) / 100, rng=rng).value == pytest.approx(2 / 2**6)


def test_sixteen_pairs_are_exact_and_more_are_drawn() -> None:
    differences = np.random.default_rng(4).normal(0.4, 1, 16)
    exact = [sign_flip(differences, rng=np.random.default_rng(seed)).value for seed in (0, 1)]
    assert exact[0] == exact[1]
    more = np.append(differences, 0.3)
    drawn = sign_flip(more, rng=np.random.default_rng(0)).value
    assert drawn == pytest.approx(stats.ttest_1samp(more, 0).pvalue, abs=0.02)
    assert drawn == sign_flip(more, rng=np.random.default_rng(0)).value
    assert drawn != sign_flip(more, rng=np.random.default_rng(1)).value


def test_equal_runs_have_p_one_and_single_runs_have_none() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip(np.zeros(6), rng=rng).value == 1.0
    for n in (0, 1):
        found = sign_flip(np.ones(n), rng=rng)
        assert found.value is None
        assert found.why is not None


def test_holm_by_hand() -> None:
    # 0.01 * 4; 0.02 * 3; 0.03 * 2 = 0.06; 0.2
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx((0.06, 0.04, 0.2, 0.06))
    assert holm([]) == ()
    assert holm([0.6, 0.7]) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_holm_is_statsmodels(size: int) -> None:
    p_values = np.random.default_rng(size).uniform(0, 0.2, size)
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_a_missing_p_stays_in_the_family() -> None:
    assert holm([0.01, None]) == (pytest.approx(0.02), None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_monotone_and_between_p_and_bonferroni(p_values: list[float]) -> None:
    adjusted = [p for p in holm(p_values) if p is not None]
    for p, a in zip(p_values, adjusted, strict=True):
        assert p <= a <= min(1.0, len(p_values) * max(p_values))
    assert [adjusted[i] for i in np.argsort(p_values, kind="stable")] == sorted(adjusted)


@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_the_detectable_effect_is_detected_that_often(n: int) -> None:
    effect = detectable_effect(deviation=0.05, n=n, level=0.95, power=0.8)
    draws = np.random.default_rng(n).normal(effect, 0.05, (20_000, n))
    power = float(np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05))
    assert power == pytest.approx(0.8, abs=0.015)


def test_a_power_below_the_level_needs_no_effect() -> None:
    assert detectable_effect(deviation=1.0, n=6, level=0.95, power=0.04) == 0.0


@pytest.mark.parametrize(("trials", "bound"), [(10, 0.26), (20, 0.14), (40, 0.072), (60, 0.049), (100, 0.030)])
def test_no_alarm_in_so_many_bounds_the_rate(trials: int, bound: float) -> None:
    found = rate_upper_bound(0, trials, level=0.95)
    assert found == pytest.approx(1 - 0.05 ** (1 / trials))
    assert found == pytest.approx(bound, abs=0.002)


def test_some_alarms_match_scipys_exact_interval() -> None:
    # A one-sided 95 % bound is the upper end of a two-sided 90 % interval.
    expected = stats.binomtest(2, 30).proportion_ci(0.9, method="exact").high
    assert rate_upper_bound(2, 30, level=0.95) == pytest.approx(expected)
    assert rate_upper_bound(3, 3, level=0.95) == 1.0
    assert rate_upper_bound(0, 0, level=0.95) == 1.0


@pytest.mark.parametrize("index", [-0.3, 0.0, 0.15, 0.5])
def test_margins_are_tested_like_scipy_and_statsmodels_test_them(index: float) -> None:
    clean, treated = simulated_gains(np.random.default_rng(8), runs=7, index=index)
    below = chance_index_at_least(clean, treated, margin=0.2)
    expected = stats.ttest_rel(treated, 0.8 * clean, alternative="greater").pvalue
    assert below.value == pytest.approx(expected, rel=1e-9)
    assert below.n == 7
    # The bounds of a TOST scale with clean, so each side is its own paired test.
    lower = ttost_paired(treated, 0.8 * clean, 0.0, 1e9)[1][1]
    upper = ttost_paired(treated, 1.2 * clean, -1e9, 0.0)[2][1]
    found = chance_not_equivalent(clean, treated, margin=0.2)
    assert found.value == pytest.approx(max(lower, upper), rel=1e-6)


def test_the_one_sided_test_is_the_upper_fieller_bound() -> None:
    rng = np.random.default_rng(9)
    for _ in range(200):
        clean, treated = simulated_gains(rng, runs=6, index=0.1)
        bound = ratio_interval(clean - treated, clean, level=0.95).high
        p = chance_index_at_least(clean, treated, margin=0.2).value
        assert bound is not None
        assert p is not None
        assert (bound < 0.2) == (p < 0.025)


def test_margins_with_equal_or_few_runs() -> None:
    clean = np.array([0.3, 0.3, 0.3])
    assert chance_index_at_least(clean, clean, margin=0.2).value == 0.0
    assert chance_index_at_least(clean, clean * 0.5, margin=0.2).value == 1.0
    assert chance_not_equivalent(clean, clean, margin=0.2).value == 0.0
    for n in (0, 1):
        found = chance_not_equivalent(clean[:n], clean[:n], margin=0.2)
        assert found.value is None
        assert found.why is not None
