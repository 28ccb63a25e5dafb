"""Training the whole denoiser: against a plain loop, stopped and resumed, and what it leaves behind."""

from __future__ import annotations

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from audit.models.encode import encode_texts
from audit.models.loader import load
from audit.plan.machine import pick_pack
from audit.records import SampleSettings, TrainSettings
from audit.sampling import sample
from audit.store import Store
from audit.training.adapters import load_updates, norm_of, save_updates
from audit.training.batches import Batches, learning_rate
from audit.training.footprint import measure, trained_bytes
from audit.training.full import loosened, train_full
from audit.training.loop import loss_curve
from audit.training.saving import ladder
from tests.engines import engine_of, train_files
from tests.test_memory import make_cells
from tests.tiny import tiny_base, tiny_cell

SETTINGS = TrainSettings(method="full", steps=12, batch=2, learning_rate=1e-3, warmup=3, works=5, schedule="cosine")


def plain(base, cell, settings, dtype):
    """The same training as a textbook loop on a copy."""
    base = copy.deepcopy(base)
    base.denoiser.requires_grad_(True)
    before = {n: p.detach().clone() for n, p in base.denoiser.named_parameters()}
    optimiser = torch.optim.AdamW(base.denoiser.parameters(), lr=1.0, weight_decay=settings.weight_decay)
    batches = Batches(cell, base, settings, dtype)
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, settings)
        batch = batches.batch(step)
        error = (base.predict(batch, None) - batch.target) ** 2
        loss = (error.flatten(1).mean(1) * batch.weight).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(base.denoiser.parameters(), settings.clip)
        optimiser.step()
    return {f"unet.{n}": p.detach() - before[n] for n, p in base.denoiser.named_parameters()}


def length(updates):
    return math.sqrt(sum(float(u.pow(2).sum()) for u in updates.values()))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-3)])
def test_it_is_the_plain_loop(dtype, bound):
    base, cell = tiny_base(dtype), tiny_cell(1)
    (ours,), _ = train_full(base, [cell], SETTINGS, dtype=dtype)
    theirs = plain(base, cell, SETTINGS, dtype)
    assert ours.keys() == theirs.keys()
    assert length(theirs) > 0.05
    assert length({n: ours[n] - theirs[n] for n in ours}) <= bound * length(theirs)


def test_the_base_is_left_as_it_was_also_after_an_error():
    base = tiny_base(torch.float32)
    before = copy.deepcopy(base.denoiser.state_dict())
    train_full(base, [tiny_cell(1)], SETTINGS)
    with contextlib.suppress(RuntimeError), loosened(base.denoiser):
        next(base.denoiser.parameters()).data.add_(1)
        raise RuntimeError
    for name, value in base.denoiser.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(p.requires_grad or p.grad is not None for p in base.denoiser.parameters())


def test_stopped_in_the_middle_it_goes_on_bit_for_bit():
    base, cell = tiny_base(torch.float32), tiny_cell(1)
    (whole,), last = train_full(base, [cell], SETTINGS)
    _, middle = train_full(base, [cell], SETTINGS, stop_at=5)
    (resumed,), end = train_full(base, [cell], SETTINGS, resume=middle)
    assert all(torch.equal(whole[n], resumed[n]) for n in whole)
    assert torch.equal(last.losses, end.losses)


def test_pairs_share_all_draws_so_equal_pictures_give_equal_models():
    base = tiny_base(torch.float32)
    (one,), _ = train_full(base, [tiny_cell(1)], SETTINGS)
    (same,), _ = train_full(base, [tiny_cell(1)], SETTINGS)
    (other,), _ = train_full(base, [tiny_cell(1, pictures="protected")], SETTINGS)
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert length({n: one[n] - other[n] for n in one}) > 0.01


def test_a_training_that_breaks_ends_early_with_finite_weights():
    cell = tiny_cell(1)
    cell.mean[:] = float("nan")
    (updates,), state = train_full(tiny_base(torch.float32), [cell], SETTINGS)
    assert state.alive == []
    assert state.step < SETTINGS.steps
    assert loss_curve(state, 0, steps=SETTINGS.steps)[0] is None
    assert all(torch.isfinite(u).all() for u in updates.values())


def test_the_stage_stores_what_draws_the_trained_models_pictures(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    cells = make_cells(store, 2)
    settings = SETTINGS.model_copy(update={"works": 4, "steps": 6})
    ((record, path), (_, other)) = train_files(cells, settings, engine_of(model, store, pack=1))
    updates = load_updates(path)
    assert {name.removeprefix("unet.") for name in updates} == {n for n, _ in model.denoiser.named_parameters()}
    assert record.norm == pytest.approx(length(updates), rel=1e-3) == norm_of(path)
    assert path.stat().st_size == pytest.approx(trained_bytes(model, settings), rel=0.2)
    assert length({n: u - load_updates(other)[n] for n, u in updates.items()}) > 0
    text = encode_texts(model, store, ["a cat", ""])
    drawing = {"text": text[:1], "empty": text[1:], "settings": SampleSettings(steps=4), "seed": 0}
    merged = sample(model, updates=updates, **drawing)
    with torch.no_grad():
        for name, parameter in model.denoiser.named_parameters():
            parameter.add_(updates[f"unet.{name}"])
    assert np.array_equal(merged, sample(model, **drawing))


def test_what_float16_loses_is_small(tmp_path):
    (updates,), _ = train_full(tiny_base(torch.float32), [tiny_cell(1)], SETTINGS)
    save_updates(tmp_path / "a.safetensors", updates)
    kept = load_updates(tmp_path / "a.safetensors")
    assert length({n: updates[n] - kept[n] for n in updates}) < 1e-3 * length(updates)


def test_memory_is_counted_and_no_weight_is_halved(tiny_model):
    model = load(str(tiny_model), device=torch.device("cpu"))
    weights = 4 * sum(p.numel() for p in model.denoiser.parameters())
    found = measure(model, SETTINGS, autocast=None)
    assert found.per_cell == 4 * weights
    assert found.per_row > 0
    assert pick_pack(model, SETTINGS, precision="fp32").cells == 1
    assert not any(s.half for s in ladder(torch.device("cuda"), autocast=torch.bfloat16, full=True))
    assert not any(p.requires_grad for p in model.denoiser.parameters())


def test_text_encoders_are_not_trained_with_it():
    with pytest.raises(ValidationError, match="denoiser alone"):
        TrainSettings(method="full", text_encoder=True)
