"""DINOv2 (Oquab et al., 2023; Apache-2.0): features learned from pictures alone, no words, no CLIP.

A second opinion to CLIP's kind: self-supervised, so that it shares neither the captions nor the
training of the others. Opened by transformers from a local folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Dinov2Model
from transformers.utils import logging

from audit.models.code import refuse_code
from audit.style.crops import pooled
from audit.style.model_cache import opened
from audit.style.weights_paths import NOT_OPENED, Published, not_opened, safetensors_in

NAME = "dinov2"
PUBLISHED = Published(
    repo="facebook/dinov2-base",
    files=("config.json", "model.safetensors"),
    gb=0.35,
    licence="Apache-2.0",
)
TILE = 224
# Of ImageNet.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
CPU = torch.device("cpu")


def weights() -> Sequence[Path]:
    return safetensors_in(NAME, published=PUBLISHED)


def extract(pixels: NDArray[np.uint8], device: torch.device = CPU) -> NDArray[np.float64]:
    """uint8 (N, S, S, 3) to unit embeddings (N, D) of the class token, over the whole picture and squares of it."""
    model = _model(weights()[0].parent, device)
    mean, std = (torch.tensor(c, device=device).view(1, 3, 1, 1) for c in (MEAN, STD))

    def embed(squares: Tensor) -> Tensor:
        found: Tensor = model(pixel_values=(squares - mean) / std).pooler_output
        return found

    return pooled(pixels, embed, tile=TILE, device=device)


@opened
def _model(folder: Path, device: torch.device) -> Dinov2Model:
    logging.disable_progress_bar()
    refuse_code(folder)
    try:
        model = Dinov2Model.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except NOT_OPENED as error:
        raise not_opened(NAME, "transformers", error) from error
    return model.eval().requires_grad_(False).to(device)
