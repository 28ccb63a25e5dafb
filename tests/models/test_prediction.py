"""What a model predicts is read, tested or asked for, never guessed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from audit.base.errors import BadModel
from audit.commands.models import look
from audit.models import loader
from audit.models.loader import describe, load
from audit.models.probe import probe
from audit.plan.spec import load_spec
from tests.models.sparse import published, write
from tests.models.test_checkpoint import parts_of
from tests.models.test_checkpoint import write as write_checkpoint
from tests.tiny import write_tiny_model

CPU = torch.device("cpu")
V, EPS = "v_prediction", "epsilon"
LDM = "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n"
MARK = {"v_pred": ("F32", (0,))}
ZERO = {**MARK, "ztsnr": ("F32", (0,))}


def header(value):
    return {"modelspec.prediction_type": value}


# Kind, marker tensors, metadata, .yaml -> prediction type, and where it was read.
TOLD = [
    ("sd15", {}, {}, None, EPS, "family"),
    ("sdxl", {}, header("v-pred"), None, V, "header"),
    ("sdxl", {}, header("VPrediction"), None, V, "header"),
    ("sdxl", {}, header("eps_pred"), None, EPS, "header"),
    ("sd15", {}, {"ss_zero_terminal_snr": "True"}, None, V, "header"),
    ("sd15", {}, {}, LDM + '    parameterization: "v"\n', V, "yaml"),
    ("sd15", {}, {}, LDM + "    linear_start: 0.00085 # parameterization: v\n", EPS, "yaml"),
    ("sdxl", {}, {}, LDM + "    denoiser_config: {params: {parameterization: v}}\n", V, "yaml"),
    (
        "sdxl",
        {},
        {},
        LDM + "    target: sgm.modules.diffusionmodules.denoiser_scaling.VScaling\n",
        V,
        "yaml",
    ),
    ("sd21", {}, {}, LDM + "    parameterization: v\n", V, "yaml"),
    ("sd21", {}, {}, LDM, EPS, "yaml"),
    ("sd15", {}, header("v"), None, V, "header"),
    ("sdxl", {}, header("epsilon"), None, EPS, "header"),
    ("sdxl", {}, {"modelspec.predict_key": "v"}, None, V, "header"),
    ("sd21", {}, {"modelspec.architecture": "stable-diffusion-v2-768-v"}, None, V, "header"),
    ("sdxl", {}, {"ss_v_parameterization": "True"}, None, V, "header"),
    ("sd15", MARK, {}, None, V, "marker"),
    ("sdxl", ZERO, {}, None, V, "marker"),
    ("sdxl", ZERO, header("v"), LDM + "    parameterization: v\n", V, "yaml"),
    # A hole of zeros is a schedule that ends in pure noise.
    ("sdxl", {"alphas_cumprod": ("F32", (1000,))}, {}, None, V, "schedule"),
    ("sdxl", {}, {}, "hello: world\n", None, None),
    ("sd21", {}, {}, None, None, None),
]


@pytest.mark.parametrize(("kind", "more", "metadata", "yaml", "reading", "source"), TOLD)
def test_it_is_read_where_it_stands(kind, more, metadata, yaml, reading, source, tmp_path):
    path = write(tmp_path / "x.safetensors", published(kind) | more, metadata=metadata)
    if yaml is not None:
        path.with_suffix(".yaml").write_text(yaml)
    found = look(str(path))
    assert (found.prediction_type, found.source_kind) == (reading, source)
    assert found.zero_terminal_snr == (
        "ztsnr" in more or "alphas_cumprod" in more or "ss_zero_terminal_snr" in metadata
    )
    asked = look(str(path), asked=EPS)
    assert (asked.prediction_type, asked.source_kind) == (EPS, "option")


REFUSED = [
    (MARK, header("epsilon"), None, "prediction-conflict"),
    ({}, header("v"), LDM, "prediction-conflict"),
    (ZERO, {}, LDM, "prediction-conflict"),
    ({"alphas_cumprod": ("F32", (1000,))}, header("epsilon"), None, "prediction-conflict"),
    ({}, {"modelspec.predict_key": "epsilon", **header("v")}, None, "prediction-conflict"),
    ({}, header("rectified_flow"), None, "model-prediction"),
    ({}, {}, LDM + "    parameterization: x0\n", "model-prediction"),
    ({}, {}, LDM + "    target: sgm.modules.diffusionmodules.denoiser_scaling.EDMScaling\n", "model-edm"),
]


@pytest.mark.parametrize(("more", "metadata", "yaml", "slug"), REFUSED)
def test_what_is_told_twice_or_cannot_be_is_refused(more, metadata, yaml, slug, tmp_path):
    path = write(tmp_path / "x.safetensors", published("sdxl") | more, metadata=metadata)
    if yaml is not None:
        path.with_suffix(".yaml").write_text(yaml)
    with pytest.raises(BadModel) as caught:
        look(str(path))
    assert caught.value.slug == slug


SCHEDULERS = [
    ("sdxl", {}, EPS, "config"),
    ("sdxl", {"prediction_type": V, "rescale_betas_zero_snr": True}, V, "config"),
    ("sdxl", {"prediction_type": None, "rescale_betas_zero_snr": True}, V, "schedule"),
    ("sdxl", {"prediction_type": None}, None, None),
    ("sd", {"prediction_type": None}, EPS, "family"),
    ("sdxl", {"prediction_type": EPS, "rescale_betas_zero_snr": True}, "prediction-conflict", ""),
    ("sdxl", {"_class_name": "EDMEulerScheduler"}, "model-edm", ""),
    ("sdxl", {"prediction_type": "sample"}, "model-prediction", ""),
]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return {f: write_tiny_model(tmp_path_factory.mktemp(f), family=f) for f in ("sd", "sdxl")}


@pytest.mark.parametrize(("family", "changes", "reading", "source"), SCHEDULERS)
def test_a_folder_says_it_in_its_scheduler(family, changes, reading, source, tiny, tmp_path):
    folder = shutil.copytree(tiny[family], tmp_path / "m")
    config = folder / "scheduler" / "scheduler_config.json"
    told = json.loads(config.read_text()) | changes
    config.write_text(json.dumps({name: value for name, value in told.items() if value is not None}))
    if source == "":
        with pytest.raises(BadModel) as caught:
            look(str(folder))
        assert caught.value.slug == reading
    else:
        found = look(str(folder))
        assert (found.prediction_type, found.source_kind) == (reading, source)


def test_the_users_word_is_in_the_facts_the_digest_and_the_sampler(tiny):
    plain, said = describe(str(tiny["sd"])), describe(str(tiny["sd"]), asked=V)
    assert (said.prediction_type, said.prediction_source) == (V, "option")
    assert said.sha256 != plain.sha256
    assert describe(str(tiny["sd"]), asked=EPS).sha256 == plain.sha256
    model = load(str(tiny["sd"]), device=CPU, asked=V)
    assert model.noising.prediction == model.scheduler_config["prediction_type"] == V
    assert load_spec({"originals": "x", "prediction_type": V}, None).prediction_type == V


class AsNoise:
    """A model that predicts v, with its answers turned into noise."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def predict(self, noisy, told, text):
        return self.model.noising.as_noise(self.model.predict(noisy, told, text), noisy, told)


