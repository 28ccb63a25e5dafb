"""Two audits side by side: in what plan, inputs, environment and result are not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from audit import __version__
from audit.judge.audit_facts import audit_facts
from audit.records import Aspect, AuditDifference, Plan, Results, RunComparison

_INPUTS = frozenset(("works", "protected", "other_works", "reference_artists", "draws", "alike"))


def compare_audits(first: Results, second: Results) -> RunComparison:
    """Both audits' facts, numbered 1 and 2, and every difference."""
    facts = [audit_facts(results).model_copy(update={"number": n}) for n, results in ((1, first), (2, second))]
    works = [{work.pixels for work in results.plan.works} for results in (first, second)]
    return RunComparison(
        tool_version=__version__,
        audits=(facts[0], facts[1]),
        same_works=len(works[0] & works[1]),
        differences=audit_differences(first, second),
    )


def audit_differences(first: Results, second: Results) -> tuple[AuditDifference, ...]:
    """Every difference of two judged audits, by chapter; values are JSON."""
    chapters: dict[Aspect, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "plan": (_plan(first.plan), _plan(second.plan)),
        "inputs": (_inputs(first.plan), _inputs(second.plan)),
        "environment": (_environment(first), _environment(second)),
        "result": (_result(first), _result(second)),
    }
    return tuple(
        AuditDifference(chapter=name, what=what, first=one, second=other)
        for name, (a, b) in chapters.items()
        for what, one, other in _differ("", a, b)
    )


def _plan(plan: Plan) -> dict[str, Any]:
    told = plan.model_dump(mode="json", exclude=set(_INPUTS))
    return told | {part: {row["name"]: row for row in told[part]} for part in ("conditions",) if part in told}


def _inputs(plan: Plan) -> dict[str, Any]:
    """Pictures by their digests, so that a renamed file is the same and a changed one is not."""
    return {
        "works": {work.pixels[:12]: work.caption for work in plan.works},
        "protected": {f"{file.arm} {file.pixels[:12]}": file.claimed_tool for file in plan.protected},
        "other works": {work.pixels[:12]: work.caption for work in plan.other_works},
        "reference artists": {artist.name: len(artist.pixels) for artist in plan.reference_artists},
    }


def _environment(results: Results) -> dict[str, Any]:
    p = results.provenance
    return {"device": p.device, "platform": p.platform, "python": p.python, "commit": p.commit, "packages": p.packages}


def _result(results: Results) -> dict[str, Any]:
    facts = audit_facts(results)
    claims = {
        f"{c.condition} by {c.metric}": {"verdict": c.verdict, "value": c.value, "low": c.low, "high": c.high}
        for c in facts.claims
    }
    return {"verdict": facts.verdict, "checks": {c.slug: c.passed for c in results.checks}, **claims}


def _differ(place: str, first: Any, second: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys((*first, *second)):
            yield from _differ(f"{place}.{key}" if place else str(key), first.get(key), second.get(key))
    elif first != second:
        yield place, first, second
