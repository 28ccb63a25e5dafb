"""Memory: what a pack will take is known before, and running out of it costs time, never finished work."""

from __future__ import annotations

import contextlib
import errno
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import typer

from audit.base.errors import AuditError
from audit.base.progress import Progress
from audit.cli.told import TRACE, one_sentence
from audit.executor.packing import Fitting
from audit.models import memory
from audit.models.encode import encode_texts
from audit.models.loader import load
from audit.models.memory import MemoryShort, is_out_of_memory
from audit.plan import machine
from audit.plan.machine import make_engine, pick_pack
from audit.records import SampleSettings, TrainSettings
from audit.sampling import Execution, sample
from audit.store import Store
from audit.training.adapters import load_updates
from audit.training.draws import Streams
from audit.training.footprint import adapter_parameters, measure
from audit.training.pack_task import TrainingCell
from audit.training.packed import PackedLora
from audit.training.saving import kept_bytes
from audit.training.targets import find_parameter, find_targets
from tests.engines import engine_of, train_files

SETTINGS = TrainSettings(rank=2, alpha=2.0, steps=4, batch=2, warmup=0, works=3)


@pytest.fixture
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@contextlib.contextmanager
def room_for(model, rows):
    """A U-Net that says what a device says when more rows come than it has memory for; lists the sizes tried."""
    tried = []

    def refuse(module, args):
        tried.append(len(args[0]))
        if len(args[0]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = model.denoiser.register_forward_pre_hook(refuse)
    try:
        yield tried
    finally:
        hook.remove()


def make_cells(store, count):
    pixels = [store.put_pixels(np.full((32, 32, 3), 40 * i, np.uint8)) for i in range(3)]
    return [
        TrainingCell(
            condition=f"c{i % 2}",
            replicate=1 + i // 2,
            label=f"c{i % 2}",
            streams=Streams(seed=0, replicate=1 + i // 2, variant=f"{i % 2}"),
            works=("w000", "w001", "w002"),
            pixels=tuple(pixels),
            captions=("a cat", "a dog", "a house"),
        )
        for i in range(count)
    ]


def run(model, store, cells, pack=8, workers=1, progress=None):
    engine = engine_of(model, store, pack=pack, workers=workers, progress=progress)
    return train_files(cells, SETTINGS, engine)


def test_a_pack_that_does_not_fit_is_halved_until_it_does(model, tmp_path):
    cells = make_cells(Store(tmp_path / "a"), 5)
    seen = []
    with room_for(model, 4) as tried:
        made = run(model, Store(tmp_path / "a"), cells, progress=seen.append)
    assert tried[0] == 10
    assert max(tried[-8:]) <= 4
    assert seen == sorted(seen), "the progress went back"
    assert seen[-1] == len(cells) * SETTINGS.steps
    make_cells(Store(tmp_path / "b"), 5)
    whole = run(model, Store(tmp_path / "b"), cells)
    for (_, one), (_, other) in zip(made, whole, strict=True):
        left, right = load_updates(one), load_updates(other)
        assert all(torch.allclose(left[name], right[name], rtol=1e-3, atol=1e-6) for name in left)


def test_one_cell_that_does_not_fit_is_one_sentence_and_costs_no_finished_cell(model, tmp_path):
    store = Store(tmp_path)
    cells = make_cells(store, 2)
    run(model, store, cells[:1])
    with room_for(model, 1), pytest.raises(MemoryShort) as caught:
        run(model, store, cells, pack=1)
    assert isinstance(caught.value, AuditError)
    assert caught.value.slug == "memory-short"
    assert (
        store.verified("adapter", cells[0].key(model=model.facts.sha256, settings=SETTINGS, precision="fp32"))
        is not None
    )


def test_other_errors_are_not_taken_for_it(model, tmp_path):
    store = Store(tmp_path)

    def broken(module, args):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    hook = model.denoiser.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="shapes"):
        run(model, store, make_cells(store, 2))
    hook.remove()


def test_pictures_are_drawn_in_smaller_batches(model, tmp_path):
    text = encode_texts(model, Store(tmp_path), ["a cat", "a dog", "rain", "a house", "a tree", ""])
    settings = SampleSettings(steps=3, guidance=3.0)
    whole = sample(model, text=text[:-1], empty=text[-1:], settings=settings, seed=0)
    with room_for(model, 3) as tried:
        fours = Execution(fitting=Fitting(pictures=4))
        parts = sample(model, text=text[:-1], empty=text[-1:], settings=settings, seed=0, on=fours)
    assert tried[0] == 8
    assert tried[-1] == 2
    assert np.abs(whole.astype(int) - parts).max() <= 1
    with room_for(model, 1), pytest.raises(MemoryShort):
        sample(model, text=text[:-1], empty=text[-1:], settings=settings, seed=0)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB)"), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_how_devices_say_it(error, answer):
    assert is_out_of_memory(error) is answer


