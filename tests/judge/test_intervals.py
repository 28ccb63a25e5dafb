"""t, Fieller and bootstrap intervals against independent references, coverage and planted cases."""

import numpy as np
import pytest
from scipy import stats

from audit.base.messages import say
from audit.judge.intervals import (
    NO_GAIN,
    NO_RUNS,
    ONE_RUN,
    divided,
    mean_interval,
    ratio_bootstrap,
    ratio_interval,
    ratio_over_prompts,
)
from tests.judge.simulate import simulated_gains


def test_mean_interval_is_scipys_one_sample_t() -> None:
    values = np.random.default_rng(1).normal(0.3, 0.1, 7)
    found = mean_interval(values, level=0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.n == 7


def test_too_few_runs_have_a_reason_and_no_bounds() -> None:
    none, one = np.array([]), np.array([0.2])
    assert mean_interval(none, level=0.95).why == NO_RUNS
    assert mean_interval(none, level=0.95).value is None
    found = mean_interval(one, level=0.95)
    assert (found.value, found.low, found.high, found.why) == (0.2, None, None, ONE_RUN)
    ratio = ratio_interval(one, np.array([0.4]), level=0.95)
    assert (ratio.value, ratio.low, ratio.why) == (0.5, None, ONE_RUN)


def grid_inversion(clean: np.ndarray, treated: np.ndarray, level: float) -> tuple[float, float]:
    """Indices p at which a paired t test of clean * (1 - p) against treated does not reject."""
    grid = np.linspace(-3, 3, 60_001)
    differences = clean[:, None] * (1 - grid[None, :]) - treated[:, None]
    kept = grid[stats.ttest_1samp(differences, 0, axis=0).pvalue > 1 - level]
    return float(kept.min()), float(kept.max())


@pytest.mark.parametrize("index", [-0.4, 0.0, 0.35, 0.9, 1.2])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_fieller_is_the_grid_inversion_of_the_t_test(index: float, level: float) -> None:
    clean, treated = simulated_gains(np.random.default_rng(5), runs=6, index=index)
    found = ratio_interval(clean - treated, clean, level=level)
    assert found.low is not None
    assert (found.low, found.high) == pytest.approx(grid_inversion(clean, treated, level), abs=2e-4)
    assert found.value == pytest.approx(1 - treated.mean() / clean.mean())


def test_equal_runs_give_exactly_zero() -> None:
    clean = np.random.default_rng(2).normal(0.3, 0.05, 6)
    found = ratio_interval(clean - clean.copy(), clean, level=0.95)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_gain_not_surely_above_zero_has_a_value_but_no_bounds() -> None:
    clean = np.array([0.4, -0.3, 0.5, -0.2, 0.1, 0.1])
    found = ratio_interval(clean * 0.5, clean, level=0.95)
    assert stats.ttest_1samp(clean, 0).pvalue > 0.05
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (None, None)
    assert found.why is not None
    assert found.why.id == "why.unbounded"


def test_unbounded_sets_are_the_grid_inversion_of_the_t_test() -> None:
    """Whole lines and pairs of rays, said in words: what a scan over indices cannot reject."""
    rng, kinds = np.random.default_rng(4), set()
    grid = np.linspace(-60, 60, 24_001)
    for _ in range(60):
        clean = rng.normal(0.1, 0.2, 5)
        lost = rng.normal(0.3, rng.choice([0.02, 0.3]), 5)
        if not clean.mean() > 0:
            continue
        found = ratio_interval(lost, clean, level=0.95)
        kept = stats.ttest_1samp(lost[:, None] - grid[None, :] * clean[:, None], 0, axis=0).pvalue > 0.05
        if found.low is not None:
            kinds.add("interval")
        elif found.why == say("why.unbounded", set=say("why.any-index")):
            kinds.add("line")
            assert kept.all()
        else:
            kinds.add("rays")
            ruled_out = found.why.values["set"].values
            low, high = ruled_out["low"], ruled_out["high"]
            out = grid[~kept]
            if len(out):
                assert (out.min(), out.max()) == pytest.approx((low, high), rel=0.01, abs=0.02)
            assert kept[0]
            assert kept[-1]
    assert kinds == {"interval", "line", "rays"}


@pytest.mark.parametrize("clean", [[-0.2, -0.21, -0.19], [0.0, 0.0, 0.0]])
def test_no_gain_gives_no_index_at_all(clean: list[float]) -> None:
    found = ratio_interval(np.array([0.1, 0.2, 0.1]), np.array(clean), level=0.95)
    assert (found.value, found.low, found.high, found.why) == (None, None, None, NO_GAIN)


def test_false_alarms_of_null_audits_stay_at_the_level() -> None:
    rng = np.random.default_rng(11)
    audits, alarms = 600, 0
    for _ in range(audits):
        clean, treated = simulated_gains(rng, runs=6, index=0.0)
        found = mean_interval(clean - treated, level=0.95)
        assert found.low is not None
        assert found.high is not None
        alarms += not found.low <= 0 <= found.high
    low, high = stats.binom.ppf([0.0005, 0.9995], audits, 0.05)
    assert low <= alarms <= high


def test_fieller_covers_the_true_index() -> None:
    rng = np.random.default_rng(12)
    audits, covered = 600, 0
    for _ in range(audits):
        clean, treated = simulated_gains(rng, runs=6, index=0.4)
        found = ratio_interval(clean - treated, clean, level=0.95)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.4 <= found.high
    low, high = stats.binom.ppf([0.0005, 0.9995], audits, 0.95)
    assert low <= covered <= high


def test_bootstrap_is_near_scipys_and_repeats_with_its_seed() -> None:
    clean, treated = simulated_gains(np.random.default_rng(3), runs=12, index=0.4)
    lost = clean - treated
    found = ratio_bootstrap(lost, clean, level=0.95, rng=np.random.default_rng(0))
    expected = stats.bootstrap(
        (lost, clean),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert found == ratio_bootstrap(lost, clean, level=0.95, rng=np.random.default_rng(0))
    assert found != ratio_bootstrap(lost, clean, level=0.95, rng=np.random.default_rng(9))


def test_bootstrap_of_too_few_runs_has_no_bounds() -> None:
    clean = np.array([0.5, 0.4])
    found = ratio_bootstrap(clean * 0.5, clean, level=0.95, rng=np.random.default_rng(0), least=6)
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (None, None)
    assert found.why is not None


def test_bootstrap_without_a_gain_in_some_resample_has_no_bounds() -> None:
    clean = np.array([0.5, -0.2, 0.1])
    found = ratio_bootstrap(clean * 0.5, clean, level=0.95, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (None, None)
    assert found.why is not None


def test_divided_scales_value_and_bounds_and_keeps_gaps() -> None:
    whole = mean_interval(np.array([0.2, 0.4]), level=0.95)
    half = divided(whole, 2.0)
    assert whole.low is not None
    assert half.low == pytest.approx(whole.low / 2)
    assert half.value == pytest.approx(0.15)
    assert divided(mean_interval(np.array([0.4]), level=0.95), 2.0).low is None


def crossed(rng: np.random.Generator, *, runs: int, prompts: int, of_prompts: float) -> tuple[np.ndarray, np.ndarray]:
    """Lost and clean gains, (runs, prompts), with true means 0.1 and 0.3."""

    def draw(mean: float) -> np.ndarray:
        return (
            mean
            + rng.normal(0, 0.02, (runs, 1))
            + rng.normal(0, of_prompts, (1, prompts))
            + rng.normal(0, 0.1, (runs, prompts))
        )

    return draw(0.1), draw(0.3)


@pytest.mark.parametrize("of_prompts", [0.0, 0.05, 0.2])
def test_an_interval_over_prompts_covers_where_prompts_are_drawn(of_prompts: float) -> None:
    """One third, in 94 % of 1,000 draws or more; taken as fixed, prompts that matter are missed far more often."""
    rng, hits, fixed = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        lost, clean = crossed(rng, runs=6, prompts=24, of_prompts=of_prompts)
        found = ratio_over_prompts(lost, clean, level=0.95)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1 / 3 <= found.high
        plain = ratio_interval(lost.mean(axis=1), clean.mean(axis=1), level=0.95)
        assert plain.low is not None
        assert plain.high is not None
        fixed += plain.low <= 1 / 3 <= plain.high
    assert hits >= 940
    if of_prompts == 0.2:
        assert fixed < 800


def test_without_spread_between_prompts_the_interval_is_that_over_runs() -> None:
    rng = np.random.default_rng(1)
    lost, clean = (mean + rng.normal(0, 0.02, (6, 1)).repeat(8, axis=1) for mean in (0.1, 0.3))
    over, plain = ratio_over_prompts(lost, clean, level=0.95), ratio_interval(lost[:, 0], clean[:, 0], level=0.95)
    assert (over.value, over.low, over.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (6, 1), (6, 0)])
def test_too_few_runs_or_prompts_have_no_interval_over_prompts(shape: tuple[int, int]) -> None:
    found = ratio_over_prompts(np.full(shape, 0.1), np.full(shape, 0.3), level=0.95)
    assert found.low is None
    assert found.high is None
    assert found.why is not None
