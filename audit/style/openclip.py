"""Image embedding of a small open_clip model, opened by open_clip's own loader from a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from audit.models.cards import LAB_OPENCLIP
from audit.style.model_cache import opened

BATCH = 64
CPU = torch.device("cpu")


def weights() -> Sequence[Path]:
    return [LAB_OPENCLIP / "open_clip_model.safetensors", LAB_OPENCLIP / "open_clip_config.json"]


@opened
def _model(folder: Path, device: torch.device) -> open_clip.CLIP:
    model: open_clip.CLIP
    model, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder}", precision="fp32")
    model.eval().requires_grad_(False).to(device)
    return model


@torch.no_grad()
def extract(
    pixels: NDArray[np.uint8], device: torch.device = CPU, *, folder: Path = LAB_OPENCLIP
) -> NDArray[np.float64]:
    """uint8 (N, H, W, 3) to unit-length embeddings (N, 128); pictures are squashed to 64 px."""
    model = _model(folder, device)
    rows = []
    for batch in torch.split(torch.from_numpy(pixels), BATCH):
        x = batch.to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
        x = F.interpolate(x, size=(64, 64), mode="bicubic", antialias=True).clamp(-1, 1)
        rows.append(model.encode_image(x, normalize=True))
    return torch.cat(rows).cpu().double().numpy()
