"""Adapters in kohya's key layout, which A1111 and ComfyUI read.

Facts of the layout: kohya-ss/sd-scripts (networks/lora.py) and its readers. Names are joined with
underscores; SD 1.x and 2.x keep diffusers' names, SDXL uses those of the original U-Net.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from audit.base.errors import BadInput

TEXT_ROOTS = {
    "sd1": {"text_encoder": "lora_te"},
    "sd2": {"text_encoder": "lora_te"},
    "sdxl": {"text_encoder": "lora_te1", "text_encoder_2": "lora_te2"},
}
VERSIONS = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0"}
LAYERS_PER_BLOCK = 2
"""Residual layers in each of SDXL's blocks."""
INNER = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1"}
INNER |= {"conv_shortcut": "skip_connection"}
COMMENT = "Trained by CloakCheck to test a protection on one artist's works; it imitates that artist's style."


def kohya_name(name: str, family: str) -> str:
    """The layer's name in kohya's layout: `unet.down_blocks.0...to_q` -> `lora_unet_down_blocks_0_..._to_q`.

    Args:
        name: full module name as in an adapter of ours; family: `sd1`, `sd2` or `sdxl`.
    """
    root, _, inner = name.partition(".")
    if root == "unet":
        prefix, inner = "lora_unet", _original(inner) if family == "sdxl" else inner
    else:
        # transformers 5.6 and later leave this level out of the first encoder's names.
        prefix, inner = TEXT_ROOTS[family][root], "text_model." + inner.removeprefix("text_model.")
    return f"{prefix}_{inner.replace('.', '_')}"


def _original(inner: str) -> str:
    """A module of SDXL's U-Net under its name in the original code."""
    found = re.fullmatch(
        r"(?:(?P<side>down|up)_blocks\.(?P<block>\d+)|mid_block)\.(?P<kind>resnets|attentions)\.(?P<at>\d+)\.(?P<rest>.+)",
        inner,
    )
    assert found is not None, inner
    kind, at, rest = found["kind"], int(found["at"]), found["rest"]
    if kind == "resnets":
        rest = INNER[rest]
    if found["side"] is None:
        return f"middle_block.{1 if kind == 'attentions' else 2 * at}.{rest}"
    place = int(found["block"]) * (LAYERS_PER_BLOCK + 1) + at
    place, where = (place + 1, "input_blocks") if found["side"] == "down" else (place, "output_blocks")
    return f"{where}.{place}.{int(kind == 'attentions')}.{rest}"


def export_kohya(adapter: Path, *, family: str) -> bytes:
    """An adapter of ours as the bytes of a kohya safetensors file.

    The scale of the update is folded into B already, so alpha equals the rank.

    Raises:
        BadInput: `export-family`, for a family that has no such layout.
    """
    if family not in TEXT_ROOTS:
        raise BadInput("export-family", family=family)
    tensors: dict[str, torch.Tensor] = {}
    ranks = set()
    for key, value in load_file(adapter).items():
        name, _, part = key.rpartition(".lora_")
        made = kohya_name(name, family)
        if part == "A.weight":
            tensors[f"{made}.lora_down.weight"] = value
            tensors[f"{made}.alpha"] = torch.tensor(float(value.shape[0]))
            ranks.add(str(value.shape[0]))
        else:
            tensors[f"{made}.lora_up.weight"] = value
    rank = "/".join(sorted(ranks))
    metadata = {
        "ss_network_module": "networks.lora",
        "ss_base_model_version": VERSIONS[family],
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
        "ss_training_comment": COMMENT,
    }
    return save(tensors, metadata=metadata)
