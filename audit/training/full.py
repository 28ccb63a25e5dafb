"""Fine-tuning the whole denoiser, one model at a time: the older kind of imitation, as an option beside LoRA.

What the published comparisons before LoRA did (DreamBooth: Ruiz et al., 2023; the forgeries of Hönig et al.,
2024). Every weight moves, so nothing can be shared between cells. Draws, batches, loss, clipping and schedule
are those of the packed trainer, so that the two kinds of training stay comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from audit.records import TrainSettings
from audit.training.batches import Base, Batches, CellData, learning_rate
from audit.training.loop import LOOK_EVERY, State, clip_per_cell, with_losses


@contextmanager
def loosened(denoiser: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Let a frozen denoiser's weights be trained in place; yields copies of them by name, in main memory.

    Leaving puts every weight back bit for bit. In place, because a second copy of a large model on the
    device is what a single GPU has no room for.
    """
    before = {name: p.detach().to("cpu", copy=True) for name, p in denoiser.named_parameters()}
    try:
        denoiser.requires_grad_(True)
        yield before
    finally:
        denoiser.requires_grad_(False)
        with torch.no_grad():
            for name, parameter in denoiser.named_parameters():
                parameter.grad = None
                parameter.copy_(before[name])


def train_full(
    base: Base,
    cells: Sequence[CellData],
    settings: TrainSettings,
    *,
    dtype: torch.dtype = torch.float32,
    autocast: torch.dtype | None = None,
    resume: State | None = None,
    stop_at: int | None = None,
    after_step: Callable[[int, Callable[[], State]], None] | None = None,
) -> tuple[list[dict[str, Tensor]], State]:
    """Train the whole denoiser on one cell; arguments as in `loop.train_pack`.

    Args:
        cells: exactly one; dtype: of the arithmetic outside autocast (weights keep their own).

    Returns:
        What was added to each weight, by its full name; and the final state, whose tensors have a first
        dimension of 1 for the one cell.
    """
    (cell,) = cells
    device = base.device
    end = settings.steps if stop_at is None else stop_at
    with loosened(base.denoiser) as before:
        named = dict(base.denoiser.named_parameters())
        params = list(named.values())
        optimiser = torch.optim.AdamW(
            params, lr=settings.learning_rate, betas=(0.9, 0.999), weight_decay=settings.weight_decay, foreach=True
        )
        before_these, losses = torch.zeros(1, 0, dtype=torch.float64), list[Tensor]()
        done, alive = 0, [0]
        if resume is not None:
            done, alive = resume.step, list(resume.alive)
            before_these = resume.losses
            with torch.no_grad():
                for index, parameter in enumerate(params):
                    parameter.copy_(resume.params[index][0])
                    optimiser.state[parameter] = {
                        "step": torch.tensor(float(done)),
                        "exp_avg": resume.exp_avg[index][0].to(device, copy=True),
                        "exp_avg_sq": resume.exp_avg_sq[index][0].to(device, copy=True),
                    }

        def kept(values: Tensor) -> Tensor:
            # In main memory: three more copies of all weights beside the gradients do not fit where one training does.
            return values.detach()[None].to("cpu", copy=True)

        def state() -> State:
            def moments(name: str) -> list[Tensor]:
                return [kept(optimiser.state[p][name] if p in optimiser.state else torch.zeros_like(p)) for p in params]

            return State(
                step=done,
                alive=alive,
                params=[kept(p) for p in params],
                exp_avg=moments("exp_avg"),
                exp_avg_sq=moments("exp_avg_sq"),
                losses=with_losses(before_these, [0], losses),
            )

        batches = Batches(cell, base, settings, dtype)
        broken = torch.zeros(1, dtype=torch.bool, device=device)
        for step in range(done, end if alive else done):
            batch = batches.batch(step).to(device)
            seen = base.predict(batch, autocast)
            error = (seen.to(dtype) - batch.target).pow(2).flatten(1).mean(dim=1) * batch.weight
            loss = error.mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            grads = [p.grad[None] for p in params if p.grad is not None]
            broken |= ~torch.isfinite(clip_per_cell(grads, settings.clip))
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings)
            optimiser.step()
            done = step + 1
            losses.append(loss.detach()[None])
            if (done % LOOK_EVERY == 0 or done == end) and bool(broken.any()):
                alive = []
            if after_step is not None:
                after_step(done, state)
            if not alive:
                break
        last = state()
        with torch.no_grad():
            root = base.family.denoiser
            updates = {f"{root}.{n}": p.detach().cpu() - before[n].cpu() for n, p in named.items()}
    return [updates], last
