"""What a run will cost: probed stage by stage, at the size that the run will use."""

from __future__ import annotations

import pytest
import torch

from audit.base.messages import catalogue
from audit.executor.packing import Packing
from audit.models.loader import load
from audit.plan.cost import measure_cost
from audit.records import ArtistSet, SampleSettings, TrainSettings
from audit.store import Store
from audit.training.packs import make_packs
from tests.builders import make_plan
from tests.engines import engine_of
from tests.test_memory import room_for


@pytest.fixture
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture
def engine(model, tmp_path):
    return engine_of(model, Store(tmp_path), pack=18)


def cost(engine, plan):
    return measure_cost(plan, ArtistSet(artist="x", works=plan.works), engine)


def small_plan(model, **changes):
    plan = make_plan().model_copy(
        update={
            "model": model.facts,
            "training": TrainSettings(rank=2, steps=50, batch=2),
            "sampling": SampleSettings(steps=8),
        }
    )
    return plan.model_copy(update=changes)


def test_every_stage_is_foreseen(engine):
    plan = small_plan(engine.model)
    found = cost(engine, plan)
    assert found.seconds.keys() <= catalogue().keys()
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    # A model's pictures are scored once; base and clean of a noisy primary condition once more each.
    expected = 2 * primary / len(plan.conditions)
    assert found.seconds["stage.noise"] / found.seconds["stage.score"] == pytest.approx(expected)
    assert all(seconds > 0 for stage, seconds in found.seconds.items() if stage != "stage.subjects" or plan.concepts)
    assert found.memory_bytes > 1e8
    assert found.disk_bytes > 0


def test_training_time_is_of_all_samples(model, tmp_path, monkeypatch):
    monkeypatch.setattr("audit.plan.cost._train_row_seconds", lambda plan, engine, pack, workers: 0.01 * pack)
    plan = small_plan(model)
    cells = len(plan.conditions) * plan.replicates
    found = cost(engine_of(model, Store(tmp_path), pack=5), plan).seconds["stage.train"]
    per_pack = max(
        map(
            len,
            make_packs([r for r in range(plan.replicates) for _ in plan.conditions], range(cells), Packing(cells=5)),
        )
    )
    assert found == pytest.approx(cells * 50 * 2 * 0.01 * per_pack)


def test_a_probe_that_does_not_fit_is_halved(engine):
    with room_for(engine.model, 8) as tried:
        found = cost(engine, small_plan(engine.model))
    assert max(tried) == 36
    assert found.seconds["stage.train"] > 0
