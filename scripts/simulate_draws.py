"""What an interval over training runs covers when held-out works and prompts are drawn once, or anew for every run.

An audit's index is a ratio of two means over runs. Both hang on the works held out, on the prompts asked for and
on the training run. Spreads are those measured on the lab: the index moves by 0.26 from one held-out work to another,
by 0.16 from prompt to prompt, by 0.05 from run to run. "These works" is the truth over all works and the whole
prompt list of the audit; "at large" is the truth over all works and prompts that could have been. The wider interval
is that of Nadeau and Bengio (2003): to the variance of a mean over runs comes works held out through works trained on.

Run: python -m scripts.simulate_draws [--audits N] [--out FOLDER]   (under a minute on one core)
Writes FOLDER/draws-simulation.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.judge.intervals import Interval, ratio_interval, t_quantile

LEVEL = 0.95
HELD = 0.5
INDEX_BY_WORK, INDEX_BY_PROMPT, INDEX_BY_RUN = 0.26, 0.16, 0.051
INDEX_REST = 0.10
"""Of one work, or one prompt, in one run."""
GAIN_BY_WORK, GAIN_BY_PROMPT, GAIN_BY_RUN = 0.30, 0.25, 0.05
"""Of the gain of clean, as shares of its mean."""


@dataclass(frozen=True)
class World:
    """One setting.

    Attributes:
        index: the true index of a run in which the protection works.
        works, prompts: how many the audit has; a third of the works is held out, `asked` prompts are drawn.
        skew: whether works and prompts differ lognormally.
        fails: chance that the protection does nothing at all in a run.
        gain: how much clean learns; the spread between runs stays as it is when that is less than 1.
        anew: whether every run draws its own works and prompts; else they are drawn once.
    """

    name: str
    index: float = 0.5
    works: int = 60
    prompts: int = 96
    asked: int = 24
    runs: int = 6
    skew: bool = False
    fails: float = 0.0
    gain: float = 1.0
    anew: bool = True

    @property
    def held_out(self) -> int:
        return max(4, round(self.works / 3))


WORLDS = (
    World("drawn once, as today", anew=False),
    World("drawn anew"),
    *(World(f"{works} works", works=works) for works in (12, 20, 36)),
    World("24 prompts, 12 a run", prompts=24, asked=12),
    World("96 prompts, 48 a run", asked=48),
    *(World(f"{runs} runs", runs=runs) for runs in (12, 24)),
    World("skewed", skew=True),
    World("skewed, 20 works", skew=True, works=20),
    World("does nothing in 1 run of 10", index=0.55, fails=0.1),
    World("does nothing in 1 run of 10, 12 runs", index=0.55, fails=0.1, runs=12),
    World("clean learns a fifth", gain=0.2),
    World("index 0", index=0.0),
    World("index 0.8", index=0.8),
)


def apart(rng: np.random.Generator, deviation: float, count: int, *, skew: bool) -> NDArray[np.float64]:
    """Effects of `count` works or prompts, with mean 0."""
    if not skew:
        return rng.normal(0, deviation, count)
    shape = 0.9
    mean, spread = np.exp(shape**2 / 2), np.sqrt((np.exp(shape**2) - 1) * np.exp(shape**2))
    return deviation * (rng.lognormal(0, shape, count) - mean) / spread


def audit(world: World, rng: np.random.Generator) -> tuple[Interval, Interval, float, float]:
    """One audit: its interval over runs, the wider one, the truth for these works, the truth at large."""
    w, size = world, world.held_out
    of_works, of_prompts = (
        apart(rng, INDEX_BY_WORK, w.works, skew=w.skew),
        apart(rng, INDEX_BY_PROMPT, w.prompts, skew=w.skew),
    )
    gain_works, gain_prompts = rng.normal(0, GAIN_BY_WORK, w.works), rng.normal(0, GAIN_BY_PROMPT, w.prompts)
    lost, gained = np.empty(w.runs), np.empty(w.runs)
    rows, asked = rng.permutation(w.works)[:size], rng.permutation(w.prompts)[: w.asked]
    for run in range(w.runs):
        if w.anew:
            rows, asked = rng.permutation(w.works)[:size], rng.permutation(w.prompts)[: w.asked]
        own = rng.normal(0, [INDEX_BY_RUN, INDEX_REST / np.sqrt(size * w.gain), INDEX_REST / np.sqrt(w.asked * w.gain)])
        own[0] /= w.gain
        works = rng.random() >= w.fails
        lost[run] = (w.index + of_works[rows].mean() + of_prompts[asked].mean() + own.sum()) if works else 0.0
        gained[run] = (
            1 + gain_works[rows].mean() + gain_prompts[asked].mean() + rng.normal(0, GAIN_BY_RUN / w.gain)
        )  # fmt: skip
    share = 1 - w.fails
    here = share * (w.index + of_works.mean() + of_prompts.mean()) / (1 + gain_works.mean() + gain_prompts.mean())
    wider = t_quantile(w.runs - 1, level=LEVEL) * np.sqrt(1 + w.runs * size / (w.works - size))
    found = ratio_interval(lost, gained, level=LEVEL)
    return found, ratio_interval(lost, gained, level=LEVEL, quantile=float(wider)), float(here), share * w.index


def row(world: World, audits: int) -> str:
    """A row of the table: coverage, widths, and how often `held` was said where the truth was 0.5 or less."""
    rng = np.random.default_rng([7, *world.name.encode()])
    made = [audit(world, rng) for _ in range(audits)]

    def inside(found: Interval, truth: float) -> bool:
        # An interval without bounds excludes nothing.
        return found.low is None or found.high is None or found.low <= truth <= found.high

    def half(which: int) -> float:
        return float(np.median([(f[which].high - f[which].low) / 2 for f in made if f[which].low is not None]))  # type: ignore[operator]

    at_most = [found for found, _, here, _ in made if here <= HELD]
    wrong = np.mean([found.low is not None and found.low > HELD for found in at_most]) if at_most else None
    cells = (
        world.name,
        f"{100 * np.mean([inside(found, here) for found, _, here, _ in made]):.1f} %",
        f"{100 * half(0):.1f}",
        f"{100 * np.mean([inside(found, large) for found, _, _, large in made]):.1f} %",
        f"{100 * np.mean([inside(wide, large) for _, wide, _, large in made]):.1f} %",
        f"{100 * half(1):.1f}",
        "none" if wrong is None else f"{100 * wrong:.1f} %",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=Path("reports/lab"))
    asked = parser.parse_args()
    lines = [
        "# What an interval over runs covers: works and prompts drawn once, or anew for every run",
        "",
        f"Made by `python -m scripts.simulate_draws --audits {asked.audits}`: simulated audits, 95 % intervals,",
        "half-widths in points of the index (medians). Unless the row says otherwise: true index 0.5, 60 works of",
        "which 20 are held out, 24 prompts of a list of 96, 6 runs. The last column counts audits whose truth for",
        "these works is 0.5 or less.",
        "",
        "| setting | covers these works and this prompt list | half-width | covers the artist at large"
        " | wider interval, at large | its half-width | `held` where it is not true |",
        "|---|---|---|---|---|---|---|",
    ]
    for world in WORLDS:
        lines.append(row(world, asked.audits))
        print(lines[-1], flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "draws-simulation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
