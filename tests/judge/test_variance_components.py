"""Variance components against statsmodels, a slow definition and planted truths."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from audit.judge import judge
from audit.judge.estimates import find
from audit.judge.gains import gains
from audit.judge.intervals import Interval
from audit.judge.variance_components import Components, components, run_deviation
from tests.judge.audits import PGD, audit


def table(
    rng: np.random.Generator, *, runs: int, prompts: int, run_sd: float, prompt_sd: float, noise_sd: float
) -> NDArray[np.float64]:
    by_run, by_prompt = rng.normal(0, run_sd, (runs, 1)), rng.normal(0, prompt_sd, (1, prompts))
    return 0.1 + by_run + by_prompt + rng.normal(0, noise_sd, (runs, prompts))


def parts(lost: NDArray[np.float64]) -> Components:
    found = components(lost)
    assert isinstance(found, Components)
    return found


def test_components_are_those_of_statsmodels_mean_squares() -> None:
    lost = table(np.random.default_rng(0), runs=7, prompts=11, run_sd=0.3, prompt_sd=0.5, noise_sd=0.2)
    run, prompt = np.indices(lost.shape)
    frame = pd.DataFrame({"lost": lost.ravel(), "run": run.ravel(), "prompt": prompt.ravel()})
    squares = anova_lm(ols("lost ~ C(run) + C(prompt)", frame).fit())["mean_sq"]
    found = parts(lost)
    assert found.noise == pytest.approx(squares["Residual"])
    assert found.replicate == pytest.approx((squares["C(run)"] - squares["Residual"]) / 11)
    assert found.prompt == pytest.approx((squares["C(prompt)"] - squares["Residual"]) / 7)
    # As the runs are: the model splits the spread of run means, and adds nothing to it.
    assert found.of_a_run() == pytest.approx(lost.mean(axis=1).var(ddof=1))
    assert run_deviation(lost, pictures=1) == pytest.approx(lost.mean(axis=1).std(ddof=1))


def test_planted_components_are_found_on_average() -> None:
    rng = np.random.default_rng(1)
    drawn = [parts(table(rng, runs=8, prompts=12, run_sd=0.3, prompt_sd=0.2, noise_sd=0.5)) for _ in range(1500)]
    assert np.mean([p.replicate for p in drawn]) == pytest.approx(0.09, rel=0.06)
    assert np.mean([p.prompt for p in drawn]) == pytest.approx(0.04, rel=0.1)
    assert np.mean([p.noise for p in drawn]) == pytest.approx(0.25, rel=0.03)


def test_more_pictures_shrink_only_the_noise() -> None:
    found = Components(replicate=0.04, prompt=9.0, noise=0.6, prompts=10, shared=10)
    assert found.of_a_run() == pytest.approx(0.04 + 0.06)
    assert found.of_a_run(pictures=2) == pytest.approx(0.04 + 0.03)


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (5, 1)])
def test_too_small_a_table_has_a_reason(shape: tuple[int, int]) -> None:
    found = components(np.zeros(shape))
    assert isinstance(found, Interval)
    assert found.value is None
    assert found.why is not None


def test_estimates_say_what_more_would_buy() -> None:
    judged = judge(audit(protection={PGD.name: 0.4}, run_sd=0.001, picture_sd=0.05))
    metric = judged.plan.primary_metric

    def value(name: str) -> float:
        found = find(judged, name, PGD.name, metric).value
        assert found is not None
        return found

    now, replicates, pictures = (value(f"mde_{k}") for k in ("protection_index", "twice_replicates", "twice_pictures"))
    assert replicates < now / 1.4
    # Most of this spread is noise of pictures, so more of them help.
    assert pictures < now
    by_prompt = gains(judged, metric).lost_by_prompt("clean", PGD.name)
    assert by_prompt.shape == (6, 4)
    assert by_prompt.mean() == pytest.approx(value("gain_difference"))
