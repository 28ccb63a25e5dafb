"""The betting confidence sequence against ville's, a slow definition, and its error rate under peeking."""

import itertools
import math

import numpy as np
import pytest
import ville
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from audit.judge.intervals import ratio_interval, t_quantile
from audit.judge.sequential import (
    CAP,
    EFFECT_VARIANCE,
    GRID,
    betting_bounds,
    mixture_bounds,
    mixture_quantile,
    sequential_index,
)
from audit.judge.verdict import decided
from audit.records import Cell
from audit.records.plan import Stopping
from scripts.simulate_judge import World
from tests.builders import make_plan, make_results
from tests.judge.simulate import simulated_gains


@pytest.mark.parametrize(("a", "b"), [(1, 1), (8, 2), (0.5, 3), (20, 20)])
@pytest.mark.parametrize("level", [0.9, 0.975])
def test_bounds_are_those_of_an_independent_implementation(a: float, b: float, level: float) -> None:
    values = np.random.default_rng(3).beta(a, b, 30)
    other = ville.BettingCS(bounds=(0, 1), alpha=1 - level, c=CAP, grid=10_001)
    for n, value in enumerate(values, start=1):
        other.update(np.array([value]))
        assert betting_bounds(values[:n], level=level) == pytest.approx(other.interval(), abs=2.5 / GRID)


def excluded(values: list[float], mean: float, level: float) -> bool:
    """One candidate mean by the theorem's own words: wealth multiplied out, bet by bet."""
    alpha = 1 - level
    up = down = 1.0
    for t in range(1, len(values) + 1):
        before = values[: t - 1]
        centres = [(0.5 + sum(before[: i + 1])) / (i + 2) for i in range(len(before))]
        variance = (0.25 + sum((x - c) ** 2 for x, c in zip(before, centres, strict=True))) / t
        bet = math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(t + 1)))
        up *= 1 + min(bet, CAP / mean) * (values[t - 1] - mean)
        down *= 1 - min(bet, CAP / (1 - mean)) * (values[t - 1] - mean)
        if max(up, down) / 2 >= 1 / alpha:
            return True
    return False


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15), st.sampled_from([0.9, 0.95]))
def test_bounds_are_the_means_that_no_bettor_beat(values: list[float], level: float) -> None:
    low, high = betting_bounds(np.array(values), level=level)
    kept = [m for m in np.arange(0.01, 1, 0.01) if not excluded(values, m, level)]
    if kept:
        assert low <= min(kept) <= max(kept) <= high
        assert low >= min(kept) - 0.0125
        assert high <= max(kept) + 0.0125


def test_bounds_only_ever_tighten() -> None:
    values = np.random.default_rng(1).beta(2, 3, 25)
    bounds = [betting_bounds(values[:n], level=0.95) for n in range(26)]
    assert bounds[0] == (0.0, 1.0)
    assert all(a[0] <= b[0] and b[1] <= a[1] for a, b in itertools.pairwise(bounds))


@pytest.mark.parametrize(("index", "run_sd"), [(0.5, 0.03), (0.2, 0.03), (0.5, 0.15)])
def test_stopping_at_the_first_decision_keeps_the_level(index: float, run_sd: float) -> None:
    rng, audits, wrong = np.random.default_rng(7), 250, 0
    for _ in range(audits):
        clean, treated = simulated_gains(rng, runs=12, index=index, run_sd=run_sd)
        if not (clean > 0).all():
            continue
        for n in range(6, 13):
            found = sequential_index(clean[:n], treated[:n], level=0.95, family=1, last=n == 12)
            if found.low is None or found.high is None:
                assert found.why is not None
                continue
            if (found.low > 0.5 and index <= 0.5) or (found.high < 0.2 and index >= 0.2):
                wrong += 1
                break
    # 2.5 % on each side at most; 15 of 250 would come up once in 400 times at that rate.
    assert wrong <= 15


@pytest.mark.parametrize("replicates", [12, 20])
def test_noise_alone_is_no_protection_in_part_however_unlike_runs_are(replicates: int) -> None:
    """At a true index of 0 cutting shares at 0 lifts their mean above it, and bets on that mean would win."""
    rng, audits, wrong = np.random.default_rng(11), 200, 0
    world = World(spread=0.3, prompts=24, replicates=replicates)
    for _ in range(audits):
        clean, treated = world.draw(rng, (0.0,))
        for n in range(6, replicates + 1):
            found = sequential_index(clean[:n], treated[0, :n], level=0.95, family=1, last=n == replicates)
            if found.low is not None and found.low > 0:
                wrong += 1
                break
    # 2.5 % at most by the lower bounds alone; 13 of 200 would come up once in 300 times.
    assert wrong <= 12


