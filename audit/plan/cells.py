"""The trainings of a plan: which works, pictures, captions and draws each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.plan.buckets import frames_of
from audit.plan.draws import AGAIN
from audit.plan.prompts import full_prompt
from audit.records import Condition, Plan, Work
from audit.training.draws import Streams
from audit.training.pack_task import TrainingCell


def other_in_turn(plan: Plan, count: int) -> list[Work]:
    """The other artist's works in the places of so many works, from the first again when they are fewer."""
    return [plan.other_works[i % len(plan.other_works)] for i in range(count)]


def make_cells(plan: Plan, pictures: Mapping[str, Sequence[str]]) -> list[TrainingCell]:
    """All LoRAs of the plan, replicate by replicate.

    Args:
        pictures: condition -> stored pixels of every treated work, in the plan's order.
    """
    replicates = range(1, plan.replicates + 1)
    return [_cell(plan, condition, replicate, pictures) for replicate in replicates for condition in plan.conditions]


def _cell(plan: Plan, condition: Condition, replicate: int, pictures: Mapping[str, Sequence[str]]) -> TrainingCell:
    streams = Streams(seed=plan.seed, replicate=replicate, variant=AGAIN if condition.truth == "same-works" else "")
    pool = plan.pool(replicate)
    rows = _rows(plan, condition, streams, pool)
    shown = _shown(plan, condition, streams, pool=pool, rows=rows, pictures=pictures)
    beside_identity = any(c.truth == "same-pixels" for c in plan.conditions)
    named = condition.role == "control" or (condition.role == "clean" and beside_identity)
    return TrainingCell(
        condition=condition.name,
        replicate=replicate,
        label=condition.name if named else "",
        streams=streams,
        works=tuple(pool[i].id for i in rows),
        pixels=tuple(pixels for _, pixels in shown),
        captions=tuple(full_prompt(work.caption, plan.trigger) for work, _ in shown),
        # Of the place, whoever's picture stands in it.
        frames=tuple(frames[pool[i].id] for i in rows) if (frames := frames_of(plan)) else (),
    )


def _shown(
    plan: Plan,
    condition: Condition,
    streams: Streams,
    *,
    pool: Sequence[Work],
    rows: Sequence[int],
    pictures: Mapping[str, Sequence[str]],
) -> list[tuple[Work, str]]:
    """Whose captions and which stored pixels stand in each row of a training; `rows` are places in the pool."""
    treated = [work.id for work in plan.treated]

    def of_the_artist(name: str) -> list[tuple[Work, str]]:
        return [(pool[i], pictures[name][treated.index(pool[i].id)]) for i in rows]

    if condition.source != "other-artist":
        return of_the_artist(condition.name)
    # Captions tell what the pictures show, so another artist's pictures come with their own.
    others = other_in_turn(plan, len(pool))
    shown = [(others[i], pictures[condition.name][i]) for i in rows]
    if condition.other_share is None:
        return shown
    replaced = streams.replaced(works=len(rows), share=condition.other_share)
    return [shown[k] if k in replaced else own for k, own in enumerate(of_the_artist(plan.clean))]


def _rows(plan: Plan, condition: Condition, streams: Streams, pool: Sequence[Work]) -> tuple[int, ...]:
    """Which works of a replicate's pool a condition trains on."""
    draw = plan.draw(streams.replicate)
    if draw is None:
        return streams.works(pool=len(pool), wanted=plan.training.works)
    drawn = set(draw.trained_again if condition.truth == "same-works" else draw.trained)
    return tuple(i for i, work in enumerate(pool) if work.id in drawn)
