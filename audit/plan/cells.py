"""The trainings of a plan: which works, pictures, captions and draws each has."""

from __future__ import annotations

from collections.abc import Sequence

from audit.plan.prompts import full_prompt
from audit.records import Plan, Work
from audit.training.draws import Streams
from audit.training.pack_task import TrainingCell


def other_in_turn(plan: Plan, count: int) -> list[Work]:
    """The other artist's works in the places of the pool's, from the first again when they are fewer."""
    return [plan.other_works[i % len(plan.other_works)] for i in range(count)]


def make_cells(plan: Plan, pictures: dict[str, Sequence[str]]) -> list[TrainingCell]:
    """All LoRAs of the plan, replicate by replicate.

    Args:
        pictures: condition -> stored pixels of every pool work, in the plan's order.
    """
    pool = [w for w in plan.works if w.split == "pool"]
    beside_identity = any(c.truth == "same-pixels" for c in plan.conditions)
    cells = []
    for replicate in range(1, plan.replicates + 1):
        for condition in plan.conditions:
            variant = "again" if condition.truth == "same-works" else ""
            streams = Streams(seed=plan.seed, replicate=replicate, variant=variant)
            # Captions tell what the pictures show, so another artist's pictures come with their own.
            shown = other_in_turn(plan, len(pool)) if condition.source == "other-artist" else pool
            rows = streams.works(pool=len(pool), wanted=plan.training.works)
            cells.append(
                TrainingCell(
                    condition=condition.name,
                    replicate=replicate,
                    label=condition.name
                    if condition.role == "control" or (condition.role == "clean" and beside_identity)
                    else "",
                    streams=streams,
                    works=tuple(pool[i].id for i in rows),
                    pixels=tuple(pictures[condition.name][i] for i in rows),
                    captions=tuple(full_prompt(shown[i].caption, plan.trigger) for i in rows),
                )
            )
    return cells
