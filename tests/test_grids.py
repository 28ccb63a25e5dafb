"""The mimic's grid: what a plan declares, what is refused, and what is trained, drawn and scored for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.base.errors import BadInput
from audit.plan.grids import GRIDS, courses, ends, make_grid, trained_with
from audit.plan.settings import LAB_TRAINING, SD_TRAINING
from audit.plan.spec import Spec
from audit.records import DEFAULT, ReplicateDraw
from tests.builders import make_plan


def grid(*, lab=True, training=None, **asked):
    return make_grid(Spec(originals=Path("x"), **asked), training or (LAB_TRAINING if lab else SD_TRAINING), lab=lab)


def names(found):
    return [setting.name for setting in found.settings]


def test_what_a_preset_takes_by_itself():
    assert names(grid(preset="standard")) == ["default", "steps:0.5"]
    assert grid(preset="standard").prompts == 12
    assert names(grid(preset="court", lab=False)) == ["default", *GRIDS["whole"]]
    assert grid(preset="court", lab=False).prompts is None
    for alone in (
        {"preset": "quick"},
        {"until_decided": True},
        {"protocol": "hoenig2024"},
        {"training": LAB_TRAINING.model_copy(update={"schedule": "cosine"})},
    ):
        assert names(grid(**alone)) == ["default"]
    full = SD_TRAINING.model_copy(update={"method": "full"})
    assert "rank:4" not in names(grid(lab=False, training=full))


def test_a_setting_is_multiples_of_the_training():
    (setting,) = grid(grid=("rate:3+steps:0.5",)).others
    made = trained_with(LAB_TRAINING, setting)
    assert made == LAB_TRAINING.model_copy(update={"steps": 50, "learning_rate": 3 * LAB_TRAINING.learning_rate})
    (setting,) = grid(grid=("rank:4",)).others
    made = trained_with(LAB_TRAINING, setting)
    assert made.rank == 32
    assert made.alpha / made.rank == LAB_TRAINING.alpha / LAB_TRAINING.rank
    assert trained_with(LAB_TRAINING, DEFAULT) == LAB_TRAINING


def test_settings_that_differ_in_steps_alone_lie_along_one_training():
    plan = make_plan().model_copy(update={"training": LAB_TRAINING, "grid": grid(grid=("whole",))})
    along = [([s.name for s in course], ends(plan, course)) for course in courses(plan)]
    assert along == [
        (["default", "steps:0.25", "steps:0.5", "steps:2", "steps:4"], (25, 50, 100, 200, 400)),
        (["rate:3", "rate:3+steps:0.5"], (50, 100)),
        (["rank:4"], (100,)),
    ]


def test_what_comes_to_the_same_is_trained_once():
    short = LAB_TRAINING.model_copy(update={"steps": 2})
    assert names(grid(grid=("steps:0.5", "steps:0.25", "steps:1"), training=short)) == ["default", "steps:0.5"]


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ({"grid": ("steps:0",)}, "grid-invalid"),
        ({"grid": ("layers:2",)}, "grid-invalid"),
        ({"grid": ("rank:1.5",)}, "grid-invalid"),
        ({"grid": ("steps:2+steps:3",)}, "grid-invalid"),
        ({"grid": ("steps:2",), "until_decided": True}, "grid-invalid"),
        ({"grid": ("steps:2",), "training": LAB_TRAINING.model_copy(update={"schedule": "cosine"})}, "grid-invalid"),
        ({"grid": ("rank:2",), "training": LAB_TRAINING.model_copy(update={"method": "full"})}, "grid-invalid"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(asked, slug):
    with pytest.raises(BadInput) as caught:
        grid(**asked)
    assert caught.value.slug == slug


def test_other_settings_are_asked_for_the_first_prompts_of_each_replicate():
    draws = tuple(ReplicateDraw(replicate=r, held_out=(), trained=(), prompts=(0, 1 + r, 3)) for r in (1, 2))
    plan = make_plan(replicates=2).model_copy(update={"draws": draws, "grid": grid(grid_prompts=2)})
    assert [plan.thinned().asked(r) for r in (1, 2)] == [(0, 2), (0, 3)]
