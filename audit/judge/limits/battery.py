"""Ways around a protection: what nobody tried to take away did not hold against it."""

from __future__ import annotations

from audit.base.messages import Said, say
from audit.judge.limits.limit import Limit, Opinion
from audit.records import Condition, Plan, Results, Way

BATTERY: tuple[Way, ...] = ("jpeg", "tone", "purifier", "noisy-upscaling")
"""Kinds of countermeasures that must all have been tried on a protection that is called held."""


def untried(plan: Plan, condition: Condition) -> tuple[Way, ...]:
    """Kinds of the battery that no condition puts on a protection's pictures."""
    kinds = {recipe.step: recipe.way for recipe in plan.recipes}
    known = {kinds.get(step, "") for c in plan.conditions if c.of == condition.name for step in c.treated_by}
    return tuple(way for way in BATTERY if way not in known)


def tried(plan: Plan, condition: Condition) -> Said:
    """What a word for plain training alone says of the ways around it."""
    if all(c.of != condition.name or c.role != "counter" for c in plan.conditions):
        return say("tried.none")
    return say("tried.some" if untried(plan, condition) else "tried.no-placebo")


def _opinion(results: Results, condition: str, metric: str) -> Opinion | None:
    claim = results.plan.condition(condition)
    if claim.role != "protected":
        return None
    missing = untried(results.plan, claim)
    said = say("limit.battery", ways=[say(f"way.{way}") for way in missing])
    return Opinion("held-plain" if missing else "held", said)


LIMIT = Limit("battery", _opinion, cap=True)
