"""Memory that runs out, simulated at every stage and rung: less is tried, nothing is done twice, nothing is lost."""

from __future__ import annotations

import contextlib
import copy
import mmap
from dataclasses import replace

import numpy as np
import pytest
import torch

from audit.conditions import parse_step
from audit.conditions.base import Context
from audit.conditions.treating import _in_little_memory
from audit.executor.packing import Fitting
from audit.models.encode import encode_picture, encode_texts
from audit.models.hollow import LiveBytes
from audit.models.loader import load
from audit.models.memory import MemoryShort, Peak, is_out_of_memory
from audit.plan import cost, machine
from audit.plan.probed import Probed
from audit.records import ProtectSettings, SampleSettings, TrainSettings
from audit.sampling import Execution, decoded_at_once, sample
from audit.store import Store
from audit.style import METRICS
from audit.style.score import View, features
from audit.training.footprint import measure_drawing
from audit.training.saving import ladder
from tests.engines import engine_of
from tests.test_cost import small_plan
from tests.tiny import write_tiny_model

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SETTINGS = TrainSettings(rank=2, alpha=2.0, steps=4, batch=2, warmup=0, works=3)
DRAWN = SampleSettings(steps=3, guidance=3.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(str(write_tiny_model(tmp_path_factory.mktemp("ladder"))), device=CPU)


@contextlib.contextmanager
def failing(owner, name, when):
    """A function that says what a device says wherever `when(*args)` holds; lists the sizes of its first argument."""
    real, sizes = getattr(owner, name), []

    def call(*args, **kwargs):
        sizes.append(len(args[0]) if args else 0)
        if when(*args, **kwargs):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(*args, **kwargs)

    setattr(owner, name, call)
    try:
        yield sizes
    finally:
        setattr(owner, name, real)


# --- packing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("failed", [0, 1, 2, 3])
def test_a_rung_that_cannot_even_be_counted_leads_to_the_next(model, monkeypatch, failed):
    rungs = ladder(CUDA, autocast=torch.bfloat16)
    monkeypatch.setattr(machine, "ladder", lambda device, **k: rungs)
    tried, real = [], machine.measure

    def measure(*args, checkpointing, halved, **k):
        tried.append(checkpointing)
        if len(tried) <= failed:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args, checkpointing=checkpointing, halved=halved, **k)

    monkeypatch.setattr(machine, "measure", measure)
    packing = machine.pick_pack(model, SETTINGS, precision="bf16", memory=100)
    assert packing.saving == rungs[failed]


def test_where_no_rung_can_be_counted_it_is_one_sentence(model, monkeypatch):
    def measure(*args, **k):
        raise RuntimeError("CUDNN_STATUS_ALLOC_FAILED")

    monkeypatch.setattr(machine, "measure", measure)
    with pytest.raises(MemoryShort):
        machine.pick_pack(model, SETTINGS, precision="fp32", memory=100)


def test_counting_a_model_takes_no_memory_for_it(model, monkeypatch):
    """Not one kernel of the real model runs: whoever has too little memory is told so, not stopped."""
    before = {name: value.clone() for name, value in model.denoiser.state_dict().items()}
    seen = []
    hook = model.denoiser.register_forward_pre_hook(lambda module, args: seen.append(type(args[0]).__name__))
    machine.pick_pack(model, SETTINGS, precision="bf16", memory=3)
    hook.remove()
    assert set(seen) == {"FakeTensor"}
    assert all(torch.equal(value, before[name]) for name, value in model.denoiser.state_dict().items())
    assert not model.denoiser.is_gradient_checkpointing


def test_free_memory_counts_and_not_all_there_is(monkeypatch):
    monkeypatch.setattr(machine, "free_bytes", lambda device: 4e9)
    assert machine.memory_budget(CUDA, None) == pytest.approx(0.85 * 4e9)
    monkeypatch.setattr(machine, "physical_memory", lambda: 64e9)
    assert machine.memory_budget(CPU, None) == pytest.approx(0.85 * 4e9)
    monkeypatch.setattr(machine, "free_bytes", lambda device: 60e9)
    assert machine.memory_budget(CPU, None) == pytest.approx(32e9)


def test_the_budget_decides_how_many_pictures_are_drawn_at_once(model):
    footprint = measure_drawing(model, guided=True, autocast=None)
    assert footprint == measure_drawing(model, guided=True, autocast=None)
    assert footprint.pictures(footprint.fixed + 5.5 * footprint.per_picture) == 5
    assert footprint.pictures(0) == footprint.decoded(0) == 1
    plenty, little = (
        machine.pick_pack(model, SETTINGS, precision="fp32", memory=gb) for gb in (4, 0.9 + footprint.per_picture / 1e9)
    )
    assert plenty.pictures == 32
    assert little.pictures < 32
    assert little.bytes < plenty.bytes


