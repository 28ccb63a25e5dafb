"""Where the spread of a comparison comes from, and what more trainings or more pictures would buy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audit.judge.intervals import NO_RUNS, ONE_PROMPT, ONE_RUN, Array, Interval


@dataclass(frozen=True)
class Components:
    """Variances of the score that a condition loses against clean, score squared.

    Attributes:
        replicate: between training runs, beyond what their pictures explain.
        prompt: between prompts, the same in every run; it does not widen the interval, which speaks
            of these prompts.
        noise: of one prompt in one run, all else: which run draws which prompt well or badly.
        prompts: how many prompts a run's mean is taken over.
    """

    replicate: float
    prompt: float
    noise: float
    prompts: int

    def of_a_run(self, *, pictures: float = 1.0) -> float:
        """Variance of one run's mean with `pictures` times as many pictures per prompt."""
        return self.replicate + self.noise / (self.prompts * pictures)


def components(lost: Array) -> Components | Interval:
    """Random-effects analysis of variance, crossed, one value per run and prompt (Searle et al., 1992).

    Args:
        lost: (runs, prompts), 2 x 2 at least; else an `Interval` that says what is lacking.

    Estimates are unbiased before a negative one is set to 0.
    """
    runs, prompts = lost.shape
    if runs < 2:
        return Interval(None, None, None, runs, ONE_RUN if runs else NO_RUNS)
    if prompts < 2:
        return Interval(None, None, None, runs, ONE_PROMPT)
    by_run, by_prompt = lost.mean(axis=1), lost.mean(axis=0)
    rest = lost - by_run[:, None] - by_prompt[None, :] + lost.mean()
    noise = float((rest**2).sum()) / ((runs - 1) * (prompts - 1))
    return Components(
        replicate=max(float(by_run.var(ddof=1)) - noise / prompts, 0.0),
        prompt=max(float(by_prompt.var(ddof=1)) - noise / runs, 0.0),
        noise=noise,
        prompts=prompts,
    )


def run_deviation(lost: Array, *, pictures: float) -> float | Interval:
    """Standard deviation of one run's mean, had each prompt `pictures` times as many pictures."""
    found = components(lost)
    return found if isinstance(found, Interval) else float(np.sqrt(found.of_a_run(pictures=pictures)))
