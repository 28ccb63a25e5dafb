"""OpenCLIP ViT-L/14: the image tower of a CLIP trained on open data, the default for real audits.

Weights: the hub's `laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K` (Gadre et al., DataComp, 2023; MIT), or any
other folder in open_clip's layout. Opened by open_clip's own loader.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.models.code import refuse_code
from audit.style.crops import pooled
from audit.style.model_cache import opened
from audit.style.weights_paths import NOT_OPENED, Published, not_opened, safetensors_in

NAME = "openclip_l14"
PUBLISHED = Published(
    repo="laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
    files=("open_clip_config.json", "open_clip_model.safetensors"),
    gb=1.7,
    licence="MIT",
)
ARCHITECTURE = "ViT-L-14"
CONFIG = "open_clip_config.json"
CPU = torch.device("cpu")


def weights() -> Sequence[Path]:
    return safetensors_in(NAME, published=PUBLISHED)


def extract(pixels: NDArray[np.uint8], device: torch.device = CPU) -> NDArray[np.float64]:
    """uint8 (N, S, S, 3) to unit embeddings (N, 768), over the whole picture and squares of it."""
    files = weights()
    tower, tile, mean, std = _tower(tuple(files), device)

    def embed(squares: Tensor) -> Tensor:
        found: Tensor = tower((squares - mean) / std)
        return found

    return pooled(pixels, embed, tile=tile, device=device)


@opened
def _tower(files: tuple[Path, ...], device: torch.device) -> tuple[nn.Module, int, Tensor, Tensor]:
    """The image tower, its input's side, and the colours' mean and deviation, (1, 3, 1, 1).

    Raises:
        BadModel: `encoder-not_opened`, when open_clip cannot open the files; `model-code`.
    """
    folder = files[0].parent
    refuse_code(folder)
    try:
        if (folder / CONFIG).exists():
            model, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder}", precision="fp32")
        else:
            # A bare checkpoint: taken for the DataComp one, whose colours are open_clip's default.
            model = open_clip.create_model(ARCHITECTURE, pretrained=str(files[0]), precision="fp32")
        visual = model.visual
        size, colours = visual.image_size, visual.preprocess_cfg
        tile = int(size[0] if isinstance(size, tuple | list) else size)
    except NOT_OPENED as error:
        raise not_opened(NAME, "open_clip", error) from error
    mean, std = (torch.tensor(colours[k], device=device).view(1, 3, 1, 1) for k in ("mean", "std"))
    return visual.eval().requires_grad_(False).to(device), tile, mean, std
