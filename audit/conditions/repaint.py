"""Partial noising and denoising by a base model (SDEdit, Meng et al., 2022): its own image-to-image."""

from __future__ import annotations

import torch
from torch import Tensor

from audit.models.encode import hidden_states
from audit.models.model import Model

STEPS = 20
"""Denoising steps when no number is asked for, however short the way; deterministic DDIM (Song et al., 2021)."""


class Painter:
    """A base model that noises a picture some of the way and draws it anew from there."""

    def __init__(self, model: Model, *, prompt: str = "", guidance: float = 1.0, steps: int | None = None) -> None:
        self.model = model
        self.steps = steps or STEPS
        self.guidance = guidance
        self.text = hidden_states(model, ["", prompt]).to(model.device)

    @torch.no_grad()
    def round_trip(self, pictures: Tensor) -> Tensor:
        """Through the autoencoder and back; (N, 3, side, side), -1..1."""
        return self.decode(self.encode(pictures))

    @torch.no_grad()
    def repaint(self, pictures: Tensor, *, strength: float, noise: Tensor) -> Tensor:
        """Noise pictures to `strength` (0..1 of the schedule) and denoise them.

        Args:
            pictures: (N, 3, side, side), -1..1.
            noise: (N, C, h, w), standard normal.
        """
        noising = self.model.noising
        start = noising.level_at(strength)
        times = torch.linspace(start, 0, min(self.steps, start + 1)).round().long().tolist()
        levels = [torch.full((len(pictures),), time) for time in times]
        latent = noising.noised(self.encode(pictures), noise.to(self.model.device), levels[0])
        for index, level in enumerate(levels):
            seen = self._predict(latent, noising.told(level).to(self.model.device))
            clean, epsilon = noising.as_clean(seen, latent, level), noising.as_noise(seen, latent, level)
            latent = noising.noised(clean, epsilon, levels[index + 1]) if index + 1 < len(levels) else clean
        return self.decode(torch.nan_to_num(latent))

    def encode(self, pictures: Tensor) -> Tensor:
        """Scaled posterior means; differentiable."""
        mean, _ = self.model.posterior(pictures)
        return self.model.scale.into(mean)

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures in -1..1; differentiable."""
        pictures = self.model.decoded(self.model.scale.out_of(latent))
        return torch.nan_to_num(pictures).clamp(-1, 1)

    def _predict(self, latent: Tensor, told: Tensor) -> Tensor:
        if self.model.embeds_guidance:
            return self.model.predict(latent, told, self.text[1:].expand(len(latent)), guidance=self.guidance)
        if self.guidance == 1:
            return self.model.predict(latent, told, self.text[1:].expand(len(latent)))
        text = self.text.repeat_interleave(len(latent))
        without, with_text = self.model.predict(torch.cat([latent, latent]), told.repeat(2), text).chunk(2)
        return self.model.family.guide(without, with_text, self.guidance)
