"""Closeness of every model's pictures to the held-out works."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.records import Cell, Generations, Plan, Score
from audit.stages.real_works import RealWorks
from audit.style.score import nearest, scores
from audit.style.tasks import Embed, view_of
from audit.training import Trained


def score_cells(
    plan: Plan, trained: Sequence[Trained], pictures: Sequence[Generations], real: RealWorks, engine: Engine
) -> list[Cell]:
    """Score trained models by their pictures, in order; the progress counts pictures and metrics."""
    engine.progress.stage(say("stage.score"), score_units(plan, pictures))
    found = score_pictures(plan, pictures, real, engine)
    engine.progress.close()
    return [
        Cell(
            condition=made.condition,
            replicate=made.replicate,
            adapter=cell.adapter,
            generations=made,
            scores=own,
            nearest=nearest_artists(made, real, engine),
        )
        for cell, made, own in zip(trained, pictures, found, strict=True)
    ]


def score_units(plan: Plan, pictures: Sequence[Generations]) -> int:
    """What the progress counts while pictures are scored: once per metric."""
    return len(plan.metrics) * sum(len(made.pixels) for made in pictures)


def score_pictures(
    plan: Plan, pictures: Sequence[Generations], real: RealWorks, engine: Engine
) -> list[tuple[Score, ...]]:
    """Scores of each model's pictures by every metric."""
    view = view_of(engine)
    engine.run([Embed(name, made.pixels, view.side) for name in plan.metrics for made in pictures])
    per_prompt = plan.sampling.per_prompt
    return [
        scores(made, others=real.others, references=real.references, per_prompt=per_prompt, view=view)
        for made in pictures
    ]


def nearest_artists(made: Generations, real: RealWorks, engine: Engine) -> dict[str, tuple[int, ...]]:
    """By metric, the nearest artist of each of a model's pictures; they are embedded already."""
    return nearest(made, others=real.others, references=real.references, view=view_of(engine))
