"""Models in the original key layout of Stable Diffusion checkpoints: the inverse of what diffusers reads.

Written from the layout of the published checkpoints (CompVis/latent-diffusion, Stability-AI/generative-models).
"""

from __future__ import annotations

import re

import torch
from torch import nn

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3"}
RESNET |= {"time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection"}
TOP = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
OPEN_CLIP |= {"self_attn.out_proj": "attn.out_proj"}


def unet_name(name: str, *, layers: int, attends_up: list[bool]) -> str:
    """A parameter of a U-Net under its original name; `layers` of each block, and which up blocks attend."""
    stem, _, leaf = name.rpartition(".")
    if stem in TOP:
        return f"{TOP[stem]}.{leaf}"
    found = re.match(r"(?:(down|up)_blocks\.(\d+)|mid_block)\.(\w+)\.(\d+)\.(.+)", name)
    assert found, name
    side, block, kind, at, rest = found.groups()
    if kind == "resnets":
        inner, _, leaf = rest.rpartition(".")
        rest = f"{RESNET[inner]}.{leaf}"
    if side is None:
        return f"middle_block.{1 if kind == 'attentions' else 2 * int(at)}.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{(int(block) + 1) * (layers + 1)}.0.op.{leaf}"
    if kind == "upsamplers":
        place = int(block) * (layers + 1) + layers
        return f"output_blocks.{place}.{2 if attends_up[int(block)] else 1}.conv.{leaf}"
    place = int(block) * (layers + 1) + int(at)
    where = f"input_blocks.{place + 1}" if side == "down" else f"output_blocks.{place}"
    return f"{where}.{int(kind == 'attentions')}.{rest}"


def vae_name(name: str, *, levels: int) -> str:
    """A parameter of an autoencoder under its original name."""
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    for ours, theirs in VAE_ATTENTION.items():
        name = name.replace(f"mid_block.attentions.0.{ours}.", f"mid.attn_1.{theirs}.")
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)


def open_clip_tensors(encoder: nn.Module) -> dict[str, torch.Tensor]:
    """A text encoder as the open_clip library names it."""
    found: dict[str, torch.Tensor] = {}
    for name, value in encoder.state_dict().items():
        plain = name.removeprefix("text_model.")
        if plain == "text_projection.weight":
            found["text_projection"] = value.T.contiguous()
        elif plain.startswith("embeddings.position"):
            if "position_ids" not in plain:
                found["positional_embedding"] = value
        elif plain.startswith("embeddings.token"):
            found["token_embedding.weight"] = value
        elif plain.startswith("final_layer_norm"):
            found[plain.replace("final_layer_norm", "ln_final")] = value
        elif not re.search(r"self_attn\.[kv]_proj", plain):
            place, inner, leaf = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", plain).groups()
            if inner == "self_attn.q_proj":
                whole = [encoder.state_dict()[name.replace("q_proj", f"{x}_proj")] for x in "qkv"]
                found[f"transformer.resblocks.{place}.attn.in_proj_{leaf}"] = torch.cat(whole)
            else:
                found[f"transformer.resblocks.{place}.{OPEN_CLIP[inner]}.{leaf}"] = value
    return found


def original(parts: dict[str, nn.Module], *, kind: str) -> dict[str, torch.Tensor]:
    """A whole checkpoint: `kind` is sd15, sd21 or sdxl."""
    unet, vae = parts["unet"], parts["vae"]
    attends = ["CrossAttn" in name for name in unet.config.up_block_types]
    layers = int(unet.config.layers_per_block)
    found = {
        f"model.diffusion_model.{unet_name(name, layers=layers, attends_up=attends)}": value
        for name, value in unet.state_dict().items()
    }
    levels = len(vae.config.block_out_channels)
    for name, value in vae.state_dict().items():
        linear = "attentions" in name and value.dim() == 2
        found[f"first_stage_model.{vae_name(name, levels=levels)}"] = value[..., None, None] if linear else value
    first = {name.removeprefix("text_model."): value for name, value in parts["text_encoder"].state_dict().items()}
    if kind == "sd21":
        found |= {f"cond_stage_model.model.{n}": v for n, v in open_clip_tensors(parts["text_encoder"]).items()}
    else:
        prefix = "cond_stage_model" if kind == "sd15" else "conditioner.embedders.0"
        found |= {f"{prefix}.transformer.text_model.{name}": value for name, value in first.items()}
    if kind == "sdxl":
        second = open_clip_tensors(parts["text_encoder_2"])
        found |= {f"conditioner.embedders.1.model.{name}": value for name, value in second.items()}
    return {name: value.clone().contiguous() for name, value in found.items()}
