"""What a cell trains on, and the batches it sees; the packed and the one-by-one trainer share them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from audit.models.autoencoders import Scaling
from audit.models.conditioning import Rows, Text, Tokens
from audit.models.families.base import TRAINED_AT, Family, Latent, TextShape
from audit.models.frames import Framing, square_frame
from audit.models.noising import Noising
from audit.records import TrainSettings
from audit.training.draws import Streams


@dataclass(frozen=True)
class CellData:
    """What one cell trains on.

    Attributes:
        streams: its replicate's draws.
        mean, std: posterior of each work and its mirror image, float32 (2, C, h, w); one tensor where all are alike.
        text: encoded captions, a row for each work, and that of no caption where captions are dropped; token ids
            where text encoders are trained too.
        frames: how each work came to its shape; () where all are squares of the model's own size.
    """

    streams: Streams
    mean: Tensor | tuple[Tensor, ...]
    std: Tensor | tuple[Tensor, ...]
    text: Text | Tokens
    frames: tuple[Framing, ...] = ()


@dataclass(frozen=True)
class Base:
    """The frozen parts that the loop needs; a subset of `Model`, so that tests can pass tiny ones.

    Attributes:
        side: of a square picture, in pixels; device: where it is trained.
        noising_of: latent -> schedule of noise at its size, where that is not the square's.
        text_encoders: by folder; needed only where they are trained, as is `text_shape`.
    """

    family: Family
    denoiser: nn.Module
    noising: Noising
    scale: Scaling
    side: int
    text_shape: TextShape
    device: torch.device
    text_encoders: Mapping[str, nn.Module] = field(default_factory=dict)
    noising_of: Callable[[Latent], Noising] | None = None

    def roots(self, settings: TrainSettings) -> dict[str, nn.Module]:
        """The modules that carry LoRA under these settings, by the first part of their names."""
        denoiser = {self.family.denoiser: self.denoiser}
        return {**denoiser, **self.text_encoders} if settings.text_encoder else denoiser

    def predict(self, batch: Batch, autocast: torch.dtype | None) -> Tensor:
        """The denoiser's answer to a batch, (rows, C, h, w); token ids go through the text encoders first."""
        with torch.autocast(batch.noisy.device.type, dtype=autocast, enabled=autocast is not None):
            text = batch.text
            if isinstance(text, Tokens):
                text = self.family.encode(self.text_encoders, text, self.text_shape)
            return self.family.predict(self.denoiser, batch.noisy, batch.told, text, batch.frames, TRAINED_AT)


def by_rate(named: Sequence[tuple[str, nn.Parameter]], family: Family, settings: TrainSettings) -> list[dict[str, Any]]:
    """Parameters by learning rate, for an optimiser; `share` is a group's rate as a share of the denoiser's.

    Args:
        named: each with the full name of a module that it belongs to.
    """
    if settings.text_learning_rate is None:
        return [{"params": [p for _, p in named], "share": 1.0}]
    share = settings.text_learning_rate / settings.learning_rate
    of_text = [name.partition(".")[0] in family.text_encoders for name, _ in named]
    groups = [
        {"params": [p for (_, p), text in zip(named, of_text, strict=True) if text is wanted], "share": rate}
        for wanted, rate in ((False, 1.0), (True, share))
    ]
    return [group for group in groups if group["params"]]


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Learning rate of a step: linear warm-up, then constant or cosine to zero."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return settings.learning_rate
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Batch(Rows):
    """One optimiser step's input for one cell or a pack: rows grouped by cell.

    Attributes:
        noisy, target: (rows, C, h, w); told: what the denoiser is told of the noise, (rows,); text: a row
        each, encoded or as token ids; weight: loss weight per row; frames: (rows, 6), see `audit.models.frames`.
    """

    noisy: Tensor
    target: Tensor
    told: Tensor
    text: Text | Tokens
    weight: Tensor
    frames: Tensor


class Batches:
    """Makes a cell's batches from its streams; the packed and the one-by-one trainer share it."""

    def __init__(self, data: CellData, base: Base, settings: TrainSettings, dtype: torch.dtype) -> None:
        self.data, self.base, self.settings, self.dtype = data, base, settings, dtype
        # All rows of a step have one shape, and so have those of the cells beside it.
        shapes = [latent_shape(work) for work in data.mean]
        self.order = data.streams.order_within(shapes, steps=settings.steps, batch=settings.batch)
        self.noisings = {shape: self._noising(shape) for shape in set(shapes)}
        frames = data.frames or (square_frame(base.side),) * len(data.mean)
        self.frames = torch.tensor(frames, dtype=torch.float32)
        flips = data.streams.flips(steps=settings.steps, batch=settings.batch)
        self.flips = flips if settings.flip else flips * 0
        self.weight = base.noising.weight(settings)

    def batch(self, step: int) -> Batch:
        data, settings = self.data, self.settings
        rows, pairs = torch.from_numpy(self.order[step]), list(zip(self.order[step], self.flips[step], strict=True))
        shape = latent_shape(data.mean[self.order[step][0]])
        noising = self.noisings[shape]
        draws = data.streams.step(step=step, batch=settings.batch, timesteps=noising.levels, latent=shape)
        mean, std = (torch.stack([of[row][flip] for row, flip in pairs]).to(self.dtype) for of in (data.mean, data.std))
        captions = rows
        if settings.caption_dropout:
            dropped = data.streams.dropped(step=step, batch=settings.batch, share=settings.caption_dropout)
            captions = torch.where(torch.from_numpy(dropped), len(data.mean), rows)
        clean = self.base.scale.into(mean + std * draws.posterior.to(self.dtype))
        noise = draws.noise.to(self.dtype) + settings.noise_offset * draws.offset.to(self.dtype)
        level = draws.timesteps
        return Batch(
            noisy=noising.noised(clean, noise, level),
            target=noising.wanted(clean, noise, level),
            told=noising.told(level),
            text=data.text[captions].to(self.dtype),
            weight=self.weight[level].to(self.dtype),
            frames=self.frames[rows],
        )

    def _noising(self, shape: Latent) -> Noising:
        base = self.base
        return base.noising if base.noising_of is None else base.noising_of(shape)


def latent_shape(work: Tensor) -> Latent:
    """Channels, height and width of a work's latents, (2, C, h, w)."""
    return int(work.shape[1]), int(work.shape[2]), int(work.shape[3])
