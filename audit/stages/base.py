"""The model before any training: what it draws with the style word and without, and how close that comes."""

from __future__ import annotations

from dataclasses import dataclass

from audit.base.messages import say
from audit.executor import Engine
from audit.records import Cell, Plan, Score
from audit.stages.draw import draw_from_base, prompts_of
from audit.stages.real_works import RealWorks
from audit.stages.scoring import nearest_artists, score_pictures


@dataclass(frozen=True)
class BaseDrawn:
    """BaseDrawn as a cell, and the scores of its pictures without the style word, which should be empty to it."""

    cell: Cell
    untriggered: tuple[Score, ...]


def draw_base(plan: Plan, real: RealWorks, engine: Engine) -> BaseDrawn:
    """Draw from the audited model and score; the progress counts pictures, and once more for every metric."""
    pictures = 2 * len(plan.prompts) * plan.sampling.per_prompt
    engine.progress.stage(say("stage.base"), pictures * (1 + len(plan.metrics)))
    made = draw_from_base(plan, prompts_of(plan), engine)
    plain = draw_from_base(plan, plan.prompts, engine)
    scores, untriggered = score_pictures(plan, [made, plain], real, engine)
    engine.progress.close()
    cell = Cell(
        condition=made.condition,
        replicate=made.replicate,
        adapter=None,
        generations=made,
        scores=scores,
        nearest=nearest_artists(made, real, engine),
    )
    return BaseDrawn(cell=cell, untriggered=untriggered)