def test_a_peak_is_of_what_is_watched_alone():
    # Pages of the system's own: an allocator may hand out what it has kept from earlier tests.
    with mmap.mmap(-1, 60_000_000) as before:
        before.write(bytes(60_000_000))
    with Peak(CPU) as small:
        pass
    with mmap.mmap(-1, 120_000_000) as held, Peak(CPU) as large:
        held.write(bytes(120_000_000))
    assert large.bytes > small.bytes + 100e6


# --- drawing ---------------------------------------------------------------------------------------


@pytest.fixture
def texts(model, tmp_path):
    return encode_texts(model, Store(tmp_path / "texts"), [*(f"a {i}" for i in range(6)), ""])


def drawn(model, texts, **on):
    return sample(model, text=texts[:-1], empty=texts[-1:], settings=DRAWN, seed=0, on=Execution(**on))


def test_a_failed_decode_repeats_no_step_of_denoising(model, texts):
    whole = drawn(model, texts)
    fits, steps = Fitting(), []
    with failing(model.vae, "decode", lambda latents: len(latents) > 1) as decoded:
        parts = drawn(model, texts, fitting=fits, check=lambda: steps.append(1))
        assert len(steps) == DRAWN.steps
        assert decoded == [6, 3, 2, 1, 1, 1, 1, 1, 1]
        assert np.abs(whole.astype(int) - parts).max() <= 1
        del decoded[:]
        drawn(model, texts, fitting=fits)
        assert decoded == [1] * 6, "the next model tries what did not fit"
    assert (fits.pictures, fits.decoded) == (32, 1)


def test_a_batch_that_did_not_fit_is_not_tried_for_the_next_model(model, texts):
    fits = Fitting()
    with failing(model.denoiser, "forward", lambda noisy, *a, **k: len(noisy) > 4) as tried:
        drawn(model, texts, fitting=fits)
        assert tried[0] == 12
        assert max(tried[2:]) == 4
        del tried[:]
        drawn(model, texts, fitting=fits)
        assert max(tried) == 4


def test_one_picture_that_does_not_fit_is_one_sentence(model, texts):
    for owner, name in ((model.denoiser, "forward"), (model.vae, "decode")):
        with failing(owner, name, lambda *a, **k: True), pytest.raises(MemoryShort):
            drawn(model, texts)


def test_large_pictures_are_decoded_a_few_at_a_time(model):
    def at(side):
        return decoded_at_once(replace(model, facts=model.facts.model_copy(update={"resolution": side})))

    assert [at(side) for side in (128, 512, 768, 1024)] == [32, 2, 1, 1]


# --- encoding, treating, scoring, probing ---------------------------------------------------------------


def test_a_picture_and_its_mirror_image_are_encoded_one_by_one(model, tmp_path):
    made = []
    for name, most in (("a", 2), ("b", 1)):
        store = Store(tmp_path / name)
        digest = store.put_pixels(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3))
        with failing(model.vae, "encode", lambda both, most=most: len(both) > most) as tried:
            made.append(encode_picture(model, store, digest))
    assert tried == [2, 1, 1]
    assert torch.allclose(made[0].mean, made[1].mean, atol=1e-5)


ATTACKS = ("encoder-pgd:8", "denoiser-pgd:8", "sds-pgd:8", "surrogate-pgd:8", "style-cloak")


@pytest.mark.parametrize("step", ATTACKS)
def test_an_attack_goes_on_with_fewer_pictures(model, step):
    pictures = [np.full((32, 32, 3), 60 * i, np.uint8) for i in range(3)]
    context = Context(
        model=model,
        surrogate=model,
        seed=0,
        names=["a", "b", "c"],
        original=lambda row: pictures[row],
        protection=ProtectSettings(steps=2, counter_steps=2),
    )
    whole = _in_little_memory(parse_step(step), pictures, context)
    # What an encoder sees of three pictures at once does not fit where a gradient is wanted.
    with failing(model.vae, "encode", lambda x, **k: len(x) > 1 and x.requires_grad) as tried:
        parts = _in_little_memory(parse_step(step), pictures, context)
    assert 3 in tried
    assert 1 in tried
    for one, other in zip(whole.pictures, parts.pictures, strict=True):
        assert one.shape == other.shape
        # A sign that hangs on rounding moves a pixel by a step; the cloak's yardstick is of the pictures at hand.
        assert np.abs(one.astype(int) - other).mean() < 1
    assert whole.last == pytest.approx(parts.last, rel=0.3 if step == "style-cloak" else 0.05)


