"""Add-ons for other programs: kohya's layout, read back by diffusers' own converter."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from audit.base.errors import BadInput
from audit.base.files import file_digest
from audit.commands.export_adapter import export_adapter
from audit.models.loader import load
from audit.training import kohya
from audit.training.adapters import load_updates
from tests.builders import make_results
from tests.models.test_families import CPU, draw
from tests.test_sampling import random_adapter
from tests.tiny import write_tiny_model

LABELS = {"sd": "sd1", "sdxl": "sdxl"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: write_tiny_model(tmp_path_factory.mktemp(name), family=name) for name in LABELS}


@pytest.mark.parametrize("family", LABELS)
@pytest.mark.parametrize(("targets", "text_encoder"), [("all", False), ("attention", True)])
def test_diffusers_reads_the_kohya_file_and_draws_the_same_picture(
    folders, family, targets, text_encoder, tmp_path, monkeypatch
):
    # The tiny SDXL has one residual layer in a block, and so other places in the original naming.
    monkeypatch.setattr(kohya, "LAYERS_PER_BLOCK", 1)
    model = load(str(folders[family]), device=CPU)
    ours = tmp_path / "adapter.safetensors"
    random_adapter(model, ours, targets=targets, text_encoder=text_encoder)
    (tmp_path / "out").mkdir()
    exported = tmp_path / "out" / "kohya.safetensors"
    exported.write_bytes(kohya.export_kohya(ours, model=model.facts, trigger="nulevoy"))
    wanted, theirs, base = draw(model, folders[family], ours, opened=exported)
    assert np.abs(wanted - theirs).max() < 1.5 / 255
    assert np.abs(base - wanted).max() > 3 / 255, "the adapter changes nothing, so the test shows nothing"


@pytest.mark.parametrize(
    ("family", "name", "wanted"),
    [
        (
            "sd1",
            "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0",
            "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0",
        ),
        ("sd1", "unet.mid_block.resnets.1.conv1", "lora_unet_mid_block_resnets_1_conv1"),
        (
            "sd1",
            "text_encoder.encoder.layers.3.self_attn.q_proj",
            "lora_te_text_model_encoder_layers_3_self_attn_q_proj",
        ),
        (
            "sdxl",
            "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k",
            "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k",
        ),
        (
            "sdxl",
            "unet.down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj",
            "lora_unet_input_blocks_8_1_transformer_blocks_9_ff_net_0_proj",
        ),
        ("sdxl", "unet.up_blocks.0.attentions.2.proj_in", "lora_unet_output_blocks_2_1_proj_in"),
        ("sdxl", "unet.mid_block.attentions.0.proj_in", "lora_unet_middle_block_1_proj_in"),
        ("sdxl", "unet.up_blocks.1.resnets.0.conv_shortcut", "lora_unet_output_blocks_3_0_skip_connection"),
        (
            "sdxl",
            "text_encoder_2.text_model.encoder.layers.31.self_attn.v_proj",
            "lora_te2_text_model_encoder_layers_31_self_attn_v_proj",
        ),
    ],
)
def test_names_of_real_size_models(family, name, wanted):
    """Names as they stand in files that kohya's trainer wrote for the real models."""
    assert kohya.kohya_name(name, family) == wanted


@pytest.fixture
def finished(folders, tmp_path):
    """Results of a run and the store that holds its first cell's add-on."""
    model = load(str(folders["sd"]), device=CPU)
    place = tmp_path / "store" / "steps" / "adapter" / "key"
    place.mkdir(parents=True)
    path = place / "adapter.safetensors"
    random_adapter(model, path)
    results = make_results()
    cells = list(results.cells)
    at = next(i for i, cell in enumerate(cells) if cell.adapter is not None)
    digest = file_digest(path)
    cells[at] = cells[at].model_copy(update={"adapter": cells[at].adapter.model_copy(update={"sha256": digest})})
    return results.model_copy(update={"cells": tuple(cells)}), cells[at], path


def take(finished, tmp_path, **changes):
    results, cell, _ = finished
    options = {"condition": cell.condition, "replicate": cell.replicate, "layout": "kohya", "declared": True}
    options |= {"out": tmp_path / "addon.safetensors", "store": tmp_path / "store"}
    return export_adapter(results, **{**options, **changes})


def test_what_a_whole_model_learned_is_no_add_on(finished, tmp_path):
    results = finished[0]
    training = results.plan.training.model_copy(update={"method": "full"})
    whole = (results.model_copy(update={"plan": results.plan.model_copy(update={"training": training})}), *finished[1:])
    with pytest.raises(BadInput) as caught:
        take(whole, tmp_path)
    assert caught.value.slug == "export-full"


