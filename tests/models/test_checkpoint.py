"""Single-file checkpoints in the original layout open offline and are the model they were written from."""

from __future__ import annotations

import json

import open_clip
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from audit.base.errors import BadModel
from audit.base.files import file_digest
from audit.models import checkpoint
from audit.models.cards import cards
from audit.models.loader import describe, load
from audit.models.vocabulary import write_tokenizer
from tests.models.original import original

CPU = torch.device("cpu")
CLASSES = {
    "unet": UNet2DConditionModel.from_config,
    "vae": AutoencoderKL.from_config,
    "text_encoder": lambda config: CLIPTextModel(CLIPTextConfig(**config)),
    "text_encoder_2": lambda config: CLIPTextModelWithProjection(CLIPTextConfig(**config)),
}
KINDS = ("sd15", "sd21", "sdxl")


def parts_of(card, seed=0):
    torch.manual_seed(seed)
    return {part: CLASSES[part](config) for part, config in card.configs.items() if part in CLASSES}


def write(path, parts, kind, **more):
    tensors = original(parts, kind=kind) | more
    save_file({name: value.half() for name, value in tensors.items()}, path)
    return path


def beside(path, kind):
    said = {"sd21": "v", "sdxl": "eps"}
    if kind in said:
        path.with_suffix(".yaml").write_text(f'model:\n  params:\n    parameterization: "{said[kind]}"\n')


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_is_the_model_it_was_written_from(kind, tiny_cards, tmp_path):
    parts = parts_of(tiny_cards[kind])
    path = write(tmp_path / "my fine-tune.safetensors", parts, kind)
    beside(path, kind)
    model = load(str(path), device=CPU)
    assert (model.facts.name, model.family.name) == ("my fine-tune", "sdxl" if kind == "sdxl" else "sd")
    assert model.facts.prediction_type == tiny_cards[kind].prediction
    assert model.tokens == 77
    loaded = {"vae": model.vae, **model.roots()}
    assert set(loaded) == set(parts)
    for part, module in loaded.items():
        theirs, ours = parts[part].state_dict(), module.state_dict()
        assert set(ours) == set(theirs)
        for name, value in ours.items():
            assert value.dtype == torch.float32 or not value.is_floating_point()
            assert torch.equal(value, theirs[name].half().float()), f"{part}.{name}"
    assert float(model.scale.factor) == tiny_cards[kind].latent_scale


def test_a_renamed_copy_is_the_same_model_and_a_changed_one_is_not(tiny_cards, tmp_path):
    parts = parts_of(tiny_cards["sd15"])
    first, second = (write(tmp_path / f"{n}.safetensors", parts, "sd15") for n in "ab")
    assert describe(str(first)).sha256 == describe(str(second)).sha256
    changed = write(tmp_path / "c.safetensors", parts_of(tiny_cards["sd15"], seed=1), "sd15")
    assert describe(str(changed)).sha256 != describe(str(first)).sha256


def test_marks_of_v_prediction_are_read(tiny_cards, tmp_path):
    parts = parts_of(tiny_cards["sdxl"])
    path = write(tmp_path / "v.safetensors", parts, "sdxl", v_pred=torch.zeros(1), ztsnr=torch.zeros(1))
    model = load(str(path), device=CPU)
    assert model.facts.prediction_type == "v_prediction"
    assert float(model.noising.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-6)


def test_a_published_child_of_sdxl_is_known_by_its_digest(tiny_cards, tmp_path, monkeypatch):
    """Its own card says what it predicts; SDXL's says how it is made, and the file's marks that it ends in noise."""
    parts = parts_of(tiny_cards["sdxl"])
    path = write(tmp_path / "renamed.safetensors", parts, "sdxl", v_pred=torch.zeros(1), ztsnr=torch.zeros(1))
    child = tiny_cards["noobai-v"]
    file = child.download.model_copy(update={"sha256": file_digest(path)})
    known = {**tiny_cards, "noobai-v": child.model_copy(update={"download": file})}
    for place in ("cards", "layout", "loader", "checkpoint"):
        monkeypatch.setattr(f"audit.models.{place}.cards", lambda: known)
    model = load(str(path), device=CPU)
    found = model.facts
    assert (found.name, found.family, found.licence) == ("noobai-v", "sdxl", child.licence)
    assert (found.prediction_type, found.prediction_source) == ("v_prediction", "card")
    assert float(model.noising.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["illustrious", "noobai", "noobai-v", "pony"])