def test_a_test_of_the_model_tells_both_readings_and_says_when_it_cannot(tiny):
    lab = load("lab", device=CPU)
    assert probe(lab) == V
    assert probe(AsNoise(lab)) == EPS
    assert probe(replace(lab, noising=replace(lab.noising, prediction=EPS))) == V
    assert probe(load(str(tiny["sd"]), device=CPU)) is None


def test_where_nothing_tells_the_test_decides_or_the_user_is_asked(tiny_cards, tmp_path, monkeypatch):
    path = write_checkpoint(tmp_path / "two.safetensors", parts_of(tiny_cards["sd21"]), "sd21")
    with pytest.raises(BadModel) as caught:
        describe(str(path))
    assert caught.value.slug == "checkpoint-ambiguous"
    loader._probed.cache_clear()
    monkeypatch.setattr(loader, "probe", lambda model: V)
    facts = describe(str(path))
    assert (facts.prediction_type, facts.prediction_source, facts.resolution) == (V, "probe", 64)
    assert facts.sha256 == describe(str(path), asked=V).sha256
    loader._probed.cache_clear()


def test_what_a_family_usually_predicts_is_tested_too(tiny_cards, tmp_path, monkeypatch):
    path = write_checkpoint(tmp_path / "one.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    assert load(str(path), device=CPU).facts.prediction_source == "family"
    monkeypatch.setattr(loader, "probe", lambda model: V)
    with pytest.raises(BadModel) as caught:
        load(str(path), device=CPU)
    assert caught.value.slug == "prediction-contradicted"


def test_fp8_weights_are_multiplied_with_their_scales_and_old_text_encoders_open(tiny_cards, tmp_path):
    path = write_checkpoint(tmp_path / "x.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    plain = load(str(path), device=CPU)
    tensors, wanted = load_file(path), {}
    for name in [n for n in tensors if n.startswith("model.diffusion_model.") and tensors[n].dim() == 2]:
        scale = tensors[name].float().abs().max() / 400
        rows = torch.full((len(tensors[name]),), float(scale)) if "to_q" in name else scale[None]
        wanted[name] = (tensors[name].float() / scale).to(torch.float8_e4m3fn)
        tensors[name] = wanted[name]
        tensors[name.removesuffix("weight") + "scale_weight"] = rows
    old = {name.replace("transformer.text_model.", "transformer."): value for name, value in tensors.items()}
    save_file(old | {"model.diffusion_model.scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}, path)
    model = load(str(path), device=CPU)
    first = "model.diffusion_model.time_embed.0"
    scale = tensors[f"{first}.scale_weight"]
    assert torch.equal(model.denoiser.time_embedding.linear_1.weight, wanted[f"{first}.weight"].float() * scale)
    for name, value in plain.denoiser.state_dict().items():
        assert torch.allclose(model.denoiser.state_dict()[name], value, atol=float(value.abs().max()) / 10), name
    for name, value in plain.text_encoders["text_encoder"].state_dict().items():
        assert torch.equal(model.text_encoders["text_encoder"].state_dict()[name], value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_no_number_is_named_at_opening(bad, tiny_cards, tmp_path):
    path = write_checkpoint(tmp_path / "x.safetensors", parts_of(tiny_cards["sd15"]), "sd15")
    tensors = load_file(path)
    name = "first_stage_model.decoder.conv_in.weight"
    tensors[name].view(-1)[3] = bad
    save_file(tensors, path)
    with pytest.raises(BadModel) as caught:
        load(str(path), device=CPU)
    assert caught.value.slug == "model-not-finite"
    assert name in caught.value.sentence
