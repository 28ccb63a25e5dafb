"""What training leaves on disk, one safetensors file per model.

A LoRA is written in the layout that `pipe.load_lora_weights` opens; of a model that was trained as a whole, what
was added to each weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from audit.training.targets import find_parameter

UPDATE, LORA_A = ".update", ".lora_A.weight"


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


def save_updates(path: Path, updates: Mapping[str, Tensor]) -> None:
    """Write what full fine-tuning added to each weight, in float16: `unet.conv_in.weight.update`.

    Half the size of the weights themselves; what is lost is a 2,000th of a change that is itself small.
    """
    tensors = {f"{name}{UPDATE}": update.to("cpu", torch.float16).contiguous() for name, update in updates.items()}
    path.write_bytes(save(tensors, metadata={"format": "pt"}))


class Updates(Mapping[str, Tensor]):
    """What a trained model adds to each weight, by the weight's full name, float32; of a LoRA, B A.

    Each is made when it is asked for and not kept: together they are as large as the weights themselves.

    Args:
        tensors: of the file. roots: first parts of names; of other weights there are none. None for all.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *, roots: Sequence[str] | None = None) -> None:
        self._tensors = tensors
        keys = {key.removesuffix(UPDATE): key for key in tensors if key.endswith(UPDATE)}
        keys |= {f"{key.removesuffix(LORA_A)}.weight": key for key in tensors if key.endswith(LORA_A)}
        self._keys = {name: key for name, key in keys.items() if roots is None or name.partition(".")[0] in roots}

    def __getitem__(self, name: str) -> Tensor:
        key = self._keys[name]
        a = self._tensors[key]
        if key.endswith(UPDATE):
            return a.float()
        b = self._tensors[f"{key.removesuffix(LORA_A)}.lora_B.weight"]
        return (b.flatten(1) @ a.flatten(1)).view(b.shape[0], *a.shape[1:])

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, roots: Sequence[str]) -> Updates:
        """Those of some root modules."""
        return Updates(self._tensors, roots=roots)


def load_updates(path: Path) -> Updates:
    """A trained model's file, as updates of weights."""
    return Updates(load_file(path))


def norm_of(path: Path) -> float:
    """Frobenius norm of all B matrices, or of all updates, together; 0 for a training that changed nothing.

    Raises:
        ValueError: the file is neither: not safetensors, A without B, or a number that is not finite.
    """
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError("not safetensors") from error
    pairs = {k.replace(".lora_A.", ".lora_B.") for k in tensors if ".lora_A." in k}
    counted = {k for k in tensors if ".lora_B." in k}
    if pairs != counted:
        raise ValueError("not pairs of A and B")
    if not counted:
        counted = {k for k in tensors if k.endswith(UPDATE)}
    if not counted:
        raise ValueError("no trained weights")
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise ValueError("not finite")
    return math.sqrt(sum(float(tensors[k].double().pow(2).sum()) for k in counted))


class Merged:
    """Context manager that adds an adapter's updates to a base's weights and puts them back after.

    The old weights are kept and restored as they were, because subtracting an update again would
    leave rounding behind.

    Args:
        roots: denoiser and text encoders, by the first part of their names; updates: by the weights' full names.
        masters: float32 weights of those that are kept in bfloat16: an update is added before it is rounded.
    """

    def __init__(
        self, roots: Mapping[str, nn.Module], updates: Mapping[str, Tensor], masters: Mapping[str, Tensor] | None = None
    ) -> None:
        self.roots = roots
        self.updates = updates
        self.masters = masters or {}
        self._kept: dict[str, Tensor] = {}

    @torch.no_grad()
    def __enter__(self) -> None:
        for name, update in self.updates.items():
            weight = find_parameter(self.roots, name)
            # In main memory: of a model that was trained as a whole, this is every weight.
            self._kept[name] = weight.detach().to("cpu", copy=True)
            master = self.masters.get(name)
            if master is None:
                weight.add_(update.to(device=weight.device, dtype=weight.dtype))
            else:
                weight.copy_(master + update.to(master))

    @torch.no_grad()
    def __exit__(self, *exception: object) -> None:
        for name, kept in self._kept.items():
            find_parameter(self.roots, name).copy_(kept)
        self._kept.clear()
