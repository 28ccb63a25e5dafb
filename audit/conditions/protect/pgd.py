"""Projected gradient descent (Madry et al., 2018) on delivered pictures, under an L-inf budget.

The change lives at the file's own resolution and the gradient runs back through the resize that
training does. Budgets and steps are in levels of 255; the answer is rounded to whole levels, so
the budget holds for the delivered file and not only for a tensor on the way there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from audit.tensors import to_model_size

LEVEL = 1 / 127.5
"""One of 255 levels on the -1..1 scale."""


def pgd(
    pictures: Tensor,
    *,
    loss: Callable[[Tensor], Tensor],
    side: int,
    budget: float,
    step: float,
    steps: int,
    start: Tensor,
) -> Tensor:
    """Minimise a loss over pictures within a budget.

    Args:
        pictures: (N, 3, H, W), values -1..1, whole levels of 255.
        loss: (N, 3, side, side) pictures at model size -> (N,) losses, each of its own picture only.
        budget: greatest change of a channel, levels of 255.
        step: size of a step, levels of 255; falls linearly to a tenth over the run.
        start: where the change begins, -1..1 times the budget, shape of `pictures`.

    Returns:
        Changed pictures, (N, 3, H, W), whole levels, at most `budget` levels from the originals.
    """
    change = ((pictures + start * budget * LEVEL).clamp(-1, 1) - pictures).detach()
    for index in range(steps):
        change.requires_grad_(True)
        value = loss(to_model_size(pictures + change, side)).sum()
        (gradient,) = torch.autograd.grad(value, change)
        size = step * LEVEL * (1 - 0.9 * index / max(1, steps - 1))
        with torch.no_grad():
            change = (change - size * gradient.sign()).clamp(-budget * LEVEL, budget * LEVEL)
            change = (pictures + change).clamp(-1, 1) - pictures
    # Rounding the change towards zero keeps it inside the budget.
    return pictures + (change / LEVEL).trunc() * LEVEL
