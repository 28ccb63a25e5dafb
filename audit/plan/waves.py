"""In which order a plan's models are trained: first what an answer needs, then what holds it against controls."""

from __future__ import annotations

from collections.abc import Collection

from audit.records import Plan


def trained_later(plan: Plan) -> tuple[str, ...]:
    """Names of the conditions that are trained after a first report, in the plan's order.

    First come the unprotected works and the protections. What must equal clean bit for bit stays beside it, for kernels
    round otherwise in packs of other sizes. Where looks in between may end the run, all that they look at comes first.
    () where no protection is tested.
    """
    looks = plan.stopping.rule != "fixed"
    claims = {c.name for c in plan.conditions if c.primary and (looks or c.role == "protected")}
    if not any(c.role == "protected" for c in plan.conditions if c.name in claims):
        return ()
    first = {c.name for c in plan.conditions if c.role == "clean" or c.truth == "same-pixels"} | claims
    return tuple(c.name for c in plan.conditions if c.name not in first)


def names_without(plan: Plan, later: Collection[str]) -> tuple[str, ...]:
    """Names of the conditions but for some."""
    return tuple(c.name for c in plan.conditions if c.name not in later)


def part_without(plan: Plan, later: Collection[str]) -> Plan:
    """The plan as if it did not hold some conditions: what a first report is about. Its digest is another."""
    return plan.model_copy(
        update={
            "conditions": tuple(c for c in plan.conditions if c.name not in later),
            "hypotheses": tuple(h for h in plan.hypotheses if h.condition not in later),
        }
    )
