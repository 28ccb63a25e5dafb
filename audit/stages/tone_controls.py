"""What tone alone does to a score: every picture and every held-out work brought to one tone before they are scored."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.judge.asked import read_beside
from audit.records import Cell, Plan, ToneControl
from audit.stages.real_works import RealWorks, at_equal_tone
from audit.stages.scoring import score_pictures, score_units


def score_tone_controls(plan: Plan, cells: Sequence[Cell], real: RealWorks, engine: Engine) -> tuple[ToneControl, ...]:
    """The pictures of base, of clean, of every claim and of every placebo, scored at equal tone and grain.

    The progress counts works and pictures, once for every metric.
    """
    asked = read_beside(plan)
    pictures = [cell.generations for cell in cells if cell.condition in asked]
    works = len(plan.works) + sum(len(artist.pixels) for artist in plan.reference_artists)
    engine.progress.stage(say("stage.tone"), len(plan.metrics) * works + score_units(plan, pictures))
    found = score_pictures(plan, pictures, at_equal_tone(plan, real, engine), engine, equal_tone=True)
    engine.progress.close()
    return tuple(
        ToneControl(condition=made.condition, replicate=made.replicate, scores=scores)
        for made, scores in zip(pictures, found, strict=True)
    )