def test_a_child_of_sdxl_is_made_as_it_is(name):
    child, parent = cards()[name], cards()["sdxl"]
    for field in ("family", "resolution", "latent_scale", "targets", "parameters"):
        assert getattr(child, field) == getattr(parent, field)


def test_no_two_cards_are_the_same_file():
    files = [card.download for card in cards().values() if card.download]
    assert len({file.sha256 for file in files}) == len({file.bytes for file in files}) == len(files)


def test_the_config_beside_a_second_generation_checkpoint_decides(tiny_cards, tmp_path):
    parts = parts_of(tiny_cards["sd21"])
    path = write(tmp_path / "two.safetensors", parts, "sd21")
    with pytest.raises(BadModel) as caught:
        describe(str(path))
    assert caught.value.slug == "checkpoint-ambiguous"
    path.with_suffix(".yaml").write_text("model:\n  base_learning_rate: 1.0e-4\n")
    assert describe(str(path)).prediction_type == "epsilon"
    beside(path, "sd21")
    assert describe(str(path)).prediction_type == "v_prediction"


@pytest.mark.parametrize("lost", ["first_stage_model.", "cond_stage_model.", "model.diffusion_model."])
def test_a_part_of_a_checkpoint_is_refused(lost, tiny_cards, tmp_path):
    tensors = original(parts_of(tiny_cards["sd15"]), kind="sd15")
    save_file({k: v for k, v in tensors.items() if not k.startswith(lost)}, tmp_path / "part.safetensors")
    with pytest.raises(BadModel) as caught:
        describe(str(tmp_path / "part.safetensors"))
    assert caught.value.slug == "checkpoint-incomplete"


def test_inpainting_and_cut_checkpoints_are_refused(tiny_cards, tmp_path):
    tensors = original(parts_of(tiny_cards["sd15"]), kind="sd15")
    path = tmp_path / "x.safetensors"
    save_file(tensors | {checkpoint.FIRST_LAYER: torch.zeros(8, 9, 3, 3)}, path)
    with pytest.raises(BadModel) as caught:
        describe(str(path))
    assert caught.value.said.id == "model-other-kind.inpainting"
    save_file(tensors, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadModel) as caught:
        describe(str(path))
    assert caught.value.slug == "model-incomplete"
    save_file({k: v for k, v in tensors.items() if "output_blocks.3" not in k}, path)
    with pytest.raises(BadModel) as caught:
        describe(str(path))
    assert caught.value.said.id == "checkpoint-incomplete.tensors"


def test_the_vocabulary_is_the_one_that_open_clip_reads(tmp_path):
    write_tokenizer(tmp_path / "t", padding="<|endoftext|>")
    ours = CLIPTokenizer.from_pretrained(tmp_path / "t", local_files_only=True)
    theirs = open_clip.get_tokenizer("ViT-L-14")
    texts = ["a red house by nulevoy", "Two cats, 3 dogs & a tree!", "café naïve", "", "word " * 90, "übergroß 龍 😀"]
    assert len(ours) == 49408
    for text in texts:
        found = ours([text], padding="max_length", max_length=77, truncation=True).input_ids[0]
        wanted = theirs([text])[0].tolist()
        end = wanted.index(49407)
        assert found[: end + 1] == wanted[: end + 1], text
        assert set(found[end + 1 :]) <= {49407}
    write_tokenizer(tmp_path / "u", padding="!")
    padded = CLIPTokenizer.from_pretrained(tmp_path / "u", local_files_only=True)
    assert padded(["a"], padding="max_length", max_length=77).input_ids[0][3:] == [0] * 74


@pytest.mark.parametrize("name", [n for n, card in cards().items() if card.configs])
def test_shipped_configs_build_models_of_the_published_size(name):
    card = cards()[name]
    with torch.device("meta"):
        parts = parts_of(card)
    sizes = {part: sum(p.numel() for p in module.parameters()) for part, module in parts.items()}
    assert sizes["unet"] == card.parameters["denoiser"]
    assert sizes["vae"] == card.parameters["vae"]
    assert sum(n for part, n in sizes.items() if part.startswith("text")) == card.parameters["text"]
    assert card.configs["unet"]["sample_size"] * 8 == card.resolution
    assert card.configs["vae"]["scaling_factor"] == card.latent_scale
    assert card.configs["scheduler"]["prediction_type"] == card.prediction
    assert json.loads(card.model_dump_json()) is not None
