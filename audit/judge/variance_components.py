"""Where the spread of a comparison comes from, and what more trainings or more pictures would buy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from audit.base.messages import say
from audit.judge.intervals import NO_RUNS, ONE_PROMPT, ONE_RUN, Array, Interval


@dataclass(frozen=True)
class Components:
    """Variances of the score that a condition loses against clean, score squared.

    Attributes:
        replicate: between training runs, beyond what their prompts and pictures explain; where every run holds out
            works of its own, those are in it.
        prompt: between prompts, the same in every run. Where all runs ask the same, it does not widen the interval,
            which speaks of these prompts.
        noise: of one prompt in one run, all else: which run draws which prompt well or badly.
        prompts: how many prompts a run's mean is taken over.
        shared: how many of them two runs have in common, on average.
    """

    replicate: float
    prompt: float
    noise: float
    prompts: float
    shared: float

    def of_a_run(self, *, pictures: float = 1.0) -> float:
        """Variance of one run's mean, beyond what runs share, with `pictures` times as many pictures per prompt."""
        return self.replicate + self.of_prompts() + self.noise / (self.prompts * pictures)

    def of_prompts(self) -> float:
        """What runs differ by because they ask other prompts."""
        return self.prompt * (1 - self.shared / self.prompts) / self.prompts


def components(lost: Array) -> Components | Interval:
    """Random-effects analysis of variance, one value per run and prompt (Searle et al., 1992).

    Crossed where all runs ask the same prompts. Else noise and the part of prompts come from what prompts that several
    runs asked have in common (Henderson's method 3), and that of runs from their means.

    Args:
        lost: (runs, prompts), 2 x 2 at least, NaN where a run did not ask a prompt; else an `Interval` that says what
            is lacking.

    Estimates are unbiased before a negative one is set to 0.
    """
    asked = np.isfinite(lost)
    lost, asked = lost[:, asked.any(axis=0)], asked[:, asked.any(axis=0)]
    runs, prompts = lost.shape
    if runs < 2:
        return Interval(None, None, None, runs, ONE_RUN if runs else NO_RUNS)
    if prompts < 2:
        return Interval(None, None, None, runs, ONE_PROMPT)
    rows, columns = np.nonzero(asked)
    values = lost[asked]
    design = np.hstack([np.eye(runs)[rows], np.eye(prompts)[columns]])
    fit, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    if rank == len(values):
        return Interval(None, None, None, runs, say("why.prompts-asked-once"))
    left = float(((values - design @ fit) ** 2).sum())
    noise = left / (len(values) - int(rank))
    counts, means = asked.sum(axis=1), np.nanmean(lost, axis=1)
    # What the prompts add to the fit once the runs are in it.
    gained = float(((values - means[rows]) ** 2).sum()) - left - (int(rank) - runs) * noise
    found = Components(
        replicate=0.0,
        prompt=max(gained / (len(values) - runs), 0.0),
        noise=noise,
        prompts=float(counts.mean()),
        shared=float(np.mean([(asked[i] & asked[j]).sum() for i in range(runs) for j in range(i)])),
    )
    return replace(found, replicate=max(float(means.var(ddof=1)) - found.of_a_run(), 0.0))


def run_deviation(lost: Array, *, pictures: float) -> float | Interval:
    """Standard deviation of one run's mean, had each prompt `pictures` times as many pictures."""
    found = components(lost)
    return found if isinstance(found, Interval) else float(np.sqrt(found.of_a_run(pictures=pictures)))
