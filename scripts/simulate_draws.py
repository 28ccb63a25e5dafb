"""What the intervals of an audit cover whose replicates each draw held-out works and prompts of their own.

Simulated audits with known truth through the judge's own functions. An audit's index is a ratio of two means over
runs; both hang on the works held out, on the prompts asked for and on the training run. Spreads are those measured on
the lab (`audit.judge.reach`). "These works" is the truth over all works and the whole prompt list of the audit; "at
large" is the truth over all works and prompts that could have been.

Run: python -m scripts.simulate_draws [--audits N] [--out FOLDER]   (under two minutes on one core)
Writes FOLDER/draws-simulation.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.judge.at_large import ratio_at_large
from audit.judge.index_label import index_label
from audit.judge.intervals import Interval, ratio_interval
from audit.judge.limits.failed_runs import with_failed_runs
from audit.judge.reach import GAINED, LOST, Size, reach
from audit.records import Margins, VerdictLabel

Table = NDArray[np.float64]
MARGINS = Margins()
TRAINED = 24
"""Works that a run trains on, where so many are not held out."""


@dataclass(frozen=True)
class World:
    """One setting.

    Attributes:
        index: the true index of a run in which the protection works.
        works, prompts: how many the audit has; a third of the works is held out, `asked` prompts are drawn.
        skew: whether works and prompts differ lognormally.
        fails: chance that the protection does nothing at all in a run.
        gain: how much clean learns; spreads of runs and pictures stay as they are when that is less than 1.
        audit: standard deviation of what all runs of an audit share, as one making of the protected files.
        trained: of what one training work does to the index of a model.
        series: how many works in a row look alike and score alike.
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
    audit: float = 0.0
    trained: float = 0.0
    series: int = 1
    anew: bool = True

    @property
    def size(self) -> Size:
        held_out = max(4, round(self.works / 3))
        return Size(works=self.works, held_out=held_out, prompts=self.prompts, asked=self.asked, runs=self.runs)


def fails(name: str, chance: float, runs: int) -> World:
    """A protection that does nothing in some runs and has a true index of 0.5 over all."""
    return World(f"does nothing in 1 run of {name}, {runs} runs", index=0.5 / (1 - chance), fails=chance, runs=runs)


WORLDS = (
    World("drawn once, as before", anew=False),
    World("drawn anew"),
    *(World(f"{works} works", works=works) for works in (10, 20, 36)),
    World("12 prompts a run", asked=12),
    World("48 prompts a run", asked=48),
    World("24 prompts, all asked", prompts=24),
    *(World(f"{runs} runs", runs=runs) for runs in (12, 24)),
    World("skewed", skew=True),
    World("skewed, 20 works", skew=True, works=20),
    World("clean learns a fifth", gain=0.2),
    World("protected files differ by 3 points", audit=0.03),
    World("training works matter", trained=0.15),
    World("works in series of 3", series=3),
    World("index 0", index=0.0),
    World("index 0.2", index=0.2),
    *(fails("10", 0.1, runs) for runs in (6, 12, 24)),
    *(fails("5", 0.2, runs) for runs in (6, 12, 24)),
    *(World(f"index {index}, {runs} runs", index=index, runs=runs) for index in (0.65, 0.8) for runs in (6, 12, 24)),
    *(World(f"index {index}, 20 works", index=index, works=20) for index in (0.65, 0.8)),
)


@dataclass(frozen=True)
class Audit:
    """One simulated audit.

    Attributes:
        these: its interval for these works and this prompt list; large: that for the artist at large.
        truth_here, truth_large: what each of them speaks of.
        word: of the first interval and the rule of failed runs; plain: of the interval alone.
    """

    these: Interval
    large: Interval
    truth_here: float
    truth_large: float
    word: VerdictLabel
    plain: VerdictLabel


