"""How far the range of a protection index will reach, told from the size of a test alone, before any training.

Spreads are shares of what clean gains, as measured on the lab; another model or artist has others. Simulated audits
hold the formula to the judge's own intervals (reports/lab/draws-simulation.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import scipy

from audit.base.messages import Said, say
from audit.judge.intervals import t_quantile
from audit.records import Plan

INDEX = 0.5
"""The true index that a reach is stated for: that of the line between the words."""


@dataclass(frozen=True)
class Spread:
    """Standard deviations of one quantity: between works, prompts and runs, and of one work or prompt in one run."""

    work: float
    prompt: float
    run: float
    rest: float


LOST = Spread(work=0.26, prompt=0.16, run=0.051, rest=0.10)
"""Of what a protection takes away."""
GAINED = Spread(work=0.30, prompt=0.25, run=0.05, rest=0.0)
"""Of what clean gains."""


@dataclass(frozen=True)
class Size:
    """How large a test is.

    Attributes:
        works: how many the artist gave; held_out: how many of them a run holds out.
        prompts: how many the plan lists; asked: how many of them a run asks.
    """

    works: int
    held_out: int
    prompts: int
    asked: int
    runs: int

    def twice(self, what: str) -> Size:
        """The same with twice the works, prompts of a run or runs; the list of prompts grows where it must."""
        if what == "works":
            return replace(self, works=2 * self.works, held_out=2 * self.held_out)
        if what == "runs":
            return replace(self, runs=2 * self.runs)
        return replace(self, asked=2 * self.asked, prompts=max(self.prompts, 2 * self.asked))


def reach(size: Size, *, level: float) -> tuple[float, float]:
    """Half-width of the range for these works and this list of prompts, and of that for the artist at large.

    The median over audits, shares of the index: the variance of a mean over runs that each draw anew, with the finite
    population correction for these works; beside it what jackknives over works and prompts add.
    """
    s, k = size, size.runs
    work, prompt, run, rest = (
        a**2 + (INDEX * b) ** 2
        for a, b in (
            (LOST.work, GAINED.work),
            (LOST.prompt, GAINED.prompt),
            (LOST.run, GAINED.run),
            (LOST.rest, GAINED.rest),
        )
    )
    of_works = work / s.held_out * (1 - s.held_out / s.works)
    of_prompts = prompt / s.asked * (1 - s.asked / s.prompts)
    between = (of_works + of_prompts + run + rest / s.held_out + rest / s.asked) / k
    parts = [(between, k - 1)]
    for variance, drawn, there in ((work + rest, s.held_out, s.works), (prompt + rest, s.asked, s.prompts)):
        # How unevenly a few runs draw: some works more often than others.
        uneven = 1 + (1 - drawn / there) * there / (k * drawn)
        parts.append((variance * uneven / there * drawn / max(drawn - 1, 1), there - 1))
    total = sum(v for v, _ in parts)
    degrees = max(round(total**2 / sum(v**2 / d for v, d in parts)), 1)
    found = [
        t_quantile(df, level=level) * math.sqrt(v * float(scipy.stats.chi2.median(df)) / df)
        for v, df in ((between, k - 1), (total, degrees))
    ]
    return found[0], found[1]


def size_of(plan: Plan) -> Size | None:
    """How large the test of a plan is; None where runs draw nothing of their own, or there is but one."""
    if len(plan.draws) < 2 or plan.replicates < 2:
        return None
    return Size(
        works=len(plan.works),
        held_out=min(len(draw.held_out) for draw in plan.draws),
        prompts=len(plan.prompts),
        asked=min(len(draw.prompts) for draw in plan.draws),
        runs=plan.replicates,
    )


def can_tell(plan: Plan) -> tuple[Said, ...]:
    """What a test of this size can tell, and what more works, prompts or runs would buy; () where it cannot be said."""
    size, level = size_of(plan), plan.margins.level
    if size is None:
        return ()

    def points(of: Size) -> int:
        return max(round(100 * reach(of, level=level)[0]), 1)

    large = max(round(100 * reach(size, level=level)[1]), 1)
    return (
        say("reach.told", works=size.works, asked=size.asked, runs=size.runs, points=points(size)),
        say("reach.at-large", points=large),
        say("reach.more", **{what: points(size.twice(what)) for what in ("works", "prompts", "runs")}),
        say("reach.from-the-lab"),
    )
