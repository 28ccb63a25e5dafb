"""Train, draw, score: everything that the models of a plan take, one interim analysis after another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from audit.base.messages import say
from audit.executor import Engine
from audit.judge import decided
from audit.plan.cells import make_cells
from audit.plan.making import interim_analyses
from audit.records import BASE, DEFAULT, AtSetting, Cell, ImageSet, Plan
from audit.stages.base import draw_base
from audit.stages.draw import draw_cells
from audit.stages.grid import score_grid, train_grid
from audit.stages.real_works import RealWorks
from audit.stages.scoring import score_cells
from audit.training import Trained, all_trained


@dataclass(frozen=True)
class Mimics:
    """The trained models.

    Attributes:
        trained: in the plan's order, replicate by replicate; cells: the same, scored, after base's.
        settings: those of the grid's other settings, scored.
        stopped_after: replicates after which an interim analysis decided; None when all were run.
    """

    trained: tuple[Trained, ...] = ()
    cells: tuple[Cell, ...] = ()
    settings: tuple[AtSetting, ...] = ()
    stopped_after: int | None = None

    def replicates(self, plan: Plan) -> int:
        """How many were run."""
        return plan.replicates if self.stopped_after is None else self.stopped_after


def train_and_score(
    plan: Plan,
    treated: Mapping[str, ImageSet],
    real: RealWorks,
    engine: Engine,
    *,
    show: Callable[[Sequence[Cell]], None],
    only: Collection[str],
    before: Mimics | None = None,
) -> Mimics:
    """All replicates, or the first so many and then one by one, until the answer is clear.

    Args:
        show: is given models with their pictures as soon as these are drawn.
        only: names of the conditions to train; with interim analyses, all primary ones are among them.
        before: models of other conditions, trained already: as many replicates as they have are trained.

    Returns:
        These models, and those of before.
    """
    wanted = [c for c in make_cells(plan, _pixels(treated)) if c.condition in only]
    base = {cell.replicate: cell for cell in before.cells if cell.condition == BASE} if before else {}
    trained: list[Trained] = []
    cells: list[Cell] = []
    others: dict[str, list[Trained]] = {}
    done = plan.replicates if before is None else before.replicates(plan)
    for replicates in interim_analyses(plan) if before is None else [range(1, done + 1)]:
        if new_base := [r for r in replicates if plan.base_of(r) not in base]:
            drawn = draw_base(plan, new_base, real, engine)
            show(drawn)
            base |= {cell.replicate: cell for cell in drawn}
        made = train_grid(plan, [cell for cell in wanted if cell.replicate in replicates], engine, base=base)
        new = made.pop(DEFAULT.name)
        for name, of_setting in made.items():
            others.setdefault(name, []).extend(of_setting)
        pictures = draw_cells(plan, new, {r: cell.generations for r, cell in base.items()}, engine)
        scored = score_cells(plan, new, pictures, real, engine)
        show(scored)
        cells += scored
        trained += new
        done = replicates.stop - 1
        if before is None and plan.stopping.rule == "until-decided" and decided(plan, [*base.values(), *cells]):
            engine.progress.say(say("now.decided", done=done, all=plan.replicates))
            break
    settings = score_grid(plan, others, base, real, engine)
    stopped = done if done < plan.replicates else None
    found = Mimics(tuple(trained), (*base.values(), *cells), settings, stopped_after=stopped)
    return found if before is None else _together(plan, before, found)


def are_trained(
    plan: Plan, treated: Mapping[str, ImageSet], engine: Engine, *, names: Collection[str], replicates: int
) -> bool:
    """Whether every model of some conditions was trained before, of the first so many replicates."""
    cells = make_cells(plan, _pixels(treated))
    return all_trained([c for c in cells if c.condition in names and c.replicate <= replicates], plan.training, engine)


def _together(plan: Plan, one: Mimics, other: Mimics) -> Mimics:
    """Models of different conditions as if they had been trained in one go."""
    places = {condition.name: place for place, condition in enumerate(plan.conditions)}

    def in_order(cells: Sequence[Cell]) -> tuple[Cell, ...]:
        return tuple(sorted(cells, key=lambda cell: (cell.replicate, places[cell.condition])))

    trained = sorted(
        (*one.trained, *other.trained), key=lambda cell: (cell.adapter.replicate, places[cell.adapter.condition])
    )
    base = tuple(cell for cell in other.cells if cell.condition == BASE)
    rest = [cell for cell in (*one.cells, *other.cells) if cell.condition != BASE]
    later = {at.setting: at.cells for at in other.settings}
    settings = tuple(
        at.model_copy(update={"cells": in_order((*at.cells, *later.get(at.setting, ())))}) for at in one.settings
    )
    return Mimics(tuple(trained), (*base, *in_order(rest)), settings, stopped_after=one.stopped_after)


def _pixels(treated: Mapping[str, ImageSet]) -> dict[str, tuple[str, ...]]:
    return {name: images.pixels for name, images in treated.items()}
