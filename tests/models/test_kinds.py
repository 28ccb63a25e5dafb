"""Every kind of file that people give as a model: opened for what it is, or one sentence on what it is instead."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit.base.errors import BadModel
from audit.commands.models import look
from audit.models.kinds import DENOISER, FIRST_LAYER
from tests.models.sparse import published, write

SMALL = (8, 8)
LABEL = f"{DENOISER}label_emb.0.0.weight"


def without(kind, *beginnings):
    return {name: shape for name, shape in published(kind).items() if not name.startswith(beginnings)}


def only(kind, beginning, *, strip=""):
    return {n.removeprefix(strip): s for n, s in published(kind).items() if n.startswith(beginning)}


def channels(kind, n):
    return published(kind) | {FIRST_LAYER: (320, n, 3, 3)}


# What is written -> the message that says what it is.
ELSEWHERE = {
    "kohya LoRA": ({"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": SMALL}, "model-other-kind.lora"),
    "PEFT LoRA": ({"unet.down_blocks.0.attentions.0.to_q.lora_A.weight": SMALL}, "model-other-kind.lora"),
    "FLUX LoRA": ({"transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight": SMALL}, "model-other-kind.lora"),
    "LoHa": ({"lora_unet_x.hada_w1_a": SMALL, "lora_unet_x.alpha": ()}, "model-other-kind.lora"),
    "LoKr": ({"lora_unet_x.lokr_w1": SMALL}, "model-other-kind.lora"),
    "LyCORIS, whole differences": ({"lora_unet_x.diff": SMALL, "lora_unet_x.diff_b": (8,)}, "model-other-kind.lora"),
    "GLoRA": ({"lora_unet_x.a1.weight": SMALL}, "model-other-kind.lora"),
    "IA3": ({"lora_te_x.on_input": (), "lora_te_x.weight": SMALL}, "model-other-kind.lora"),
    "ControlNet": ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3)}, "model-other-kind.controlnet"),
    "ControlNet, diffusers": ({"controlnet_cond_embedding.conv_in.weight": SMALL}, "model-other-kind.controlnet"),
    "Control-LoRA": ({"lora_controlnet": (0,), "input_blocks.0.0.weight": (320, 4, 3, 3)},
                     "model-other-kind.controlnet"),
    "ControlNet-LLLite": ({"lllite_unet_input_blocks_1.down.0.weight": SMALL}, "model-other-kind.controlnet"),
    "T2I-Adapter": ({"adapter.body.0.resnets.0.block1.weight": SMALL}, "model-other-kind.controlnet"),
    "IP-Adapter": ({"image_proj.norm.weight": (8,), "ip_adapter.1.to_k.weight": SMALL}, "model-other-kind.ip-adapter"),
    "AnimateDiff": ({"down_blocks.0.motion_modules.0.norm.weight": (8,)}, "model-other-kind.motion"),
    "embedding": ({"emb_params": (4, 768)}, "model-other-kind.embedding"),
    "embedding of SDXL": ({"clip_l": (4, 768), "clip_g": (4, 1280)}, "model-other-kind.embedding"),
    "FLUX": ({"double_blocks.0.img_attn.qkv.weight": SMALL, "img_in.weight": SMALL}, "model-other-kind.family"),
    "FLUX, whole": ({f"{DENOISER}double_blocks.0.img_attn.qkv.weight": SMALL}, "model-other-kind.family"),
    "Krea 2": ({"blocks.0.attn.wq.weight": SMALL, "txtfusion.projector.weight": SMALL}, "model-other-kind.family"),
    "PixArt": ({"t_block.1.weight": SMALL}, "model-other-kind.family"),
    "HunyuanImage": ({"double_blocks.0.img_attn_q.weight": SMALL, "byt5_in.fc1.weight": SMALL},
                     "model-other-kind.family"),
    "Cosmos": ({"net.blocks.0.x": SMALL, "net.x_embedder.proj.1.weight": SMALL}, "model-other-kind.family"),
    "Cascade": ({"clf.1.weight": SMALL}, "model-other-kind.family"),
    "video": (published("sd21") | {f"{DENOISER}input_blocks.1.1.time_stack.0.norm1.weight": (8,)},
              "model-other-kind.family"),
    "SD 3.5": ({f"{DENOISER}joint_blocks.0.x_block.attn.qkv.weight": SMALL}, "model-other-kind.sd3"),
    "SD 3, transformer": ({"joint_blocks.0.x_block.attn.qkv.weight": SMALL}, "model-other-kind.sd3"),
    "refiner": (without("sdxl", "conditioner.embedders.0", LABEL) | {LABEL: (1536, 2560)}
                | {"conditioner.embedders.0.model.ln_final.bias": (1280,)}, "model-other-kind.refiner"),
    "inpainting, SD 1.5": (channels("sd15", 9), "model-other-kind.inpainting"),
    "inpainting, SDXL": (channels("sdxl", 9), "model-other-kind.inpainting"),
    "InstructPix2Pix": (channels("sd15", 8), "model-other-kind.editing"),
    "depth": (channels("sd21", 5), "model-other-kind.depth"),
    "x4 upscaler": (channels("sd21", 7), "model-other-kind.upscaling"),
    "bare U-Net": (only("sdxl", DENOISER), "model-other-kind.u-net"),
    "bare U-Net, no prefix": (only("sd15", DENOISER, strip=DENOISER), "model-other-kind.u-net"),
    "U-Net of a folder": ({"conv_in.weight": SMALL, "down_blocks.0.resnets.0.conv1.weight": SMALL},
                          "model-other-kind.diffusers-part"),
    "transformer of a folder": ({"transformer_blocks.0.attn.add_k_proj.weight": SMALL},
                                "model-other-kind.diffusers-part"),
    "Z-Image's part of a folder": ({"layers.0.attention.to_q.weight": SMALL, "all_final_layer.2-1.x": SMALL},
                                   "model-other-kind.diffusers-part"),
    "tiny VAE": ({"taesd_encoder.0.weight": SMALL, "taesd_decoder.1.weight": SMALL}, "model-other-kind.vae"),
    "video VAE": ({"encoder.conv1.weight": SMALL, "decoder.conv1.weight": SMALL, "conv2.weight": SMALL},
                  "model-other-kind.vae"),
    "language model": ({"model.layers.0.self_attn.q_proj.weight": SMALL, "model.embed_tokens.weight": SMALL},
                       "model-other-kind.text-encoder"),
    "VAE": (only("sd15", "first_stage_model.", strip="first_stage_model."), "model-other-kind.vae"),
    "text encoder": ({"text_model.encoder.layers.0.mlp.fc1.weight": SMALL, "text_model.x": SMALL},
                     "model-other-kind.text-encoder"),
    "T5": ({"encoder.block.0.layer.0.SelfAttention.k.weight": SMALL, "shared.weight": SMALL},
           "model-other-kind.text-encoder"),
    "EMA alone": ({"model_ema.diffusion_modelinput_blocks00weight": SMALL, **only("sd15", "first_stage_model.")},
                  "model-other-kind.ema-only"),
    "no VAE": (without("sdxl", "first_stage_model."), "checkpoint-incomplete.vae"),
    "no text encoder": (without("sd15", "cond_stage_model."), "checkpoint-incomplete"),
    "no first text encoder": (without("sdxl", "conditioner.embedders.0."), "checkpoint-incomplete.part"),
    "no U-Net": (without("sd15", DENOISER), "checkpoint-incomplete.u-net"),
    "VAE without encoder": (without("sd15", "first_stage_model.encoder."), "checkpoint-incomplete.encoder"),
    "VAE without decoder": (without("sd15", "first_stage_model.decoder."), "checkpoint-incomplete.side"),
    "a block lost": (without("sd15", f"{DENOISER}output_blocks.7."), "checkpoint-incomplete.tensors"),
    "SSD-1B": (without("sdxl", f"{DENOISER}input_blocks.8.1.transformer_blocks.9."), "checkpoint-incomplete.tensors"),
    "other sizes": (published("sd15") | {f"{DENOISER}out.2.weight": (8, 320, 3, 3)}, "checkpoint-sizes"),
    "LCM": (published("sd15") | {f"{DENOISER}time_embed.cond_proj.weight": (320, 256)}, "checkpoint-sizes.more"),
    "int8": (published("sd15") | {f"{DENOISER}out.2.weight": ("I8", (4, 320, 3, 3))}, "model-quantised"),
    "bitsandbytes": (published("sd15") | {f"{DENOISER}out.2.weight": ("U8", (5760, 1)),
                     f"{DENOISER}out.2.weight.absmax": ("F32", (180,))}, "model-quantised"),
    "block scales": (published("sd15") | {f"{DENOISER}time_embed.0.scale_weight": ("F32", (1280, 10))},
                     "model-quantised"),
    "Playground 2.5": (published("sdxl") | {"edm_mean": (1, 4, 1, 1), "edm_std": (1, 4, 1, 1)}, "model-edm"),
    "CosXL": (published("sdxl") | {"edm_vpred.sigma_max": (), "edm_vpred.sigma_min": ()}, "model-edm"),
    "something else": ({"a.b": SMALL, "c": SMALL}, "model-other-kind"),
}  # fmt: skip


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_is_no_model_here_is_called_by_its_name(what, tmp_path):
    shapes, id = ELSEWHERE[what]
    with pytest.raises(BadModel) as caught:
        look(str(write(tmp_path / "x.safetensors", shapes)))
    assert caught.value.said.id == id
    assert "x.safetensors" in caught.value.sentence


BEGINNINGS = {
    b"PK\x03\x04zip": "model-unsafe.renamed",
    b"GGUF\x03\x00\x00\x00": "model-other-kind.gguf",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0": "model-other-kind.pointer",
    b"<!DOCTYPE html><html>": "model-other-kind.web-page",
    b"": "model-incomplete.checkpoint",
}


@pytest.mark.parametrize("data", BEGINNINGS)
def test_what_is_no_safetensors_file_is_called_by_its_name(data, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(BadModel) as caught:
        look(str(tmp_path / "x.safetensors"))
    assert caught.value.said.id == BEGINNINGS[data]


HEADERS = {
    "metadata is a list": b'{"__metadata__": [1]}',
    "metadata is a number": b'{"__metadata__": 5}',
    "a side without end": b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 0]}}',
    "half a side": b'{"a": {"dtype": "F32", "shape": [0.5, 0], "data_offsets": [0, 0]}}',
    "sides below nothing": b'{"a": {"dtype": "F32", "shape": [-1, 0], "data_offsets": [0, 0]}}',
    "offsets as words": b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": ["0", "0"]}}',
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_broken_header_is_a_sentence(what, tmp_path):
    header = HEADERS[what]
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(BadModel) as caught:
        look(str(tmp_path / "x.safetensors"))
    assert caught.value.said.id == "model-incomplete.checkpoint"


def test_families_with_parts_of_the_same_name_are_told_apart(tmp_path):
    shapes = {"double_blocks.0.img_attn_q.weight": SMALL, "byt5_in.fc1.weight": SMALL}
    with pytest.raises(BadModel, match="HunyuanImage"):
        look(str(write(tmp_path / "x.safetensors", shapes)))


FOLDERS = {
    "adapter_config.json": "model-other-kind.add-on-folder",
    "config.json": "model-other-kind.component",
    "b.safetensors": "model-other-kind.many",
}


@pytest.mark.parametrize("file", FOLDERS)
def test_folders_that_are_no_model(file, tmp_path):
    write(tmp_path / "a.safetensors", {"x": SMALL})
    (tmp_path / file).write_text('{"_class_name": "ControlNetModel"}')
    with pytest.raises(BadModel) as caught:
        look(str(tmp_path))
    assert caught.value.said.id == FOLDERS[file]


# Kind, what is added, type of the weights -> family, prediction type, precision.
WHOLE = {
    "SD 1.5, fp16": ("sd15", {}, "F16", ("sd1", "epsilon", "fp16")),
    "SD 1.5 with EMA, fp32": ("sd15", {"model_ema.decay": ("F32", ())}, "F32", ("sd1", "epsilon", "fp32")),
    "SD 2.x": ("sd21", {}, "BF16", ("sd2", None, "bf16")),
    "SDXL": ("sdxl", {}, "F16", ("sdxl", None, "fp16")),
    "SDXL, fp8": ("sdxl", {}, "F8_E4M3", ("sdxl", None, "fp8")),
    "NoobAI, v": ("sdxl", {"v_pred": ("F32", (0,)), "ztsnr": ("F32", (0,))}, "F16", ("sdxl", "v_prediction", "fp16")),
}


@pytest.mark.parametrize("what", WHOLE)
def test_real_size_files_are_told_from_their_headers(what, tmp_path):
    kind, more, dtype, wanted = WHOLE[what]
    found = look(str(write(tmp_path / "x.safetensors", published(kind) | more, dtype=dtype)))
    assert (found.family, found.prediction_type, found.precision) == wanted
    assert found.weights_bytes == 4 * found.parameters > 3e9
    assert found.disk_bytes > 1e9
    assert found.resolution == {"sd15": 512, "sdxl": 1024}.get(kind)


def test_the_command_loads_no_torch_and_prints_an_object(tmp_path):
    path = write(tmp_path / "x.safetensors", published("sdxl"), metadata={"modelspec.prediction_type": "v"})
    code = (
        "import sys; from audit.cli import app\n"
        f"try: app(['models', {str(path)!r}, '--json'])\n"
        "except SystemExit as end: sys.exit(end.code or ('torch' in sys.modules))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["family"], told["prediction_type"], told["source_kind"]) == ("sdxl", "v_prediction", "header")
    assert "modelspec.prediction_type" in told["source"]
