"""Single-file checkpoints (.safetensors) as A1111 and ComfyUI keep them, for SD 1.x, 2.x and XL.

Such a file holds weights only. Configs come from the card of the model that it was fine-tuned from,
the tokenizer from `vocabulary`, so nothing is fetched.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors import SafetensorError, safe_open

from audit.base.errors import BadModel
from audit.base.files import read_bounded
from audit.base.messages import say
from audit.models.cards import Card, cards
from audit.models.families import FAMILIES
from audit.models.families.base import Family
from audit.models.vocabulary import write_tokenizer

PIPELINES = {"sd": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}
DENOISER = "model.diffusion_model."
FIRST_LAYER = f"{DENOISER}input_blocks.0.0.weight"
VAE = ("first_stage_model.", "vae.")
# What tells the kinds apart: where each keeps its last text encoder.
KINDS = {
    "sdxl": "conditioner.embedders.1.model.",
    "sd21": "cond_stage_model.model.",
    "sd15": "cond_stage_model.transformer.",
}
V_MARK, ZERO_SNR_MARK = "v_pred", "ztsnr"
"""Keys by which trainers mark a checkpoint that predicts v, and one with zero terminal SNR."""
MOST_YAML_BYTES = 1 << 20


@dataclass(frozen=True)
class Kind:
    """What a checkpoint is.

    Attributes:
        card: name of the known model whose configs fit it; configs: those, changed as the file says.
    """

    card: str
    family: Family
    configs: dict[str, dict[str, Any]]


def kind_of(path: Path, *, known: str | None = None) -> Kind:
    """Tell from its keys what a checkpoint is, without reading a weight.

    Args:
        known: name of the card that its digest belongs to, if any.

    Raises:
        BadModel: not a whole text-to-image checkpoint of these families.
    """
    shapes = _shapes(path)
    name = next((name for name, prefix in KINDS.items() if any(key.startswith(prefix) for key in shapes)), None)
    missing = [
        what
        for what, there in (
            ("U-Net", FIRST_LAYER in shapes),
            ("VAE", any(key.startswith(VAE) for key in shapes)),
            (say("usual-text-encoder"), name is not None),
        )
        if not there
    ]
    if name is None or missing:
        raise BadModel("checkpoint-incomplete", file=path.name, part=missing[0])
    takes = shapes[FIRST_LAYER][1]
    if takes != 4:
        raise BadModel("model-family.inpainting", takes=takes)
    if name == "sd21":
        name = known or _second_generation(path)
    card = cards()[name]
    family = FAMILIES["sdxl" if name == "sdxl" else "sd"]
    assert card.configs is not None
    configs = {part: dict(config) for part, config in card.configs.items()}
    if V_MARK in shapes:
        configs["scheduler"]["prediction_type"] = "v_prediction"
        configs["scheduler"]["rescale_betas_zero_snr"] = ZERO_SNR_MARK in shapes
    return Kind(name, family, configs)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="pt") as handle:
            return {key: tuple(handle.get_slice(key).get_shape()) for key in handle.keys()}
    except (OSError, ValueError, SafetensorError) as error:
        raise BadModel("model-incomplete.checkpoint", file=path.name) from error


def _second_generation(path: Path) -> str:
    """SD 2.x predicts noise at 512 px or v at 768 px; the weights do not say which, A1111's .yaml beside them does."""
    beside = path.with_suffix(".yaml")
    try:
        text = read_bounded(beside, limit=MOST_YAML_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise BadModel("checkpoint-ambiguous", file=path.name, config=beside.name) from error
    return "sd21" if re.search(r"^\s*parameterization:\s*[\"']?v\b", text, flags=re.MULTILINE) else "sd21-base"


def open_checkpoint(path: Path, kind: Kind) -> Mapping[str, Any]:
    """The components by folder, float32; raises what diffusers raises for a file that does not fit."""
    with tempfile.TemporaryDirectory() as folder:
        write_skeleton(Path(folder), kind.family, kind.configs, cards()[kind.card])
        pipeline = PIPELINES[kind.family.name].from_single_file(
            str(path), config=folder, local_files_only=True, torch_dtype=torch.float32
        )
    components: dict[str, Any] = pipeline.components
    return components


def write_skeleton(folder: Path, family: Family, configs: Mapping[str, Mapping[str, Any]], card: Card) -> None:
    """A model folder without weights: what diffusers needs beside a checkpoint."""
    index: dict[str, Any] = {"_class_name": PIPELINES[family.name].__name__}
    for part, kind in family.components.items():
        index[part] = ["diffusers" if part in ("unet", "vae") else "transformers", kind]
        if part in family.tokenizers:
            write_tokenizer(folder / part, padding=card.padding[part])
        else:
            (folder / part).mkdir()
            (folder / part / "config.json").write_text(json.dumps(configs[part]), encoding="utf-8")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(configs["scheduler"]), encoding="utf-8")
    index["scheduler"] = ["diffusers", configs["scheduler"]["_class_name"]]
    if family.name == "sd":
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
