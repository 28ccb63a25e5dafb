"""The reading of Nightshade: do models trained on protected works still draw what they are asked for?

Nightshade (Shan et al., 2024) aims at subjects, not at style: a model trained on enough poisoned
pictures of one thing draws another. So every model is asked for the subjects of its training works,
and a CLIP says which of them, or of the audit's prompts, each picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.plan.prompts import full_prompt
from audit.records import Plan, SubjectReading
from audit.stages.draw import draw, draw_task
from audit.style.tasks import ReadSubjects
from audit.training import Trained


def read_subjects(plan: Plan, trained: Sequence[Trained], engine: Engine) -> tuple[SubjectReading, ...]:
    """Base and every trained model, asked for the plan's concepts; () when the plan has none.

    Models start from their replicate's noise. Base draws once, as no model is compared with it here. The progress
    counts pictures twice: as they are drawn and as they are read.
    """
    if not plan.concepts:
        return ()
    texts = {number: full_prompt(concept, plan.trigger) for number, concept in enumerate(plan.concepts)}
    subjects = (*plan.concepts, *(p for p in plan.prompts if p not in plan.concepts))
    pictures = (1 + len(trained)) * len(texts) * plan.sampling.per_prompt
    engine.progress.stage(say("stage.subjects"), 2 * pictures)
    tasks = [draw_task(plan, texts, cell.adapter.replicate, engine, trained=cell) for cell in trained]
    made = draw([draw_task(plan, texts, 0, engine), *tasks], engine)
    side = engine.model.facts.resolution
    found = engine.run([ReadSubjects(m.pixels, subjects, lab=plan.model.lab, side=side) for m in made])
    engine.progress.close()
    return tuple(
        SubjectReading(condition=m.condition, replicate=m.replicate, found=places)
        for m, places in zip(made, found, strict=True)
    )
