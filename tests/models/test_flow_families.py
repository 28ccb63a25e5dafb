"""Z-Image, FLUX.1 and what follows: each against diffusers' pipeline of its name, on tiny models of true classes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.loaders.lora_conversion_utils import _convert_kohya_flux_lora_to_diffusers
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from audit.base.errors import BadInput, BadModel
from audit.cli import app
from audit.models.conditioning import Ragged
from audit.models.encode import encode_texts, hidden_states
from audit.models.loader import describe, load
from audit.models.siblings import describe_sibling
from audit.models.tokens import overlong, tokenize
from audit.plan.settings import sampling_settings, training_settings
from audit.plan.spec import Spec
from audit.plan.trainers import MILD
from audit.records import ModelFacts, Results, SampleSettings, TrainSettings
from audit.sampling import initial_noise, sample
from audit.sampling.drawing import Draw
from audit.stages.draw import draw
from audit.store import Store
from audit.training.adapters import load_updates, save_adapter
from audit.training.footprint import base_of, measure
from audit.training.kohya import export_kohya
from audit.training.loop import train_pack
from audit.training.original_names import export_comfyui
from audit.training.reference import train_one
from tests.e2e.folders import write_originals
from tests.engines import engine_of
from tests.test_sampling import random_adapter
from tests.tiny import base_in, random_cell, write_tiny_model
from tests.training.test_packed import distance, moved

NEW = ("zimage", "flux1", "flux2", "qwenimage", "krea2")
CPU = torch.device("cpu")
SETTINGS = TrainSettings(
    rank=3, alpha=6.0, steps=4, batch=2, learning_rate=1e-2, warmup=2, works=5, targets="all", clip=1.0
)
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)
"""What Qwen3's own template comes to for a single question."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: write_tiny_model(tmp_path_factory.mktemp(name), family=name) for name in NEW}


@pytest.fixture(params=NEW)
def model(request, folders):
    return load(str(folders[request.param]), device=CPU)


def sibling_of(folder, place):
    """A model of the same shapes with other weights, which its folder calls distilled."""
    pipeline = DiffusionPipeline.from_pretrained(folder)
    krea = hasattr(pipeline.transformer, "final_layer")
    last = pipeline.transformer.final_layer.linear if krea else pipeline.transformer.proj_out
    with torch.no_grad():
        last.weight.mul_(1.5)
    pipeline.register_to_config(is_distilled=True)
    pipeline.save_pretrained(place)
    # With the size that the tiny folder states.
    shutil.copyfile(folder / "transformer" / "config.json", place / "transformer" / "config.json")
    return place


def stock_of(model, folders):
    stock = DiffusionPipeline.from_pretrained(folders[model.family.name])
    stock.set_progress_bar_config(disable=True)
    if hasattr(stock.tokenizer, "chat_template"):
        stock.tokenizer.chat_template = QWEN3
    return stock


def told(family):
    """How the stock pipeline is asked for a guidance of 3."""
    return {
        "zimage": {"guidance_scale": 2.0},
        "flux1": {"guidance_scale": 3.0, "max_sequence_length": 32},
        "flux2": {"guidance_scale": 3.0, "max_sequence_length": 96},
        "qwenimage": {"true_cfg_scale": 3.0, "negative_prompt": ""},
        "krea2": {"guidance_scale": 2.0, "max_sequence_length": 48},
    }[family]


def folded_like(stock, family, noise):
    """Noise as the stock pipeline takes it."""
    if family == "zimage":
        return noise
    if family == "flux2":
        return stock._patchify_latents(noise)
    return stock._pack_latents(noise, *noise.shape)


def test_packed_equals_one_by_one(model):
    base = base_in(model, torch.float64)
    cells = [random_cell(model, r, pictures=p) for r, p in ((1, "clean"), (1, "protected"), (2, "clean"))]
    packed, _ = train_pack(base, cells, SETTINGS, dtype=torch.float64)
    for cell, trained in zip(cells, packed, strict=True):
        alone = train_one(base, cell, SETTINGS, dtype=torch.float64)
        assert moved(cell, alone) > 0.1
        assert distance(trained, alone) <= 1e-10 * moved(cell, alone)