def test_a_real_allocation_beyond_the_machine_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_the_footprint_counts_what_grows(model):
    small = measure(model, SETTINGS, autocast=None)
    assert measure(model, SETTINGS, autocast=None) == small, "a resumed run would pack otherwise"
    wide = SETTINGS.model_copy(update={"targets": "all"})
    assert measure(model, wide, autocast=None).per_row > small.per_row
    lora = PackedLora(
        model.roots(), family=model.family, settings=wide, streams=[Streams(seed=0, replicate=1)], device=model.device
    )
    assert adapter_parameters(model, wide) == sum(p.numel() for p in lora.parameters())
    budget = small.bytes(7, batch=SETTINGS.batch)
    assert small.cells(budget + 1, batch=SETTINGS.batch) == 7
    assert small.cells(0, batch=SETTINGS.batch) == 1


def test_the_budget_decides_the_pack(model):
    sizes = [pick_pack(model, SETTINGS, precision="fp32", memory=m).cells for m in (0.1, 0.905, 0.91, 1.0, 100.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert 1 < sizes[2] < sizes[-1]


def test_a_budget_that_is_no_number_is_one_sentence(tmp_path):
    from audit.base.errors import BadInput
    from audit.plan.spec import load_spec

    with pytest.raises(BadInput) as caught:
        load_spec({"originals": tmp_path, "memory": -1.0}, None)
    assert caught.value.slug == "spec-invalid"
    assert json.loads(load_spec({"originals": tmp_path, "memory": 6.0}, None).model_dump_json())["memory"] == 6.0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        RuntimeError("could not create a primitive"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_memory_that_runs_out_anywhere_is_one_sentence(error, capsys):
    with pytest.raises(typer.Exit) as caught, one_sentence():
        raise error
    assert caught.value.exit_code == 2
    assert "[memory-short]" in capsys.readouterr().err


def test_other_faults_keep_their_traceback_where_it_is_asked_for(monkeypatch, capsys):
    with pytest.raises(typer.Exit), one_sentence():
        raise RuntimeError("a bug")
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv(TRACE, "1")
    with pytest.raises(RuntimeError, match="a bug"), one_sentence():
        raise RuntimeError("a bug")


def test_what_cannot_fit_is_said_before_anything_runs(model, tmp_path, monkeypatch):
    """The system ends a process that takes more than there is; nothing could be said then."""

    packed = pick_pack(model, SETTINGS, precision="fp32")
    monkeypatch.setattr(machine, "pick_pack", lambda *_, **__: packed)
    store = Store(tmp_path / "store")

    def engine(memory):
        return make_engine(model, store=store, progress=Progress(), training=SETTINGS, memory=memory)

    with pytest.raises(MemoryShort) as allowed:
        engine(0.1)
    assert allowed.value.said.id == "memory-short.allowed"
    monkeypatch.setattr(machine, "free_bytes", lambda device: packed.bytes / 2)
    with pytest.raises(MemoryShort) as foreseen:
        engine(None)
    assert foreseen.value.said.id == "memory-short.foreseen"
    assert engine(packed.bytes / 1e9 + 1).packing == packed, "who knows better says so with --memory"


def test_weights_that_do_not_fit_are_not_read(tiny_model, monkeypatch):
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(MemoryShort) as caught:
        load(str(tiny_model), device=torch.device("cpu"))
    assert caught.value.said.id == "memory-short.weights"


def test_a_merge_is_counted(model):
    """Of every layer that an adapter touches the old weight is kept, and one product is there at a time."""
    roots = model.roots()
    touched = [find_parameter(roots, f"{name}.weight") for name in find_targets(roots, model.family, SETTINGS)]
    sizes = [weight.numel() * weight.element_size() for weight in touched]
    assert kept_bytes(model, SETTINGS) == sum(sizes) + 2 * max(sizes)
