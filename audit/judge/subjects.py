"""Do pictures still show what was asked for? Shares by training run, and what a condition shifted against clean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audit.judge.gains import clean_name
from audit.judge.intervals import Array, Interval, mean_interval, rate_interval, spread_only
from audit.records import BASE, Results

METRIC = "subject"
"""Stands where style readings have the name of their metric."""


@dataclass(frozen=True)
class Concept:
    """One subject of the training works under one condition.

    Attributes:
        clean, treated: share of its pictures that show it, by models trained on originals and under the condition.
        shift: clean minus treated, with its interval over paired training runs.
    """

    name: str
    clean: float | None
    treated: float | None
    shift: Interval


def shares(results: Results) -> dict[tuple[str, int], Array]:
    """(condition, replicate) -> share of the pictures of each concept that show it, (concepts,)."""
    count = len(results.plan.concepts)
    found = {}
    for reading in results.subjects:
        if count and reading.found and len(reading.found) % count == 0:
            rows = np.array(reading.found).reshape(count, -1)
            found[reading.condition, reading.replicate] = (rows == np.arange(count)[:, None]).mean(axis=1)
    return found


def found_interval(results: Results, condition: str) -> Interval:
    """Share of pictures that show what was asked for; t interval over training runs."""
    rates = [float(s.mean()) for (name, _), s in sorted(shares(results).items()) if name == condition]
    return rate_interval(np.array(rates), level=results.plan.margins.level)


def shift_interval(results: Results, condition: str) -> Interval:
    """Share of pictures whose subject was lost against clean, net; paired t interval over training runs."""
    clean, treated = _paired(results, condition)
    return spread_only(mean_interval((clean - treated).mean(axis=1), level=results.plan.margins.level))


def by_concept(results: Results, condition: str) -> tuple[Concept, ...]:
    """Every concept under a condition; intervals are for single concepts, not all together."""
    clean, treated = _paired(results, condition)
    rows = []
    for index, name in enumerate(results.plan.concepts):
        one, other = clean[:, index], treated[:, index]
        rows.append(
            Concept(
                name=name,
                clean=float(one.mean()) if len(one) else None,
                treated=float(other.mean()) if len(other) else None,
                shift=spread_only(mean_interval(one - other, level=results.plan.margins.level)),
            )
        )
    return tuple(rows)


def read_conditions(results: Results) -> tuple[str, ...]:
    """Names with a reading, base and clean first."""
    known = {name for name, _ in shares(results)}
    return tuple(n for n in (BASE, *(c.name for c in results.plan.conditions)) if n in known)


def _paired(results: Results, condition: str) -> tuple[Array, Array]:
    """Shares by concept of clean and of a condition, for the replicates of both: (runs, concepts) each."""
    known, clean = shares(results), clean_name(results)
    both = sorted({r for n, r in known if n == clean} & {r for n, r in known if n == condition})
    count = len(results.plan.concepts)
    first, second = (np.array([known[name, r] for r in both]).reshape(len(both), count) for name in (clean, condition))
    return first, second
