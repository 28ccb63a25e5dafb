"""LoRA adapters on disk: one safetensors file in the layout `pipe.load_lora_weights` opens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from audit.training.targets import find_module


def save_adapter(path: Path, cell: Mapping[str, tuple[Tensor, Tensor]], *, alpha: float) -> None:
    """Write A and B by full module name as `<name>.lora_A.weight` and `.lora_B.weight`.

    diffusers' reader takes alpha / rank = 1 for files without an alpha entry, so the scale of the
    update is folded into B: any reader applies it the same way.
    """
    tensors: dict[str, Tensor] = {}
    for name, (a, b) in cell.items():
        rank = a.shape[0]
        tensors[f"{name}.lora_A.weight"] = a.float().cpu().contiguous()
        up = (b * (alpha / rank)).float().cpu()
        tensors[f"{name}.lora_B.weight"] = (up[..., None, None] if a.dim() == 4 else up).contiguous()
    # Written as bytes, so that a full disk is an OSError like everywhere else.
    path.write_bytes(save(tensors, metadata={"format": "pt"}))


def load_updates(path: Path) -> dict[str, Tensor]:
    """Weight updates by full module name: B A, in the shape of the module's weight, float32."""
    tensors = load_file(path)
    updates = {}
    for key, a in tensors.items():
        if not key.endswith(".lora_A.weight"):
            continue
        name = key.removesuffix(".lora_A.weight")
        b = tensors[f"{name}.lora_B.weight"]
        updates[name] = (b.flatten(1) @ a.flatten(1)).view(b.shape[0], *a.shape[1:])
    return updates


def b_norm(path: Path) -> float:
    """Frobenius norm of all B matrices together; 0 for an adapter that does nothing.

    Raises:
        ValueError: the file is no adapter: not safetensors, A without B, or a number that is not finite.
    """
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError("not safetensors") from error
    pairs = {k.replace(".lora_A.", ".lora_B.") for k in tensors if ".lora_A." in k}
    if not pairs or pairs != {k for k in tensors if ".lora_B." in k}:
        raise ValueError("not pairs of A and B")
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise ValueError("not finite")
    return math.sqrt(sum(float(t.double().pow(2).sum()) for k, t in tensors.items() if ".lora_B." in k))


class Merged:
    """Context manager that adds an adapter's updates to a base's weights and puts them back after.

    The old weights are kept and restored as they were, because subtracting an update again would
    leave rounding behind.

    Args:
        roots: denoiser and text encoders, by the first part of their names; updates: by full module name.
    """

    def __init__(self, roots: Mapping[str, nn.Module], updates: Mapping[str, Tensor]) -> None:
        self.roots = roots
        self.updates = updates
        self._kept: dict[str, Tensor] = {}

    def _weight(self, name: str) -> Tensor:
        weight = find_module(self.roots, name).weight
        assert isinstance(weight, Tensor)
        return weight

    @torch.no_grad()
    def __enter__(self) -> None:
        for name, update in self.updates.items():
            weight = self._weight(name)
            self._kept[name] = weight.detach().clone()
            weight.add_(update.to(device=weight.device, dtype=weight.dtype))

    @torch.no_grad()
    def __exit__(self, *exception: object) -> None:
        for name, kept in self._kept.items():
            self._weight(name).copy_(kept)
        self._kept.clear()
