"""Any SD-shaped diffusers folder opens; anything else is refused in one sentence."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from audit.base.errors import BadModel
from audit.images.tensors import to_tensor
from audit.models.cards import LAB_MODEL
from audit.models.encode import encode_picture, encode_texts
from audit.models.loader import describe, load
from audit.store import Store


@pytest.fixture
def copy(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


def test_facts_of_a_local_folder(tiny_model):
    facts = describe(str(tiny_model))
    assert (facts.family, facts.resolution, facts.prediction_type, facts.lab) == ("sd1", 32, "epsilon", False)


def test_a_renamed_copy_is_the_same_model_and_a_changed_one_is_not(tiny_model, copy):
    assert describe(str(copy)).sha256 == describe(str(tiny_model)).sha256
    config = copy / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert describe(str(copy)).sha256 != describe(str(tiny_model)).sha256


def test_loaded_parts_equal_the_stock_pipelines(tiny_model):
    ours = load(str(tiny_model), device=torch.device("cpu"))
    stock = StableDiffusionPipeline.from_pretrained(tiny_model)
    for part, module in {"vae": ours.vae, **ours.roots()}.items():
        theirs = getattr(stock, part).state_dict()
        assert all(torch.equal(v, theirs[k]) for k, v in module.state_dict().items())
    assert torch.allclose(ours.noising.alphas_cumprod.float(), stock.scheduler.alphas_cumprod)
    assert not any(p.requires_grad for p in ours.denoiser.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_stock_pipeline_draws_with_the_shipped_lab(dtype):
    """As the lab's card says: with a type named, because its files are half precision."""
    stock = StableDiffusionPipeline.from_pretrained(LAB_MODEL, dtype=dtype)
    stock.set_progress_bar_config(disable=True)
    asked = {"num_inference_steps": 6, "guidance_scale": 2.5, "height": 64, "width": 64}
    generator = torch.Generator().manual_seed(0)
    picture = np.asarray(stock("cat by zarkvun", generator=generator, **asked).images[0])
    assert picture.shape == (64, 64, 3)
    # On white, like every picture that it was taught with, with something drawn in the middle.
    assert picture[:4].mean() > 230
    assert picture[16:48, 16:48].std() > 30


def test_texts_equal_the_stock_pipelines(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    stock = StableDiffusionPipeline.from_pretrained(tiny_model)
    ours = encode_texts(model, store, ["a cat", ""])
    theirs, empty = stock.encode_prompt("a cat", "cpu", 1, True)
    assert torch.allclose(ours.hidden[0], theirs[0], atol=1e-6)
    assert torch.allclose(ours.hidden[1], empty[0], atol=1e-6)
    assert torch.equal(encode_texts(model, store, ["a cat", ""]).hidden, ours.hidden)


def test_each_text_is_encoded_once_and_alone(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    seen = []
    hook = model.text_encoders["text_encoder"].register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    first = encode_texts(model, store, ["a cat", "rain", "a cat"]).hidden
    again = encode_texts(model, store, ["a house", "rain"]).hidden
    hook.remove()
    assert seen == [1, 1, 1]
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[1], again[1])


def test_latents_are_the_posteriors_of_both_mirror_images(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    pixels = (torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0)) * 255).byte().numpy()
    found = encode_picture(model, store, store.put_pixels(pixels))
    posterior = model.vae.encode(to_tensor(pixels).flip(-1)).latent_dist
    assert torch.allclose(found.mean[1], posterior.mean[0], atol=1e-5)
    assert torch.allclose(found.std[1], posterior.std[0], atol=1e-5)


@pytest.mark.parametrize("name", ["nowhere", "sd15", "runwayml/stable-diffusion-v1-5"])
def test_unknown_and_absent_models(name):
    with pytest.raises(BadModel) as caught:
        describe(name)
    assert caught.value.slug in ("model-unknown", "model-not-present")
    said = caught.value.sentence
    assert "--model" in said or "the path" in said


