"""The model before any training: what it draws with the style word and without, and how close that comes."""

from __future__ import annotations

from collections.abc import Iterable

from audit.base.messages import say
from audit.executor import Engine
from audit.records import Cell, Plan, Score
from audit.stages.draw import draw, draw_task, texts_of
from audit.stages.real_works import RealWorks
from audit.stages.scoring import score_pictures, scored_cell


def draw_base(plan: Plan, replicates: Iterable[int], real: RealWorks, engine: Engine) -> list[Cell]:
    """Draw from the audited model what some replicates are asked for, from their noise, and score it.

    Where the plan has no draws, base draws once for all. The progress counts pictures, and once more for every metric.
    """
    numbers = sorted({plan.base_of(replicate) for replicate in replicates})
    tasks = [draw_task(plan, texts_of(plan, number), number, engine) for number in numbers]
    engine.progress.stage(say("stage.base"), sum(task.units for task in tasks) * (1 + len(plan.metrics)))
    made = draw(tasks, engine)
    found = score_pictures(plan, made, real, engine)
    engine.progress.close()
    return [
        scored_cell(plan, None, pictures, scores, real, engine) for pictures, scores in zip(made, found, strict=True)
    ]


def draw_untriggered(plan: Plan, real: RealWorks, engine: Engine) -> tuple[Score, ...]:
    """Scores of what base draws for the first replicate without the style word, which should be empty to it."""
    number = plan.base_of(1)
    task = draw_task(plan, {place: plan.prompts[place] for place in plan.asked(number)}, number, engine)
    engine.progress.stage(say("stage.base"), task.units * (1 + len(plan.metrics)))
    (found,) = score_pictures(plan, draw([task], engine), real, engine)
    engine.progress.close()
    return found
