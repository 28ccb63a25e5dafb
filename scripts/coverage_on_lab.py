"""How often the stated range of one audit holds the mean of others that tested the same under other seeds.

Each audit's range is held against the mean index of all the other audits of the same works: "these works" where it is
the range of the verdict, "at large" where it is the wider one. The mean of the others is not the truth but close to
it; with few audits a range is missed a little more often than it would miss the truth.

Run: python -m scripts.coverage_on_lab RUN_FOLDER RUN_FOLDER ... [--out FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audit.judge import judge
from audit.judge.claims import is_claim
from audit.judge.estimates import find
from audit.records import Estimate, Results
from audit.runfolder import read_results

RANGES = ("protection_index", "index_at_best", "index_at_large")


@dataclass(frozen=True)
class Coverage:
    """What the ranges of one kind did over audits.

    Attributes:
        audits: those with a range; held: how many of these hold the mean of all other audits.
        mean, deviation: of the audits' indices; half_width: median.
    """

    audits: int
    held: int
    mean: float
    deviation: float
    half_width: float


def coverage(audits: Sequence[Results], *, name: str, condition: str, metric: str) -> Coverage | None:
    """None with fewer than three audits that have the index.

    Raises:
        ValueError: audits of other works, of other settings or of the same seed.
    """
    check(audits)
    rows = [find(results, name, condition, metric) for results in audits]
    return over(rows)


def check(audits: Sequence[Results]) -> None:
    """Refuse audits that do not differ by their seed alone."""
    plans = [results.plan for results in audits]
    same = {(p.model.sha256, p.training, p.sampling, tuple(sorted(w.pixels for w in p.works))) for p in plans}
    if len(same) > 1:
        raise ValueError("audits of other works, models or settings")
    if len({p.seed for p in plans}) < len(plans):
        raise ValueError("two audits with the same seed")


def over(rows: Sequence[Estimate]) -> Coverage | None:
    known = [row for row in rows if row.value is not None]
    values = np.array([row.value for row in known], dtype=np.float64)
    if len(known) < 3:
        return None
    others = (values.sum() - values) / (len(values) - 1)
    held = [
        (row.low <= other <= row.high, (row.high - row.low) / 2)
        for row, other in zip(known, others.tolist(), strict=True)
        if row.low is not None and row.high is not None
    ]
    return Coverage(
        audits=len(held),
        held=sum(inside for inside, _ in held),
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)),
        half_width=float(np.median([half for _, half in held])) if held else float("nan"),
    )


def markdown(audits: Sequence[Results]) -> str:
    """A row for every claim, metric and kind of range."""
    plan = audits[0].plan
    lines = [
        f"{len(audits)} audits of the same works under other seeds, {plan.replicates} runs each.",
        "",
        "| condition | metric | range | holds the mean of the others | mean index | spread of audits | half-width |",
        "|---|---|---|---|---|---|---|",
    ]
    for condition in (c for c in plan.conditions if is_claim(plan, c)):
        for metric in plan.metrics:
            for name in RANGES:
                found = coverage(audits, name=name, condition=condition.name, metric=metric)
                if found is not None:
                    lines.append(
                        f"| {condition.name} | {metric} | {name} | {found.held} of {found.audits} "
                        f"| {100 * found.mean:.1f} | {100 * found.deviation:.1f} | {100 * found.half_width:.1f} |"
                    )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = markdown([judge(read_results(folder)) for folder in asked.folders])
    print(text)
    if asked.out is not None:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