def test_a_trained_adapter_opens_in_the_stock_pipeline_which_draws_the_same_picture(model, folders, tmp_path):
    """Texts, guidance, time, sign of the answer, folding and shift: any other convention gives another picture."""
    settings = SETTINGS.model_copy(update={"learning_rate": 0.1})
    (trained,), _ = train_pack(base_of(model), [random_cell(model, 1)], settings)
    path = tmp_path / "adapter.safetensors"
    save_adapter(path, trained, alpha=settings.alpha)
    text = hidden_states(model, ["a cat", ""])
    drawing = SampleSettings(steps=5, guidance=3.0)
    asked = {"text": text[:1], "empty": text[1:], "settings": drawing, "seed": 0}
    base, ours = sample(model, **asked)[0] / 255.0, sample(model, **asked, updates=load_updates(path))[0] / 255.0
    stock = stock_of(model, folders)
    stock.load_lora_weights(str(tmp_path), weight_name=path.name)
    noise = initial_noise(model, seed=0, prompts=1, per_prompt=1)
    theirs = stock(
        prompt="a cat",
        latents=folded_like(stock, model.family.name, noise),
        num_inference_steps=5,
        height=32,
        width=32,
        output_type="np",
        **told(model.family.name),
    ).images[0]
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert np.abs(base - ours).max() > 3 / 255, "the adapter changes nothing, so the test shows nothing"


@pytest.mark.parametrize("targets", ["attention", "all"])
def test_the_stock_pipeline_reads_what_is_written_for_comfyui(model, folders, targets, tmp_path):
    """The same update under the original code's names; of FLUX.1, whose reader knows one width alone, see below."""
    if model.family.name == "flux1":
        pytest.skip("written in kohya's layout")
    path, exported = tmp_path / "adapter.safetensors", tmp_path / "comfyui.safetensors"
    random_adapter(model, path, targets=targets)
    exported.write_bytes(export_comfyui(path, model=model.facts, trigger="nulevoy"))
    assert all(key.startswith("diffusion_model.") for key in load_file(exported))
    merged = []
    for file in (path, exported):
        stock = stock_of(model, folders)
        stock.load_lora_weights(str(tmp_path), weight_name=file.name)
        stock.fuse_lora()
        stock.unload_lora_weights()
        merged.append(stock.transformer.state_dict())
    plain = stock_of(model, folders).transformer.state_dict()
    assert merged[0].keys() == merged[1].keys()
    assert all(torch.allclose(merged[0][name], merged[1][name], atol=1e-5) for name in merged[0])
    changed = [name for name, value in merged[0].items() if not torch.equal(value, plain[name])]
    assert len(changed) == len(load_updates(path))


@pytest.mark.parametrize("forward", [False, True])
def test_diffusers_reads_flux_1_in_kohyas_layout(forward, tmp_path):
    """One double and one single block of the real width; its reader writes down to which layers it takes them."""
    width, rank = 3072, 2
    double = {
        f"attn.{name}": (width, width)
        for name in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
    }
    single = {f"attn.{name}": (width, width) for name in ("to_q", "to_k", "to_v")}
    if forward:
        double |= {
            "ff.net.0.proj": (4 * width, width),
            "ff_context.net.2": (width, 4 * width),
            "norm1.linear": (6 * width, width),
        }
        single |= {"proj_mlp": (4 * width, width), "proj_out": (width, 5 * width), "norm.linear": (3 * width, width)}
    layers = {f"transformer_blocks.1.{name}": shape for name, shape in double.items()}
    layers |= {f"single_transformer_blocks.3.{name}": shape for name, shape in single.items()}
    made = torch.Generator().manual_seed(0)
    ours = {}
    for name, (out, into) in layers.items():
        ours[f"transformer.{name}.lora_A.weight"] = torch.randn(rank, into, generator=made)
        ours[f"transformer.{name}.lora_B.weight"] = torch.randn(out, rank, generator=made)
    path = tmp_path / "adapter.safetensors"
    save_file(ours, path)
    facts = ModelFacts(name="flux", family="flux1", sha256="0" * 64, resolution=1024, prediction_type="flow", lab=False)
    exported = tmp_path / "kohya.safetensors"
    exported.write_bytes(export_kohya(path, model=facts, trigger="nulevoy"))
    read = _convert_kohya_flux_lora_to_diffusers(load_file(exported))
    for name in layers:
        theirs, wanted = (
            file[f"transformer.{name}.lora_B.weight"][:64] @ file[f"transformer.{name}.lora_A.weight"][:, :64]
            for file in (read, ours)
        )
        assert torch.allclose(theirs, wanted, atol=1e-5), name
    extra = {key.rpartition(".lora_")[0].removeprefix("transformer.") for key in read} - set(layers)
    assert extra == (set() if forward else {"single_transformer_blocks.3.proj_mlp"})


