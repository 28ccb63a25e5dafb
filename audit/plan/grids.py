"""The mimic's grid: which other settings are trained, and what each of them means for a training.

Whoever imitates keeps what works best, so the settings of an imitation are his to choose (Hönig et al., 2024).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from audit.base.errors import BadInput
from audit.judge.claims import is_claim
from audit.plan.prompts import PROMPTS
from audit.plan.spec import Spec
from audit.records import DEFAULT, MimicGrid, Plan, Setting, TrainSettings

GRIDS: dict[str, tuple[str, ...]] = {
    "default": (),
    # Both lie along one training, so that only drawing is added.
    "small": ("steps:0.5",),
    # One long training, and three short ones.
    "whole": ("steps:0.25", "steps:0.5", "steps:2", "steps:4", "rate:3", "rate:3+steps:0.5", "rank:4"),
}
"""Named grids; the default setting belongs to each."""
PART = re.compile(r"(steps|rate|rank):([0-9]+(?:\.[0-9]+)?)")


def make_grid(spec: Spec, training: TrainSettings, *, lab: bool) -> MimicGrid:
    """The grid that was asked for, else the preset's.

    By itself `quick` takes the default alone, and so do a published protocol, plans with interim analyses, and
    schedules whose first half is no training of half the length. The lab model takes the small one with
    half the prompts, for it has minutes; other models the whole one.

    Raises:
        BadInput: `grid-invalid`, an unknown setting, or one that this audit cannot have.
    """
    prompts = spec.grid_prompts
    if not spec.grid:
        alone = spec.preset == "quick" or spec.protocol or spec.until_decided
        if alone or training.schedule != "constant":
            return MimicGrid()
        asked = GRIDS["small" if lab else "whole"]
        if training.method == "full":
            asked = tuple(text for text in asked if _parsed(text).rank == 1)
        if lab and prompts is None:
            prompts = PROMPTS[spec.preset] // 2
    else:
        asked = tuple(text for given in spec.grid for text in GRIDS.get(given, (given,)))
    settings = [DEFAULT]
    for text in dict.fromkeys(asked):
        setting = _parsed(text)
        _check(spec, training, setting)
        # Of a training of few steps, half and a quarter can be the same.
        if all(trained_with(training, setting) != trained_with(training, other) for other in settings):
            settings.append(setting)
    return MimicGrid(settings=tuple(settings), prompts=prompts) if len(settings) > 1 else MimicGrid()


def trained_with(training: TrainSettings, setting: Setting) -> TrainSettings:
    """A plan's training with one of its settings."""
    return training.model_copy(
        update={
            "steps": max(1, round(training.steps * setting.steps)),
            "learning_rate": training.learning_rate * setting.rate,
            "rank": training.rank * setting.rank,
            "alpha": training.alpha * setting.rank,
        }
    )


def courses(plan: Plan) -> list[list[Setting]]:
    """The grid's settings by training: those of one course differ in nothing but steps; the default's course first."""
    found: dict[tuple[float, int], list[Setting]] = {(DEFAULT.rate, DEFAULT.rank): []}
    for setting in plan.grid.settings:
        found.setdefault((setting.rate, setting.rank), []).append(setting)
    return list(found.values())


def ends(plan: Plan, course: Sequence[Setting]) -> tuple[int, ...]:
    """Steps after which a training is stored for the settings of a course, ascending."""
    return tuple(sorted({trained_with(plan.training, setting).steps for setting in course}))


def on_grid(plan: Plan) -> tuple[str, ...]:
    """Conditions that are trained with every setting: the unprotected works and all claims."""
    return tuple(c.name for c in plan.conditions if c.role == "clean" or is_claim(plan, c))


def heaviest(plan: Plan) -> TrainSettings:
    """Of the grid's trainings the one that takes most memory."""
    return trained_with(plan.training, max(plan.grid.settings, key=lambda setting: setting.rank))


def _parsed(text: str) -> Setting:
    parts = [PART.fullmatch(part) for part in text.split("+")]
    given = {part[1]: part[2] for part in parts if part is not None}
    if len(given) < len(parts):
        raise BadInput("grid-invalid", text=text, choices=tuple(GRIDS))
    try:
        return Setting.model_validate({"name": text, **given})
    except ValidationError as error:
        raise BadInput("grid-invalid", text=text, choices=tuple(GRIDS)) from error


def _check(spec: Spec, training: TrainSettings, setting: Setting) -> None:
    if spec.until_decided:
        raise BadInput("grid-invalid.sequential", text=setting.name)
    if training.schedule != "constant" and setting.steps != 1:
        raise BadInput("grid-invalid.schedule", text=setting.name, schedule=training.schedule)
    if training.method == "full" and setting.rank != 1:
        raise BadInput("grid-invalid.full", text=setting.name)
