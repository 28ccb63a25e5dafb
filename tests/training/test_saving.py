"""Training in little memory: exact, honest about what it takes, and only as thrifty as the budget asks."""

from __future__ import annotations

import contextlib
import copy
import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from audit.executor.packing import Saving
from audit.models.loader import load
from audit.plan import machine
from audit.records import TrainSettings
from audit.store import Store
from audit.training.adapters import load_updates
from audit.training.batches import Batches
from audit.training.footprint import Footprint, base_of, measure
from audit.training.loop import train_pack
from audit.training.packed import PackedLora
from audit.training.saving import ladder, saved, weights_bytes
from tests.engines import engine_of, train_files
from tests.test_memory import SETTINGS, make_cells
from tests.tiny import base_in, random_cell, write_tiny_model
from tests.training.test_packed import distance, moved

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return {
        name: load(str(write_tiny_model(tmp_path_factory.mktemp(name), family=name)), device=CPU)
        for name in ("sd", "sdxl", "sd3")
    }


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_checkpointing_trains_the_same_adapters(models, family):
    model = copy.deepcopy(models[family])
    settings = TrainSettings(rank=2, alpha=2.0, steps=4, batch=2, warmup=0, works=5, targets="all", learning_rate=0.01)
    cells, base = [random_cell(model, 1), random_cell(model, 2)], base_in(model, torch.float64)
    plain, _ = train_pack(base, cells, settings, dtype=torch.float64)
    with saved(model, settings, Saving(checkpointing=True)):
        again, _ = train_pack(base, cells, settings, dtype=torch.float64)
    for cell, one, other in zip(cells, plain, again, strict=True):
        assert moved(cell, one) > 0.01
        assert distance(one, other) <= 1e-10 * moved(cell, one)


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_frozen_weights_in_half_precision_change_no_bit(models, family):
    model = models[family]
    settings = TrainSettings(rank=2, alpha=2.0, steps=3, batch=2, warmup=0, works=5, targets="all", learning_rate=0.01)
    cells = [random_cell(model, 1), random_cell(model, 1, pictures="protected")]
    before = {name: value.clone() for name, value in model.denoiser.state_dict().items()}
    plain, _ = train_pack(base_of(model), cells, settings, autocast=torch.bfloat16)
    with saved(model, settings, Saving(offload=True, half=True)):
        thrifty, _ = train_pack(base_of(model), cells, settings, autocast=torch.bfloat16)
    for one, other in zip(plain, thrifty, strict=True):
        assert all(torch.equal(one[name][i], other[name][i]) for name in one for i in (0, 1))
    assert all(torch.equal(value, before[name]) for name, value in model.denoiser.state_dict().items())
    assert not model.denoiser.is_gradient_checkpointing


def test_everything_is_put_back_after_a_failure(models):
    model = models["sd"]
    saving = Saving(offload=True, half=True, checkpointing=True)
    with pytest.raises(KeyError), saved(model, SETTINGS, saving):  # noqa: PT012
        assert next(model.denoiser.parameters()).dtype == torch.bfloat16
        raise KeyError
    assert all(p.dtype == torch.float32 for p in model.denoiser.parameters())
    assert not model.denoiser.is_gradient_checkpointing