def test_weights_that_can_run_code_are_refused(copy):
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.rename(copy / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(BadModel) as caught:
        load(str(copy), device=torch.device("cpu"))
    assert caught.value.slug == "model-unsafe"


@pytest.mark.parametrize("folder", ["unet", "text_encoder"])
def test_an_index_leads_to_no_weights_that_are_not_hashed(copy, folder):
    """The libraries look for an index first, and would open a pickle that it names."""
    whole = next((copy / folder).glob("*.safetensors"))
    index = whole.with_name(whole.name + ".index.json")
    (copy / folder / "w.bin").write_bytes(b"x")
    for named in ({"a": "w.bin"}, {"a": whole.name, "b": "../w.safetensors"}, {"a": whole.name}, [], None):
        index.write_text(json.dumps({"metadata": {}, "weight_map": named}))
        with pytest.raises(BadModel) as caught:
            describe(str(copy))
        assert caught.value.slug == "model-unsafe"
    index.unlink()
    config = copy / folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"transformers_weights": "w.bin"}))
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-unsafe"


def test_weights_in_parts_are_opened_through_their_index(copy):
    whole = copy / "vae" / "diffusion_pytorch_model.safetensors"
    before = load(str(copy), device=torch.device("cpu")).vae.state_dict()
    weights = load_file(whole)
    names = sorted(weights)
    parts = {"diffusion_pytorch_model-00001-of-00002.safetensors": names[::2]}
    parts["diffusion_pytorch_model-00002-of-00002.safetensors"] = names[1::2]
    for file, of in parts.items():
        save_file({n: weights[n] for n in of}, whole.with_name(file), metadata={"format": "pt"})
    whole.unlink()
    where = {n: file for file, of in parts.items() for n in of}
    whole.with_name(whole.name + ".index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    after = load(str(copy), device=torch.device("cpu")).vae.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in before)


def test_another_family_is_refused(copy):
    index = json.loads((copy / "model_index.json").read_text())
    index["unet"][1] = "FluxTransformer2DModel"
    (copy / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-family"


@pytest.mark.parametrize("broken", ["unet/config.json", "scheduler/scheduler_config.json", "vae/config.json"])
def test_an_incomplete_folder_is_refused(copy, broken):
    (copy / broken).write_text("{")
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-incomplete"


def test_cut_weights_are_refused(copy):
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BadModel) as caught:
        load(str(copy), device=torch.device("cpu"))
    assert caught.value.slug == "model-incomplete"


def test_the_files_of_stable_diffusion_as_published_open(copy):
    """SD 1.5's own scheduler file (PNDM, leading steps) and a tokenizer file without a length limit."""
    published = {
        "_class_name": "PNDMScheduler",
        "_diffusers_version": "0.6.0",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
        "clip_sample": False,
    }
    (copy / "scheduler" / "scheduler_config.json").write_text(json.dumps(published))
    path = copy / "tokenizer" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.pop("model_max_length", None)
    path.write_text(json.dumps(config))
    model = load(str(copy), device=torch.device("cpu"))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    assert torch.allclose(model.noising.alphas_cumprod, (1 - betas).cumprod(0), atol=1e-5)
    assert model.tokens == 20
    assert model.facts.prediction_type == "epsilon"
    scheduler = model.sampler(4)
    assert len(scheduler.timesteps) == 4
    assert int(scheduler.timesteps[0]) == 999, "sampling starts from pure noise"


def test_an_sdxl_shaped_folder_is_refused_before_loading(copy):
    path = copy / "unet" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "addition_embed_type": "text_time"}))
    with pytest.raises(BadModel, match="SDXL") as caught:
        describe(str(copy))
    assert caught.value.slug == "model-family"


@pytest.mark.parametrize("part", ["text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors"])
def test_any_cut_component_is_refused(copy, part):
    path = copy / part
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadModel) as caught:
        load(str(copy), device=torch.device("cpu"))
    assert caught.value.slug == "model-incomplete"


def test_a_config_without_a_picture_size_is_refused(copy):
    path = copy / "unet" / "config.json"
    config = json.loads(path.read_text())
    del config["sample_size"]
    path.write_text(json.dumps(config))
    with pytest.raises(BadModel) as caught:
        describe(str(copy))
    assert caught.value.slug == "model-incomplete"


def test_a_copy_of_the_lab_model_is_the_lab_model_whatever_it_is_called(tmp_path):
    """What is found with it says nothing about another model, and its report must say so."""
    copy = shutil.copytree(LAB_MODEL, tmp_path / "Stable Diffusion")
    assert describe(str(copy)).lab
