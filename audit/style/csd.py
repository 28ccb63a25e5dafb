"""CSD, contrastive style descriptors (Somepalli et al., 2024): a CLIP ViT-L/14 taught to tell styles.

The weights are under CC BY 4.0, the code of their authors under MIT.

The released checkpoint is a pickle with optimiser states. `convert` reads it once with PyTorch's
restricted unpickler, which builds tensors and plain values only, keeps the image tower and the style
layer, and writes them as safetensors. The content layer is left out; its authors call it failed. The released
weights are reported to do worse than the paper's (learn2phoenix/CSD, issue 14): never the only metric.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors.torch import load_file, save
from torch import Tensor

from audit.base.errors import BadModel
from audit.base.files import file_digest
from audit.base.messages import say
from audit.style.crops import pooled
from audit.style.model_cache import opened
from audit.style.weights_paths import CONVERTED_FROM, NOT_OPENED, Published, safetensors_in, unsuitable

NAME = "csd"
PUBLISHED = Published(
    repo="tomg-group-umd/CSD-ViT-L",
    files=("pytorch_model.bin",),
    gb=2.4,
    licence="CC BY 4.0; MIT of the code",
    sha256="40e92fad63a361b8136100cd234c42d401ef9b34ff1748234318929ebcc7e7a1",
)
FILE = "csd.safetensors"
TILE, WIDTH, LAYERS, HEADS, PATCH, STYLE = 224, 1024, 24, 16, 14, 768
# CLIP's own colours (Radford et al., 2021).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
CPU = torch.device("cpu")
_SCALAR = np.float64(0).__reduce__()[0]
INERT: list[Any] = [
    argparse.Namespace,
    np.dtype,
    type(np.dtype(np.float64)),
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
]
"""Classes beside tensors that the training script left in the checkpoint; they hold values and run nothing."""


def weights() -> Sequence[Path]:
    return safetensors_in(NAME, published=PUBLISHED)


def extract(pixels: NDArray[np.uint8], device: torch.device = CPU) -> NDArray[np.float64]:
    """uint8 (N, S, S, 3) to unit style embeddings (N, 768), over the whole picture and squares of it."""
    tower = _tower(weights()[0], device)
    mean, std = (torch.tensor(c, device=device).view(1, 3, 1, 1) for c in (MEAN, STD))

    def embed(squares: Tensor) -> Tensor:
        found: Tensor = tower((squares - mean) / std)
        return found

    return pooled(pixels, embed, tile=TILE, device=device)


def empty_tower(*, width: int = WIDTH, layers: int = LAYERS, heads: int = HEADS) -> VisionTransformer:
    """The tower without weights; its last projection is CSD's style layer."""
    with torch.device("meta"):
        return VisionTransformer(
            TILE, PATCH, width, layers, heads, mlp_ratio=4.0, output_dim=STYLE, act_layer=QuickGELU
        )


@opened
def _tower(file: Path, device: torch.device) -> VisionTransformer:
    try:
        tensors = load_file(file, device=str(device))
    except NOT_OPENED as error:
        raise unsuitable(NAME, say("weights.unsound")) from error
    return fill(tensors).to(device)


def fill(tensors: Mapping[str, Tensor]) -> VisionTransformer:
    """A tower of the size of these weights, ready to embed.

    Raises:
        BadModel: `encoder-unsuitable`, when they are not a tower of this kind.
    """
    try:
        width = int(tensors["class_embedding"].shape[0])
        layers = 1 + max(int(k.split(".")[2]) for k in tensors if k.startswith("transformer.resblocks."))
        tower = empty_tower(width=width, layers=layers, heads=max(1, width // 64))
        tower.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=True, assign=True)
    except NOT_OPENED as error:
        raise unsuitable(NAME, say("weights.other")) from error
    return tower.eval().requires_grad_(False)


def convert(checkpoint: Path) -> bytes:
    """CSD's checkpoint as the bytes of a safetensors file.

    Raises:
        BadModel: `encoder-checkpoint`, when the file holds anything but numbers and plain values, or no CSD.
    """
    try:
        with torch.serialization.safe_globals(INERT):
            loaded = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        state = loaded.get("model_state_dict", loaded)
        kept = {}
        for key, value in state.items():
            name = key.removeprefix("module.")
            if name == "last_layer_style":
                kept["proj"] = value.contiguous()
            elif name.startswith("backbone.") and name != "backbone.proj":
                kept[name.removeprefix("backbone.")] = value.contiguous()
        fill(kept)
    except (*NOT_OPENED, EOFError, UnpicklingError, BadModel) as error:
        raise BadModel("encoder-checkpoint", file=checkpoint.name) from error
    return save(kept, metadata={CONVERTED_FROM: file_digest(checkpoint)})
