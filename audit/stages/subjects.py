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
from audit.stages.draw import draw, draw_from_base
from audit.style.tasks import ReadSubjects
from audit.training import Trained


def read_subjects(plan: Plan, trained: Sequence[Trained], engine: Engine) -> tuple[SubjectReading, ...]:
    """Base and every trained model, asked for the plan's concepts; () when the plan has none.

    The progress counts pictures twice: as they are drawn and as they are read.
    """
    if not plan.concepts:
        return ()
    texts = [full_prompt(concept, plan.trigger) for concept in plan.concepts]
    subjects = (*plan.concepts, *(p for p in plan.prompts if p not in plan.concepts))
    pictures = (1 + len(trained)) * len(texts) * plan.sampling.per_prompt
    engine.progress.stage(say("stage.subjects"), 2 * pictures)
    base = draw_from_base(plan, texts, engine)
    made = [base, *draw(plan, texts, trained, base, engine)]
    side = engine.model.facts.resolution
    found = engine.run([ReadSubjects(m.pixels, subjects, lab=plan.model.lab, side=side) for m in made])
    engine.progress.close()
    return tuple(
        SubjectReading(condition=m.condition, replicate=m.replicate, found=places)
        for m, places in zip(made, found, strict=True)
    )