class LiveBytes(TorchDispatchMode):
    """The greatest number of bytes that tensors made inside hold at once: an independent count."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.seen = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, torch.Tensor) and (storage := tensor.untyped_storage()) not in self.seen:
                self.seen.add(storage)
                self.now += (size := storage.nbytes())
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, size)
        return made

    def _gone(self, size):
        self.now -= size


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_footprint_agrees_with_a_count_of_live_tensors(models, family, checkpointing):
    model = models[family]
    settings = TrainSettings(rank=2, alpha=2.0, steps=1, batch=8, warmup=0, works=5)
    expected = measure(model, settings, autocast=None, checkpointing=checkpointing)
    base, cell = base_of(model), random_cell(model, 1)
    batch = Batches(cell, base, settings, torch.float32).batch(0)
    lora = PackedLora(
        base.roots(settings), family=base.family, settings=settings, streams=[cell.streams], device=base.device
    )
    with saved(model, settings, Saving(checkpointing=checkpointing)), lora, LiveBytes() as live:
        torch.autograd.backward(base.predict(batch, None).pow(2).mean())
    wanted = expected.fixed + settings.batch * expected.per_row
    assert 0.5 * live.peak < wanted < 2.5 * live.peak


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_checkpointing_keeps_less(models, family):
    settings = SETTINGS.model_copy(update={"targets": "all"})
    plain, lean = (measure(models[family], settings, autocast=None, checkpointing=c) for c in (False, True))
    assert lean.per_row < 0.8 * plain.per_row


def test_what_enters_a_block_by_keyword_is_counted(models):
    """Joint blocks are called by keyword where nothing is recomputed, and counted there."""
    model = copy.deepcopy(models["sd3"])
    settings = SETTINGS.model_copy(update={"targets": "attention"})
    few = measure(model, settings, autocast=None, checkpointing=True)
    blocks = model.denoiser.transformer_blocks
    blocks.insert(1, copy.deepcopy(blocks[1]))
    more = measure(model, settings, autocast=None, checkpointing=True)
    _, height, width = model.latent_shape
    (words, _), inner = model.text_shape["hidden"].shape, model.denoiser.inner_dim
    assert more.per_row - few.per_row >= 4 * inner * (height * width // 4 + words)


# About Stable Diffusion 1.5 in bfloat16: bytes of all weights, and of a pass in each way of saving.
WHOLE, REST, MATRICES = 3.44e9, 0.83e9, 1.72e9
PLAIN, LEAN = (
    Footprint(fixed=0.2e9, per_row=1.1e9, per_cell=0.04e9),
    Footprint(fixed=0.1e9, per_row=0.2e9, per_cell=4e7),
)


@pytest.mark.parametrize(
    ("gigabytes", "wanted"),
    [
        (24, Saving()),
        (8.8, Saving(offload=True)),
        (7, Saving(offload=True, half=True)),
        (6, Saving(offload=True, half=True, checkpointing=True)),
        (3, Saving(offload=True, half=True, checkpointing=True)),
    ],
)
def test_no_more_is_saved_than_the_budget_asks(models, monkeypatch, gigabytes, wanted):
    """A simulated GPU with the sizes of a real model."""
    monkeypatch.setattr(machine, "ladder", lambda device, **k: ladder(torch.device("cuda"), **k))
    monkeypatch.setattr(machine, "RUNTIME_BYTES", 0)
    monkeypatch.setattr(machine, "measure", lambda *a, checkpointing, **k: LEAN if checkpointing else PLAIN)
    monkeypatch.setattr(machine, "most_workers", lambda model: 1)

    def bytes_of(model, settings, saving):
        return WHOLE + REST * (not saving.offload) - MATRICES * saving.half

    monkeypatch.setattr(machine, "weights_bytes", bytes_of)
    settings = TrainSettings(batch=4)
    packing = machine.pick_pack(models["sd"], settings, precision="bf16", memory=gigabytes)
    assert packing.saving == wanted
    footprint = LEAN if wanted.checkpointing else PLAIN
    if gigabytes > 3:
        needed = bytes_of(None, settings, wanted) + footprint.bytes(packing.cells, batch=4)
        assert needed <= gigabytes * 1e9
    else:
        assert packing.cells == 1


def test_what_waits_elsewhere_is_not_counted(models):
    model = models["sdxl"]
    whole = weights_bytes(model, SETTINGS, Saving())
    assert whole == sum(p.numel() * 4 for part in model.parts() for p in part.parameters())
    away = weights_bytes(model, SETTINGS, Saving(offload=True))
    assert away == sum(p.numel() * 4 for p in model.denoiser.parameters())
    trained = SETTINGS.model_copy(update={"text_encoder": True})
    assert away < weights_bytes(model, trained, Saving(offload=True)) < whole
    with saved(model, SETTINGS, Saving(half=True)):
        held = sum(p.numel() * p.element_size() for p in model.denoiser.parameters())
    assert weights_bytes(model, SETTINGS, Saving(offload=True, half=True)) == held


@contextlib.contextmanager
def away(parts):
    """Fails when a part that should wait elsewhere is used."""
    hooks = [p.register_forward_pre_hook(lambda module, args: pytest.fail("a part was used while away")) for p in parts]
    yield
    for hook in hooks:
        hook.remove()


def test_nothing_that_waits_is_needed_while_training(models, tmp_path, monkeypatch):
    model, store = models["sd"], Store(tmp_path / "a")
    cells = make_cells(store, 3)
    real = saved

    @contextlib.contextmanager
    def watched(model, settings, saving):
        with real(model, settings, saving), away([model.vae.encoder, *model.text_encoders.values()]):
            yield

    monkeypatch.setattr("audit.training.pack_task.saved", watched)
    saving = Saving(offload=True, checkpointing=True)
    made = train_files(cells, SETTINGS, engine_of(model, store, pack=2, saving=saving))
    monkeypatch.undo()
    other = Store(tmp_path / "b")
    make_cells(other, 3)
    plain = train_files(cells, SETTINGS, engine_of(model, other, pack=2))
    for (_, one), (_, two) in zip(made, plain, strict=True):
        left, right = load_updates(one), load_updates(two)
        # Gradients are added up in another order.
        assert all(torch.allclose(left[name], right[name], rtol=1e-3, atol=1e-6) for name in left)


def test_a_lora_that_does_not_fit_is_tried_with_checkpointing(models, tmp_path):
    model, store = models["sd"], Store(tmp_path)
    seen = []
    hook = model.denoiser.register_forward_pre_hook(lambda m, args: seen.append(m.is_gradient_checkpointing))

    def refuse(module, args):
        if not module.is_gradient_checkpointing:
            raise torch.OutOfMemoryError("CUDA out of memory")

    other = model.denoiser.register_forward_pre_hook(refuse)
    cells = make_cells(store, 1)
    made = train_files(cells, SETTINGS, engine_of(model, store, pack=1))
    hook.remove()
    other.remove()
    assert seen[0] is False
    assert all(seen[1:])
    assert made[0][0].finite
    assert not model.denoiser.is_gradient_checkpointing
