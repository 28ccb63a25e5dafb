"""Encoders of exactly the real classes with random weights, tiny or of the real size, where the code looks for them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model, SiglipConfig, SiglipModel

TINY_CLIP = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def drawn(model: torch.nn.Module, *, seed: int) -> dict[str, torch.Tensor]:
    """Random half-precision weights for a model on the meta device; libraries take minutes to draw large ones."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.empty(v.shape, dtype=torch.float16).uniform_(-0.05, 0.05, generator=generator)
        for name, v in model.state_dict().items()
    }


def write_openclip(folder: Path, *, config: dict[str, object] = TINY_CLIP, seed: int = 0) -> Path:
    """A folder in the layout that open_clip publishes on the hub."""
    with torch.device("meta"):
        model = open_clip.model.CLIP(**config)
    weights = drawn(model, seed=seed)
    colours = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": colours}))
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def csd_checkpoint(path: Path, *, width: int = 64, layers: int = 1, seed: int = 1) -> VisionTransformer:
    """A training checkpoint as CSD's authors published it; returns the trunk, whose projection is the style layer."""
    heads = max(1, width // 64)
    with torch.device("meta"):
        tower = VisionTransformer(224, 14, width, layers, heads, mlp_ratio=4.0, output_dim=768, act_layer=QuickGELU)
    weights = drawn(tower, seed=seed)
    state = {f"module.backbone.{k}": v for k, v in weights.items() if k != "proj"}
    state["module.last_layer_style"] = weights["proj"]
    state["module.last_layer_content"] = torch.randn(width, 768)
    whole = {
        "model_state_dict": state,
        "opt_bb": {"lr": np.float64(0.1)},
        "iter": 3,
        "args": argparse.Namespace(name="x"),
        "fp16_scaler": None,
    }
    torch.save(whole, path)
    tower.load_state_dict({name: v.float() for name, v in weights.items()}, assign=True)
    return tower.eval()


def write_dinov2(folder: Path, *, hidden: int = 24, layers: int = 1, heads: int = 2) -> Path:
    torch.manual_seed(2)
    config = Dinov2Config(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, image_size=518, patch_size=14
    )
    Dinov2Model(config).save_pretrained(folder)
    return folder


def write_siglip2(folder: Path, *, hidden: int = 24, layers: int = 1, heads: int = 2, side: int = 32) -> Path:
    """Both towers, as published: the text tower is there and must be passed over."""
    torch.manual_seed(3)
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
            "vocab_size": 50, "projection_size": hidden}  # fmt: skip
    vision = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
              "intermediate_size": 4 * hidden, "image_size": side, "patch_size": 16}  # fmt: skip
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    return folder
