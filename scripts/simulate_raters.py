"""What a panel of raters can tell: coverage of the interval of people's preference, and how often it is sure.

A rater chooses clean's picture of a pair where a hidden preference is above zero, the other one where it is below, and
"no difference" near zero. The preference is the true one, plus what is the rater's own, what is the training run's,
what is the pair's, and what is of this rater and pair alone. The truth is the share over all raters, runs and pairs
that could have been. Spreads, as shares of what is left over: raters 0.3, pairs 0.5, runs 0, 0.3 or 0.5.

Run: python -m scripts.simulate_raters [--panels N] [--out FOLDER]   (under a minute on one core)
Writes FOLDER/raters.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from audit.judge.people.preference import preference
from audit.records import Margins

LEVEL = 0.95
RUNS = 6
TIE = 0.3
BY_RATER, BY_PAIR = 0.3, 0.5
BY_RUN = {"none": 0.0, "middling": 0.3, "large": 0.5}
PREFERENCES = (0.5, 0.65, 0.8)
SIZES = tuple((raters, pairs) for raters in (5, 7, 10) for pairs in (18, 36))


@dataclass(frozen=True)
class Told:
    """Shares of panels."""

    covers: float
    """Whose interval holds the truth."""
    apart: float
    """Whose interval lies above chance."""
    as_close: float
    """Whose interval lies below the margin."""
    half: float
    """Half-width of the interval, the middle one."""
    pairs_cover: float
    """The same of an interval that takes every pair as a unit of its own."""


def panels(*, raters: int, pairs: int, share: float, by_run: float, count: int, runs: int = RUNS) -> Told:
    """Simulate panels of one setting."""
    rng = np.random.default_rng([11, raters, pairs, int(100 * share), int(100 * by_run), runs])
    spread = float(np.sqrt(1 + BY_RATER**2 + BY_PAIR**2 + by_run**2))
    # The middle of the hidden preference that makes the true share, ties counted as half.
    grid = np.linspace(0, 3, 3001)
    shares = (norm.cdf((grid - TIE) / spread) + norm.cdf((grid + TIE) / spread)) / 2
    middle = float(np.interp(share, shares, grid))
    run = np.arange(pairs) % runs
    found = []
    for _ in range(count):
        hidden = middle + rng.normal(0, BY_RATER, (raters, 1)) + rng.normal(0, 1, (raters, pairs))
        hidden += rng.normal(0, by_run, runs)[run] + rng.normal(0, BY_PAIR, pairs)
        chosen = np.where(hidden > TIE, 1.0, np.where(hidden < -TIE, 0.0, 0.5))
        honest, naive = (preference(chosen, units, level=LEVEL) for units in (run, np.arange(pairs)))
        found.append((honest.low, honest.high, naive.low, naive.high))
    low, high, naive_low, naive_high = np.array(found, dtype=float).T
    return Told(
        covers=float(np.mean((low <= share) & (share <= high))),
        apart=float(np.mean(low > 0.5)),
        as_close=float(np.mean(high < Margins().people_prefer)),
        half=float(np.median(high - low) / 2),
        pairs_cover=float(np.mean((naive_low <= share) & (share <= naive_high))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("reports/lab"))
    asked = parser.parse_args()
    lines = [
        "# What a panel of raters can tell",
        "",
        f"Made by `python -m scripts.simulate_raters --panels {asked.panels}`: simulated panels, 95 % intervals,",
        f"{RUNS} training runs. Preference: true share of choices for the unprotected model's picture; 50 % is chance.",
        "Spread between runs is beside that of raters (0.3) and pairs (0.5), all against 1 for one rater and pair.",
        "“Surely told apart”: lower bound above 50 %. “Surely as close”: upper bound below "
        f"{100 * Margins().people_prefer:.0f} %. The last column is",
        "for comparison: an interval that takes pairs for independent, though those of a run show the same two models.",
        "",
        "| raters | pairs | preference | spread between runs | covers the truth | half-width | surely told apart"
        " | surely as close | pairs as units cover |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for raters, pairs in SIZES:
        for share in PREFERENCES:
            for word, by_run in BY_RUN.items():
                t = panels(raters=raters, pairs=pairs, share=share, by_run=by_run, count=asked.panels)
                lines.append(
                    f"| {raters} | {pairs} | {share:.0%} | {word} | {100 * t.covers:.1f} % | {100 * t.half:.0f} "
                    f"| {100 * t.apart:.0f} % | {100 * t.as_close:.0f} % | {100 * t.pairs_cover:.1f} % |"
                )
    (asked.out / "raters.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
