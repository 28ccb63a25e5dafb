"""Stable Diffusion 1.5's U-Net at its real size, random weights: a packed training step and a drawing step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel

from audit.executor.packing import Saving
from audit.images.tensors import autocast_of
from audit.models.cards import cards
from audit.models.conditioning import Text
from audit.models.loader import load
from audit.plan.devices import pick_precision
from audit.records import SampleSettings, TrainSettings
from audit.sampling import Execution, sample
from audit.training.footprint import base_of
from audit.training.loop import loss_curve, train_pack
from audit.training.saving import saved
from tests.tiny import random_cell, tiny_vae

CPU = torch.device("cpu")


@pytest.fixture
def model(tiny_model):
    """The tiny model with the published U-Net in place of its own; 16x16 latents, so that a step takes seconds."""
    card = cards()["sd15"]
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(card.configs["unet"])
    unet = unet.to_empty(device=CPU).requires_grad_(False).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in unet.parameters():
        # Norms near 1, matrices small enough that activations stay finite through 16 blocks.
        parameter.uniform_(-0.02, 0.02, generator=generator).add_(1.0 if parameter.dim() == 1 else 0.0)
    tiny = load(str(tiny_model), device=CPU)
    facts = tiny.facts.model_copy(update={"resolution": 64})
    return replace(tiny, facts=facts, denoiser=unet, vae=tiny_vae(side=64).requires_grad_(False).eval())


@pytest.mark.slow
def test_a_packed_step_and_a_drawing_step_at_real_size(model):
    assert sum(p.numel() for p in model.denoiser.parameters()) == cards()["sd15"].parameters["denoiser"]
    autocast = autocast_of(pick_precision(CPU))
    settings = TrainSettings(rank=8, steps=1, batch=1, warmup=0, works=5, targets="all", learning_rate=1e-3)
    cells = [random_cell(model, 1, pictures=p) for p in ("clean", "protected")]
    with saved(model, settings, Saving(checkpointing=True)):
        trained, state = train_pack(base_of(model), cells, settings, autocast=autocast)
    for index, adapter in enumerate(trained):
        assert None not in loss_curve(state, index, steps=settings.steps)
        assert sum(float(b.pow(2).sum()) for _, b in adapter.values()) > 0
    name = next(iter(trained[0]))
    assert not torch.equal(trained[0][name][1], trained[1][name][1]), "the cells of the pack are one"
    blank = model.blank_text(1)
    words = Text({"hidden": torch.randn(blank.hidden.shape, generator=torch.Generator().manual_seed(1))})
    pictures = sample(
        model,
        text=words,
        empty=blank,
        settings=SampleSettings(steps=1, guidance=3.0),
        seed=0,
        on=Execution(autocast=autocast),
    )
    assert pictures.shape == (1, 64, 64, 3)
