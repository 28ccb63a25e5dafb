"""Packed training against PEFT one by one, on the same streams."""

from __future__ import annotations

import math

import pytest
import torch

from audit.records import TrainSettings
from audit.training.loop import State, train_pack
from audit.training.packed import draw_lora_a
from audit.training.reference import train_one
from tests.tiny import tiny_base, tiny_cell

SETTINGS = TrainSettings(rank=3, alpha=6.0, steps=12, batch=2, learning_rate=1e-2, warmup=3, works=5)


def distance(left, right):
    return math.sqrt(sum(float((left[n][i] - right[n][i]).pow(2).sum()) for n in left for i in (0, 1)))


def moved(cell, trained):
    start = {
        n: (draw_lora_a(cell.streams, n, a.shape).to(a.dtype), torch.zeros_like(b)) for n, (a, b) in trained.items()
    }
    return distance(trained, start)


@pytest.mark.parametrize("targets", ["attention", "attention+ff", "all"])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-3)])
def test_packed_equals_one_by_one(targets, dtype, bound):
    settings = SETTINGS.model_copy(update={"targets": targets})
    base = tiny_base(dtype)
    cells = [tiny_cell(r, pictures=p) for r in (1, 2) for p in ("clean", "protected")]
    packed, _ = train_pack(base, cells, settings, dtype=dtype)
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, settings, dtype=dtype)
        assert moved(cell, alone) > 0.1
        assert distance(trained, alone) <= bound * moved(cell, alone)


@pytest.mark.parametrize("count", [1, 4, 7])
def test_pack_size_does_not_matter(count):
    base = tiny_base(torch.float64, prediction="v_prediction")
    settings = SETTINGS.model_copy(update={"schedule": "cosine", "noise_offset": 0.1, "min_snr": None})
    cells = [tiny_cell(1 + i // 2, pictures=f"set {i}") for i in range(count)]
    packed, _ = train_pack(base, cells, settings, dtype=torch.float64)
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, settings, dtype=torch.float64)
        assert distance(trained, alone) <= 1e-10 * moved(cell, alone)


def test_permuted_cells_give_the_same_adapters():
    base = tiny_base(torch.float64)
    cells = [tiny_cell(1, pictures=f"set {i}") for i in range(3)]
    forward, _ = train_pack(base, cells, SETTINGS, dtype=torch.float64)
    backward, _ = train_pack(base, cells[::-1], SETTINGS, dtype=torch.float64)
    for cell, one, other in zip(cells, forward, backward[::-1], strict=True):
        assert distance(one, other) <= 1e-10 * moved(cell, one)


def test_changing_one_cell_leaves_the_others_bit_equal():
    base = tiny_base(torch.float64)
    cells = [tiny_cell(1), tiny_cell(1, pictures="protected"), tiny_cell(2)]
    before, _ = train_pack(base, cells, SETTINGS, dtype=torch.float64)
    cells[1] = tiny_cell(1, pictures="something else")
    after, _ = train_pack(base, cells, SETTINGS, dtype=torch.float64)
    assert distance(before[0], after[0]) == 0
    assert distance(before[2], after[2]) == 0
    assert distance(before[1], after[1]) > 0.1


def test_identity_condition_is_bit_equal_to_clean():
    base = tiny_base(torch.float32)
    packed, _ = train_pack(base, [tiny_cell(1), tiny_cell(1)], SETTINGS)
    assert distance(packed[0], packed[1]) == 0


def test_a_broken_cell_does_not_break_its_neighbours():
    base = tiny_base(torch.float32)
    broken = tiny_cell(1)
    broken.mean[:] = float("nan")
    with_broken, state = train_pack(base, [tiny_cell(1), broken, tiny_cell(2)], SETTINGS)
    without, _ = train_pack(base, [tiny_cell(1), tiny_cell(1), tiny_cell(2)], SETTINGS)
    assert distance(with_broken[0], without[0]) == 0
    assert distance(with_broken[2], without[2]) == 0
    assert not torch.isfinite(state.loss_sum[1]).all()
    assert torch.isfinite(state.loss_sum[[0, 2]]).all()


def test_resume_in_the_middle_is_bit_equal():
    base = tiny_base(torch.float32)
    cells = [tiny_cell(1), tiny_cell(1, pictures="protected")]
    whole, _ = train_pack(base, cells, SETTINGS)
    kept: list[State] = []
    train_pack(base, cells, SETTINGS, stop_at=7, after_step=lambda done, state: kept.append(state()))
    resumed, state = train_pack(base, cells, SETTINGS, resume=kept[-1])
    assert state.step == SETTINGS.steps
    for one, other in zip(whole, resumed, strict=True):
        assert distance(one, other) == 0


def test_unet_is_left_as_it_was():
    base = tiny_base(torch.float32)
    names = [n for n, _ in base.unet.named_modules()]
    before = {k: v.clone() for k, v in base.unet.state_dict().items()}
    train_pack(base, [tiny_cell(1)], SETTINGS)
    assert [n for n, _ in base.unet.named_modules()] == names
    assert all(torch.equal(v, base.unet.state_dict()[k]) for k, v in before.items())
