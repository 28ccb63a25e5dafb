"""Training in little memory: what waits elsewhere, what is kept smaller, what is computed twice.

None of these changes what is computed: the VAE and the text encoders have done their work when
training begins; bfloat16 is what autocast makes of the frozen weights anyway; and a checkpointed
activation is computed again by the same kernels (Chen et al., 2016), though gradients may then be
added up in another order, as they are in packs of another size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from audit.models.loader import Model
from audit.records import TrainSettings


@dataclass(frozen=True)
class Saving:
    """How memory is saved while LoRAs train.

    Attributes:
        offload: the VAE, and text encoders that are not trained, wait in main memory.
        half: the denoiser's matrices lie on the device in bfloat16; only where autocast uses it.
        checkpointing: activations inside blocks are computed again in the backward pass.
    """

    offload: bool = False
    half: bool = False
    checkpointing: bool = False

    def words(self) -> str:
        """For people: what is done, or ''."""
        done = {
            "VAE and text encoders unloaded while training": self.offload,
            "frozen weights in bfloat16": self.half,
            "gradient checkpointing": self.checkpointing,
        }
        return ", ".join(what for what, is_done in done.items() if is_done)


def ladder(device: torch.device, *, autocast: torch.dtype | None, full: bool = False) -> list[Saving]:
    """From no saving to all that this device and precision allow; each step costs more time than the one before.

    Args:
        full: every weight is trained, so none can be kept in bfloat16.
    """
    if device.type == "cpu":
        # Main memory is all there is: waiting in it saves nothing, nor does a second, smaller copy.
        return [Saving(), Saving(checkpointing=True)]
    half = autocast is torch.bfloat16 and not full
    return [
        Saving(),
        Saving(offload=True),
        *([Saving(offload=True, half=True)] if half else []),
        Saving(offload=True, half=half, checkpointing=True),
    ]


def idle_parts(model: Model, settings: TrainSettings) -> list[nn.Module]:
    """What has nothing to do while LoRAs train."""
    return [model.vae, *([] if settings.text_encoder else model.text_encoders.values())]


def weights_bytes(model: Model, settings: TrainSettings, saving: Saving) -> float:
    """Bytes of the base's weights on its device while LoRAs train."""
    away = {id(part) for part in idle_parts(model, settings)} if saving.offload else set()
    here = [part for part in model.parts() if id(part) not in away]
    total = sum(p.numel() * p.element_size() for part in here for p in part.parameters())
    if saving.half:
        total -= sum(p.numel() * (p.element_size() - 2) for p in _matrices(model.denoiser))
    return float(total)


@contextmanager
def saved(model: Model, settings: TrainSettings, saving: Saving) -> Iterator[None]:
    """Save memory for a while; afterwards everything is where and as it was, bit for bit."""
    away = idle_parts(model, settings) if saving.offload else []
    whole: list[tuple[nn.Parameter, Tensor]] = []
    try:
        for part in away:
            part.to("cpu")
        if saving.half:
            for parameter in _matrices(model.denoiser):
                whole.append((parameter, parameter.data.cpu()))
                parameter.data = parameter.data.to(torch.bfloat16)
        recompute(model.denoiser, wanted=saving.checkpointing)
        yield
    finally:
        recompute(model.denoiser, wanted=False)
        for parameter, before in whole:
            parameter.data = before.to(parameter.device)
        for part in away:
            part.to(model.device)


def recompute(denoiser: nn.Module, *, wanted: bool = True) -> bool:
    """Switch gradient checkpointing on or off; returns whether it was on."""
    known: Any = denoiser
    before = bool(known.is_gradient_checkpointing)
    if wanted:
        known.enable_gradient_checkpointing()
    else:
        known.disable_gradient_checkpointing()
    return before


def _matrices(denoiser: nn.Module) -> Iterator[nn.Parameter]:
    """Weights and biases of Linear and Conv2d, which autocast computes in bfloat16; norms stay float32."""
    for module in denoiser.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            yield from module.parameters(recurse=False)
