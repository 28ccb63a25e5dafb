"""Adapters in kohya's key layout, which A1111 and ComfyUI read.

Facts of the layout: kohya-ss/sd-scripts (networks/lora.py, networks/lora_flux.py) and its readers. Names are joined
with underscores; SD 1.x and 2.x keep diffusers' names, SDXL and FLUX.1 use those of the original code.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from audit.base.errors import BadInput
from audit.records import ModelFacts
from audit.training.original_names import COMMENT, under_original_names

TEXT_ROOTS = {
    "sd1": {"text_encoder": "lora_te"},
    "sd2": {"text_encoder": "lora_te"},
    "sdxl": {"text_encoder": "lora_te1", "text_encoder_2": "lora_te2"},
}
VERSIONS = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0", "flux1": "flux1"}
ARCHITECTURES = {
    ("sd1", False): "stable-diffusion-v1",
    ("sd1", True): "stable-diffusion-v1",
    ("sd2", False): "stable-diffusion-v2-512",
    ("sd2", True): "stable-diffusion-v2-768-v",
    ("sdxl", False): "stable-diffusion-xl-v1-base",
    ("sdxl", True): "stable-diffusion-xl-v1-base",
    ("flux1", False): "flux-1-dev",
}
"""Family, and whether it predicts v -> its name in Stability-AI/ModelSpec."""
IMPLEMENTATION = {"flux1": "https://github.com/black-forest-labs/flux"}
IMPLEMENTATION_ELSE = "https://github.com/Stability-AI/generative-models"
"""Whose names the layout's readers expect, as that specification calls it."""
LAYERS_PER_BLOCK = 2
"""Residual layers in each of SDXL's blocks."""
INNER = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1"}
INNER |= {"conv_shortcut": "skip_connection"}


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


def export_kohya(adapter: Path, *, model: ModelFacts, trigger: str) -> bytes:
    """An adapter of ours as the bytes of a kohya safetensors file.

    The scale of the update is folded into B already, so alpha equals the rank.

    Args:
        model: the base model that it was trained on; trigger: the word that asks for the style.

    Raises:
        BadInput: `export-family`, for a family that has no such layout.
    """
    if model.family == "flux1":
        return _flux(adapter, model=model, trigger=trigger)
    if model.family not in TEXT_ROOTS:
        raise BadInput("export-family", family=model.family)
    tensors: dict[str, torch.Tensor] = {}
    ranks: set[int] = set()
    convolutions: set[int] = set()
    for key, value in load_file(adapter).items():
        name, _, part = key.rpartition(".lora_")
        made = kohya_name(name, model.family)
        if part == "A.weight":
            tensors[f"{made}.lora_down.weight"] = value
            tensors[f"{made}.alpha"] = torch.tensor(float(value.shape[0]))
            wide = value.dim() == 4 and value.shape[-1] > 1
            (convolutions if wide else ranks).add(int(value.shape[0]))
        else:
            tensors[f"{made}.lora_up.weight"] = value
    return save(tensors, metadata=_metadata(model, trigger, ranks=ranks, convolutions=convolutions))


def _flux(adapter: Path, *, model: ModelFacts, trigger: str) -> bytes:
    tensors: dict[str, torch.Tensor] = {}
    ranks: set[int] = set()
    for name, (down, up) in under_original_names(adapter, model.family).items():
        made = f"lora_unet_{name.replace('.', '_')}"
        tensors[f"{made}.lora_down.weight"], tensors[f"{made}.lora_up.weight"] = down.contiguous(), up.contiguous()
        tensors[f"{made}.alpha"] = torch.tensor(float(down.shape[0]))
        ranks.add(int(down.shape[0]))
    return save(tensors, metadata=_metadata(model, trigger, ranks=ranks, convolutions=set()))


def _metadata(model: ModelFacts, trigger: str, *, ranks: set[int], convolutions: set[int]) -> dict[str, str]:
    """What A1111, ComfyUI and Forge read of an add-on: for which model it is, how large, and how it is asked for."""
    predicts_v = model.prediction_type == "v_prediction"
    rank = "/".join(map(str, sorted(ranks or convolutions)))
    version = VERSIONS[model.family]
    found = {
        "ss_network_module": "networks.lora_flux" if model.family == "flux1" else "networks.lora",
        "ss_base_model_version": f"{version}_v" if predicts_v and model.family != "sdxl" else version,
        "ss_v2": str(model.family == "sd2"),
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
        "ss_training_comment": COMMENT,
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": f"{ARCHITECTURES[model.family, predicts_v]}/lora",
        "modelspec.implementation": IMPLEMENTATION.get(model.family, IMPLEMENTATION_ELSE),
        "modelspec.title": f"CloakCheck add-on on {model.name}",
        "modelspec.description": COMMENT,
        "modelspec.resolution": f"{model.resolution}x{model.resolution}",
        "modelspec.prediction_type": "v" if predicts_v else "epsilon",
        "modelspec.trigger_phrase": trigger,
    }
    if convolutions:
        widest = "/".join(map(str, sorted(convolutions)))
        found["ss_network_args"] = json.dumps({"conv_dim": widest, "conv_alpha": widest})
    return found
