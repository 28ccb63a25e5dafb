"""Countermeasures that go through the audited base model: what a mimic with a GPU does.

They work at the model's resolution, as training does (`windows.through_windows`), and use the base
model itself, because that is what a mimic certainly has. None of them sees the originals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from audit.base.messages import words
from audit.base.rng import torch_rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded
from audit.conditions.counter.noise import PUBLISHED_NOISE, grain
from audit.conditions.repaint import STEPS, Painter
from audit.conditions.windows import through_windows, windows
from audit.images.tensors import to_pixels, to_tensor

UPSCALE_STRENGTH = 0.32
"""The published x4 upscaler takes its input as noised to step 320 of 1000."""

PURIFIED = 0.1
"""Share of the noise schedule from which a pass counts as purifying: GrIDPure's baseline."""


def _through(
    pictures: list[Pixels], context: Context, name: str, change: Callable[[Tensor, torch.Generator], Tensor]
) -> Made:
    """Let `change` work on every window of every picture, each picture with a stream of its own."""
    side = context.model.facts.resolution
    made = []
    for picture, work in zip(pictures, context.names, strict=True):
        generator = torch_rng(name, context.seed, work)
        whole = to_tensor(picture).to(context.model.device)
        places = windows(*whole.shape[-2:], side=side, policy="squares")
        done = through_windows(whole, partial(_with_stream, change, generator), side=side, places=places)
        made.append(to_pixels(done)[0])
    return Made(made)


def _with_stream(
    change: Callable[[Tensor, torch.Generator], Tensor], generator: torch.Generator, small: Tensor
) -> Tensor:
    return change(small, generator)


def _vae(pictures: list[Pixels], argument: float, context: Context) -> Made:
    painter = Painter(context.model)
    return _through(pictures, context, "vae", lambda small, _: painter.round_trip(small))


def _diffusion(pictures: list[Pixels], argument: float, context: Context) -> Made:
    painter = Painter(context.model, steps=context.protection.counter_steps)

    def change(small: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn((1, *context.model.latent_shape), generator=generator)
        return painter.repaint(small, strength=argument, noise=noise)

    return _through(pictures, context, "diffusion", change)


def _noisy_upscale(pictures: list[Pixels], argument: float, context: Context) -> Made:
    painter = Painter(context.model, steps=context.protection.counter_steps)
    noisy = [grain(p, n, sigma=argument, context=context) for p, n in zip(pictures, context.names, strict=True)]

    def change(small: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn((1, *context.model.latent_shape), generator=generator)
        return painter.repaint(small, strength=UPSCALE_STRENGTH, noise=noise)

    return _through(noisy, context, "noisy-upscale", change)


VAE = Treatment(
    name="vae",
    called=Called(words("a pass through an autoencoder")),
    kind="counter",
    run=_vae,
    default=None,
    low=0,
    high=0,
    budget=unbounded,
    version=1,
    source=words("community practice (deglazer, 2023): once through the autoencoder and back"),
    settings=lambda argument, surrogate, asked: {"model": words("the base model's own autoencoder")},
    tier="model",
    encoder_passes=1,
)

DIFFUSION = Treatment(
    name="diffusion",
    called=Called(words("repainting by a diffusion model"), words("repainting by a diffusion model ({arg})")),
    kind="counter",
    run=_diffusion,
    unit=words("the share of the noise schedule that is added and taken away again"),
    default=0.1,
    low=0.01,
    high=0.9,
    budget=unbounded,
    version=1,
    source=words("Nie et al. 2022 (DiffPure); Meng et al. 2022 (SDEdit); Zhao et al. 2024 (GrIDPure)"),
    published=words("0.15 on ImageNet (DiffPure), 0.1 as GrIDPure's baseline, both with pixel-space models"),
    settings=lambda argument, surrogate, asked: {
        "model": words("the base model itself, in its latents, empty prompt"),
        "sampler": words("DDIM, at most {steps} steps", steps=asked.counter_steps or STEPS),
    },
    whole=False,
    way=lambda argument: "purifier" if argument >= PURIFIED else "",
    tier="model",
    encoder_passes=1,
    unet_passes=STEPS // 3,
)

NOISY_UPSCALE = Treatment(
    name="noisy-upscale",
    called=Called(words("noise and repainting"), words("noise at strength {arg} of 255 and repainting")),
    kind="counter",
    run=_noisy_upscale,
    unit=words("a deviation of noise in levels of 255"),
    default=26,
    low=1,
    high=128,
    budget=unbounded,
    version=1,
    source=words("Hönig et al. 2024 (Noisy Upscaling), with the base model's image-to-image for the x4 upscaler"),
    published=words(
        "deviation 0.1 of 1 (25.5 levels), then the Stable Diffusion x4 upscaler at noise level 320 of 1000"
    ),
    settings=lambda argument, surrogate, asked: {
        "model": words("the base model itself, empty prompt"),
        "strength": words("{share:g} of the schedule", share=UPSCALE_STRENGTH),
        "sampler": words("DDIM, at most {steps} steps", steps=asked.counter_steps or STEPS),
    },
    whole=False,
    way=lambda argument: "noisy-upscaling" if argument >= PUBLISHED_NOISE else "",
    tier="model",
    encoder_passes=1,
    unet_passes=STEPS // 3,
)
