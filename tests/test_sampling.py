"""Sampling: paired noise, batch independence, and agreement with the stock pipeline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from audit.executor.packing import Fitting
from audit.models.encode import encode_texts
from audit.models.loader import load
from audit.records import SampleSettings, TrainSettings
from audit.sampling import Execution, initial_noise, sample, text_under
from audit.store import Store
from audit.training.adapters import Merged, Updates, load_updates, norm_of, save_adapter
from audit.training.targets import find_module, find_targets

SETTINGS = SampleSettings(steps=6, guidance=3.0, per_prompt=2)


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture
def text(model, tmp_path):
    return encode_texts(model, Store(tmp_path), ["a cat", "a red house", "rain", ""])


def random_adapter(model, path, *, targets="all", text_encoder=False, rank=2, alpha=4.0):
    settings = TrainSettings(rank=rank, alpha=alpha, targets=targets, text_encoder=text_encoder)
    generator = torch.Generator().manual_seed(1)
    cell = {}
    for name in find_targets(model.roots(), model.family, settings):
        weight = find_module(model.roots(), name).weight
        a = torch.randn(rank, *weight.shape[1:], generator=generator) * 0.1
        cell[name] = (a, torch.randn(weight.shape[0], rank, generator=generator) * 0.3)
    save_adapter(path, cell, alpha=alpha)
    return cell


def test_noise_depends_on_prompt_and_index_only(model):
    many = initial_noise(model, seed=4, prompts=3, per_prompt=2)
    few = initial_noise(model, seed=4, prompts=1, per_prompt=2)
    assert torch.equal(many[:2], few)
    assert len({float(x.sum()) for x in many}) == 6
    assert not torch.equal(few, initial_noise(model, seed=5, prompts=1, per_prompt=2))


def test_batch_size_does_not_change_the_pictures(model, text):
    whole, parts = (
        sample(model, text=text[:-1], empty=text[-1:], settings=SETTINGS, seed=0, on=Execution(fitting=Fitting(n)))
        for n in (6, 2)
    )
    assert whole.shape == (6, 32, 32, 3)
    assert np.abs(whole.astype(int) - parts).max() <= 1


@pytest.mark.parametrize(
    ("targets", "text_encoder"), [("attention", False), ("attention+ff", False), ("all", False), ("attention", True)]
)
def test_the_stock_pipeline_opens_the_adapter_and_draws_the_same_picture(
    model, text, tiny_model, tmp_path, targets, text_encoder
):
    path = tmp_path / "adapter.safetensors"
    random_adapter(model, path, targets=targets, text_encoder=text_encoder)
    hidden = text_under(model, load_updates(path), ["a cat", ""])
    assert torch.equal(hidden.hidden, text[[0, -1]].hidden) != text_encoder
    ours = sample(
        model,
        text=hidden[:1],
        empty=hidden[-1:],
        settings=SETTINGS.model_copy(update={"per_prompt": 1}),
        seed=0,
        updates=load_updates(path),
    )
    stock = StableDiffusionPipeline.from_pretrained(tiny_model)
    stock.set_progress_bar_config(disable=True)
    stock.load_lora_weights(str(tmp_path), weight_name=path.name)
    stock.scheduler = DPMSolverMultistepScheduler.from_config(
        stock.scheduler.config,
        algorithm_type="dpmsolver++",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    noise = initial_noise(model, seed=0, prompts=1, per_prompt=1)
    theirs = stock(
        "a cat", latents=noise, num_inference_steps=6, guidance_scale=3.0, height=32, width=32, output_type="np"
    ).images[0]
    assert np.abs(ours[0] / 255.0 - theirs).max() < 1.5 / 255
    plain = sample(
        model,
        text=text[:1],
        empty=text[-1:],
        settings=SETTINGS.model_copy(update={"per_prompt": 1}),
        seed=0,
    )
    assert np.abs(plain.astype(int) - ours).max() > 3, "the adapter changes nothing, so the test shows nothing"


def test_merging_restores_the_weights_bit_for_bit(model, tmp_path):
    path = tmp_path / "adapter.safetensors"
    random_adapter(model, path)
    before = {k: v.clone() for k, v in model.denoiser.state_dict().items()}
    with Merged(model.roots(), load_updates(path)):
        assert any(not torch.equal(v, before[k]) for k, v in model.denoiser.state_dict().items())
    assert all(torch.equal(v, before[k]) for k, v in model.denoiser.state_dict().items())


def test_norm_is_of_the_scaled_b(model, tmp_path):
    path = tmp_path / "adapter.safetensors"
    cell = random_adapter(model, path)
    wanted = sum(float((b * 2).pow(2).sum()) for _, b in cell.values()) ** 0.5
    assert norm_of(path) == pytest.approx(wanted, rel=1e-5)


def test_a_broken_latent_is_a_blank_picture(model, text):
    broken = torch.full_like(model.denoiser.conv_out.weight, float("nan"))
    updates = Updates({"unet.conv_out.weight.update": broken})
    made = sample(model, text=text[:1], empty=text[-1:], settings=SETTINGS, seed=0, updates=updates)
    assert all(picture.std() < 80 for picture in made)
    assert torch.isfinite(model.denoiser.conv_out.weight).all()
