"""Pictures from a base model or from one LoRA of it: every prompt, shared noise, one batch stream.

The family's sampler: DPM-Solver++ 2M (Lu et al., 2022) with trailing timesteps, or Euler steps along
a flow. Conditional and unconditional rows run in one batch. The initial noise of a picture depends on
(seed, prompt, index) only, so batch size and order never change it, and all conditions of a run share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.base.rng import torch_rng
from audit.images.tensors import to_pixels
from audit.models.conditioning import Text
from audit.models.encode import hidden_states
from audit.models.loader import Model
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.records import SampleSettings
from audit.training.adapters import Merged

BATCH = 32
"""Pictures per forward pass."""


def initial_noise(model: Model, *, seed: int, prompts: int, per_prompt: int) -> Tensor:
    """Unit-variance latents, float32 (prompts * per_prompt, C, h, w), prompt-major."""
    rows = [
        torch.randn(model.latent_shape, generator=torch_rng("cloakcheck", seed, "picture", prompt, index))
        for prompt in range(prompts)
        for index in range(per_prompt)
    ]
    return torch.stack(rows)


@torch.no_grad()
def sample(
    model: Model,
    *,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    seed: int,
    updates: Mapping[str, Tensor] | None = None,
    masters: Mapping[str, Tensor] | None = None,
    batch: int = BATCH,
    autocast: torch.dtype | None = None,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.uint8]:
    """Make `settings.per_prompt` pictures for every prompt.

    Args:
        text: encoded prompts, a row each; empty: the encoded empty prompt, one row.
        updates: weight updates by the weights' full names, of which the denoiser's count; None for the base model.
        masters: see `Merged`.
        batch: pictures per forward pass (twice as many rows under guidance); halved where memory runs out.
        check: called before each step; what it raises ends the work.

    Returns:
        uint8 (prompts * per_prompt, H, W, 3), prompt-major. A picture whose latent became
        non-finite is returned black, which the blank-picture gate catches.

    Raises:
        MemoryShort: a single picture does not fit.
    """
    count = len(text) * settings.per_prompt
    noise = initial_noise(model, seed=seed, prompts=len(text), per_prompt=settings.per_prompt)
    rows = text.repeat_interleave(settings.per_prompt)
    made = []
    with Merged(model.roots(), of_roots([model.family.denoiser], updates or {}), masters):
        done = 0
        while done < count:
            here = slice(done, done + batch)
            try:
                made.append(_draw(model, noise[here], rows[here], empty, settings, autocast, check))
                done += batch
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if batch == 1:
                    raise too_short("memory-for.picture") from error
            free_unused(model.device)
            batch //= 2
    return np.concatenate(made)


def _draw(
    model: Model,
    noise: Tensor,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    autocast: torch.dtype | None,
    check: Callable[[], None],
) -> NDArray[np.uint8]:
    """Pictures of one batch, uint8 (N, H, W, 3)."""
    device = model.device
    latents = _denoise(model, noise.to(device), text.to(device), empty.to(device), settings, autocast, check)
    latents = torch.nan_to_num(model.scale.out_of(latents))
    return to_pixels(torch.nan_to_num(model.vae.decode(latents).sample, nan=-1.0))


def text_under(model: Model, updates: Mapping[str, Tensor], texts: Sequence[str]) -> Text:
    """Texts as encoded under an adapter's updates of the text encoders, float32."""
    with Merged(model.roots(), of_roots(model.family.text_encoders, updates)):
        return hidden_states(model, texts)


def of_roots(roots: Sequence[str], updates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The updates of some root modules."""
    return {name: update for name, update in updates.items() if name.partition(".")[0] in roots}


def _denoise(
    model: Model,
    noise: Tensor,
    text: Text,
    empty: Text,
    settings: SampleSettings,
    autocast: torch.dtype | None,
    check: Callable[[], None],
) -> Tensor:
    scheduler = model.family.sampler(model.scheduler_config, settings.steps)
    latents = noise
    guided = settings.guidance != 1
    told = Text.joined([empty.expand(len(text)), text]) if guided else text
    for timestep in scheduler.timesteps:
        check()
        both = torch.cat([latents, latents]) if guided else latents
        with torch.autocast(model.device.type, dtype=autocast, enabled=autocast is not None):
            seen = model.predict(both, timestep, told).float()
        if guided:
            without, with_text = seen.chunk(2)
            seen = without + settings.guidance * (with_text - without)
        latents = scheduler.step(seen, timestep, latents).prev_sample
    return latents
