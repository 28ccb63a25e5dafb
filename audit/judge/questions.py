"""One question asked before any verdict: what it found, what is said of it, what a red answer does.

`run` and `score` each have a table of such questions; how they are asked and which red one counts is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from audit.base.messages import Said, Value, catalogue, say
from audit.records import Check, Estimate

T = TypeVar("T")
L = TypeVar("L", bound=str)


class Finding(NamedTuple):
    """Answer to a question: True, False, or None when there is nothing to check with; figures for the expert."""

    passed: bool | None
    figures: Said
    exceptions: bool = False
    """Passed, but for a few cases that were left out and counted."""
    of: tuple[str, ...] = ()
    """Of a red answer: the protections that it is about; () where it is about all that was asked."""


@dataclass(frozen=True)
class Question(Generic[T, L]):
    """One question about `T`.

    What is said to the artist stands in the catalogue under the slug: `.yes`, `.no`, `.unknown`, and `.some` where it
    can pass with exceptions.
    """

    slug: str
    ask: Callable[[T], Finding | None]
    """None where the question does not arise."""
    red: L | None
    """The label that a red answer puts in the place of the verdict; None when it is only shown."""

    def answer(self, found: Finding) -> Said:
        """What is said of a finding."""
        if found.passed is None:
            return say(f"{self.slug}.unknown")
        if not found.passed:
            return say(f"{self.slug}.no")
        some = f"{self.slug}.some"
        return say(some if found.exceptions and some in catalogue() else f"{self.slug}.yes")


@dataclass(frozen=True)
class Override(Generic[L]):
    """A red check that takes the place of a verdict."""

    label: L
    check: Check


def ask(table: Iterable[Question[T, L]], results: T) -> tuple[Check, ...]:
    """One `Check` for each question that applies, in the order of the table."""
    asked = ((row, row.ask(results)) for row in table)
    return tuple(
        Check(slug=row.slug, passed=found.passed, said=row.answer(found), figures=found.figures, of=found.of)
        for row, found in asked
        if found is not None
    )


def strongest(table: Sequence[Question[T, L]], checks: Iterable[Check], order: Sequence[L]) -> Override[L] | None:
    """What red checks put in the place of the verdict: the first one of the label that withholds most, else None.

    Args:
        order: the labels, from what withholds most.
    """
    red = {check.slug: check for check in checks if check.passed is False}
    found = [Override(row.red, red[row.slug]) for row in table if row.slug in red and row.red is not None]
    return min(found, key=lambda override: order.index(override.label), default=None)


def estimate_line(row: Estimate) -> Said:
    """An estimate in one line: value, interval, units, and why something is missing."""
    values: dict[str, Value] = {"name": row.name, "metric": row.metric, "value": row.value, "n": row.n}
    id = "estimate.line"
    if row.condition:
        id, values = f"{id}-of", values | {"condition": row.condition}
    if row.low is not None:
        id, values = f"{id}-range", values | {"low": row.low, "high": row.high}
    if row.why is not None:
        id, values = f"{id}-why", values | {"reason": row.why}
    return say(id, **values)


def clauses(*parts: Said) -> Said:
    """Several things said, with semicolons between."""
    return parts[0] if len(parts) == 1 else say("figures.clauses", parts=parts)


def labels_by_metric(labels: Mapping[str, str]) -> tuple[Said, ...]:
    """Metric -> label, told one by one."""
    return tuple(say("figures.by-metric", label=say(f"reading.{label}"), metric=m) for m, label in labels.items())
