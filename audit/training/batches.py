"""What a cell trains on, and the batches it sees; the packed and the one-by-one trainer share them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from audit.records import TrainSettings
from audit.training.streams import Streams


@dataclass(frozen=True)
class CellData:
    """What one cell trains on.

    Attributes:
        streams: its replicate's draws.
        mean, std: posterior of its works and their mirror images, float32 (works, 2, C, h, w).
        text: caption embeddings, float32 (works, tokens, width); token ids, int64 (works, tokens), where
            the text encoder is trained too.
    """

    streams: Streams
    mean: Tensor
    std: Tensor
    text: Tensor


@dataclass(frozen=True)
class Base:
    """The frozen parts that the loop needs; a subset of `Model`, so that tests can pass tiny ones.

    Attributes:
        alphas_cumprod: float64 (timesteps,).
        prediction: `epsilon` or `v_prediction`.
        scaling: the VAE's scaling factor.
        text_encoder: needed only where it is trained.
    """

    unet: nn.Module
    alphas_cumprod: Tensor
    prediction: str
    scaling: float
    text_encoder: nn.Module | None = None

    def roots(self, settings: TrainSettings) -> dict[str, nn.Module]:
        """The modules that carry LoRA under these settings, by the first part of their names."""
        if not settings.text_encoder:
            return {"unet": self.unet}
        assert self.text_encoder is not None
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def predict(self, batch: Batch, autocast: torch.dtype | None) -> Tensor:
        """The U-Net's output for a batch, (rows, C, h, w); token ids go through the text encoder first."""
        with torch.autocast(batch.noisy.device.type, dtype=autocast, enabled=autocast is not None):
            hidden = batch.text
            if not hidden.is_floating_point():
                assert self.text_encoder is not None
                hidden = self.text_encoder(hidden).last_hidden_state
            seen: Tensor = self.unet(batch.noisy, batch.timesteps, hidden).sample
        return seen


def loss_weight(alphas_cumprod: Tensor, settings: TrainSettings, prediction: str) -> Tensor:
    """Min-SNR-gamma weight per timestep (Hang et al., 2023, eq. 4 and its v form); float64.

    SNR = a / (1 - a). Epsilon loss: min(SNR, gamma) / SNR; v loss: min(SNR, gamma) / (SNR + 1).
    """
    if settings.min_snr is None:
        return torch.ones_like(alphas_cumprod)
    snr = alphas_cumprod / (1 - alphas_cumprod)
    capped = snr.clamp_max(settings.min_snr)
    return capped / snr.clamp_min(1e-12) if prediction == "epsilon" else capped / (snr + 1)


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Learning rate of a step: linear warm-up, then constant or cosine to zero."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return settings.learning_rate
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Batch:
    """One optimiser step's input for one cell or a pack: rows grouped by cell.

    Attributes:
        noisy, target: (rows, C, h, w); timesteps: (rows,); text: (rows, tokens, width), or token ids
        (rows, tokens); weight: loss weight per row.
    """

    noisy: Tensor
    target: Tensor
    timesteps: Tensor
    text: Tensor
    weight: Tensor

    @classmethod
    def joined(cls, batches: Sequence[Batch], device: torch.device) -> Batch:
        """One batch of all rows, in order, on a device."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: torch.cat([getattr(b, name) for b in batches]).to(device) for name in names})


class Batches:
    """Makes a cell's batches from its streams; the packed and the one-by-one trainer share it."""

    def __init__(self, data: CellData, base: Base, settings: TrainSettings, dtype: torch.dtype) -> None:
        self.data, self.base, self.settings, self.dtype = data, base, settings, dtype
        works = len(data.mean)
        self.order = data.streams.order(works=works, steps=settings.steps, batch=settings.batch)
        flips = data.streams.flips(steps=settings.steps, batch=settings.batch)
        self.flips = flips if settings.flip else flips * 0
        self.weight = loss_weight(base.alphas_cumprod, settings, base.prediction)

    def batch(self, step: int) -> Batch:
        data, settings = self.data, self.settings
        rows, flips = torch.from_numpy(self.order[step]), torch.from_numpy(self.flips[step])
        shape = (int(data.mean.shape[2]), int(data.mean.shape[3]), int(data.mean.shape[4]))
        draws = data.streams.step(
            step=step, batch=settings.batch, timesteps=len(self.base.alphas_cumprod), latent=shape
        )
        mean, std = data.mean[rows, flips].to(self.dtype), data.std[rows, flips].to(self.dtype)
        clean = (mean + std * draws.posterior.to(self.dtype)) * self.base.scaling
        noise = draws.noise.to(self.dtype) + settings.noise_offset * draws.offset.to(self.dtype)
        a = self.base.alphas_cumprod[draws.timesteps].to(self.dtype).view(-1, 1, 1, 1)
        noisy = a.sqrt() * clean + (1 - a).sqrt() * noise
        target = noise if self.base.prediction == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * clean
        return Batch(
            noisy=noisy,
            target=target,
            timesteps=draws.timesteps,
            text=data.text[rows].to(self.dtype) if data.text.is_floating_point() else data.text[rows],
            weight=self.weight[draws.timesteps].to(self.dtype),
        )
