"""Train, draw, score: everything that the models of a plan take, look by look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.base.messages import say
from audit.executor import Engine
from audit.judge import decided
from audit.plan.cells import make_cells
from audit.plan.making import interim_analyses
from audit.records import Cell, ImageSet, Plan
from audit.stages.base import BaseDrawn
from audit.stages.draw import draw_cells
from audit.stages.real_works import RealWorks
from audit.stages.scoring import score_cells
from audit.training import Trained, train
from audit.training.pack_task import TrainingCell


@dataclass(frozen=True)
class Mimics:
    """The trained models.

    Attributes:
        trained, cells: in the plan's order, replicate by replicate; cells are scored.
        stopped_after: replicates after which a look decided; None when all were run.
    """

    trained: tuple[Trained, ...]
    cells: tuple[Cell, ...]
    stopped_after: int | None


def train_and_score(
    plan: Plan, treated: Mapping[str, ImageSet], base: BaseDrawn, real: RealWorks, engine: Engine
) -> Mimics:
    """All replicates, or the first so many and then one by one, until the answer is clear."""
    wanted = make_cells(plan, {name: images.pixels for name, images in treated.items()})
    trained: list[Trained] = []
    cells: list[Cell] = []
    for replicates in interim_analyses(plan):
        new = train_cells(plan, [cell for cell in wanted if cell.replicate in replicates], engine)
        pictures = draw_cells(plan, new, base.cell.generations, engine)
        cells += score_cells(plan, new, pictures, real, engine)
        trained += new
        done = replicates.stop - 1
        if plan.stopping.rule == "until-decided" and decided(plan, [base.cell, *cells]):
            engine.progress.say(say("now.decided", done=done, all=plan.replicates))
            break
    return Mimics(tuple(trained), tuple(cells), stopped_after=done if done < plan.replicates else None)


def train_cells(plan: Plan, cells: Sequence[TrainingCell], engine: Engine) -> list[Trained]:
    """Train what is not in the store yet; the progress counts the steps of every cell."""
    engine.progress.stage(say("stage.train"), len(cells) * plan.training.steps)
    found = train(cells, plan.training, engine)
    engine.progress.close()
    return found
