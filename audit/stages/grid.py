"""The mimic's grid: cells trained with other settings than the plan's own, drawn and scored beside base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from audit.base.messages import say
from audit.executor import Ahead, Engine
from audit.plan.grids import courses, ends, on_grid, trained_with
from audit.records import DEFAULT, AtSetting, Cell, Generations, Plan, Setting
from audit.stages.ahead import ahead
from audit.stages.draw import draw_cells
from audit.stages.real_works import RealWorks
from audit.stages.scoring import score_cells
from audit.training import Trained, train_along
from audit.training.pack_task import TrainingCell


def train_grid(
    plan: Plan, cells: Sequence[TrainingCell], engine: Engine, *, base: Mapping[int, Cell] | None = None
) -> dict[str, list[Trained]]:
    """Train what is not in the store yet: every cell with the default setting, those on the grid with all of them.

    Settings that differ in steps alone lie along one training. The progress counts the steps of every cell.

    Args:
        base: base's scored pictures, by `Plan.base_of` of the replicates: what is trained may be drawn and scored
            beside them while others train. None lets it wait.

    Returns:
        Setting -> its trained cells, in order; the default's first.
    """
    gridded, usual = on_grid(plan), trained_with(plan.training, DEFAULT).steps
    runs = []
    for number, course in enumerate(courses(plan)):
        settings = trained_with(plan.training, course[0])
        # All cells are trained with the default setting, in the first course.
        members = [cell for cell in cells if not number or cell.condition in gridded]
        stops = [ends(plan, course) if cell.condition in gridded else (usual,) for cell in members]
        runs.append((course, settings, members, stops))
    engine.progress.stage(say("stage.train"), sum(own[-1] for *_, stops in runs for own in stops))
    found: dict[str, list[Trained]] = {}
    for course, settings, members, stops in runs:
        then = None if base is None else _drawn(plan, course, stops, base, engine)
        made = train_along(members, stops, settings, engine, then=then)
        for setting in course:
            steps = trained_with(plan.training, setting).steps
            at_end = (row[own.index(steps)] for row, own in zip(made, stops, strict=True) if steps in own)
            found[setting.name] = [cell for cell in at_end if cell is not None]
    engine.progress.close()
    return found


def score_grid(
    plan: Plan, trained: Mapping[str, Sequence[Trained]], base: Mapping[int, Cell], real: RealWorks, engine: Engine
) -> tuple[AtSetting, ...]:
    """Draw and score the cells of other settings, each from the prompts that the grid asks of its replicate.

    Args:
        trained: setting -> cells; the default is no part of it.
        base: base's scored pictures, by `Plan.base_of` of the replicates.
    """
    asked, beside = _thinned(plan, base)
    found = []
    for name, cells in trained.items():
        own = [cell for cell in cells if cell.adapter.condition in on_grid(plan)]
        pictures = draw_cells(asked, own, beside, engine)
        found.append(AtSetting(setting=name, cells=tuple(score_cells(asked, own, pictures, real, engine))))
    return tuple(found)


def _thinned(plan: Plan, base: Mapping[int, Cell]) -> tuple[Plan, dict[int, Generations]]:
    """The plan with the prompts that other settings are asked, and base's pictures of these."""
    asked = plan.thinned()
    return asked, {replicate: _first(cell.generations, asked, replicate) for replicate, cell in base.items()}


def _drawn(
    plan: Plan,
    course: Sequence[Setting],
    stops: Sequence[tuple[int, ...]],
    base: Mapping[int, Cell],
    engine: Engine,
) -> Callable[[Trained, int], Sequence[Ahead]]:
    """What draws and scores a cell that a course has trained, as the stages to come would."""
    by_steps = {trained_with(plan.training, setting).steps: setting for setting in course}
    thinned, thin_beside = _thinned(plan, base)
    beside = {replicate: cell.generations for replicate, cell in base.items()}

    def then(cell: Trained, steps: int) -> Sequence[Ahead]:
        among = sum(steps in own for own in stops)
        if by_steps[steps] == DEFAULT:
            return ahead(plan, cell, beside, engine, among=among)
        if cell.adapter.condition not in on_grid(plan) or plan.stopping.rule == "until-decided":
            # How many more there will be to draw beside is not known before the last analysis.
            return ()
        return ahead(thinned, cell, thin_beside, engine, among=among)

    return then


def _first(made: Generations, asked: Plan, replicate: int) -> Generations:
    """Base's pictures of the prompts that are asked; they are the first, since noise goes by a prompt's place."""
    count = len(asked.asked(replicate)) * asked.sampling.per_prompt
    return made.model_copy(
        update={"files": made.files[:count], "pixels": made.pixels[:count], "noise": made.noise[:count]}
    )
