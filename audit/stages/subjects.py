"""The reading of Nightshade: do models trained on protected works still draw what they are asked for?

Nightshade (Shan et al., 2024) aims at subjects, not at style: a model trained on enough poisoned
pictures of one thing draws another. So every model is asked for the subjects of its training works,
and a CLIP says which of them, or of the audit's prompts, each picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audit.base.progress import Progress
from audit.models.loader import Model
from audit.plan.prompts import full_prompt
from audit.records import Adapter, Plan, SubjectReading
from audit.stages.tasks import draw_all
from audit.store import Store
from audit.style.model_cache import release
from audit.style.score import at_side
from audit.style.subject import nearest_subject
from audit.training.packs import Packing


def read_subjects(
    plan: Plan,
    adapters: Sequence[tuple[Adapter, Path]],
    *,
    model: Model,
    precision: str,
    packing: Packing,
    store: Store,
    progress: Progress,
) -> tuple[SubjectReading, ...]:
    """Base and every trained model, asked for the plan's concepts; () when the plan has none."""
    if not plan.concepts:
        return ()
    texts = [full_prompt(concept, plan.trigger) for concept in plan.concepts]
    subjects = (*plan.concepts, *(p for p in plan.prompts if p not in plan.concepts))
    progress.stage("Reading subjects", (1 + len(adapters)) * len(texts) * plan.sampling.per_prompt)
    found = []
    for made in draw_all(
        plan, adapters, texts, model=model, precision=precision, packing=packing, store=store, progress=progress
    ):
        pixels = at_side(model.facts.resolution, store, made.pixels)
        nearest = nearest_subject(np.ascontiguousarray(pixels), subjects, lab=plan.model.lab, device=model.device)
        found.append(SubjectReading(condition=made.condition, replicate=made.replicate, found=tuple(nearest.tolist())))
    if model.room is not None:
        release(model.device)
    progress.close()
    return tuple(found)
