"""IMPRESS (Cao et al., 2023): find the nearby picture that the autoencoder gives back as it is.

Cloaks that move a picture's latent leave it inconsistent with its own reconstruction. The picture
is optimised until it agrees with it, within an LPIPS distance of the file at hand; the originals are
never seen. A measuring instrument re-implemented from the paper, not the tool.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from audit.base.messages import words
from audit.base.rng import torch_rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded
from audit.conditions.repaint import Painter
from audit.conditions.windows import through_windows, training_window, windows
from audit.images.tensors import to_pixels, to_tensor
from audit.records import Objective
from audit.style.lpips import lpips

STEPS = 40
RATE = 1e-3
WEIGHT = 0.5
START_NOISE = 0.1
LEAST_DISTANCE = 0.05
"""LPIPS distance from which a pass counts as purifying: the least that was published."""


def _disagreement(painter: Painter, small: Tensor) -> Tensor:
    """Mean squared difference of pictures to their reconstruction, one number."""
    return (small - painter.decode(painter.encode(small))).pow(2).mean()


def _consistent(painter: Painter, small: Tensor, *, distance: float, steps: int, generator: torch.Generator) -> Tensor:
    """The picture near `small` (1, 3, side, side) that agrees with its reconstruction."""
    noise = torch.randn(small.shape, generator=generator).to(small.device)
    free = (small + START_NOISE * noise).clamp(-1, 1).requires_grad_(True)
    optimiser = torch.optim.Adam([free], lr=RATE)
    for _ in range(steps):
        excess = (lpips(free, small).mean() - distance).clamp_min(0)
        loss = _disagreement(painter, free) + WEIGHT * excess
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            free.clamp_(-1, 1)
    return free.detach()


def _impress(pictures: list[Pixels], argument: float, context: Context) -> Made:
    painter, side = Painter(context.model), context.model.facts.resolution
    made, first, last = [], [], []
    for picture, name in zip(pictures, context.names, strict=True):
        generator = torch_rng("impress", context.seed, name)
        whole = to_tensor(picture).to(context.model.device)
        done = through_windows(
            whole,
            partial(
                _consistent,
                painter,
                distance=argument,
                steps=context.protection.counter_steps or STEPS,
                generator=generator,
            ),
            side=side,
            places=windows(*whole.shape[-2:], side=side, policy="squares"),
        )
        made.append(to_pixels(done)[0])
        place = training_window(*whole.shape[-2:])
        with torch.no_grad():
            first.append(float(_disagreement(painter, place.view(whole, side))))
            last.append(float(_disagreement(painter, place.view(done, side))))
    return Made(made, tuple(first), tuple(last))


IMPRESS = Treatment(
    name="impress",
    called=Called(words("the purifier IMPRESS"), words("the purifier IMPRESS ({arg})")),
    kind="counter",
    run=_impress,
    unit=words("an LPIPS distance that it may go from the file"),
    default=0.1,
    low=0.001,
    high=2,
    budget=unbounded,
    version=2,
    source=words("Cao et al. 2023 (IMPRESS)"),
    published=words(
        "40 steps of Adam at 1e-3, weight 0.5, distance 0.1 in LPIPS (code); 3000 steps, 0.05 (its README)"
    ),
    settings=lambda argument, surrogate, asked: {
        "steps": words("{steps} of Adam at {rate:g}", steps=asked.counter_steps or STEPS, rate=RATE),
        "weight": words("{weight:g}", weight=WEIGHT),
        "start": words("noise of {level:g} on -1..1", level=START_NOISE),
        "model": words("the base model's own autoencoder"),
    },
    whole=False,
    way=lambda argument: "purifier" if argument >= LEAST_DISTANCE else "",
    tier="model",
    objective=Objective(
        said=words("squared difference to the autoencoder's reconstruction, pushed down"), direction="down"
    ),
    encoder_passes=2 * STEPS,
)