def test_an_attack_that_does_not_fit_is_tried_with_activations_computed_twice(model):
    own = copy.deepcopy(model.denoiser)
    thrifty = replace(model, denoiser=own)
    picture = [np.full((32, 32, 3), 90, np.uint8)]
    context = Context(
        model=thrifty,
        surrogate=thrifty,
        seed=0,
        names=["a"],
        original=lambda row: picture[row],
        protection=ProtectSettings(steps=2),
    )
    with failing(own, "forward", lambda *a, **k: not own.is_gradient_checkpointing):
        made = _in_little_memory(parse_step("denoiser-pgd:8"), picture, context)
    assert np.any(made.pictures[0] != picture[0])
    assert not own.is_gradient_checkpointing
    with failing(own, "forward", lambda *a, **k: True), pytest.raises(MemoryShort):
        _in_little_memory(parse_step("denoiser-pgd:8"), picture, context)
    assert not own.is_gradient_checkpointing


def test_pictures_are_scored_a_part_at_a_time(model, tmp_path, monkeypatch):
    made = []
    for name, most in (("a", 4), ("b", 1)):
        store = Store(tmp_path / name)
        digests = [store.put_pixels(np.full((32, 32, 3), 60 * i, np.uint8)) for i in range(4)]
        row = METRICS["channel_stats"]
        sizes = []

        def extract(pixels, device, row=row, most=most, sizes=sizes):
            sizes.append(len(pixels))
            if len(pixels) > most:
                raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
            return row.extract(pixels, device)

        with monkeypatch.context() as patch:
            patch.setitem(METRICS, "channel_stats", replace(row, extract=extract))
            made.append(features("channel_stats", digests, view=View(side=32, device=CPU, store=store)))
    assert sizes == [4, 2, 1, 1, 2, 1, 1]
    assert np.allclose(made[0], made[1], atol=1e-5)


def test_the_probe_of_attacks_takes_fewer_rows(model, tmp_path):
    plan = small_plan(model)
    with failing(model.vae, "encode", lambda x: len(x) > 1) as tried:
        probed = Probed(plan, engine_of(model, Store(tmp_path)))
        assert cost._treat_seconds(probed) > 0
    assert tried[0] == 4
    assert tried[-1] == 1
    with (
        failing(model.denoiser, "forward", lambda *a, **k: True),
        pytest.raises(MemoryShort),
    ):
        cost._treat_seconds(Probed(plan, engine_of(model, Store(tmp_path / "other"))))
    assert not model.denoiser.is_gradient_checkpointing


# --- what was measured before ------------------------------------------------------------------------


def test_what_a_probe_found_is_not_measured_again(model, tmp_path):
    plan, store = small_plan(model), Store(tmp_path)
    first = cost.measure_cost(plan, engine_of(model, store))
    seen = []
    hook = model.denoiser.register_forward_pre_hook(lambda module, args: seen.append(1))
    again = cost.measure_cost(plan, engine_of(model, store))
    assert not seen
    for stage in set(first.seconds) - {"stage.measure"}:
        assert again.seconds[stage] == pytest.approx(first.seconds[stage]), stage
    assert again.memory_bytes == first.memory_bytes
    assert again.seconds["stage.measure"] < first.seconds["stage.measure"]
    # Another precision is another measurement; so is a file that somebody damaged.
    cost.measure_cost(plan, engine_of(model, store, precision="bf16"))
    assert len(seen) > 0
    del seen[:]
    for path in (tmp_path / "probes").glob("*.json"):
        path.write_text("{}")
    cost.measure_cost(plan, engine_of(model, store))
    hook.remove()
    assert len(seen) > 0


def test_measuring_reports_every_step(model, tmp_path):
    told = []
    engine = engine_of(model, Store(tmp_path), progress=told.append)
    plan = small_plan(model)
    cost.measure_cost(plan, engine)
    assert told == sorted(told)
    assert told[-1] == cost.PROBE_STEPS + cost.DRAWN_STEPS + len(plan.metrics) + 2
    assert engine.progress.seconds["stage.measure"] > 0


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "FIND was unable to find an engine to execute this computation",
        "GET was unable to find an engine to execute this computation",
        "Invalid buffer size: 24.00 GiB",
        "HIP out of memory. Tried to allocate 2.00 GiB",
    ],
)
def test_libraries_say_it_in_words_of_their_own(text):
    assert is_out_of_memory(RuntimeError(text))


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED",
        "CUDA error: no kernel image is available for execution on the device",
        "CUDA error: an illegal memory access was encountered",
        "Input type (float) and bias type (c10::BFloat16) should be the same",
    ],
)
def test_other_faults_of_a_device_are_not_memory(text):
    assert not is_out_of_memory(RuntimeError(text))


def test_torchs_class_for_errors_of_a_device_tells_by_number():
    def error(code):
        found = torch.AcceleratorError("CUDA error")
        found.error_code = code
        return found

    assert is_out_of_memory(error(2))
    assert not is_out_of_memory(error(700))


def test_a_view_of_a_weight_is_no_new_memory():
    weight, picture = torch.zeros(8, 16), torch.zeros(4, 16)
    with LiveBytes([weight]) as live:
        made = picture @ weight.t()
    assert live.peak == made.untyped_storage().nbytes()