def apart(rng: np.random.Generator, deviation: float, count: int, *, skew: bool = False, alike: int = 1) -> Table:
    """Effects of `count` works or prompts, with mean 0; of `alike` in a row, the same."""
    own = -(-count // alike)
    if not skew:
        drawn = rng.normal(0, deviation, own)
    else:
        shape = 0.9
        mean, spread = np.exp(shape**2 / 2), np.sqrt((np.exp(shape**2) - 1) * np.exp(shape**2))
        drawn = deviation * (rng.lognormal(0, shape, own) - mean) / spread
    return np.repeat(drawn, alike)[:count]


def tables(world: World, rng: np.random.Generator) -> tuple[Table, Table, float]:
    """What each run lost and gained, by work and by prompt, (2, runs, works) and (2, runs, prompts), and the truth."""
    w, size = world, world.size
    lost_works = apart(rng, LOST.work, w.works, skew=w.skew, alike=w.series)
    lost_prompts = apart(rng, LOST.prompt, w.prompts, skew=w.skew)
    gained_works = apart(rng, GAINED.work, w.works, alike=w.series)
    gained_prompts, trained = apart(rng, GAINED.prompt, w.prompts), apart(rng, w.trained, w.works)
    index, rest = w.index + rng.normal(0, w.audit), LOST.rest / np.sqrt(w.gain)
    by_work, by_prompt = np.full((2, w.runs, w.works), np.nan), np.full((2, w.runs, w.prompts), np.nan)
    order, asked = rng.permutation(w.works), rng.permutation(w.prompts)[: w.asked]
    for run in range(w.runs):
        if w.anew:
            order, asked = rng.permutation(w.works), rng.permutation(w.prompts)[: w.asked]
        held_out, used = order[: size.held_out], order[size.held_out :][:TRAINED]
        of_works = lost_works[held_out] + rng.normal(0, rest, len(held_out))
        of_prompts = lost_prompts[asked] + rng.normal(0, rest, len(asked))
        own = index + trained[used].mean() + rng.normal(0, LOST.run / w.gain)
        lost = own + of_works.mean() + of_prompts.mean()
        gained = 1 + gained_works[held_out].mean() + gained_prompts[asked].mean() + rng.normal(0, GAINED.run / w.gain)
        holds = float(rng.random() >= w.fails)
        by_work[0, run, held_out] = holds * (lost + of_works - of_works.mean())
        by_prompt[0, run, asked] = holds * (lost + of_prompts - of_prompts.mean())
        by_work[1, run, held_out] = gained + gained_works[held_out] - gained_works[held_out].mean()
        by_prompt[1, run, asked] = gained + gained_prompts[asked] - gained_prompts[asked].mean()
    here = index + lost_works.mean() + lost_prompts.mean() + trained.mean()
    truth = (1 - w.fails) * here / (1 + gained_works.mean() + gained_prompts.mean())
    return by_work, by_prompt, float(truth)


def audit(world: World, rng: np.random.Generator) -> Audit:
    """One audit, judged as the judge does."""
    by_work, by_prompt, here = tables(world, rng)
    lost, gained = np.nanmean(by_prompt, axis=2)
    these = ratio_interval(lost, gained, level=MARGINS.level)
    plain = word = index_label(these, MARGINS)
    if word == "held" and these.value is not None:
        word = "held" if with_failed_runs(these.value, runs=world.runs) > MARGINS.held else "partly-held"
    large = ratio_at_large(by_work, by_prompt, level=MARGINS.level)
    return Audit(these, large, here, (1 - world.fails) * world.index, word, plain)


def inside(found: Interval, truth: float) -> bool:
    """An interval without bounds excludes nothing."""
    return found.low is None or found.high is None or found.low <= truth <= found.high


def half_width(found: Sequence[Interval]) -> float:
    """In points, the median over those that have bounds."""
    return float(np.median([50 * (f.high - f.low) for f in found if f.low is not None and f.high is not None]))


def row(world: World, audits: int) -> tuple[str, ...]:
    """Coverage and half-width of both intervals, wrong words, and how often `held` was said at all."""
    rng = np.random.default_rng([7, *world.name.encode()])
    made = [audit(world, rng) for _ in range(audits)]
    at_most = [a for a in made if a.truth_here <= MARGINS.held]
    at_least = [a for a in made if a.truth_here >= MARGINS.did_not_hold]

    def share(among: Sequence[Audit], *, said: VerdictLabel, plain: bool = False) -> str:
        if len(among) < audits / 20:
            return "-"
        return f"{100 * np.mean([(a.plain if plain else a.word) == said for a in among]):.1f} %"

    expected = reach(world.size, level=MARGINS.level)
    return (
        world.name,
        f"{100 * np.mean([inside(a.these, a.truth_here) for a in made]):.1f} %",
        f"{half_width([a.these for a in made]):.1f} ({100 * expected[0]:.1f})",
        f"{100 * np.mean([inside(a.these, a.truth_large) for a in made]):.1f} %",
        f"{100 * np.mean([inside(a.large, a.truth_large) for a in made]):.1f} %",
        f"{half_width([a.large for a in made]):.1f} ({100 * expected[1]:.1f})",
        share(at_most, said="held"),
        share(at_most, said="held", plain=True),
        share(at_least, said="did-not-hold"),
        share(made, said="held"),
        share(made, said="held", plain=True),
    )


HEAD = (
    "setting", "these works and this prompt list: covered", "half-width (told beforehand)",
    "the same range of the artist at large", "range at large: covered", "half-width (told beforehand)",
    "`held`, true index at most 0.5", "without the rule of failed runs", "`did-not-hold`, true index at least 0.2",
    "`held`, of all", "without the rule",
)  # fmt: skip


def outside(rows: Sequence[Sequence[str]]) -> list[str]:
    """Settings in which a range covers less than 93 % or more than 97 % of what it speaks of, in a line for each."""
    lines = []
    for column, what in ((1, "these works"), (4, "the artist at large")):
        odd = [f"{row[0]} ({row[column]})" for row in rows if not 93 <= float(row[column].split()[0]) <= 97]
        lines.append(f"- {what}: {', '.join(odd) or 'none'}")
    return lines


def markdown(rows: Sequence[Sequence[str]], audits: int) -> str:
    lines = [
        "# What the ranges of an audit cover",
        "",
        f"Made by `python -m scripts.simulate_draws --audits {audits}`: simulated audits, 95 % intervals by the judge",
        "itself, half-widths in points of the index (medians). Unless the row says otherwise: true index 0.5, 60 works",
        "of which each run holds out 20, 24 prompts a run from a list of 96, 6 runs. In brackets: the half-width that",
        "`cloakcheck plan` tells beforehand. Wrong words count among audits whose truth for these works lies on the",
        "wrong side; a dash stands where fewer than a twentieth do. With so many audits a rate of 95 % is uncertain by",
        f"{100 * 1.96 * (0.95 * 0.05 / audits) ** 0.5:.1f} points either way.",
        "",
        *table(HEAD, rows),
        "",
        "Outside 93 to 97 %, each range of what it speaks of:",
        "",
        *outside(rows),
    ]
    return "\n".join(lines) + "\n"


def simulate(
    worlds: Sequence[World],
    row: Callable[[World, int], tuple[str, ...]],
    markdown: Callable[[Sequence[Sequence[str]], int], str],
    *,
    name: str,
    about: str | None,
) -> None:
    """A command that simulates audits of each world and writes their table.

    Args:
        row: a world and how many audits -> its line; markdown: all lines, and how many audits -> the page.
        name: the page's file; about: what the command is for.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("reports/lab"))
    asked = parser.parse_args()
    rows = []
    for world in worlds:
        rows.append(row(world, asked.audits))
        print(*rows[-1], sep=" | ", flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / name).write_text(markdown(rows, asked.audits), encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown."""
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    simulate(WORLDS, row, markdown, name="draws-simulation.md", about=__doc__)