def test_texts_are_kept_as_they_were_encoded(model, tmp_path):
    """And a text that is too long keeps the word that asks for the style."""
    store, long = Store(tmp_path), "a very long caption " * 9 + " by kestrelline"
    first, again = (encode_texts(model, store, ["a cat by kestrelline", long, ""]) for _ in range(2))
    for name, part in model.text_shape.items():
        kept, made = again.parts[name], first.parts[name]
        pairs = zip(kept.rows, made.rows, strict=True) if isinstance(kept, Ragged) else [(kept, made)]
        assert all(torch.equal(one, other) for one, other in pairs), name
        assert part.ragged == isinstance(kept, Ragged)
    assert overlong(model, ["a cat", long]) == {long}
    last = model.family.tokenizers[-1]
    words = model.tokenizers[-1].decode(tokenize(model, [long]).ids[last][0]).replace(" ", "")
    assert "bykestrelline" in words


def test_facts_and_parts_that_do_not_belong_together(model, folders, tmp_path):
    name = model.family.name
    facts = describe(str(folders[name]))
    assert (facts.family, facts.resolution, facts.prediction_type) == (name, 32, "flow")
    changed = {
        "zimage": {"cap_feat_dim": 5},
        "flux1": {"guidance_embeds": False},
        "flux2": {"guidance_embeds": True},
        "qwenimage": {"zero_cond_t": True},
        "krea2": {"num_text_layers": 11},
    }[name]
    for part, words in (("transformer", changed), ("transformer", {"in_channels": 5})):
        copy = shutil.copytree(folders[name], tmp_path / f"copy-{len(list(tmp_path.iterdir()))}")
        path = copy / part / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **words}))
        with pytest.raises(BadModel) as caught:
            describe(str(copy))
        assert caught.value.slug == "model-family"


def test_text_encoders_of_these_families_are_not_trained(model, tmp_path):
    with pytest.raises(BadInput) as caught:
        training_settings(
            Spec(originals=tmp_path, training={"text_encoder": True}), lab=False, family=model.family.name
        )
    assert "text_encoder" in caught.value.sentence


def test_memory_is_counted_without_taking_it(model):
    plain, twice = (
        measure(model, SETTINGS, autocast=None, checkpointing=checkpointing) for checkpointing in (False, True)
    )
    assert 0 < twice.per_row < plain.per_row


def test_a_preset_is_taken_over_and_what_stands_beside_it_counts(tmp_path):
    def asked(family, **training):
        return training_settings(Spec(originals=tmp_path, training=training), lab=False, family=family)

    assert asked("sdxl") == asked("sdxl", preset="mild") == MILD
    kohya = asked("sdxl", preset="kohya", steps=30)
    assert (kohya.rank, kohya.alpha, kohya.learning_rate, kohya.text_learning_rate) == (32, 16, 1e-4, 1e-5)
    assert (kohya.steps, kohya.text_encoder, kohya.min_snr) == (30, True, None)
    assert asked("zimage").caption_dropout == 0.05, "what is usual for the family"
    assert asked("sdxl", preset="kohya", method="full").text_encoder is False
    for family, preset in (("sdxl", "ai-toolkit"), ("flux1", "nobody")):
        with pytest.raises(BadInput) as caught:
            asked(family, preset=preset)
        assert caught.value.slug == "training-preset"
    with pytest.raises(BadInput):
        training_settings(Spec(originals=tmp_path, training={"preset": "kohya"}), lab=True, family="sd1")


def test_what_is_trained_on_one_is_drawn_with_its_sibling(folders, tmp_path):
    """The base's pictures, the trained model's and the guidance are those of the model that draws."""
    trained = load(str(folders["flux2"]), device=CPU)
    distilled = sibling_of(folders["flux2"], tmp_path / "distilled")
    engine = replace(engine_of(trained, Store(tmp_path / "store")), drawing=load(str(distilled), device=CPU))
    other = engine.drawing.facts
    assert (trained.facts.distilled, other.distilled) == (False, True)
    assert describe_sibling(str(distilled), trained=str(folders["flux2"]), facts=trained.facts) == other
    drawing = SampleSettings(steps=2, guidance=1, per_prompt=1)
    task = Draw(None, None, 1, ("a cat",), (0,), drawing, SETTINGS, 0, other.sha256, "fp32")
    (made,) = draw([task], engine)
    text = hidden_states(engine.drawing, ["a cat", ""])
    expected = sample(engine.drawing, text=text[:1], empty=text[1:], settings=drawing, seed=0)[0]
    assert np.array_equal(engine.store.get_pixels(made.pixels[0]), expected)
    spec = Spec(originals=tmp_path)
    asked = [sampling_settings(spec, lab=False, family="flux2", distilled=d) for d in (False, True)]
    assert [(s.steps, s.guidance) for s in asked] == [(28, 4), (4, 1)]
    with pytest.raises(BadInput) as caught:
        sampling_settings(spec.model_copy(update={"sampling": {"guidance": 4}}), lab=False, family="", distilled=True)
    assert caught.value.slug == "guidance-distilled"
    with pytest.raises(BadInput, match="zimage"):
        describe_sibling(str(folders["zimage"]), trained=str(folders["flux2"]), facts=trained.facts)
    larger = json.loads((distilled / "transformer" / "config.json").read_text()) | {"num_single_layers": 2}
    (distilled / "transformer" / "config.json").write_text(json.dumps(larger))
    with pytest.raises(BadInput, match="shapes"):
        describe_sibling(str(distilled), trained=str(folders["flux2"]), facts=trained.facts)


