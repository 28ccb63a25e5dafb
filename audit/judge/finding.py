"""What one gate found, and how figures are written for the expert."""

from __future__ import annotations

from typing import NamedTuple

from audit.records import Estimate


class Finding(NamedTuple):
    """Answer of a gate: True, False, or None when there is nothing to check with; figures in `detail`."""

    passed: bool | None
    detail: str
    exceptions: bool = False
    """Passed, but for a few cases that were left out and counted."""


def figure(value: float | None) -> str:
    """A number with three digits, or words for a missing one."""
    return "not known" if value is None else f"{value:.3g}"


def described(row: Estimate) -> str:
    """An estimate in one line: value, interval, units, and why something is missing."""
    where = f" of {row.condition}" if row.condition else ""
    interval = f" [{figure(row.low)}, {figure(row.high)}]" if row.low is not None else ""
    note = f" ({row.note})" if row.note else ""
    return f"{row.name}{where} by {row.metric}: {figure(row.value)}{interval}, n = {row.n}{note}"


def listed(names: list[str], *, limit: int = 12) -> str:
    """Names in a row, cut with a count when there are many."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
