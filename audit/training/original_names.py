"""Adapters of transformers under the names of their original code, which ComfyUI and kohya's trainers read.

Facts of the layouts: diffusers' own readers of them (loaders/lora_conversion_utils.py). Where the original code has one
layer for query, key and value (and in FLUX.1's single blocks for the feed-forward, too), the low ranks of these are put
side by side, each with rows of its own: the same update, of a greater rank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from audit.base.errors import BadInput
from audit.records import ModelFacts

COMMENT = "Trained by CloakCheck to test a protection on one artist's works; it imitates that artist's style."


@dataclass(frozen=True)
class OriginalLayer:
    """Where a layer stands in the original code.

    Attributes:
        name: of the layer there; part, of: which of how many layers, side by side in that one.
    """

    name: str
    part: int = 0
    of: int = 1


Rules = Mapping[str, OriginalLayer]
"""Pattern of a layer's name here, without the transformer's folder -> its place, with groups as \\1."""


def _double(feed_forward: tuple[str, str]) -> dict[str, OriginalLayer]:
    """Both streams of FLUX's double blocks; `feed_forward` is what diffusers calls its two layers."""
    found: dict[str, OriginalLayer] = {}
    streams = (
        ("img", ("to_q", "to_k", "to_v"), "to_out.0", "ff"),
        ("txt", ("add_q_proj", "add_k_proj", "add_v_proj"), "to_add_out", "ff_context"),
    )
    for stream, reads, writes, forward in streams:
        here, there = r"transformer_blocks\.(\d+)\.", rf"double_blocks.\1.{stream}_"
        for part, name in enumerate(reads):
            found[rf"{here}attn\.{name}"] = OriginalLayer(f"{there}attn.qkv", part, len(reads))
        found[rf"{here}attn\.{re.escape(writes)}"] = OriginalLayer(f"{there}attn.proj")
        for at, name in zip((0, 2), feed_forward, strict=True):
            found[rf"{here}{forward}\.{re.escape(name)}"] = OriginalLayer(f"{there}mlp.{at}")
    return found


SINGLE = r"single_transformer_blocks\.(\d+)\."
NAMES: dict[str, Rules] = {
    "flux1": {
        **_double(("net.0.proj", "net.2")),
        r"transformer_blocks\.(\d+)\.norm1\.linear": OriginalLayer(r"double_blocks.\1.img_mod.lin"),
        r"transformer_blocks\.(\d+)\.norm1_context\.linear": OriginalLayer(r"double_blocks.\1.txt_mod.lin"),
        **{
            rf"{SINGLE}{name}": OriginalLayer(r"single_blocks.\1.linear1", part, 4)
            for part, name in enumerate((r"attn\.to_q", r"attn\.to_k", r"attn\.to_v", "proj_mlp"))
        },
        rf"{SINGLE}proj_out": OriginalLayer(r"single_blocks.\1.linear2"),
        rf"{SINGLE}norm\.linear": OriginalLayer(r"single_blocks.\1.modulation.lin"),
    },
    "flux2": {
        **_double(("linear_in", "linear_out")),
        rf"{SINGLE}attn\.to_qkv_mlp_proj": OriginalLayer(r"single_blocks.\1.linear1"),
        rf"{SINGLE}attn\.to_out": OriginalLayer(r"single_blocks.\1.linear2"),
        r"(single_stream|double_stream)_modulation(_img|_txt|)\.linear": OriginalLayer(r"\1_modulation\2.lin"),
    },
    "krea2": {
        **{
            rf"{here}{mine}": OriginalLayer(rf"{there}{theirs}")
            for here, there in (
                (r"transformer_blocks\.(\d+)\.", r"blocks.\1."),
                (r"text_fusion\.(layerwise_blocks|refiner_blocks)\.(\d+)\.", r"txtfusion.\1.\2."),
            )
            for mine, theirs in (
                *((rf"attn\.to_{short}", f"attn.w{short}") for short in "qkv"),
                (r"attn\.to_out\.0", "attn.wo"),
                (r"attn\.to_gate", "attn.gate"),
                *((rf"ff\.{name}", f"mlp.{name}") for name in ("gate", "up", "down")),
            )
        },
        "img_in": OriginalLayer("first"),
        r"final_layer\.linear": OriginalLayer("last.linear"),
        r"time_embed\.linear_1": OriginalLayer("tmlp.0"),
        r"time_embed\.linear_2": OriginalLayer("tmlp.2"),
        "time_mod_proj": OriginalLayer("tproj.1"),
        r"txt_in\.linear_1": OriginalLayer("txtmlp.1"),
        r"txt_in\.linear_2": OriginalLayer("txtmlp.3"),
        r"text_fusion\.projector": OriginalLayer("txtfusion.projector"),
    },
    # Both keep the names that diffusers has, and ComfyUI finds them.
    "qwenimage": {"(.+)": OriginalLayer(r"\1")},
    "zimage": {"(.+)": OriginalLayer(r"\1")},
}
"""Family -> its rules."""
DOTTED = ("zimage", "flux2", "qwenimage", "krea2")
"""Families whose add-ons ComfyUI reads under `diffusion_model.`."""


