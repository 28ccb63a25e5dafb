"""Every condition's pictures."""

from __future__ import annotations

from dataclasses import replace

from audit.base.messages import say
from audit.conditions.treating import treat
from audit.executor import Engine
from audit.models.loader import load
from audit.models.memory import free_unused
from audit.plan.cells import other_in_turn
from audit.plan.machine import memory_budget
from audit.records import ArtistSet, ImageSet, Plan


def treat_works(
    plan: Plan, artist: ArtistSet, engine: Engine, *, surrogate: str | None = None, memory: float | None = None
) -> dict[str, ImageSet]:
    """Make every condition's version of every pool work; the progress counts pictures and treatments.

    Args:
        surrogate: the model that protections attack, by name or path; None for the audited one.
        memory: budget in GB for opening it; None for a share of the machine's.
    """
    pool = artist.pool()
    protected = {file.work: file.pixels for file in artist.protected}
    sources = {
        "originals": [w.pixels for w in pool],
        "protected-files": [protected[w.id] for w in pool] if protected else [],
        "other-artist": [w.pixels for w in other_in_turn(plan, len(pool))] if plan.other_works else [],
    }
    engine.progress.stage(say("stage.treat"), len(pool) * sum(len(c.steps) for c in plan.conditions))
    if surrogate is not None:
        budget = memory_budget(engine.device, memory)
        engine = replace(engine, surrogate=load(surrogate, device=engine.device, budget=budget))
    made = {
        c.name: treat(c, engine, works=pool, sources=sources[c.source], seed=plan.seed, protection=plan.protection)
        for c in plan.conditions
    }
    engine.progress.close()
    # Nothing needs a second model from here on; on a GPU it would take the room of the packs.
    device = engine.device
    del engine
    free_unused(device)
    return made