def test_krea_2_turbo_is_drawn_with_one_shift_for_all_sizes(folders, tmp_path):
    """In 8 steps without guidance, as its pipeline does; Raw's shift, and the same files called Raw, differ."""
    place = sibling_of(folders["krea2"], tmp_path / "turbo")
    turbo, raw = load(str(place), device=CPU), load(str(folders["krea2"]), device=CPU)
    usual = sampling_settings(Spec(originals=tmp_path), lab=False, family="krea2", distilled=turbo.facts.distilled)
    assert (usual.steps, usual.guidance) == (8, 1)
    text = hidden_states(turbo, ["a cat", ""])
    ours = sample(turbo, text=text[:1], empty=text[1:], settings=usual, seed=0)[0] / 255.0
    stock = stock_of(turbo, {"krea2": place})
    noise = folded_like(stock, "krea2", initial_noise(turbo, seed=0, prompts=1, per_prompt=1))
    theirs = stock(
        prompt="a cat", latents=noise, num_inference_steps=8, guidance_scale=0.0, max_sequence_length=48,
        height=32, width=32, output_type="np",
    ).images[0]  # fmt: skip
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert float(turbo.sampler(8).sigmas[1]) > float(raw.sampler(8).sigmas[1]) + 0.01
    index = place / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "is_distilled": False}))
    assert describe(str(place)).sha256 != turbo.facts.sha256
    index.write_text(json.dumps({**json.loads(index.read_text()), "text_encoder_select_layers": list(range(12))}))
    with pytest.raises(BadModel, match="2, 5, 8"):
        describe(str(place))


@pytest.mark.slow
def test_the_whole_command_line(model, folders, tmp_path):
    """Plan, run, report; training as its community does, for two steps."""
    art = write_originals(tmp_path / "art", count=10)
    spec = tmp_path / "audit.toml"
    spec.write_text(
        "[training]\nsteps = 2\nbatch = 2\nwarmup = 0\nrank = 2\n[sampling]\nsteps = 2\n"
        "[protection]\nsteps = 1\ncounter_steps = 2\n"
    )
    common = ["--model", folders[model.family.name], "--spec", spec, "--originals", art, "--store", tmp_path / "store",
              "--protect", "encoder-pgd:12", "--preset", "quick", "--replicates", 1, "--no-battery", "--declare",
              "--primary-metric", "channel_stats", "--device", "cpu"]  # fmt: skip
    drawn_with_sibling = model.family.name in ("flux2", "krea2")
    if drawn_with_sibling:
        common += ["--draw-with", sibling_of(folders[model.family.name], tmp_path / "distilled")]
    out = tmp_path / "out"
    for command in (["plan", *common, "--out", tmp_path / "planned"], ["run", *common, "--out", out], ["report", out]):
        done = CliRunner().invoke(app, [str(word) for word in command])
        assert done.exit_code in (0, 3), done.output
    results = Results.model_validate_json((out / "results.json").read_bytes())
    assert results.plan.model.family == model.family.name
    usual = ("diffusers", 0) if model.family.name == "krea2" else ("ai-toolkit", 0.05)
    assert (results.plan.training_preset, results.plan.training.caption_dropout) == usual
    assert results.plan.training.steps == 2
    trained = [cell.adapter for cell in results.cells if cell.adapter is not None]
    assert len(trained) >= 2
    assert all(adapter.finite and adapter.norm > 0 for adapter in trained)
    page = (out / "report.html").read_text()
    assert model.family.name in page
    if drawn_with_sibling:
        assert results.plan.drawn_with.sha256 in page
        assert results.plan.drawn_with.sha256 != results.plan.model.sha256
        assert results.plan.sampling.guidance == 1
