"""What a process has taken from a store instead of making it: where it was made, and when."""

from __future__ import annotations

from audit.records import EarlierSteps, ReusedSteps, StepOrigin
from audit.store import Store

FEATURES = ("features", "encoded")
OUTCOMES = ("adapter", "pictures", *FEATURES)
"""Steps that tell how a test comes out; a plan must come before them."""


def reused_elsewhere(store: Store) -> tuple[ReusedSteps, ...]:
    """Steps that were made with something else than what works here now, alike ones together: found finished, or made
    by another machine for this run."""
    groups: dict[tuple[str, str], list[StepOrigin]] = {}
    for name, _, origin in (*store.reused_steps(), *store.sent_steps()):
        if origin is not None and origin.environment != store.environment:
            groups.setdefault((name, origin.environment.digest()), []).append(origin)
    return tuple(
        ReusedSteps(
            step=name,
            count=len(origins),
            first_made=min(o.made for o in origins),
            last_made=max(o.made for o in origins),
            plans=tuple(sorted({o.plan_sha256 for o in origins if o.plan_sha256})),
            environment=origins[0].environment,
        )
        for (name, _), origins in sorted(groups.items())
    )


def made_before(store: Store, fixed: str, *, inputs: frozenset[str] = frozenset()) -> tuple[EarlierSteps, ...]:
    """Results found finished that are older than a moment, or tell no time, by kind.

    Args:
        fixed: when the plan was fixed, ISO 8601, UTC, whole seconds; '' finds nothing.
        inputs: keys of what was read of real works: features of these are known before any training.
    """
    groups: dict[str, list[StepOrigin | None]] = {}
    for name, key, origin in store.reused_steps():
        outcome = name in OUTCOMES and not (name in FEATURES and key in inputs)
        if fixed and outcome and (origin is None or origin.made < fixed):
            groups.setdefault(name, []).append(origin)
    return tuple(_earlier(name, groups[name]) for name in OUTCOMES if name in groups)


def _earlier(step: str, origins: list[StepOrigin | None]) -> EarlierSteps:
    dated = [origin for origin in origins if origin is not None]
    times = [origin.made for origin in dated]
    return EarlierSteps(
        step=step,
        count=len(origins),
        undated=len(origins) - len(dated),
        first_made=min(times, default=None),
        last_made=max(times, default=None),
        plans=tuple(sorted({origin.plan_sha256 for origin in dated if origin.plan_sha256})),
    )
