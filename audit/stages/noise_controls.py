"""What noise alone does to a score: base's and clean's pictures with as much of it as a condition's have."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.judge.asked import noise_asked
from audit.records import Cell, NoiseControl, Plan
from audit.stages.real_works import RealWorks
from audit.stages.scoring import score_pictures, score_units
from audit.style.tasks import AddNoise


def score_noise_controls(
    plan: Plan, cells: Sequence[Cell], real: RealWorks, engine: Engine
) -> tuple[NoiseControl, ...]:
    """Base's pictures and clean's with as much random noise as a condition's own pictures have, scored.

    For each primary condition whose pictures are noisier than clean's by more than the plan's `noise_matched`
    on average. The draw of a picture depends on the seed, its replicate and its place only. The progress counts
    pictures, and once more for every metric.
    """
    asked = noise_asked(plan, cells)
    if not asked:
        return ()
    units = sum(len(of.pixels) for _, of in asked) + score_units(plan, [of for _, of in asked])
    engine.progress.stage(say("stage.noise"), units)
    tasks = [AddNoise(of.pixels, made.noise, seed=plan.seed, replicate=made.replicate) for made, of in asked]
    noisy = [of.model_copy(update={"pixels": pixels}) for (_, of), pixels in zip(asked, engine.run(tasks), strict=True)]
    found = score_pictures(plan, noisy, real, engine)
    engine.progress.close()
    return tuple(
        NoiseControl(condition=made.condition, replicate=made.replicate, of=of.condition, scores=scores)
        for (made, of), scores in zip(asked, found, strict=True)
    )