def likelihood_ratio(t: float, n: int) -> float:
    """Noncentral t density mixed over effects, against the central one: by numbers, not in closed form."""

    def weighted(effect: float) -> float:
        return float(stats.nct.pdf(t, n - 1, effect * n**0.5) * stats.norm.pdf(effect, 0, EFFECT_VARIANCE**0.5))

    mixed, _ = integrate.quad(weighted, -25, 25, points=[0, t / n**0.5], limit=400)
    return mixed / float(stats.t.pdf(t, n - 1))


@pytest.mark.parametrize(("n", "level"), [(4, 0.9), (6, 0.95), (9, 0.975), (12, 0.9875)])
def test_the_mixture_quantile_is_where_the_likelihood_ratio_reaches_its_bound(n: int, level: float) -> None:
    assert likelihood_ratio(mixture_quantile(n, level=level), n) == pytest.approx(1 / (1 - level), rel=1e-3)


def test_the_mixture_needs_a_few_runs_and_reaches_further_than_one_look() -> None:
    assert mixture_quantile(1, level=0.95) == math.inf
    assert mixture_quantile(2, level=0.9875) == math.inf
    for n in range(4, 13):
        assert mixture_quantile(n, level=0.95) > t_quantile(n - 1, level=0.95)


def test_mixture_bounds_hold_at_all_interim_analyses_at_once() -> None:
    rng, missed = np.random.default_rng(5), 0
    for _ in range(400):
        clean, treated = simulated_gains(rng, runs=12, index=0.4)
        low, high = mixture_bounds(clean - treated, clean, level=0.9)
        missed += not low <= 0.4 <= high
    # 10 % at most; 58 of 400 would come up once in 400 times at that rate.
    assert missed <= 58


def test_sure_answers_come_at_the_first_interim_analysis_and_unsure_ones_at_the_last() -> None:
    rng = np.random.default_rng(6)
    clean, none = simulated_gains(rng, runs=12, index=0.0, run_sd=0.005)
    for treated, side in ((clean * 0.05, "held"), (none, "did-not-hold")):
        found = sequential_index(clean[:6], treated[:6], level=0.95, family=1, last=False)
        assert found.low is not None
        assert found.high is not None
        assert found.low > 0.5 if side == "held" else found.high < 0.2
    clean, noisy = simulated_gains(rng, runs=12, index=0.0, run_sd=0.06)
    early = sequential_index(clean[:11], noisy[:11], level=0.95, family=1, last=False)
    last = sequential_index(clean, noisy, level=0.95, family=1, last=True)
    assert early.high is not None
    assert last.high is not None
    assert last.high < 0.2 < early.high
    assert last.high == pytest.approx(ratio_interval(clean - noisy, clean, level=0.975).high)


def test_several_primary_conditions_raise_the_upper_bound_only() -> None:
    clean, treated = simulated_gains(np.random.default_rng(2), runs=12, index=0.1)
    one, four = (sequential_index(clean, treated, level=0.95, family=k, last=True) for k in (1, 4))
    assert one.low == four.low
    assert one.high is not None
    assert four.high is not None
    assert four.high > one.high


def test_no_gain_in_a_replicate_has_a_reason() -> None:
    found = sequential_index(np.array([0.3, -0.1]), np.array([0.1, 0.1]), level=0.95, family=1, last=False)
    assert (found.value, found.low) == (None, None)
    assert found.why is not None
    assert sequential_index(np.array([]), np.array([]), level=0.95, family=1, last=False).why is not None


@pytest.mark.parametrize(("left_out", "sure"), [((), True), ((3,), False)])
def test_no_decision_falls_before_there_are_enough_pairs(left_out: tuple[int, ...], sure: bool) -> None:
    """A model that is left out takes its pair along, and five pairs make no verdict."""
    plan = make_plan(replicates=6).model_copy(update={"stopping": Stopping(rule="until-decided")})
    results = make_results(plan=plan, protection={"encoder-pgd:16": 0.95}, run_sd=0.001)
    cells = tuple(
        with_loss(c) if c.condition == "encoder-pgd:16" and c.replicate in left_out else c for c in results.cells
    )
    assert decided(plan.model_copy(update={"replicates": 12}), cells) is sure


def with_loss(cell: Cell) -> Cell:
    assert cell.adapter is not None
    return cell.model_copy(update={"adapter": cell.adapter.model_copy(update={"finite": False})})
