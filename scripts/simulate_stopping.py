#!/usr/bin/env python
"""What the range of an audit that stops when its answer is clear covers, where replicates draw works and prompts anew.

The audits of `scripts.simulate_draws` with a budget of 12 replicates, judged after 6 and after each one more by
`audit.judge.sequential`, as `--until-decided` does. Truths are those of these works and this list of prompts.

Run: python -m scripts.simulate_stopping [--audits N] [--out FOLDER]
Writes FOLDER/stopping-simulation.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.judge.index_label import index_label
from audit.judge.intervals import Interval, ratio_interval
from audit.judge.limits.failed_runs import with_failed_runs
from audit.judge.sequential import sequential_index
from audit.records import VerdictLabel
from scripts.simulate_draws import MARGINS, World, fails, half_width, inside, simulate, table, tables

BUDGET = 12
WORLDS = (
    *(World(f"index {index}", index=index) for index in (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)),
    *(World(f"index {index}, 20 works", index=index, works=20) for index in (0.2, 0.5)),
    *(World(f"index {index}, skewed", index=index, skew=True) for index in (0.2, 0.5)),
    World("index 0.5, clean learns a fifth", gain=0.2),
    World("index 0.5, training works matter", trained=0.15),
    fails("10", 0.1, BUDGET),
    fails("5", 0.2, BUDGET),
)


@dataclass(frozen=True)
class Stopped:
    """One simulated audit.

    Attributes:
        found: its range where it stopped; runs: after how many replicates.
        word: of that range, and of the rule of failed runs as the judge asks it.
        often: of ordinary intervals read as often, the first word that was clear.
        truth: what the range speaks of.
    """

    found: Interval
    runs: int
    word: VerdictLabel
    often: VerdictLabel
    truth: float


def clear(word: VerdictLabel) -> bool:
    return word in ("held", "did-not-hold")


def audit(world: World, rng: np.random.Generator) -> Stopped:
    _, by_prompt, truth = tables(world, rng)
    lost, gained = np.nanmean(by_prompt, axis=2)
    often: VerdictLabel = "inconclusive"
    for runs in range(MARGINS.min_replicates, world.runs + 1):
        if not clear(often):
            often = index_label(ratio_interval(lost[:runs], gained[:runs], level=MARGINS.level), MARGINS)
    for runs in range(MARGINS.min_replicates, world.runs + 1):
        last = runs == world.runs
        found = sequential_index(gained[:runs], gained[:runs] - lost[:runs], level=MARGINS.level, family=1, last=last)
        word = index_label(found, MARGINS)
        if clear(word) or last:
            break
    if word == "held" and found.value is not None and with_failed_runs(found.value, runs=runs) <= MARGINS.held:
        word = "partly-held"
    return Stopped(found, runs, word, often, truth)


HEAD = (
    "setting", "covered", "half-width", "runs, mean", "`held`, true index at most 0.5", "ordinary ranges read as often",
    "`did-not-hold`, true index at least 0.2", "ordinary ranges read as often", "`held`, of all",
    "`did-not-hold`, of all",
)  # fmt: skip


def row(world: World, audits: int) -> tuple[str, ...]:
    rng = np.random.default_rng([11, *world.name.encode()])
    made = [audit(replace(world, runs=BUDGET), rng) for _ in range(audits)]
    at_most = [a for a in made if a.truth <= MARGINS.held]
    at_least = [a for a in made if a.truth >= MARGINS.did_not_hold]

    def share(among: Sequence[Stopped], *, said: VerdictLabel, often: bool = False) -> str:
        if len(among) < audits / 20:
            return "-"
        return f"{100 * np.mean([(a.often if often else a.word) == said for a in among]):.1f} %"

    return (
        world.name,
        f"{100 * np.mean([inside(a.found, a.truth) for a in made]):.1f} %",
        f"{half_width([a.found for a in made]):.1f}",
        f"{np.mean([a.runs for a in made]):.1f}",
        share(at_most, said="held"),
        share(at_most, said="held", often=True),
        share(at_least, said="did-not-hold"),
        share(at_least, said="did-not-hold", often=True),
        share(made, said="held"),
        share(made, said="did-not-hold"),
    )


def markdown(rows: Sequence[Sequence[str]], audits: int) -> str:
    lines = [
        "# What the ranges of audits that stop early cover",
        "",
        f"Made by `python -m scripts.simulate_stopping --audits {audits}`: simulated audits with a budget of {BUDGET}",
        "runs, judged after 6 and after each one more, by the judge itself. Unless a row says otherwise: 60 works, of",
        "which each run holds out 20, and 24 prompts a run of a list of 96. Half-widths are medians, in points of the",
        "index. Wrong words count among audits whose truth for these works lies on the wrong side; a dash stands where",
        'fewer than a twentieth do. "Read as often": the first clear word of ordinary 95 % ranges, without the rule of',
        "failed runs.",
        "",
        *table(HEAD, rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    simulate(WORLDS, row, markdown, name="stopping-simulation.md", about=__doc__)
