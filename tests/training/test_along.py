"""Several lengths from one training: what half of it leaves is the training of half the length."""

from __future__ import annotations

import json

import pytest
import torch

from audit.models.loader import load
from audit.records import TrainSettings
from audit.store import Store
from audit.training import adapter_file, train, train_along
from audit.training.pack_task import at
from tests.engines import engine_of
from tests.test_memory import make_cells, room_for

SETTINGS = TrainSettings(rank=2, alpha=2.0, steps=24, batch=2, warmup=3, works=3)
ENDS = [(6, 12, 24), (12,), (6, 12, 24)]


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


def files(made, store):
    return [[adapter_file(store, one.key).read_bytes() for one in row] for row in made]


def along(model, store, *, ends=ENDS, settings=SETTINGS, progress=None):
    engine = engine_of(model, store, progress=progress)
    return train_along(make_cells(store, len(ends)), ends, settings, engine)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_every_length_is_the_training_of_that_length(model, tmp_path, method):
    settings = SETTINGS.model_copy(update={"method": method})
    ends = ENDS if method == "lora" else [(6, 12)]
    made = along(model, Store(tmp_path / "a"), ends=ends, settings=settings)
    for steps in (6, 12, 24):
        # Kernels round by the rows of a pass, so that the cells beside it are the same.
        rows = [i for i, own in enumerate(ends) if steps in own]
        store = Store(tmp_path / f"{steps}")
        alone = train(make_cells(store, len(ends)), at(settings, steps), engine_of(model, store))
        for i in rows:
            place = ends[i].index(steps)
            one, other = made[i][place], alone[i]
            assert one.key == other.key
            assert one.adapter.losses == other.adapter.losses
            if steps <= 12:
                same = adapter_file(Store(tmp_path / "a"), one.key).read_bytes()
                assert same == adapter_file(store, other.key).read_bytes()
            else:
                # From 12 steps on there is one cell less.
                assert one.adapter.norm == pytest.approx(other.adapter.norm, rel=1e-4)


def test_whoever_is_done_costs_the_others_nothing(model, tmp_path):
    with room_for(model, 100) as tried:
        along(model, Store(tmp_path))
    assert tried == [6] * 12 + [4] * 12


def test_the_progress_counts_every_step_once(model, tmp_path):
    heard = []
    along(model, Store(tmp_path), progress=heard.append)
    assert heard[-1] == sum(own[-1] for own in ENDS)
    assert heard == sorted(heard)


@pytest.mark.parametrize("written", [1, 3, 4, 5])
def test_killed_at_any_adapter_it_ends_at_the_same_bytes(model, tmp_path, monkeypatch, written):
    whole = files(along(model, Store(tmp_path / "a")), Store(tmp_path / "a"))
    store = Store(tmp_path / "b")
    plain, count = Store.writing, iter(range(100))

    def writing(self, name, key):
        if name == "adapter" and next(count) == written:
            raise Killed
        return plain(self, name, key)

    monkeypatch.setattr(Store, "writing", writing)
    with pytest.raises(Killed):
        along(model, store)
    monkeypatch.undo()
    assert files(along(model, Store(tmp_path / "b")), Store(tmp_path / "b")) == whole
    assert not list((tmp_path / "b" / "checkpoints").glob("*"))


def test_what_an_earlier_run_left_is_not_trained_again(model, tmp_path):
    store = Store(tmp_path)
    train(make_cells(store, 3), at(SETTINGS, 12), engine_of(model, store))
    with room_for(model, 100) as tried:
        along(model, Store(tmp_path), ends=[(6, 12), (12,), (12,)])
    assert tried == [2] * 6, "only the first cell's first six steps were lacking"


def test_a_length_that_went_missing_is_made_anew(model, tmp_path):
    made = along(model, Store(tmp_path))
    before = files(made, Store(tmp_path))
    facts = adapter_file(Store(tmp_path), made[0][0].key)
    facts.write_bytes(b"damaged")
    again = along(model, Store(tmp_path))
    assert len(files(again, Store(tmp_path))[0][0]) == len(before[0][0])
    assert json.loads((facts.parent / "facts.json").read_text())["losses"] == list(again[0][0].adapter.losses)
