"""Pictures from a base model or from one LoRA of it: every prompt, shared noise, one batch stream.

The family's sampler: DPM-Solver++ 2M (Lu et al., 2022) with trailing timesteps, or Euler steps along
a flow. Conditional and unconditional rows run in one batch. The initial noise of a picture depends on
(seed, prompt, index) only, so batch size and order never change it, and all conditions of a run share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.base.rng import torch_rng
from audit.executor.packing import Fitting
from audit.images.tensors import to_pixels
from audit.models.conditioning import Text
from audit.models.encode import hidden_states
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.models.model import Model
from audit.records import SampleSettings
from audit.training.adapters import Merged, Updates

DECODED_PIXELS = 32 * 128 * 128
"""Pixels that are decoded at once: a batch of the lab's, two pictures at 512 px, one at 1024, whose float32 pass takes
3 GB."""


def initial_noise(model: Model, *, seed: int, prompts: int, per_prompt: int) -> Tensor:
    """Unit-variance latents, float32 (prompts * per_prompt, C, h, w), prompt-major."""
    rows = [
        torch.randn(model.latent_shape, generator=torch_rng("cloakcheck", seed, "picture", prompt, index))
        for prompt in range(prompts)
        for index in range(per_prompt)
    ]
    return torch.stack(rows)


def _never() -> None:
    """Nothing to ask between two steps."""


@dataclass(frozen=True)
class Execution:
    """How a machine draws pictures; what is drawn stays the same but for rounding.

    Attributes:
        masters: see `Merged`.
        fitting: pictures of a forward pass (twice as many rows under guidance), which shrink where memory runs out.
        autocast: bfloat16 to run the denoiser in mixed precision, None not to.
        check: called before each step; what it raises ends the work.
    """

    masters: Mapping[str, Tensor] | None = None
    fitting: Fitting = field(default_factory=Fitting)
    autocast: torch.dtype | None = None
    check: Callable[[], None] = _never


@torch.no_grad()
def sample(
    model: Model,
    *,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    seed: int,
    updates: Updates | None = None,
    on: Execution | None = None,
) -> NDArray[np.uint8]:
    """Make `settings.per_prompt` pictures for every prompt.

    Args:
        text: encoded prompts, a row each; empty: the encoded empty prompt, one row.
        updates: weight updates by the weights' full names, of which the denoiser's count; None for the base model.
        on: how this machine draws them.

    Returns:
        uint8 (prompts * per_prompt, H, W, 3), prompt-major. A picture whose latent became
        non-finite is returned black, which the blank-picture check catches.

    Raises:
        MemoryShort: a single picture does not fit.
    """
    count = len(text) * settings.per_prompt
    noise = initial_noise(model, seed=seed, prompts=len(text), per_prompt=settings.per_prompt)
    rows = text.repeat_interleave(settings.per_prompt)
    on = on or Execution()
    fits = on.fitting
    made: list[NDArray[np.uint8]] = []
    of_denoiser = updates.of([model.family.denoiser]) if updates is not None else {}
    with Merged(model.roots(), of_denoiser, on.masters):
        done = 0
        while done < count:
            here = slice(done, done + fits.pictures)
            latents = _denoised(model, noise[here], rows[here], empty, settings, on)
            if latents is None:
                if len(noise[here]) == 1:
                    raise too_short("memory-for.picture")
                fits.pictures = -(-len(noise[here]) // 2)
                continue
            made += _decoded(model, latents, fits)
            done += len(latents)
    return np.concatenate(made)


def decoded_at_once(model: Model) -> int:
    """How many pictures of a model are decoded at once where memory is no matter."""
    return max(1, DECODED_PIXELS // model.facts.resolution**2)


def _denoised(
    model: Model,
    noise: Tensor,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    on: Execution,
) -> Tensor | None:
    """Latents of one batch, unscaled and finite; None where memory ran out."""
    device = model.device
    try:
        latents = _denoise(model, noise.to(device), text.to(device), empty.to(device), settings, on)
        return torch.nan_to_num(model.scale.out_of(latents))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler: the exception would keep the failed pass's tensors alive.
    free_unused(device)
    return None


def _decoded(model: Model, latents: Tensor, fits: Fitting) -> list[NDArray[np.uint8]]:
    """Pictures of latents, uint8 (n, H, W, 3) each, a few at a time; fewer where memory runs out.

    Raises:
        MemoryShort: a single picture does not fit.
    """
    made: list[NDArray[np.uint8]] = []
    done = 0
    while done < len(latents):
        size = min(fits.decoded, decoded_at_once(model), len(latents) - done)
        try:
            seen = model.decoded(latents[done : done + size])
            made.append(to_pixels(torch.nan_to_num(seen, nan=-1.0)))
            done += size
            continue
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise too_short("memory-for.picture") from error
        free_unused(model.device)
        fits.decoded = -(-size // 2)
    return made


def text_under(model: Model, updates: Updates, texts: Sequence[str]) -> Text:
    """Texts as encoded under an adapter's updates of the text encoders, float32."""
    with Merged(model.roots(), updates.of(model.family.text_encoders)):
        return hidden_states(model, texts)


def _denoise(
    model: Model,
    noise: Tensor,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    on: Execution,
) -> Tensor:
    scheduler = model.sampler(settings.steps)
    latents = noise
    guided = settings.guidance != 1 and not model.embeds_guidance
    told = Text.joined([empty.expand(len(text)), text]) if guided else text
    for timestep in scheduler.timesteps:
        on.check()
        both = torch.cat([latents, latents]) if guided else latents
        with torch.autocast(model.device.type, dtype=on.autocast, enabled=on.autocast is not None):
            seen = model.predict(both, timestep, told, guidance=settings.guidance).float()
        if guided:
            without, with_text = seen.chunk(2)
            seen = model.family.guide(without, with_text, settings.guidance)
        latents = scheduler.step(seen, timestep, latents).prev_sample
    return latents
