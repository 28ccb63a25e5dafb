"""Partial noising and denoising by a base model (SDEdit, Meng et al., 2022): its own image-to-image."""

from __future__ import annotations

import torch
from torch import Tensor

from audit.models.encode import hidden_states
from audit.models.loader import Model

STEPS = 20
"""Denoising steps when no number is asked for, however short the way; deterministic DDIM (Song et al., 2021)."""


class Painter:
    """A base model that noises a picture some of the way and draws it anew from there."""

    def __init__(self, model: Model, *, prompt: str = "", guidance: float = 1.0, steps: int | None = None) -> None:
        self.model = model
        self.steps = steps or STEPS
        self.guidance = guidance
        self.scaling = float(model.vae.config.scaling_factor)
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
        shares = self.model.alphas_cumprod.float().to(self.model.device)
        start = min(len(shares) - 1, max(0, round(strength * len(shares)) - 1))
        times = torch.linspace(start, 0, min(self.steps, start + 1)).round().long().tolist()
        share = shares[start]
        latent = share.sqrt() * self.encode(pictures) + (1 - share).sqrt() * noise.to(self.model.device)
        for index, time in enumerate(times):
            share = shares[time]
            after = shares[times[index + 1]] if index + 1 < len(times) else torch.ones_like(share)
            seen = self._predict(latent, time)
            if self.model.facts.prediction_type == "epsilon":
                clean = (latent - (1 - share).sqrt() * seen) / share.sqrt().clamp_min(1e-4)
                epsilon = seen
            else:
                clean = share.sqrt() * latent - (1 - share).sqrt() * seen
                epsilon = share.sqrt() * seen + (1 - share).sqrt() * latent
            latent = after.sqrt() * clean + (1 - after).sqrt() * epsilon
        return self.decode(torch.nan_to_num(latent))

    def encode(self, pictures: Tensor) -> Tensor:
        """Scaled posterior means; differentiable."""
        latent: Tensor = self.model.vae.encode(pictures).latent_dist.mean
        return latent * self.scaling

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures in -1..1; differentiable."""
        pictures: Tensor = self.model.vae.decode(latent / self.scaling).sample
        return torch.nan_to_num(pictures).clamp(-1, 1)

    def _predict(self, latent: Tensor, time: int) -> Tensor:
        if self.guidance == 1:
            seen: Tensor = self.model.unet(latent, time, self.text[1:].expand(len(latent), -1, -1)).sample
            return seen
        hidden = self.text.repeat_interleave(len(latent), dim=0)
        without, with_text = self.model.unet(torch.cat([latent, latent]), time, hidden).sample.chunk(2)
        guided: Tensor = without + self.guidance * (with_text - without)
        return guided
