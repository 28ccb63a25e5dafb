"""Pictures of every trained model, from the same prompts and noise as base's of its replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.base.messages import say
from audit.base.rng import stream_seed
from audit.executor import Engine
from audit.executor.encoding import Encode
from audit.models.tokens import overlong
from audit.plan.prompts import full_prompt
from audit.records import Generations, Plan
from audit.sampling.drawing import Draw
from audit.training import Trained


def draw_cells(
    plan: Plan, trained: Sequence[Trained], base: Mapping[int, Generations], engine: Engine
) -> list[Generations]:
    """The audit's pictures of some cells; the progress counts pictures.

    Args:
        base: base's pictures, by `Plan.base_of` of the cells' replicates.
    """
    tasks = []
    for cell in trained:
        replicate = cell.adapter.replicate
        beside = base[plan.base_of(replicate)]
        tasks.append(draw_task(plan, texts_of(plan, replicate), replicate, engine, trained=cell, beside=beside))
    engine.progress.stage(say("stage.draw"), sum(task.units for task in tasks))
    made = draw(tasks, engine)
    engine.progress.close()
    return made


def texts_of(plan: Plan, replicate: int) -> dict[int, str]:
    """What a replicate's models are given, by its place in the plan's prompts."""
    return {place: full_prompt(plan.prompts[place], plan.trigger) for place in plan.asked(replicate)}


def draw(tasks: Sequence[Draw], engine: Engine) -> list[Generations]:
    """Run the tasks; what encodes texts may be away while pictures are drawn."""
    texts = tuple(dict.fromkeys(text for task in tasks for text in task.texts))
    at = engine.drawer()
    if at is not engine:
        engine.model.leave()
    at.run([Encode((), (*texts, ""), model=at.model.facts.sha256, training=False)])
    made = at.run(tasks)
    if at is not engine:
        at.model.leave()
    return made


def draw_task(
    plan: Plan,
    texts: Mapping[int, str],
    replicate: int,
    engine: Engine,
    *,
    trained: Trained | None = None,
    beside: Generations | None = None,
) -> Draw:
    """Pictures of full prompts, numbered, by a trained model, or by base.

    Args:
        replicate: whose noise they start from, the same for all its models; 0 for what is drawn once for all.
        beside: base's of the same prompts and noise, to tell whether the training changed anything.
    """
    seed, model = plan.seed, engine.drawer().model
    if plan.draw(replicate) is not None:
        seed = stream_seed("cloakcheck", plan.seed, "pictures", replicate)
    return Draw(
        trained=trained,
        base_pixels=None if beside is None else beside.pixels,
        replicate=replicate,
        texts=tuple(texts.values()),
        places=tuple(texts),
        settings=plan.sampling,
        training=plan.training,
        seed=seed,
        model=model.facts.sha256,
        precision=engine.precision,
        cut=bool(overlong(model, tuple(texts.values()))),
    )
