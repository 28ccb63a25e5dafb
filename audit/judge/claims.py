"""Which conditions of a plan can hold or not."""

from __future__ import annotations

from audit.records import Condition, Plan


def is_claim(plan: Plan, condition: Condition) -> bool:
    """Whether a condition is a protection or one under a countermeasure, and so can hold or not."""
    if condition.role == "counter":
        return condition.primary or condition.of not in [c.name for c in plan.conditions if c.role == "clean"]
    return condition.role == "protected" or (condition.primary and condition.role != "clean")


def ways_around(plan: Plan, claim: str) -> tuple[str, ...]:
    """A claim and what is planned to get past it: the same under each countermeasure, itself first."""
    return (claim, *(c.name for c in plan.conditions if c.of == claim and is_claim(plan, c)))
