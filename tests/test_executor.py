"""Tasks one after the other, side by side, and sent elsewhere: the same results, and an orderly end when one fails."""

from __future__ import annotations

import io
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from audit.base.progress import Progress
from audit.executor import Task, Worker
from audit.executor.side_by_side import SideBySide, most_workers, twin
from audit.models.conditioning import Text
from audit.models.loader import load
from audit.plan.spec import load_spec
from audit.records import SampleSettings
from audit.sampling import sample
from audit.stages.audit import run as run_audit
from audit.store import Store
from audit.style.tasks import AddNoise
from tests.e2e.folders import write_originals, write_references, write_spec
from tests.encoders import write_dinov2, write_openclip
from tests.engines import engine_of
from tests.test_memory import SETTINGS, make_cells, run


@dataclass(frozen=True)
class Call(Task[Any]):
    """A function as a task."""

    shares = True
    function: Callable[[Worker], Any]

    @property
    def units(self) -> int:
        return 3

    def run(self, worker: Worker) -> Any:
        return self.function(worker)


@pytest.fixture
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


def test_worker_train_what_one_worker_trains(model, tmp_path):
    alone, beside = Store(tmp_path / "alone"), Store(tmp_path / "beside")
    threads = torch.get_num_threads()
    told: list[int] = []
    first = run(model, alone, make_cells(alone, 4), pack=1)
    second = run(model, beside, make_cells(beside, 4), pack=1, workers=3, progress=told.append)
    assert [a.sha256 for a, _ in first] == [a.sha256 for a, _ in second]
    assert told == sorted(told)
    assert told[-1] == 4 * SETTINGS.steps
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workers", [1, 4])
def test_results_keep_their_order_and_every_unit_is_told_once(model, tmp_path, workers):
    def slow(number):
        def work(worker):
            worker.tell(1)
            time.sleep(0.02 * (3 - number))
            worker.tell(9)
            return number

        return Call(work)

    told: list[int] = []
    engine = engine_of(model, Store(tmp_path), workers=workers, progress=told.append)
    assert engine.run([slow(n) for n in range(4)]) == [0, 1, 2, 3]
    assert told == sorted(told)
    assert told[-1] == 12


def test_every_worker_has_a_model_to_itself(model, tmp_path):
    both = threading.Barrier(2, timeout=20)
    seen = []

    def work(worker):
        seen.append(worker.engine.model)
        both.wait()

    engine_of(model, Store(tmp_path), workers=2).run([Call(work)] * 2)
    assert len({id(own.denoiser) for own in seen}) == len({id(own.tokenizers[0]) for own in seen}) == 2
    weights = [dict(own.denoiser.named_parameters()) for own in seen]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not {p.data_ptr() for p in weights[0].values()} & {p.data_ptr() for p in weights[1].values()}


def test_what_does_not_share_a_machine_runs_alone_with_all_threads(model, tmp_path, monkeypatch):
    monkeypatch.setattr(Call, "shares", False)
    here = []
    engine = engine_of(model, Store(tmp_path), workers=2)
    engine.run([Call(lambda worker: here.append((threading.current_thread(), worker.engine.model)))] * 2)
    assert here == [(threading.main_thread(), model)] * 2


def goes_on(worker):
    for _ in range(2000):
        time.sleep(0.01)
        worker.check()


def test_a_failure_ends_the_other_worker_and_is_told(model, tmp_path):
    ended = threading.Event()

    def fails(worker):
        raise ValueError("the disk is full")

    def watched(worker):
        try:
            goes_on(worker)
        finally:
            ended.set()

    with pytest.raises(ValueError, match="the disk is full"):
        engine_of(model, Store(tmp_path), workers=2).run([Call(watched), Call(fails)])
    assert ended.is_set()


def test_an_interrupt_ends_every_worker(model, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("audit.executor.side_by_side.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine_of(model, Store(tmp_path), workers=2).run([Call(goes_on)] * 3)


def test_pictures_drawn_in_a_twin_are_the_same(model):
    words = torch.randn(2, *model.text_shape["hidden"].shape, generator=torch.manual_seed(0))
    text = Text({"hidden": words})
    settings = SampleSettings(steps=2, guidance=2.0)
    drawn = [sample(m, text=text, empty=text[:1], settings=settings, seed=0) for m in (model, twin(model))]
    assert np.array_equal(*drawn)


def test_large_latents_keep_one_worker(model, monkeypatch):
    monkeypatch.setattr("torch.get_num_threads", lambda: 4)
    assert most_workers(model) == 4
    monkeypatch.setattr("audit.executor.side_by_side.PLAIN_UP_TO", 1)
    assert most_workers(model) == 1


# --- every task of an audit, sent elsewhere --------------------------------------------------------------


@dataclass(frozen=True)
class Posted:
    """An executor elsewhere: every task arrives as bytes. Lists the kinds that came."""

    kinds: Counter[str]

    def run(self, tasks, engine, *, after=None):
        self.kinds.update(type(task).__name__ for task in tasks)
        arrived = [pickle.loads(pickle.dumps(task)) for task in tasks]
        assert arrived == list(tasks)
        assert [task.key for task in arrived] == [task.key for task in tasks]
        found = SideBySide(1).run(arrived, engine)
        return pickle.loads(pickle.dumps(found))


def test_noise_added_elsewhere_is_the_same(model, tmp_path):
    store = Store(tmp_path)
    pixels = tuple(store.put_pixels(np.full((32, 32, 3), 60 * i, np.uint8)) for i in range(1, 4))
    engine, task = engine_of(model, store), AddNoise(pixels, (3.0, 4.0, 5.0), seed=1, replicate=2)
    assert replace(engine, executor=Posted(Counter())).run([task]) == engine.run([task])
    assert engine.run([task])[0] != engine.run([replace(task, replicate=1)])[0]


def test_every_task_of_an_audit_can_be_sent_elsewhere_and_makes_the_same_there(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOAKCHECK_ENCODERS", str(tmp_path / "encoders"))
    write_openclip(tmp_path / "encoders" / "openclip_l14")
    write_dinov2(tmp_path / "encoders" / "dinov2")
    spec_file = write_spec(tmp_path / "audit.toml")
    options = {
        "originals": write_originals(tmp_path / "art"),
        "reference_artists": write_references(tmp_path / "others"),
        "model": str(tiny_model), "protect": ("encoder-pgd:40",), "subjects": True, "preset": "quick",
        "replicates": 1, "device": "cpu",
    }  # fmt: skip
    kinds: Counter[str] = Counter()

    def audit(name):
        folders = {"out": tmp_path / name, "store": tmp_path / f"{name}-store"}
        results, _ = run_audit(load_spec({**options, **folders}, spec_file), Progress(io.StringIO()))
        return results

    here = audit("here")
    monkeypatch.setattr("audit.plan.machine.SideBySide", lambda workers: Posted(kinds))
    there = audit("there")
    assert kinds.keys() >= {
        "ProbeTraining", "ProbeDrawing", "TreatPictures", "MeasureChange", "Embed", "Encode", "TrainPack", "Draw",
        "ReadSubjects", "ReadAdherence", "FitPlainEdit",
    }  # fmt: skip
    assert [(c.adapter.sha256 if c.adapter else "", c.generations, c.scores, c.nearest) for c in here.cells] == [
        (c.adapter.sha256 if c.adapter else "", c.generations, c.scores, c.nearest) for c in there.cells
    ]
    for name in ("untriggered", "subjects", "visibility", "reached", "metrics", "recognition"):
        assert getattr(here, name) == getattr(there, name), name
