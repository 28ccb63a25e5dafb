"""Work side by side: the same results as one after the other, in order, and an orderly end when one fails."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from audit.models.conditioning import Text
from audit.models.loader import load
from audit.records import SampleSettings
from audit.sampling import sample
from audit.store import Store
from audit.training.workers import most_workers, side_by_side, twin
from tests.test_memory import SETTINGS, make_cells, run


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


def test_results_keep_their_order(model):
    def slow(number):
        def task(own, check):
            time.sleep(0.05 * (3 - number))
            return number

        return task

    assert side_by_side([slow(n) for n in range(4)], model=model, workers=4) == [0, 1, 2, 3]


def test_every_worker_has_a_model_to_itself(model):
    both = threading.Barrier(2, timeout=20)
    seen = []

    def task(own, check):
        seen.append(own)
        both.wait()

    side_by_side([task, task], model=model, workers=2)
    assert len({id(own.denoiser) for own in seen}) == len({id(own.tokenizers[0]) for own in seen}) == 2
    weights = [dict(own.denoiser.named_parameters()) for own in seen]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not {p.data_ptr() for p in weights[0].values()} & {p.data_ptr() for p in weights[1].values()}


def test_a_failure_ends_the_other_worker_and_is_told(model):
    ended = threading.Event()

    def fails(own, check):
        raise ValueError("the disk is full")

    def goes_on(own, check):
        try:
            for _ in range(2000):
                time.sleep(0.01)
                check()
        finally:
            ended.set()

    with pytest.raises(ValueError, match="the disk is full"):
        side_by_side([goes_on, fails], model=model, workers=2)
    assert ended.is_set()


def test_an_interrupt_ends_every_worker(model, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    def goes_on(own, check):
        while True:
            time.sleep(0.01)
            check()

    monkeypatch.setattr("audit.training.workers.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([goes_on, goes_on, goes_on], model=model, workers=2)


def test_pictures_drawn_in_a_twin_are_the_same(model):
    words = torch.randn(2, model.tokens, model.text_shape.width, generator=torch.manual_seed(0))
    text = Text(words, torch.zeros(2, 0))
    settings = SampleSettings(steps=2, guidance=2.0)
    drawn = [sample(m, text=text, empty=text[:1], settings=settings, seed=0) for m in (model, twin(model))]
    assert (drawn[0] == drawn[1]).all()


def test_large_latents_keep_one_worker(model, monkeypatch):
    monkeypatch.setattr("torch.get_num_threads", lambda: 4)
    assert most_workers(model) == 4
    monkeypatch.setattr("audit.training.workers.PLAIN_UP_TO", 1)
    assert most_workers(model) == 1
