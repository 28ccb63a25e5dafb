"""Pictures of every trained model, from the same prompts and noise as base's."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.messages import say
from audit.executor import Engine
from audit.executor.encoding import Encode
from audit.plan.prompts import full_prompt
from audit.records import Generations, Plan
from audit.sampling.drawing import Draw
from audit.training import Trained


def draw_cells(plan: Plan, trained: Sequence[Trained], base: Generations, engine: Engine) -> list[Generations]:
    """The audit's pictures of some cells; the progress counts pictures."""
    texts = prompts_of(plan)
    engine.progress.stage(say("stage.draw"), len(trained) * len(texts) * plan.sampling.per_prompt)
    made = draw(plan, texts, trained, base, engine)
    engine.progress.close()
    return made


def prompts_of(plan: Plan) -> tuple[str, ...]:
    """The plan's prompts as a model is given them."""
    return tuple(full_prompt(subject, plan.trigger) for subject in plan.prompts)


def draw(
    plan: Plan, texts: Sequence[str], trained: Sequence[Trained], base: Generations, engine: Engine
) -> list[Generations]:
    """Pictures of full prompts by trained models; `base` holds base's of the same."""
    _encode(texts, engine)
    return engine.run([_task(plan, texts, cell, base, engine) for cell in trained])


def draw_from_base(plan: Plan, texts: Sequence[str], engine: Engine) -> Generations:
    """Pictures of full prompts by the model before any training."""
    _encode(texts, engine)
    return engine.run([_task(plan, texts, None, None, engine)])[0]


def _encode(texts: Sequence[str], engine: Engine) -> None:
    """What encodes texts may be away while pictures are drawn."""
    engine.run([Encode((), (*texts, ""), model=engine.model.facts.sha256, training=False)])


def _task(plan: Plan, texts: Sequence[str], trained: Trained | None, base: Generations | None, engine: Engine) -> Draw:
    return Draw(
        trained=trained,
        base_pixels=None if base is None else base.pixels,
        texts=tuple(texts),
        settings=plan.sampling,
        training=plan.training,
        seed=plan.seed,
        model=engine.model.facts.sha256,
        precision=engine.precision,
    )
