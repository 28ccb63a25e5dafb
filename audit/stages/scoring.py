"""Closeness of every model's pictures to the held-out works."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.records import Adapter, Cell, Generations, Plan, Score
from audit.stages.real_works import RealWorks
from audit.style.score import nearest, scores, scores_by_work
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
        scored_cell(plan, cell.adapter, made, own, real, engine)
        for cell, made, own in zip(trained, pictures, found, strict=True)
    ]


def score_units(plan: Plan, pictures: Sequence[Generations]) -> int:
    """What the progress counts while pictures are scored: once per metric."""
    return len(plan.metrics) * sum(len(made.pixels) for made in pictures)


def score_pictures(
    plan: Plan, pictures: Sequence[Generations], real: RealWorks, engine: Engine, *, equal_tone: bool = False
) -> list[tuple[Score, ...]]:
    """Scores of each model's pictures by every metric, against the works that its replicate holds out.

    Args:
        real: seen at equal tone, too, where the pictures are.
    """
    view = view_of(engine, equal_tone=equal_tone)
    engine.run([Embed(name, made.pixels, view.side, equal_tone) for name in plan.metrics for made in pictures])
    return [
        scores(
            made,
            others=real.others,
            held_out=real.held_out(plan, made.replicate),
            prompts=plan.asked(made.replicate),
            view=view,
        )
        for made in pictures
    ]


def scored_cell(
    plan: Plan,
    adapter: Adapter | None,
    made: Generations,
    found: tuple[Score, ...],
    real: RealWorks,
    engine: Engine,
) -> Cell:
    """A model's pictures with their scores, their nearest artists and their closeness to every held-out work; they are
    embedded already."""
    held_out, view = real.held_out(plan, made.replicate), view_of(engine)
    return Cell(
        condition=made.condition,
        replicate=made.replicate,
        adapter=adapter,
        generations=made,
        scores=found,
        nearest=nearest(made, others=real.others, held_out=held_out, view=view),
        by_work=scores_by_work(made, held_out=held_out, view=view),
    )
