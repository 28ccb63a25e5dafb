"""Does choosing the mimic's settings by half of the runs, and judging by the other half, bias the index?

Every run has a gain for each setting of clean, and for each setting and way around a protection. Runs differ by what
they draw, which clean and protected share, by what protection and draws do together, and by the luck of every
training. The index at the mimic's best is 1 - best / best of clean; it is worked out by the judge's own function, and
beside it with the settings that paid best in the very runs that are judged.

Run: python -m scripts.simulate_grid [--audits N] [--out FOLDER]   (under a minute on one core)
Writes FOLDER/grid-simulation.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.judge.at_best import cross_fitted, widened
from audit.judge.intervals import ratio_interval

LEVEL, HELD = 0.95, 0.5
BY_RUN, BY_PROTECTION, BY_LUCK = 0.10, 0.06, 0.05
"""Standard deviations as shares of clean's gain: of what a run draws, of what that does to the protection, of a
training. The first two give about the half-widths of reports/lab/draws-simulation.md."""

SAME = (1.0,) * 8
UNLIKE = (1.0, 0.5, 0.8, 1.1, 1.1, 1.05, 0.95, 1.0)
"""Mean gain of clean with each setting; the first is the default."""


@dataclass(frozen=True)
class World:
    """One setting of the simulation.

    Attributes:
        clean: mean gain of clean with each setting; left: share of it that the protection leaves, by way and setting.
        luck: spread of a training.
    """

    name: str
    clean: tuple[float, ...]
    left: tuple[tuple[float, ...], ...]
    runs: int = 6
    luck: float = BY_LUCK

    @property
    def truth(self) -> float:
        """The index at the best settings."""
        return 1 - float((np.array(self.left) * np.array(self.clean)).max() / np.max(self.clean))


def even(share: float, *, ways: int = 1, settings: int = 8) -> tuple[tuple[float, ...], ...]:
    """The same share left by every way and setting."""
    return ((share,) * settings,) * ways


WORLDS = (
    World("nothing, 2 settings", SAME[:2], even(1.0, settings=2)),
    World("nothing, 8 settings", SAME, even(1.0)),
    World("nothing, 8 settings, 4 ways", SAME, even(1.0, ways=4)),
    World("nothing, 8 settings, 4 ways, 12 runs", SAME, even(1.0, ways=4), runs=12),
    World("nothing, twice the luck, 4 ways", SAME, even(1.0, ways=4), luck=2 * BY_LUCK),
    World("nothing, unlike settings", UNLIKE, even(1.0)),
    World("half, 2 settings", SAME[:2], even(0.5, settings=2)),
    World("half, 8 settings", SAME, even(0.5)),
    World("half, 8 settings, 4 ways", SAME, even(0.5, ways=4)),
    World("half, 8 settings, 4 ways, 12 runs", SAME, even(0.5, ways=4), runs=12),
    World("half, unlike settings", UNLIKE, even(0.5)),
    World("half, unlike settings, 12 runs", UNLIKE, even(0.5), runs=12),
    World("half, twice the luck, 4 ways", SAME, even(0.5, ways=4), luck=2 * BY_LUCK),
    World("0.8, but 0.5 at one setting", SAME, ((0.2, 0.2, 0.2, 0.5, 0.2, 0.2, 0.2, 0.2),)),
    World("0.8, but 0.5 by one way", SAME, (*even(0.2, ways=3), *even(0.5))),
    World("0.8 everywhere, 4 ways", SAME, even(0.2, ways=4)),
)


def audit(world: World, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains of clean, (runs, settings), and of the protection, (runs, ways x settings)."""
    w = world
    drawn, apart = rng.normal(0, BY_RUN, (w.runs, 1)), rng.normal(0, BY_PROTECTION, (w.runs, 1))
    means = np.array(w.clean)
    left = (np.array(w.left) * means).reshape(-1)
    clean = means * (1 + drawn) + rng.normal(0, w.luck, (w.runs, len(means)))
    treated = left * (1 + drawn) + apart + rng.normal(0, w.luck, (w.runs, len(left)))
    return clean, treated


def luckiest(gained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gains with what paid best in these very runs."""
    found: NDArray[np.float64] = gained[:, int(np.argmax(gained.mean(axis=0)))]
    return found


def row(world: World, audits: int) -> str:
    """A row of the table: both ways of choosing, by their bias and coverage, and how often success was claimed."""
    rng = np.random.default_rng([21, *world.name.encode()])
    made = [audit(world, rng) for _ in range(audits)]
    cells = [world.name, f"{world.runs}", f"{world.truth:.2f}"]
    for choose in (lambda gained: widened(cross_fitted(gained)[0]), luckiest):
        found = []
        for clean, treated in made:
            of_clean, of_treated = choose(clean), choose(treated)
            found.append(ratio_interval(of_clean - of_treated, of_clean, level=LEVEL))
        kept = [(f.value, f.low, f.high) for f in found if f.value is not None and f.low is not None]
        values, low, high = np.array(kept, dtype=float).T
        inside = np.mean((low <= world.truth) & (world.truth <= high))
        cells += [f"{values.mean() - world.truth:+.3f}", f"{inside:.1%}", f"{(high - low).mean() / 2:.2f}"]
        cells += [f"{np.mean(low > 0):.1%}", f"{np.mean(low > HELD):.1%}"]
    return "| " + " | ".join(cells) + " |"


COLUMNS = ("bias", "covers", "half-width", "low > 0", "`held`")
HEAD = """# Choosing the mimic's settings by the other half of the runs: simulation

`python -m scripts.simulate_grid --audits {audits}`, {audits} audits a row, intervals at {level:.0%}.
"Crossed": each half of the runs with what paid best in the other half, standard errors as of one run fewer.
"Luckiest": with what paid best in the same runs.
Spreads, as shares of clean's gain: {run} by what a run draws, {protection} by what that does to the protection,
{luck} by training. The truth is 1 - best mean / best mean of clean over all settings and ways.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("reports/lab"))
    asked = parser.parse_args()
    rows = [row(world, asked.audits) for world in WORLDS]
    head = HEAD.format(audits=asked.audits, level=LEVEL, run=BY_RUN, protection=BY_PROTECTION, luck=BY_LUCK)
    columns = ["what the protection leaves", "runs", "truth"]
    columns += [f"{way}: {column}" for way in ("crossed", "luckiest") for column in COLUMNS]
    rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]
    text = head + "\n".join(rows) + "\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "grid-simulation.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
