"""Sentences of an earlier version's file said again, so that every language has them, where the words are the same.

Such a file holds finished English sentences. Its records judged again say theirs by messages; a record takes the
message of the one it is the same as, wherever that message's English is the very sentence of the file. Any other
sentence stays as the file has it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from audit.base.messages import Said, render
from audit.base.record import Record
from audit.records import Check, Deviation, Estimate, Results, ScoreResults, Verdict

One = TypeVar("One", bound=Record)


def said_again(results: Results, judge: Callable[[Results], Results]) -> Results:
    """Results with the messages of `judge(results)` where they say the same; figures and labels stay the file's."""
    if results.verdict is None or not results.verdict.said.finished:
        return results
    again = judge(results)
    return results.model_copy(
        update={
            "estimates": _each(results.estimates, again.estimates, _estimate_is, ("how", "why")),
            "checks": _each(results.checks, again.checks, _check_is, ("said", "figures")),
            "deviations": _each(results.deviations, again.deviations, _deviation_is, ("said",)),
            "verdict": _verdict(results.verdict, again.verdict),
        }
    )


def score_said_again(results: ScoreResults, judge: Callable[[ScoreResults], ScoreResults]) -> ScoreResults:
    """The same of a score."""
    if results.verdict is None or not results.verdict.said.finished:
        return results
    again = judge(results)
    return results.model_copy(
        update={
            "estimates": _each(results.estimates, again.estimates, _estimate_is, ("how", "why")),
            "checks": _each(results.checks, again.checks, _check_is, ("said", "figures")),
            "verdict": _one(results.verdict, again.verdict, ("said",)),
        }
    )


def _verdict(verdict: Verdict, again: Verdict | None) -> Verdict:
    known = {} if again is None else again.per_condition
    claims = {name: _one(claim, known.get(name), ("said",)) for name, claim in verdict.per_condition.items()}
    return _one(verdict, again, ("said",)).model_copy(update={"per_condition": claims})


def _estimate_is(estimate: Estimate) -> Hashable:
    return estimate.name, estimate.condition, estimate.metric


def _check_is(check: Check) -> Hashable:
    return check.slug


def _deviation_is(deviation: Deviation) -> Hashable:
    return deviation.slug


def _each(
    records: Iterable[One], again: Iterable[One], identity: Callable[[One], Hashable], fields: tuple[str, ...]
) -> tuple[One, ...]:
    known = {identity(record): record for record in again}
    return tuple(_one(record, known.get(identity(record)), fields) for record in records)


def _one(record: One, again: One | None, fields: tuple[str, ...]) -> One:
    """A record with the messages of another one at the fields where both say the same in English."""
    told = {
        field: getattr(again, field) for field in fields if _same(getattr(record, field), getattr(again, field, None))
    }
    return record.model_copy(update=told) if told else record


def _same(written: Said | None, again: Said | None) -> bool:
    return written is not None and again is not None and written.finished and render(again) == render(written)
