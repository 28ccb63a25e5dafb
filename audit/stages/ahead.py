"""What may be done with a trained model before the stages that count it: draw from it, and look at its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audit.executor import Ahead, Engine, Task
from audit.records import Generations, Plan
from audit.stages.draw import draw_task, texts_of
from audit.style.tasks import Embed, view_of
from audit.training import Trained


def ahead(plan: Plan, cell: Trained, base: Mapping[int, Generations], engine: Engine, *, among: int) -> Sequence[Ahead]:
    """Draw from a model and embed its pictures, as `draw_cells` and `score_cells` will ask for it.

    Nothing where a sibling draws: machines that train do not have it open.

    Args:
        base: base's pictures, by `Plan.base_of` of the cells' replicates.
        among: models that are drawn in that stage.
    """
    if engine.drawing is not None:
        return ()
    side, replicate = view_of(engine).side, cell.adapter.replicate
    beside = base[plan.base_of(replicate)]

    def drawn(task: Task[Any], made: Generations) -> list[Ahead]:
        return [Ahead(Embed(name, made.pixels, side), among * len(plan.metrics)) for name in plan.metrics]

    task = draw_task(plan, texts_of(plan, replicate), replicate, engine, trained=cell, beside=beside)
    return [Ahead(task, among, drawn)]
