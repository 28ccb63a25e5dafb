"""Every condition's pictures."""

from __future__ import annotations

from typing import Any

from audit.base.messages import say
from audit.conditions.treating import treat
from audit.executor import Engine
from audit.models.memory import free_unused
from audit.plan.buckets import frames_of
from audit.plan.cells import other_in_turn
from audit.records import Condition, ImageSet, Plan


def treat_works(plan: Plan, engine: Engine) -> dict[str, ImageSet]:
    """Make every condition's version of every work that some replicate may train on.

    The progress counts pictures and treatments.
    """
    works = plan.treated
    copies = {arm: {file.work: file.pixels for file in plan.copies(arm)} for arm in plan.arms}
    sources = {
        "originals": [w.pixels for w in works],
        "other-artist": [w.pixels for w in other_in_turn(plan, len(works))] if plan.other_works else [],
    }
    engine.progress.stage(say("stage.treat"), len(works) * sum(len(c.steps) for c in plan.conditions))

    def untreated(condition: Condition) -> list[str]:
        if condition.source == "protected-files":
            return [copies[condition.arm][w.id] for w in works]
        return sources[condition.source]

    shapes = {id: frame.shape for id, frame in frames_of(plan).items()}
    asked: dict[str, Any] = {"works": works, "seed": plan.seed, "protection": plan.protection, "shapes": shapes}
    made = {c.name: treat(c, engine, sources=untreated(c), **asked) for c in plan.conditions}
    engine.progress.close()
    # Nothing needs a second model from here on; on a GPU it would take the room of the packs.
    free_unused(engine.device)
    return made
