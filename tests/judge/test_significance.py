"""Sign flips, Holm, detectable effects and the bound on alarms against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audit.judge.significance import detectable_effect, holm, rate_upper_bound, sign_flip


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
        assert found.note


def test_holm_by_hand() -> None:
    # 0.01 * 4; 0.02 * 3; 0.03 * 2 = 0.06; 0.2
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx((0.06, 0.04, 0.2, 0.06))
    assert holm([]) == ()
    assert holm([0.6, 0.7]) == pytest.approx((1.0, 1.0))


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
