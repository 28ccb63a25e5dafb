"""Training in little memory: what waits elsewhere, what is kept smaller, what is computed twice.

None of these changes what is computed: the VAE and the text encoders have done their work when
training begins; bfloat16 is what autocast makes of the frozen weights anyway; and a checkpointed
activation is computed again by the same kernels (Chen et al., 2016), though gradients may then be
added up in another order, as they are in packs of another size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from audit.executor.packing import Saving
from audit.models.model import Model
from audit.records import TrainSettings
from audit.training.targets import find_parameter, find_targets


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
    # Parts that share a room are only there when they are called.
    alone = saving.offload or model.room is not None
    away = {id(part) for part in idle_parts(model, settings)} if alone else set()
    here = [part for part in model.parts() if id(part) not in away]
    total = sum(p.numel() * p.element_size() for part in here for p in part.parameters())
    if saving.half:
        total -= sum(p.numel() * (p.element_size() - 2) for _, p in _matrices(model.denoiser))
    return float(total)


def drawing_bytes(model: Model, settings: TrainSettings, saving: Saving) -> float:
    """Bytes of the base's weights on its device while pictures are drawn."""
    parts: list[nn.Module] = [model.denoiser, model.vae]
    if settings.text_encoder or not saving.offload:
        parts += model.text_encoders.values()
    sizes = [sum(p.numel() * p.element_size() for p in part.parameters()) for part in parts]
    if saving.half:
        sizes[0] -= sum(p.numel() * (p.element_size() - 2) for _, p in _matrices(model.denoiser))
    # Parts that share a room come and go.
    return float(sum(sizes) if model.room is None else max(sizes))


def kept_bytes(model: Model, settings: TrainSettings) -> float:
    """Bytes of main memory that merging one trained model takes: the old weights, and one update at a time."""
    roots, root = model.roots(), model.family.denoiser
    if settings.method == "full":
        names = [f"{root}.{name}" for name, _ in model.denoiser.named_parameters()]
    else:
        names = [
            f"{name}.weight" for name in find_targets(roots, model.family, settings) if name.startswith(f"{root}.")
        ]
    sizes = [parameter.numel() * parameter.element_size() for parameter in (find_parameter(roots, n) for n in names)]
    # A product and its copy in the weight's type may be there at once.
    return float(sum(sizes) + 2 * max(sizes, default=0))


def kept_small(model: Model, saving: Saving) -> frozenset[str]:
    """Names of the denoiser's weights that lie on the device in bfloat16."""
    return frozenset(name for name, _ in _matrices(model.denoiser)) if saving.half else frozenset()


@contextmanager
def saved(model: Model, settings: TrainSettings, saving: Saving) -> Iterator[None]:
    """Save memory while training; afterwards everything is where and as it was, bit for bit."""
    learning = [model.denoiser, *(model.text_encoders.values() if settings.text_encoder else ())]
    with (
        _away(model, idle_parts(model, settings) if saving.offload else []),
        halved(model, wanted=saving.half),
        model.together(*learning),
    ):
        try:
            recompute(model.denoiser, wanted=saving.checkpointing)
            yield
        finally:
            recompute(model.denoiser, wanted=False)


@contextmanager
def saved_drawing(model: Model, settings: TrainSettings, saving: Saving) -> Iterator[dict[str, Tensor]]:
    """Save memory while pictures are drawn whose texts are encoded already.

    Yields:
        The float32 weights, by full name, of what is kept in bfloat16: adapters are merged into these.
    """
    idle = list(model.text_encoders.values()) if saving.offload and not settings.text_encoder else []
    with _away(model, idle), halved(model, wanted=saving.half) as masters:
        yield masters


@contextmanager
def _away(model: Model, parts: Sequence[nn.Module]) -> Iterator[None]:
    """Parts wait in main memory; those that share a room do so by themselves."""
    moved = [] if model.room is not None else parts
    try:
        for part in moved:
            part.to("cpu")
        yield
    finally:
        for part in moved:
            part.to(model.device)


@contextmanager
def halved(model: Model, *, wanted: bool) -> Iterator[dict[str, Tensor]]:
    """Keep the denoiser's matrices in bfloat16; yields the float32 ones, in main memory, by full name."""
    whole: dict[str, tuple[nn.Parameter, Tensor]] = {}
    try:
        for name, parameter in _matrices(model.denoiser) if wanted else ():
            whole[f"{model.family.denoiser}.{name}"] = parameter, parameter.data.cpu()
            parameter.data = parameter.data.to(torch.bfloat16)
        yield {name: before for name, (_, before) in whole.items()}
    finally:
        if whole and model.room is not None:
            # In float32 it need not fit onto the device beside anything else.
            model.room.expel(model.denoiser)
        for parameter, before in whole.values():
            parameter.data = before.to(parameter.device)


def recompute(network: nn.Module, *, wanted: bool = True) -> bool:
    """Switch gradient checkpointing of a denoiser or VAE on or off; returns whether it was on."""
    known: Any = network
    before = bool(known.is_gradient_checkpointing)
    if not known._supports_gradient_checkpointing:
        return before
    if wanted:
        known.enable_gradient_checkpointing()
    else:
        known.disable_gradient_checkpointing()
    return before


def _matrices(denoiser: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Weights and biases of Linear and Conv2d, which autocast computes in bfloat16; norms stay float32."""
    for place, module in denoiser.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            for name, parameter in module.named_parameters(recurse=False):
                yield f"{place}.{name}", parameter