def place_of(name: str, family: str) -> OriginalLayer:
    """The place of a layer, by its full name as in an adapter of ours: `transformer.single_transformer_blocks...`."""
    inner = name.partition(".")[2]
    for pattern, place in NAMES[family].items():
        if (found := re.fullmatch(pattern, inner)) is not None:
            return OriginalLayer(found.expand(place.name), place.part, place.of)
    raise KeyError(name)


def under_original_names(adapter: Path, family: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Down (ranks, in) and up (out, ranks) of every layer of the original code that an adapter of ours changes."""
    tensors = load_file(adapter)
    parts: dict[str, dict[int, tuple[Tensor, Tensor]]] = {}
    of: dict[str, int] = {}
    for key in (key for key in tensors if key.endswith(".lora_A.weight")):
        name = key.removesuffix(".lora_A.weight")
        place = place_of(name, family)
        parts.setdefault(place.name, {})[place.part] = (tensors[key], tensors[f"{name}.lora_B.weight"])
        of[place.name] = place.of
    return {name: _side_by_side(rows, of[name]) for name, rows in parts.items()}


def _side_by_side(rows: Mapping[int, tuple[Tensor, Tensor]], of: int) -> tuple[Tensor, Tensor]:
    """One low rank of several, whose outputs follow each other; a part that was not trained adds nothing."""
    if of == 1:
        return rows[0]
    width = rows[0][1].shape[0]
    # The feed-forward of FLUX.1's single blocks is four times as wide.
    sizes = [width, width, width, 4 * width][:of]
    down = torch.cat([rows[part][0] for part in sorted(rows)])
    up = down.new_zeros(sum(sizes), down.shape[0])
    column = 0
    for part in sorted(rows):
        begin, ranks = sum(sizes[:part]), rows[part][1].shape[1]
        up[begin : begin + sizes[part], column : column + ranks] = rows[part][1]
        column += ranks
    return down, up


def export_comfyui(adapter: Path, *, model: ModelFacts, trigger: str) -> bytes:
    """An adapter of ours as the bytes of a file that ComfyUI reads; the update's scale is folded in already.

    Args:
        model: the base model that it was trained on; trigger: the word that asks for the style.

    Raises:
        BadInput: `export-family`, for a family that has no such layout.
    """
    if model.family not in DOTTED:
        raise BadInput("export-family.comfyui", family=model.family)
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in under_original_names(adapter, model.family).items():
        tensors[f"diffusion_model.{name}.lora_A.weight"] = down.contiguous()
        tensors[f"diffusion_model.{name}.lora_B.weight"] = up.contiguous()
    told = {
        "modelspec.title": f"CloakCheck add-on on {model.name}",
        "modelspec.description": COMMENT,
        "modelspec.resolution": f"{model.resolution}x{model.resolution}",
        "modelspec.trigger_phrase": trigger,
    }
    return save(tensors, metadata=told)
