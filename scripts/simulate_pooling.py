"""How often the pooled range of `audit.judge.pooling` covers the mean of all artists, and a new artist's index.

python -m scripts.simulate_pooling --draws 4000

Artists' true indices are normal around 0.3; each artist's index and its standard error come from six runs, as in an
audit, so that the errors are as uncertain as there.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from audit.judge.pooling import pool, steadied

MEAN, RUNS, LEVEL = 0.3, 6, 0.95
SPREAD_OF_RUNS = 0.12
"""Of one run's index."""
UNLIKE = 0.3
"""How unlike artists are in that: standard deviation of its logarithm."""


def covered(artists: int, spread: float, *, draws: int, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Shares of draws whose range holds the mean, whose range by bare errors does, and whose range for a new artist
    holds one more artist's true index; and the middle half-width."""
    hits, bare, new, widths = 0, 0, 0, []
    for _ in range(draws):
        true = rng.normal(MEAN, spread, artists + 1)
        noise = SPREAD_OF_RUNS * np.exp(rng.normal(0, UNLIKE, artists))
        runs = true[:artists, None] + rng.normal(0, 1, (artists, RUNS)) * noise[:, None]
        values, errors = runs.mean(axis=1), runs.std(axis=1, ddof=1) / math.sqrt(RUNS)
        found, other = pool(values, steadied(errors), level=LEVEL), pool(values, errors, level=LEVEL)
        assert found is not None
        assert other is not None
        hits += found.low <= MEAN <= found.high
        bare += other.low <= MEAN <= other.high
        new += found.new_low is not None and found.new_high is not None and found.new_low <= true[-1] <= found.new_high
        widths.append((found.high - found.low) / 2)
    return hits / draws, bare / draws, new / draws, float(np.median(widths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    print("| artists | spread between them | covers the mean | with bare errors | new artist | half-width |")
    print("|---|---|---|---|---|---|")
    for artists in (3, 6, 12, 30):
        for spread in (0.0, 0.1, 0.2):
            hit, bare, new, width = covered(artists, spread, draws=asked.draws, rng=rng)
            print(
                f"| {artists} | {spread * 100:.0f} points | {hit * 100:.1f} % | {bare * 100:.1f} % | {new * 100:.1f} % "
                f"| {width * 100:.1f} points |"
            )


if __name__ == "__main__":
    main()
