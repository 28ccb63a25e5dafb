"""What noise alone does to a score: base's and clean's pictures with as much of it as a condition's have."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from audit.base.messages import say
from audit.executor import Engine
from audit.records import BASE, Cell, Generations, NoiseControl, Plan
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


def noise_asked(plan: Plan, cells: Sequence[Cell]) -> list[tuple[Generations, Generations]]:
    """Whose noise, and whose pictures it is added to: for each, base's and clean's of its replicate."""
    by_cell = {(cell.condition, cell.replicate): cell.generations for cell in cells}
    clean = plan.clean
    primary = {c.name for c in plan.conditions if c.primary and c.name != clean}
    pairs = [
        (made, by_cell[clean, replicate])
        for (name, replicate), made in by_cell.items()
        if name in primary and made.noise and (clean, replicate) in by_cell
    ]
    excess: dict[str, list[float]] = {}
    for made, unprotected in pairs:
        excess.setdefault(made.condition, []).append(mean(made.noise) - mean(unprotected.noise))
    noisy = {name for name, levels in excess.items() if mean(levels) > plan.margins.noise_matched}
    return [
        (made, of)
        for made, own in pairs
        if made.condition in noisy
        for of in (by_cell[BASE, plan.base_of(made.replicate)], own)
    ]
