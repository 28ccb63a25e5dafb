"""The training loop of one pack: K cells, one optimiser, everything per cell kept apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from audit.records import TrainSettings
from audit.training.packed import PackedLora
from audit.training.streams import Streams

LOSS_SPANS = 20
"""A cell's loss curve is kept as this many means over equal spans of steps."""


@dataclass(frozen=True)
class CellData:
    """What one cell trains on.

    Attributes:
        streams: its replicate's draws.
        mean, std: posterior of its works and their mirror images, float32 (works, 2, C, h, w).
        text: caption embeddings, float32 (works, tokens, width).
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
    """

    unet: nn.Module
    alphas_cumprod: Tensor
    prediction: str
    scaling: float


@dataclass
class State:
    """Where a pack stands; enough to go on bit for bit.

    Attributes:
        step: optimiser steps done.
        loss_sum, loss_count: per cell and span, (K, LOSS_SPANS).
    """

    step: int
    params: list[Tensor]
    exp_avg: list[Tensor]
    exp_avg_sq: list[Tensor]
    loss_sum: Tensor
    loss_count: Tensor


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
        noisy, target: (rows, C, h, w); timesteps: (rows,); text: (rows, tokens, width);
        weight: loss weight per row.
    """

    noisy: Tensor
    target: Tensor
    timesteps: Tensor
    text: Tensor
    weight: Tensor


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
            text=data.text[rows].to(self.dtype),
            weight=self.weight[draws.timesteps].to(self.dtype),
        )


def clip_per_cell(params: Sequence[nn.Parameter], limit: float) -> Tensor:
    """Scale each cell's gradient to at most `limit`; returns the norms before, (K,).

    One norm over all cells would couple them: a cell's step would depend on its neighbours.
    A cell whose gradient is not finite gets a zero gradient and is marked by its norm.
    """
    grads = [p.grad for p in params if p.grad is not None]
    norms: Tensor = torch.stack([g.flatten(1).norm(dim=1) for g in grads]).norm(dim=0)
    finite = torch.isfinite(norms)
    scale = torch.where(finite, (limit / (norms + 1e-6)).clamp_max(1.0) if limit else 1.0, 0.0)
    for grad in grads:
        # nan * 0 is nan, so a broken cell's gradient is replaced rather than scaled.
        shape = (-1,) + (1,) * (grad.dim() - 1)
        grad.copy_(torch.where(finite.view(shape), grad * scale.view(shape), 0.0))
    return norms


def train_pack(
    base: Base,
    cells: Sequence[CellData],
    settings: TrainSettings,
    *,
    dtype: torch.dtype = torch.float32,
    autocast: torch.dtype | None = None,
    resume: State | None = None,
    stop_at: int | None = None,
    after_step: Callable[[int, Callable[[], State]], None] | None = None,
) -> tuple[list[dict[str, tuple[Tensor, Tensor]]], State]:
    """Train K LoRAs in one pass.

    Args:
        base: the frozen U-Net with its noise schedule.
        cells: one entry per LoRA.
        dtype: of the LoRA parameters and the arithmetic outside autocast.
        autocast: bfloat16 to run the U-Net in mixed precision, None not to.
        resume: a state that `after_step` was handed earlier.
        stop_at: stop after this many steps (default: all of them).
        after_step: called as (steps done, function that makes the state) after every step.

    Returns:
        Per cell, A and B by module name; and the final state.
    """
    device = next(base.unet.parameters()).device
    lora = PackedLora(base.unet, settings=settings, streams=[c.streams for c in cells], dtype=dtype)
    params = lora.parameters()
    optimiser = torch.optim.AdamW(
        params, lr=settings.learning_rate, betas=(0.9, 0.999), weight_decay=settings.weight_decay, foreach=True
    )
    batches = [Batches(cell, base, settings, dtype) for cell in cells]
    count = len(cells)
    loss_sum = torch.zeros(count, LOSS_SPANS, dtype=torch.float64, device=device)
    loss_count = torch.zeros(LOSS_SPANS, dtype=torch.float64)
    start = 0
    if resume is not None:
        start = resume.step
        with torch.no_grad():
            for parameter, saved in zip(params, resume.params, strict=True):
                parameter.copy_(saved)
        if start:
            for parameter, first, second in zip(params, resume.exp_avg, resume.exp_avg_sq, strict=True):
                optimiser.state[parameter] = {
                    "step": torch.tensor(float(start)),
                    "exp_avg": first.clone().to(device),
                    "exp_avg_sq": second.clone().to(device),
                }
        loss_sum.copy_(resume.loss_sum)
        loss_count.copy_(resume.loss_count)
    done = start

    def state() -> State:
        moments = [optimiser.state[p] for p in params] if done else []
        return State(
            step=done,
            params=[p.detach().clone() for p in params],
            exp_avg=[m["exp_avg"].clone() for m in moments],
            exp_avg_sq=[m["exp_avg_sq"].clone() for m in moments],
            loss_sum=loss_sum.clone(),
            loss_count=loss_count.clone(),
        )

    with lora:
        for step in range(start, settings.steps if stop_at is None else stop_at):
            made = [b.batch(step) for b in batches]
            noisy = torch.cat([m.noisy for m in made]).to(device)
            target = torch.cat([m.target for m in made]).to(device)
            timesteps = torch.cat([m.timesteps for m in made]).to(device)
            text = torch.cat([m.text for m in made]).to(device)
            weight = torch.cat([m.weight for m in made]).to(device)
            with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                seen = base.unet(noisy, timesteps, text).sample
            error = (seen.to(dtype) - target).pow(2).flatten(1).mean(dim=1) * weight
            per_cell = error.view(count, -1).mean(dim=1)
            optimiser.zero_grad(set_to_none=True)
            per_cell.sum().backward()
            clip_per_cell(params, settings.clip)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings)
            optimiser.step()
            done = step + 1
            span = step * LOSS_SPANS // settings.steps
            loss_sum[:, span] += per_cell.detach()
            loss_count[span] += 1
            if after_step is not None:
                after_step(done, state)
        return [lora.cell(i) for i in range(count)], state()


def loss_curve(state: State, cell: int) -> tuple[float | None, ...]:
    """A cell's mean loss over each span that has steps; None where it was not finite."""
    filled = state.loss_count > 0
    means = (state.loss_sum[cell].cpu()[filled] / state.loss_count[filled]).tolist()
    return tuple(m if math.isfinite(m) else None for m in means)
