"""The training loop of one pack: K cells, one optimiser, everything per cell kept apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from audit.records import TrainSettings
from audit.training.batches import Base, Batch, Batches, CellData, by_rate, learning_rate
from audit.training.packed import PackedLora

LOSS_SPANS = 20
"""A cell's loss curve is told as this many means over equal spans of its steps."""
LOOK_EVERY = 10
"""Steps between two looks for cells that broke: reading the flags makes the host wait for the device. The same
whatever the length of a training, so that the first half of one is a training of half the length."""


@dataclass
class State:
    """Where a pack stands; enough to go on bit for bit. Every tensor has all K cells, dropped ones as they stood.

    Attributes:
        step: optimiser steps done.
        alive: indices of the cells that are still trained.
        losses: of every step so far, (K, steps done), float64; not a number from the look at which a cell left.
    """

    step: int
    alive: list[int]
    params: list[Tensor]
    exp_avg: list[Tensor]
    exp_avg_sq: list[Tensor]
    losses: Tensor


def clip_per_cell(grads: Sequence[Tensor], limit: float) -> Tensor:
    """Scale each cell's gradient, in place, to at most `limit`; returns the norms before, (K,).

    Args:
        grads: gradients with a first dimension of K.

    One norm over all cells would couple them: a cell's step would depend on its neighbours.
    A cell whose gradient is not finite gets a zero gradient and is marked by its norm.
    """
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

    A cell whose gradient stops being finite leaves the pack at the next look: its adapter stays as it was
    before, and it costs the others nothing more.

    Args:
        base: the frozen denoiser with its noise schedule.
        cells: one entry per LoRA.
        dtype: of the LoRA parameters and the arithmetic outside autocast.
        autocast: bfloat16 to run the denoiser in mixed precision, None not to.
        resume: a state that `after_step` was handed earlier.
        stop_at: stop after this many steps (default: all of them).
        after_step: called as (steps done, function that makes the state) after every step.

    Returns:
        Per cell, A and B by full module name; and the final state.
    """
    lora = PackedLora(
        base.roots(settings),
        family=base.family,
        settings=settings,
        streams=[c.streams for c in cells],
        device=base.device,
        dtype=dtype,
    )
    state = _first_state(lora, len(cells)) if resume is None else resume
    end = settings.steps if stop_at is None else stop_at
    while state.step < end and state.alive:
        state = _advance(base, cells, settings, state, end=end, dtype=dtype, autocast=autocast, after_step=after_step)
    with torch.no_grad():
        for parameter, value in zip(lora.parameters(), state.params, strict=True):
            parameter.copy_(value)
    return [lora.cell(i) for i in range(len(cells))], state


def _first_state(lora: PackedLora, count: int) -> State:
    params = [p.detach().clone() for p in lora.parameters()]
    return State(
        step=0,
        alive=list(range(count)),
        params=params,
        exp_avg=[torch.zeros_like(p) for p in params],
        exp_avg_sq=[torch.zeros_like(p) for p in params],
        losses=torch.zeros(count, 0, dtype=torch.float64),
    )


def _advance(
    base: Base,
    cells: Sequence[CellData],
    settings: TrainSettings,
    begin: State,
    *,
    end: int,
    dtype: torch.dtype,
    autocast: torch.dtype | None,
    after_step: Callable[[int, Callable[[], State]], None] | None,
) -> State:
    """Train the cells that are alive until `end`, or until one of them has to leave."""
    device = base.device
    alive = begin.alive
    lora = PackedLora(
        base.roots(settings),
        family=base.family,
        settings=settings,
        streams=[cells[i].streams for i in alive],
        device=device,
        dtype=dtype,
    )
    params = lora.parameters()
    optimiser = torch.optim.AdamW(
        by_rate(lora.named(), base.family, settings),
        lr=settings.learning_rate,
        betas=(0.9, 0.999),
        weight_decay=settings.weight_decay,
        foreach=True,
    )
    with torch.no_grad():
        for index, parameter in enumerate(params):
            parameter.copy_(begin.params[index][alive])
            optimiser.state[parameter] = {
                "step": torch.tensor(float(begin.step)),
                "exp_avg": begin.exp_avg[index][alive].to(device),
                "exp_avg_sq": begin.exp_avg_sq[index][alive].to(device),
            }
    batches = [Batches(cells[i], base, settings, dtype) for i in alive]
    losses: list[Tensor] = []
    broken = torch.zeros(len(alive), dtype=torch.bool, device=device)
    done = begin.step

    def state(keep: Sequence[int] = tuple(alive)) -> State:
        def whole(before: Sequence[Tensor], now: Sequence[Tensor]) -> list[Tensor]:
            made = []
            for old, new in zip(before, now, strict=True):
                full = old.to(device, copy=True)
                full[alive] = new.detach()
                made.append(full)
            return made

        moments = [optimiser.state[p] for p in params]
        return State(
            step=done,
            alive=list(keep),
            params=whole(begin.params, params),
            exp_avg=whole(begin.exp_avg, [m["exp_avg"] for m in moments]),
            exp_avg_sq=whole(begin.exp_avg_sq, [m["exp_avg_sq"] for m in moments]),
            losses=with_losses(begin.losses, alive, losses),
        )

    with lora:
        for step in range(begin.step, end):
            batch = Batch.joined([b.batch(step) for b in batches]).to(device)
            seen = base.predict(batch, autocast)
            error = (seen.to(dtype) - batch.target).pow(2).flatten(1).mean(dim=1) * batch.weight
            per_cell = error.view(len(alive), -1).mean(dim=1)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(per_cell.sum())
            broken |= ~torch.isfinite(clip_per_cell([p.grad for p in params if p.grad is not None], settings.clip))
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings) * group["share"]
            optimiser.step()
            done = step + 1
            losses.append(per_cell.detach())
            if after_step is not None:
                after_step(done, state)
            if (done % LOOK_EVERY == 0 or done == end) and bool(broken.any()):
                return state([cell for cell, lost in zip(alive, broken.tolist(), strict=True) if not lost])
    return state()


def with_losses(before: Tensor, alive: Sequence[int], since: Sequence[Tensor]) -> Tensor:
    """Losses of all cells, (K, steps), with those of further steps by the cells that are still trained."""
    if not since:
        return before.clone()
    added = torch.full((len(before), len(since)), torch.nan, dtype=torch.float64)
    # Made double on the host: Apple's GPUs know no double precision.
    added[list(alive)] = torch.stack(list(since), dim=1).cpu().double()
    return torch.cat([before, added], dim=1)


def loss_curve(state: State, cell: int, *, steps: int) -> tuple[float | None, ...]:
    """A cell's mean loss over each span of its first `steps` steps; None where not finite or the cell had left."""
    losses = state.losses[cell, :steps]
    spans = torch.arange(len(losses)) * LOSS_SPANS // steps
    means = [float(losses[spans == span].mean()) for span in sorted(set(spans.tolist()))]
    return tuple(m if math.isfinite(m) else None for m in means)