def test_both_layouts_hold_the_same_update(finished, tmp_path):
    plain = take(finished, tmp_path, layout="diffusers")
    assert plain.read_bytes() == finished[2].read_bytes()
    other = take(finished, tmp_path, out=tmp_path / "k.safetensors")
    tensors, updates = load_file(other), load_updates(plain)
    assert len(tensors) == 3 * len(updates)
    for name, update in updates.items():
        stem = kohya.kohya_name(name.removesuffix(".weight"), "sd1")
        down, up, alpha = (tensors[f"{stem}.{part}"] for part in ("lora_down.weight", "lora_up.weight", "alpha"))
        made = (alpha / down.shape[0]) * (up.flatten(1) @ down.flatten(1))
        assert torch.allclose(made, update.flatten(1), atol=1e-6)
    with safe_open(other, framework="pt") as handle:
        assert "imitates" in handle.metadata()["ss_training_comment"]


def facts(family, prediction):
    model = make_results().plan.model
    return model.model_copy(update={"family": family, "prediction_type": prediction, "resolution": 768})


# What A1111 tells versions by (`ss_base_model_version`, `ss_v2`), and ModelSpec's names.
VERSIONS = {
    ("sd1", "epsilon"): ("sd_v1", "False", "stable-diffusion-v1/lora", "epsilon"),
    ("sd1", "v_prediction"): ("sd_v1_v", "False", "stable-diffusion-v1/lora", "v"),
    ("sd2", "epsilon"): ("sd_v2", "True", "stable-diffusion-v2-512/lora", "epsilon"),
    ("sd2", "v_prediction"): ("sd_v2_v", "True", "stable-diffusion-v2-768-v/lora", "v"),
    ("sdxl", "epsilon"): ("sdxl_base_v1-0", "False", "stable-diffusion-xl-v1-base/lora", "epsilon"),
    ("sdxl", "v_prediction"): ("sdxl_base_v1-0", "False", "stable-diffusion-xl-v1-base/lora", "v"),
}


@pytest.mark.parametrize("what", VERSIONS)
def test_an_addon_says_for_which_model_it_is(what, tmp_path):
    inner = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    conv = "down_blocks.1.resnets.0.conv1"
    file = tmp_path / "a.safetensors"
    tensors = {
        f"unet.{inner}.lora_A.weight": torch.zeros(8, 16),
        f"unet.{inner}.lora_B.weight": torch.zeros(16, 8),
        f"unet.{conv}.lora_A.weight": torch.zeros(4, 16, 3, 3),
        f"unet.{conv}.lora_B.weight": torch.zeros(16, 4, 1, 1),
    }
    save_file(tensors, file)
    (tmp_path / "k.safetensors").write_bytes(kohya.export_kohya(file, model=facts(*what), trigger="nulevoy"))
    with safe_open(tmp_path / "k.safetensors", framework="pt") as handle:
        told = handle.metadata()
    keys = ("ss_base_model_version", "ss_v2", "modelspec.architecture", "modelspec.prediction_type")
    assert tuple(told[key] for key in keys) == VERSIONS[what]
    assert (told["ss_network_dim"], told["ss_network_alpha"]) == ("8", "8")
    assert json.loads(told["ss_network_args"]) == {"conv_dim": "4", "conv_alpha": "4"}
    assert told["modelspec.resolution"] == "768x768"
    assert told["modelspec.trigger_phrase"] == "nulevoy"


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"declared": False}, "export-refused"),
        ({"layout": "loha"}, "layout-unknown"),
        ({"condition": "nothing"}, "cell-unknown"),
        ({"replicate": 99}, "cell-unknown"),
    ],
)
def test_nothing_leaves_without_a_reason(finished, tmp_path, changes, slug):
    with pytest.raises(BadInput) as caught:
        take(finished, tmp_path, **changes)
    assert caught.value.slug == slug
    assert not (tmp_path / "addon.safetensors").exists()


def test_an_addon_that_was_deleted_and_a_file_that_exists(finished, tmp_path):
    take(finished, tmp_path)
    with pytest.raises(BadInput) as caught:
        take(finished, tmp_path)
    assert caught.value.slug == "out-exists"
    finished[2].unlink()
    with pytest.raises(BadInput) as caught:
        take(finished, tmp_path, out=tmp_path / "other.safetensors")
    assert caught.value.slug == "adapter-absent"


def test_a_family_without_that_layout_is_refused(finished):
    with pytest.raises(BadInput) as caught:
        kohya.export_kohya(finished[2], model=facts("sd3", "flow"), trigger="nulevoy")
    assert caught.value.slug == "export-family"
