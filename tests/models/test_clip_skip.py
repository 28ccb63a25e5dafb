"""Stable Diffusion 1.x read at an earlier layer of its text encoder, as anime models are used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler
from transformers import CLIPTextModel
from typer.testing import CliRunner

from audit.base.errors import BadModel
from audit.cli import app
from audit.models.encode import hidden_states
from audit.models.loader import describe, load
from audit.records import Plan, SampleSettings, TrainSettings
from audit.sampling import initial_noise, sample, text_under
from audit.training.adapters import load_updates, save_adapter
from audit.training.footprint import base_of
from audit.training.loop import train_pack
from tests.e2e.folders import write_originals
from tests.models.test_checkpoint import parts_of, write
from tests.tiny import random_cell, text_config, tiny_pipeline, write_tiny_model

CPU = torch.device("cpu")
SKIPS = (2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny Stable Diffusion 1.x whose text encoder has four layers."""
    place = tmp_path_factory.mktemp("skipped")
    made = tiny_pipeline("sd", place)
    torch.manual_seed(9)
    made.register_modules(text_encoder=CLIPTextModel(text_config(made.tokenizer, layers=4)))
    made.save_pretrained(place / "model")
    return place / "model"


@pytest.fixture
def skips(monkeypatch):
    """The stock pipeline looks for the last norm where releases of transformers before 5.6 have it."""
    monkeypatch.setattr(CLIPTextModel, "text_model", property(lambda encoder: encoder), raising=False)


def stock_of(folder):
    stock = DiffusionPipeline.from_pretrained(folder)
    stock.set_progress_bar_config(disable=True)
    stock.scheduler = DPMSolverMultistepScheduler.from_config(
        stock.scheduler.config,
        algorithm_type="dpmsolver++",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )
    return stock


@pytest.mark.parametrize("skip", SKIPS)
def test_texts_are_those_of_the_stock_pipeline(folder, skip, skips):
    """Its `clip_skip` counts from 0, as layers left out; trainers and viewers count from 1."""
    read = hidden_states(load(str(folder), device=CPU, skip=skip), ["a cat"]).hidden
    theirs = stock_of(folder).encode_prompt("a cat", "cpu", 1, False, clip_skip=skip - 1)[0]
    last = hidden_states(load(str(folder), device=CPU), ["a cat"]).hidden
    assert torch.allclose(read, theirs, atol=1e-6)
    assert (read - last).abs().max() > 0.1


@pytest.mark.parametrize("text_encoder", [False, True])
def test_a_trained_adapter_draws_the_stock_pipelines_picture(folder, text_encoder, skips, tmp_path):
    """Trained and drawn at layer 2, the empty text as well, as A1111 and ComfyUI do."""
    model = load(str(folder), device=CPU, skip=2)
    settings = TrainSettings(
        rank=3, alpha=6.0, steps=4, batch=2, learning_rate=0.1, warmup=2, works=5, text_encoder=text_encoder
    )
    (trained,), _ = train_pack(base_of(model), [random_cell(model, 1, tokens=text_encoder)], settings)
    assert any(name.startswith("text_encoder.") for name in trained) == text_encoder
    path = tmp_path / "adapter.safetensors"
    save_adapter(path, trained, alpha=settings.alpha)
    updates, drawing = load_updates(path), SampleSettings(steps=5, guidance=3.0)
    told, plain = text_under(model, updates, ["a cat", ""]), hidden_states(model, ["a cat", ""])
    ours = sample(model, text=told[:1], empty=told[1:], settings=drawing, seed=0, updates=updates)[0] / 255.0
    base = sample(model, text=plain[:1], empty=plain[1:], settings=drawing, seed=0)[0] / 255.0
    stock = stock_of(folder)
    stock.load_lora_weights(str(tmp_path), weight_name=path.name)
    theirs = stock(
        "a cat",
        negative_prompt_embeds=stock.encode_prompt("", "cpu", 1, False, clip_skip=1)[0],
        latents=initial_noise(model, seed=0, prompts=1, per_prompt=1),
        num_inference_steps=5,
        guidance_scale=3.0,
        clip_skip=1,
        height=32,
        width=32,
        output_type="np",
    ).images[0]
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert np.abs(base - ours).max() > 3 / 255, "the adapter changes nothing, so the test shows nothing"


def test_another_layer_is_another_model(folder, tmp_path):
    plain, skipped = describe(str(folder)), describe(str(folder), skip=2)
    assert (plain.clip_skip, skipped.clip_skip) == (1, 2)
    assert plain.sha256 != skipped.sha256
    assert "clip_skip" not in plain.model_dump(mode="json")
    assert load(str(folder), device=CPU, skip=2).facts == skipped
    with pytest.raises(BadModel, match="4 layers"):
        describe(str(folder), skip=5)
    with pytest.raises(BadModel, match="XL"):
        describe(str(write_tiny_model(tmp_path, family="sdxl")), skip=2)


def test_a_single_file_is_read_at_that_layer_too(tiny_cards, tmp_path):
    path = write(tmp_path / "anime.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    model = load(str(path), device=CPU, skip=2)
    layers = tiny_cards["sd15"].configs["text_encoder"]["num_hidden_layers"]
    assert len(model.text_encoders["text_encoder"].encoder.layers) == layers - 1
    assert model.facts == describe(str(path), skip=2)
    assert model.facts.sha256 != describe(str(path)).sha256


@pytest.mark.slow
def test_the_plan_states_it(folder, tmp_path):
    """A whole run took 20 s, and said it in the report's settings (2026-11-30)."""
    art = write_originals(tmp_path / "art", count=10)
    asked = ["--model", folder, "--clip-skip", 2, "--originals", art, "--store", tmp_path / "store",
             "--protect", "encoder-pgd:12", "--preset", "quick", "--replicates", 1, "--no-battery",
             "--primary-metric", "channel_stats", "--device", "cpu", "--out", tmp_path / "out"]  # fmt: skip
    done = CliRunner().invoke(app, ["plan", *map(str, asked)])
    assert done.exit_code == 0, done.output
    assert "clip skip 2" in " ".join(done.output.split())
    (path,) = tmp_path.glob("out/**/plan.json")
    # A plan states its buckets, and not what they were made from.
    facts = describe(str(folder), skip=2).model_copy(update={"multiple": 0})
    assert Plan.model_validate_json(path.read_bytes()).model == facts
