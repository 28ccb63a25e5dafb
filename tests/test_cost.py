"""What a run will cost: probed stage by stage, at the size that the run will use."""

from __future__ import annotations

import io

import pytest
import torch

from audit.base.progress import Progress
from audit.models.loader import load
from audit.plan.cost import measure_cost
from audit.records import ArtistSet, SampleSettings, TrainSettings
from audit.training.packs import Packing, make_packs
from tests.builders import make_plan
from tests.test_memory import room_for


@pytest.fixture
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


def cost(model, plan, pack=18):
    artist = ArtistSet(artist="x", works=plan.works)
    return measure_cost(
        plan, artist, model=model, precision="fp32", packing=Packing(cells=pack), progress=Progress(io.StringIO())
    )


def small_plan(model, **changes):
    plan = make_plan().model_copy(
        update={
            "model": model.facts,
            "training": TrainSettings(rank=2, steps=50, batch=2),
            "sampling": SampleSettings(steps=8),
        }
    )
    return plan.model_copy(update=changes)


def test_every_stage_is_foreseen(model):
    plan = small_plan(model)
    found = cost(model, plan)
    stages = {"Preparing pictures", "Training", "Generating pictures", "Scoring", "Scoring with noise added"}
    assert set(found.seconds) == stages
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    # A model's pictures are scored once; base and clean of a noisy primary condition once more each.
    expected = 2 * primary * plan.replicates / (len(plan.conditions) * plan.replicates + 2)
    assert found.seconds["Scoring with noise added"] / found.seconds["Scoring"] == pytest.approx(expected)
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.memory_bytes > 1e8
    assert found.disk_bytes > 0


def test_training_time_is_of_all_samples(model, monkeypatch):
    monkeypatch.setattr("audit.plan.cost._train_row_seconds", lambda plan, model, pack, workers, precision: 0.01 * pack)
    plan = small_plan(model)
    cells = len(plan.conditions) * plan.replicates
    found = cost(model, plan, pack=5).seconds["Training"]
    per_pack = max(
        map(
            len,
            make_packs([r for r in range(plan.replicates) for _ in plan.conditions], range(cells), Packing(cells=5)),
        )
    )
    assert found == pytest.approx(cells * 50 * 2 * 0.01 * per_pack)


def test_a_probe_that_does_not_fit_is_halved(model):
    with room_for(model, 8) as tried:
        found = cost(model, small_plan(model), pack=18)
    assert max(tried) == 36
    assert found.seconds["Training"] > 0
