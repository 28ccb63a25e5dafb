"""Everything that runs on a GPU, walked on one that is not there: shapes, types and devices of every operation.

On tiny models of every family in each run; on the published architectures where CLOAKCHECK_FULL_SIZE is set.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from audit.conditions import parse_step
from audit.conditions.base import Context
from audit.models.cards import cards
from audit.models.loader import load
from audit.records import ProtectSettings, SampleSettings, TrainSettings
from audit.sampling import sample
from audit.training.footprint import base_of
from audit.training.full import train_full
from audit.training.loop import train_pack
from tests import hollow_models
from tests.tiny import random_cell, write_tiny_model

CUDA = torch.device("cuda:0")
FULL_SIZE = ("sd15", "sd21", "sdxl", "sd35-medium")
FULL = pytest.mark.skipif(
    "CLOAKCHECK_FULL_SIZE" not in os.environ, reason="about a minute for each; set CLOAKCHECK_FULL_SIZE"
)


# A family and a published model may have one name, so each says which of the two it is.
TINY = [pytest.param(("tiny", name), id=f"tiny-{name}") for name in ("sd", "sdxl", "sd3")]
PUBLISHED = [pytest.param(("published", name), id=f"published-{name}", marks=FULL) for name in FULL_SIZE]


@pytest.fixture(params=[*TINY, *PUBLISHED])
def model(request, tmp_path):
    kind, name = request.param
    if kind == "published":
        return hollow_models.published(name, tmp_path / "words", device=CUDA)
    return load(str(write_tiny_model(tmp_path, family=name)), device=torch.device("cpu"))


@pytest.fixture
def on_cuda(model, monkeypatch):
    with hollow_models.walked(model, CUDA, monkeypatch) as walked:
        yield walked


@pytest.mark.parametrize("text_encoder", [False, True])
def test_training_and_going_on(on_cuda, text_encoder):
    settings = TrainSettings(
        rank=4, alpha=4.0, steps=2, batch=1, warmup=0, works=2, targets="all", text_encoder=text_encoder
    )
    cells = [random_cell(on_cuda, 1, works=2, tokens=text_encoder) for _ in range(2)]
    states = []
    train_pack(base_of(on_cuda), cells, settings, stop_at=1, after_step=lambda done, state: states.append(state()))
    # As a checkpoint comes back: in main memory.
    state = states[-1]
    for tensors in (state.params, state.exp_avg, state.exp_avg_sq):
        assert {each.device.type for each in tensors} == {"cuda"}
        tensors[:] = [each.cpu() for each in tensors]
    adapters, after = train_pack(base_of(on_cuda), cells, settings, resume=state)
    assert after.step == 2
    assert len(adapters) == 2
    roots = {name.partition(".")[0] for name in adapters[0]}
    assert roots == set(base_of(on_cuda).roots(settings))


def test_training_of_all_weights(on_cuda):
    settings = TrainSettings(method="full", steps=2, batch=1, warmup=0, works=2)
    (updates,), state = train_full(base_of(on_cuda), [random_cell(on_cuda, 1, works=2)], settings)
    assert state.step == 2
    assert len(updates) == len(list(on_cuda.denoiser.parameters()))
    assert {each.device.type for each in updates.values()} == {"cpu"}


def test_drawing(on_cuda, monkeypatch):
    drawn = []

    def grey(pictures):
        drawn.append(pictures)
        return np.full((len(pictures), 8, 8, 3), 128, np.uint8)

    monkeypatch.setattr("audit.sampling.to_pixels", grey)
    text = on_cuda.blank_text(3)
    made = sample(on_cuda, text=text[:2], empty=text[2:], settings=SampleSettings(steps=3, guidance=5.0), seed=0)
    side = on_cuda.facts.resolution
    assert len(made) == 2
    assert {(each.device.type, each.shape[1:]) for each in drawn} == {("cuda", (3, side, side))}


@pytest.mark.parametrize("step", ["encoder-pgd:8", "denoiser-pgd:8", "fused-pgd:8", "sds-pgd:8"])
def test_attacks(on_cuda, monkeypatch, step):
    side = on_cuda.facts.resolution
    delivered = []

    def grey(pictures):
        delivered.append(pictures)
        return np.full((len(pictures), side, side, 3), 128, np.uint8)

    monkeypatch.setattr("audit.conditions.protect.pgd.to_pixels", grey)
    context = Context(
        model=on_cuda,
        surrogate=on_cuda,
        seed=0,
        names=["a"],
        original=lambda row: pictures[row],
        protection=ProtectSettings(steps=1),
    )
    pictures = [np.full((side, side, 3), 100, np.uint8)]
    found = parse_step(step)
    found.treatment.run(pictures, found.argument, context)
    assert {(each.device.type, tuple(each.shape)) for each in delivered} == {("cuda", (1, 3, side, side))}


def test_a_planted_mismatch_is_found(on_cuda):
    def on_cpu(module, args, named):
        return tuple(a.cpu() for a in args), {n: a.cpu() if hasattr(a, "cpu") else a for n, a in named.items()}

    on_cuda.denoiser.register_forward_pre_hook(on_cpu, with_kwargs=True)
    settings = TrainSettings(rank=2, alpha=2.0, steps=1, batch=1, warmup=0, works=2)
    with pytest.raises(RuntimeError, match="device"):
        train_pack(base_of(on_cuda), [random_cell(on_cuda, 1, works=2)], settings)


@pytest.mark.parametrize("name", [*FULL_SIZE, "zimage", "flux1-dev", "flux2-klein", "qwen-image", "krea2-raw"])
def test_the_published_architectures_are_what_their_cards_say(name, tmp_path):
    model, counts = hollow_models.published(name, tmp_path / "words", device=CUDA), cards()[name].parameters
    found = {
        "denoiser": sum(p.numel() for p in model.denoiser.parameters()),
        "vae": sum(p.numel() for p in model.vae.parameters()),
        "text": sum(p.numel() for part in model.text_encoders.values() for p in part.parameters()),
    }
    assert found == counts
