"""SigLIP 2 (Tschannen et al., 2025; Apache-2.0): an image tower trained with captions by a pairwise sigmoid loss.

Opened by transformers from a local folder of a fixed-resolution model, whose text tower is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import SiglipVisionModel
from transformers.utils import logging

from audit.models.code import refuse_code
from audit.style.crops import pooled
from audit.style.model_cache import opened
from audit.style.weights_paths import NOT_OPENED, Published, not_opened, safetensors_in

NAME = "siglip2"
PUBLISHED = Published(
    repo="google/siglip2-base-patch16-224",
    files=("config.json", "model.safetensors"),
    gb=1.5,
    licence="Apache-2.0",
    sha256="612923381c76ec5a9bed335d1c48827e3f2e506ac31b044b63b2031fadee6a0b",
)
CPU = torch.device("cpu")


def weights() -> Sequence[Path]:
    return safetensors_in(NAME, published=PUBLISHED)


def extract(pixels: NDArray[np.uint8], device: torch.device = CPU) -> NDArray[np.float64]:
    """uint8 (N, S, S, 3) to unit embeddings (N, D), over the whole picture and squares of it."""
    model = _model(weights()[0].parent, device)

    def embed(squares: Tensor) -> Tensor:
        found: Tensor = model(pixel_values=squares * 2 - 1).pooler_output
        return found

    return pooled(pixels, embed, tile=int(model.config.image_size), device=device)


@opened
def _model(folder: Path, device: torch.device) -> SiglipVisionModel:
    logging.disable_progress_bar()
    refuse_code(folder)
    try:
        model = SiglipVisionModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except NOT_OPENED as error:
        raise not_opened(NAME, "transformers", error) from error
    return model.eval().requires_grad_(False).to(device)
