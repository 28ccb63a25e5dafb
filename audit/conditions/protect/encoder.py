"""Encoder attack: push a picture's latent toward that of a target pattern.

PhotoGuard's encoder attack (Salman et al., 2023) and Mist's textural mode (Liang & Wu, 2023) with
a pattern target. A calibration instrument, not a product: it shows what a published kind of
protection does to this model under this test.
"""

from __future__ import annotations

import torch
from torch import Tensor

from audit.conditions.base import Context, Pixels, Treatment, the_argument
from audit.conditions.protect.pgd import pgd
from audit.streams import torch_rng
from audit.tensors import to_pixels, to_tensor

STEPS = 60


def target_pattern(side: int) -> Tensor:
    """A busy coloured pattern far from most art: tilted bands of differing period per channel.

    Returns:
        float32 (1, 3, side, side) in -1..1.
    """
    axis = torch.linspace(0, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    phases = (7 * x + 3 * y, -5 * x + 6 * y, 4 * x + 8 * y)
    return torch.stack([torch.sign(torch.sin(2 * torch.pi * p)) for p in phases])[None]


def _encoder_pgd(pictures: list[Pixels], argument: float, context: Context) -> list[Pixels]:
    model, side = context.model, context.model.facts.resolution
    batch = torch.cat([to_tensor(p) for p in pictures]).to(model.device)
    start = torch.stack(
        [
            torch.rand(batch.shape[1:], generator=torch_rng("encoder-pgd", context.seed, digest)) * 2 - 1
            for digest in context.digests
        ]
    ).to(model.device)
    with torch.no_grad():
        goal = model.vae.encode(target_pattern(side).to(model.device)).latent_dist.mean
        # Channels of a latent differ in scale; each counts alike when measured in its own deviation.
        spread = goal.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)

    def loss(x: Tensor) -> Tensor:
        latent: Tensor = model.vae.encode(x).latent_dist.mean
        distance: Tensor = ((latent - goal) / spread).pow(2)
        return distance.flatten(1).mean(dim=1)

    made = pgd(batch, loss=loss, side=side, budget=argument, step=max(1.0, argument / 8), steps=STEPS, start=start)
    return list(to_pixels(made))


ENCODER_PGD = Treatment(
    name="encoder-pgd",
    kind="protection",
    run=_encoder_pgd,
    unit="an L-inf budget in levels of 255",
    default=16,
    low=1,
    high=255,
    budget=the_argument,
    version=1,
    source="Salman et al. 2023 (PhotoGuard); Liang & Wu 2023 (Mist, textural)",
    encoder_passes=STEPS,
)
