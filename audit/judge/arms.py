"""Arms of a test: each protection with the ways around it. What fails one of them says nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from audit.records import Check, Condition, Plan, Results


def protection_of(condition: Condition) -> str:
    """The protection that a claim is about: its own, or the one that its countermeasures were put on."""
    return condition.of or condition.name


def protections(results: Results) -> tuple[str, ...]:
    """Names of the protections behind the primary conditions, without repetition."""
    claims = [c for c in results.plan.conditions if c.primary and c.role in ("protected", "counter")]
    return tuple(dict.fromkeys(protection_of(c) for c in claims))


def primary_of_arm(plan: Plan, condition: str) -> tuple[str, ...]:
    """Names of the primary conditions about the same protection as a condition, itself included where it is one."""
    protection = protection_of(plan.condition(condition))
    return tuple(c.name for c in plan.conditions if c.primary and c.role != "clean" and protection_of(c) == protection)


def arms_where(results: Results, failed: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """The protections whose primary conditions, by name, fail a question."""
    plan = results.plan
    return tuple(name for name in protections(results) if failed(primary_of_arm(plan, name)))


def of_the_run(results: Results) -> tuple[Check, ...]:
    """Checks that speak of the run as a whole; one that every arm failed does, too."""
    arms = set(protections(results))
    return tuple(check for check in results.checks if not check.of or arms <= set(check.of))


def withheld_arms(results: Results) -> dict[str, tuple[Check, ...]]:
    """Claim -> the red checks that its protection failed, and not every other one."""
    whole = of_the_run(results)
    red = [check for check in results.checks if check.passed is False and check not in whole]
    found = {c.name: _about(red, protection_of(c)) for c in results.plan.conditions}
    return {name: checks for name, checks in found.items() if checks}


def _about(checks: Iterable[Check], protection: str) -> tuple[Check, ...]:
    return tuple(check for check in checks if protection in check.of)
