"""How much memory a pack will take, known before it is allocated."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audit.models.conditioning import Text, Tokens
from audit.models.frames import Framing, Shape, frame_of, square_frame
from audit.models.hollow import LiveBytes, hollow, same_memory
from audit.models.model import Model
from audit.records import TrainSettings
from audit.training.batches import Base, Batch
from audit.training.draws import Streams
from audit.training.full import loosened
from audit.training.packed import PackedLora
from audit.training.targets import find_module, find_targets

OVERHEAD = 1.3
"""Peak over what autograd keeps: gradients in flight and kernels' work space."""
WORK_SPACE = 1.2
"""Peak over the tensors that a pass without gradients holds: kernels' work space."""
COPIES_FULL = 4
"""Float32 values per weight of a denoiser that is trained as a whole, beside the weight: gradient, two moments,
temporaries of the optimiser, which works through the weights in groups."""
COPIES = 6
"""Float32 values per LoRA parameter: itself, gradient, two moments, two temporaries of the optimiser."""


@dataclass(frozen=True)
class Footprint:
    """Bytes that a pack takes beside the base's own weights.

    Attributes:
        fixed: whatever the size; per_row: for each row of the batch; per_cell: for each LoRA.
    """

    fixed: float
    per_row: float
    per_cell: float

    def cells(self, budget: float, *, batch: int) -> int:
        """How many cells fit into `budget` bytes; at least 1, since less cannot be tried."""
        return max(1, int((budget - self.fixed) // (batch * self.per_row + self.per_cell)))

    def bytes(self, cells: int, *, batch: int) -> float:
        """What a pack of so many cells takes."""
        return self.fixed + cells * (batch * self.per_row + self.per_cell)


def base_of(model: Model) -> Base:
    """The frozen parts that training needs."""
    return Base(
        family=model.family,
        denoiser=model.denoiser,
        noising=model.noising,
        scale=model.scale,
        side=model.facts.resolution,
        text_shape=model.text_shape,
        device=model.device,
        text_encoders=model.text_encoders,
        noising_of=model.noising_of,
    )


def adapter_parameters(model: Model, settings: TrainSettings) -> int:
    """LoRA parameters of one cell."""
    roots = model.roots()
    total = 0
    for name in find_targets(roots, model.family, settings):
        weight = find_module(roots, name).weight
        assert isinstance(weight, Tensor)
        total += settings.rank * (weight.shape[0] + math.prod(weight.shape[1:]))
    return total


def trained_bytes(model: Model, settings: TrainSettings) -> int:
    """Size on disk of one trained model: float32 A and B, or float16 updates of all weights."""
    if settings.method == "full":
        return 2 * sum(p.numel() for p in model.denoiser.parameters())
    return 4 * adapter_parameters(model, settings)


@dataclass(frozen=True)
class DrawingFootprint:
    """Bytes that drawing takes beside the base's own weights.

    Attributes:
        fixed: whatever the number; per_picture: of the denoiser's passes, for each picture of a batch.
        per_decoded: for each picture that is decoded at once.
    """

    fixed: float
    per_picture: float
    per_decoded: float

    def pictures(self, budget: float) -> int:
        """How many are drawn in one batch under `budget` bytes; at least 1, since less cannot be tried."""
        return max(1, int((budget - self.fixed) // self.per_picture))

    def decoded(self, budget: float) -> int:
        """How many are decoded at once under `budget` bytes; at least 1."""
        return max(1, int(budget // self.per_decoded))

    def bytes(self, pictures: int, *, decoded: int) -> float:
        """What a batch takes, in its denoising or in its decoding."""
        return max(self.fixed + pictures * self.per_picture, decoded * self.per_decoded)


def measure_drawing(
    model: Model, *, guided: bool, autocast: torch.dtype | None, halved: Collection[str] = ()
) -> DrawingFootprint:
    """Count the bytes that are held at once in a pass of the denoiser and in decoding, on a hollow model.

    Args:
        guided: whether every picture has a row without text beside it.
    """
    with hollow(model, halved=halved) as empty, torch.no_grad():
        one, two = (_live_bytes(empty, rows * (2 if guided else 1), autocast) for rows in (1, 2))
        latent = torch.zeros(1, *empty.latent_shape, device=empty.device)
        live = LiveBytes(empty.vae.parameters())
        with live:
            empty.decoded(latent)
    return DrawingFootprint(
        fixed=max(0.0, 2.0 * one - two) * WORK_SPACE,
        per_picture=(two - one) * WORK_SPACE,
        per_decoded=live.peak * WORK_SPACE,
    )


def _live_bytes(model: Model, rows: int, autocast: torch.dtype | None) -> int:
    noisy = torch.zeros(rows, *model.latent_shape, device=model.device)
    told = model.noising.told(torch.zeros(rows, dtype=torch.int64)).to(model.device)
    text = model.blank_text(rows).to(model.device)
    live = LiveBytes(model.denoiser.parameters())
    with live, torch.autocast(model.device.type, dtype=autocast, enabled=autocast is not None):
        model.predict(noisy, told, text)
    return live.peak


def measure(
    model: Model,
    settings: TrainSettings,
    *,
    autocast: torch.dtype | None,
    checkpointing: bool = False,
    halved: Collection[str] = (),
    shape: Shape | None = None,
) -> Footprint:
    """Count what autograd keeps for one row and for two; the difference is a row's own.

    The count depends on model, settings and precision alone, so a resumed run forms the same packs. It is taken on a
    hollow model, so that it needs no memory itself, however large the model.

    Args:
        checkpointing: count only what is kept then: what enters each block, what lies outside them, and
            the largest block, which is computed again.
        halved: names of the denoiser's weights that are kept in bfloat16, of which autocast makes no copy.
        shape: of the largest pictures, height and width; None for squares of the model's own size.
    """
    side = model.facts.resolution
    frame = square_frame(side) if shape is None else frame_of(height=shape[0], width=shape[1], shape=shape)
    with hollow(model, halved=halved) as empty:
        one, two = (_kept_bytes(empty, settings, rows, autocast, checkpointing, frame) for rows in (1, 2))
    if settings.method == "full":
        per_cell = 4.0 * COPIES_FULL * sum(p.numel() for p in model.denoiser.parameters())
    else:
        per_cell = 4.0 * COPIES * adapter_parameters(model, settings)
    return Footprint(fixed=max(0.0, 2.0 * one - two) * OVERHEAD, per_row=(two - one) * OVERHEAD, per_cell=per_cell)


class _Kept:
    """Storages that autograd keeps in a forward pass, by the block in which they came up."""

    def __init__(self, frozen: set[int]) -> None:
        self.frozen = frozen
        # Held until the count ends, so that no freed storage's address is counted for another.
        self.tensors: dict[int, Tensor] = {}
        self.block: dict[int, int] = {}
        self.entering: dict[int, Tensor] = {}
        self._now = 0
        self._blocks = 0

    def keep(self, tensor: Tensor) -> Tensor:
        if (address := same_memory(tensor)) not in self.frozen | self.tensors.keys():
            self.tensors[address], self.block[address] = tensor, self._now
        return tensor

    def enter(self, module: nn.Module, args: tuple[object, ...], named: dict[str, object]) -> None:
        self._blocks += 1
        self._now = self._blocks
        for tensor in _tensors((*args, *named.values())):
            if (address := same_memory(tensor)) not in self.frozen:
                self.entering[address] = tensor

    def leave(self, module: nn.Module, args: object, answer: object) -> None:
        self._now = 0

    def bytes(self, *, checkpointing: bool) -> int:
        if not checkpointing:
            return sum(tensor.untyped_storage().nbytes() for tensor in self.tensors.values())
        inside: dict[int, int] = {}
        outside = dict(self.entering)
        for address, tensor in self.tensors.items():
            if block := self.block[address]:
                inside[block] = inside.get(block, 0) + tensor.untyped_storage().nbytes()
            else:
                outside[address] = tensor
        largest = max(inside.values(), default=0)
        return largest + sum(tensor.untyped_storage().nbytes() for tensor in outside.values())


def _tensors(given: object) -> Iterator[Tensor]:
    """Every tensor of what a block is given, also those within tuples."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, list | tuple):
        for part in given:
            yield from _tensors(part)


def _kept_bytes(
    model: Model, settings: TrainSettings, rows: int, autocast: torch.dtype | None, checkpointing: bool, frame: Framing
) -> int:
    base = base_of(model)
    noisy = torch.zeros(rows, *model.latent_of(frame.shape), device=model.device)
    text: Text | Tokens = model.blank_tokens(rows) if settings.text_encoder else model.blank_text(rows)
    batch = Batch(
        noisy=noisy,
        target=noisy,
        told=model.noising.told(torch.zeros(rows, dtype=torch.int64)),
        text=text,
        weight=torch.ones(rows),
        frames=torch.tensor(frame, dtype=torch.float32).expand(rows, -1),
    ).to(model.device)
    kept = _Kept({same_memory(p) for root in base.roots(settings).values() for p in root.parameters()})
    blocks = [module for module in base.denoiser.modules() if type(module).__name__ in base.family.blocks]
    hooks = [block.register_forward_pre_hook(kept.enter, with_kwargs=True) for block in blocks]
    hooks += [block.register_forward_hook(kept.leave) for block in blocks]
    learning: AbstractContextManager[object] = (
        loosened(base.denoiser)
        if settings.method == "full"
        else PackedLora(
            base.roots(settings),
            family=base.family,
            settings=settings,
            streams=[Streams(seed=0, replicate=1)],
            device=base.device,
        )
    )
    try:
        with learning, torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor):
            base.predict(batch, autocast).float().pow(2).mean()
    finally:
        for hook in hooks:
            hook.remove()
    return kept.bytes(checkpointing=checkpointing)
