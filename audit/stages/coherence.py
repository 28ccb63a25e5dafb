"""Do the models' pictures show what was asked for, and do they look like pictures? Style that was lost is one thing, a
model that broke another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audit.base.messages import say
from audit.executor import Engine
from audit.judge.asked import read_beside
from audit.records import Cell, Generations, PictureCoherence, Plan
from audit.stages.real_works import RealWorks
from audit.style import DEFAULT_ENCODER, ENCODERS
from audit.style.among_real import among_real
from audit.style.score import features
from audit.style.tasks import ReadAdherence, view_of


def read_coherence(plan: Plan, cells: Sequence[Cell], real: RealWorks, engine: Engine) -> tuple[PictureCoherence, ...]:
    """Of base, of clean, of every claim and of every placebo; the pictures have features by the deciding metric.

    Adherence is read where a CLIP is at hand: the lab's own, or the one that style is scored by. The progress counts
    pictures.
    """
    asked = read_beside(plan)
    pictures = [cell.generations for cell in cells if cell.condition in asked]
    metric, view = plan.primary_metric, view_of(engine)
    read = reads_subjects(lab=plan.model.lab)
    engine.progress.stage(say("stage.looks"), sum(len(made.pixels) for made in pictures))
    tasks = [_adherence(plan, made, side=view.side) for made in pictures if read]
    found = engine.run(tasks) if read else [()] * len(pictures)
    works = np.concatenate([real.works[metric], real.others[metric].features])
    read_of = []
    for made, adherence in zip(pictures, found, strict=True):
        seen = among_real(features(metric, made.pixels, view=view), works)
        read_of.append(
            PictureCoherence(
                condition=made.condition,
                replicate=made.replicate,
                adherence=adherence,
                among_real=tuple(bool(one) for one in seen),
            )
        )
        if not read:
            engine.progress.advance(len(made.pixels))
    engine.progress.close()
    return tuple(read_of)


def reads_subjects(*, lab: bool) -> bool:
    """Whether a CLIP is at hand that reads what pictures show."""
    return lab or ENCODERS[DEFAULT_ENCODER].present()


def asked_subjects(plan: Plan, replicate: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What a replicate's models are asked for, and which of it each picture was asked for, prompt-major."""
    subjects = tuple(plan.prompts[place] for place in plan.asked(replicate))
    return subjects, tuple(place for place in range(len(subjects)) for _ in range(plan.sampling.per_prompt))


def _adherence(plan: Plan, made: Generations, *, side: int) -> ReadAdherence:
    subjects, asked = asked_subjects(plan, made.replicate)
    return ReadAdherence(made.pixels, subjects, lab=plan.model.lab, side=side, asked=asked)
