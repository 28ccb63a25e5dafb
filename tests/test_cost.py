"""What a run will cost: probed stage by stage, at the size that the run will use."""

from __future__ import annotations

import pytest
import torch

from audit.base.messages import catalogue
from audit.executor.packing import Packing
from audit.models.loader import load
from audit.plan.cost import measure_cost
from audit.plan.waves import trained_later
from audit.records import SampleSettings, TrainSettings
from audit.store import Store
from audit.training.packs import make_packs
from tests.builders import make_plan
from tests.engines import engine_of
from tests.judge.drawn import drawn_plan
from tests.test_memory import room_for


@pytest.fixture
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture
def engine(model, tmp_path):
    return engine_of(model, Store(tmp_path), pack=18)


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
    found = measure_cost(plan, engine)
    assert found.seconds.keys() <= catalogue().keys()
    primary = sum(c.primary and c.role != "clean" for c in plan.conditions)
    # A model's pictures are scored once; base and clean of a noisy primary condition once more each.
    expected = 2 * primary / len(plan.conditions)
    assert found.seconds["stage.noise"] / found.seconds["stage.score"] == pytest.approx(expected)
    assert all(seconds > 0 for stage, seconds in found.seconds.items() if stage != "stage.subjects" or plan.concepts)
    assert found.memory_bytes > 1e8
    assert found.disk_bytes > 0


def test_base_draws_for_every_replicate_and_all_works_are_treated(engine, monkeypatch):
    monkeypatch.setattr("audit.plan.cost._picture_seconds", lambda probed, workers: 3.0)
    monkeypatch.setattr("audit.plan.cost._score_seconds", lambda probed: 1.0)
    once = small_plan(engine.model)
    drawn = drawn_plan(works=18, prompts=8, asked=4, replicates=once.replicates)
    plan = small_plan(engine.model, works=drawn.works, prompts=drawn.prompts, draws=drawn.draws)
    before, now = measure_cost(once, engine), measure_cost(plan, engine)
    # With the style word once, or for each of six replicates, and once without; of 4 prompts either time.
    assert before.seconds["stage.base"] == 2 * 4 * (3 + 1)
    assert now.seconds["stage.base"] == (6 + 1) * 4 * (3 + 1)
    assert now.seconds["stage.draw"] == before.seconds["stage.draw"]
    assert (len(once.treated), len(plan.treated)) == (12, 18)


def test_training_time_is_of_all_samples(model, tmp_path, monkeypatch):
    monkeypatch.setattr("audit.plan.cost._train_row_seconds", lambda probed, pack, workers: 0.01 * pack)
    plan = small_plan(model)
    cells = len(plan.conditions) * plan.replicates
    found = measure_cost(plan, engine_of(model, Store(tmp_path), pack=5)).seconds["stage.train"]
    per_pack = max(
        map(
            len,
            make_packs([r for r in range(plan.replicates) for _ in plan.conditions], range(cells), Packing(cells=5)),
        )
    )
    assert found == pytest.approx(cells * 50 * 2 * 0.01 * per_pack)


def test_a_probe_that_does_not_fit_is_halved(engine):
    with room_for(engine.model, 8) as tried:
        found = measure_cost(small_plan(engine.model), engine)
    assert max(tried) == 36
    assert found.seconds["stage.train"] > 0


@pytest.mark.parametrize(("small", "cells"), [(0.5, 20), (0.97, 48)])
def test_small_packs_are_tried_and_taken_where_they_train_faster(model, tmp_path, monkeypatch, small, cells):
    """Batches of 2: 40 rows are 20 cells."""
    plan = small_plan(model, replicates=12)
    tried = []

    def seconds(probed, pack, workers):
        tried.append(pack)
        return 0.01 if pack > 20 else 0.01 * small

    monkeypatch.setattr("audit.plan.cost._train_row_seconds", seconds)
    found = measure_cost(plan, engine_of(model, Store(tmp_path), pack=48, workers=1))
    assert len(tried) == 2
    assert tried[1] <= 20 < tried[0]
    assert found.packing.cells == cells


def test_time_is_foreseen_up_to_a_first_report_and_after_it(model, tmp_path):
    plan = small_plan(model)
    later = trained_later(plan)
    engine = engine_of(model, Store(tmp_path), pack=18)
    found, whole = measure_cost(plan, engine, later=later), measure_cost(plan, engine)
    share = len(later) / len(plan.conditions)
    assert 0 < share < 1
    assert found.later["stage.draw"] == pytest.approx(share * whole.seconds["stage.draw"])
    assert found.seconds["stage.draw"] + found.later["stage.draw"] == pytest.approx(whole.seconds["stage.draw"])
    assert found.whole > sum(found.seconds.values())
