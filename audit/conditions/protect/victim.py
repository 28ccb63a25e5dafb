"""What every attack needs of the model that it attacks: latents, and how well it denoises them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.conditions.protect.pgd import Draws
from audit.models.encode import hidden_states
from audit.models.loader import Model

PROMPT = "a painting"
"""Mist's and Diff-Protect's prompt; the artist's own captions are a mimic's choice, not the artist's."""


def target_pattern(side: int) -> Tensor:
    """A busy coloured pattern far from most art: tilted bands of differing period per channel.

    Returns:
        float32 (1, 3, side, side) in -1..1.
    """
    axis = torch.linspace(0, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    phases = (7 * x + 3 * y, -5 * x + 6 * y, 4 * x + 8 * y)
    return torch.stack([torch.sign(torch.sin(2 * torch.pi * p)) for p in phases])[None]


@dataclass(frozen=True)
class Noised:
    """Latents on their way through the noise schedule: all (N, C, h, w) but the timesteps (N,)."""

    clean: Tensor
    noise: Tensor
    noisy: Tensor
    timesteps: Tensor
    share: Tensor
    """Cumulative product of the schedule at each row's timestep, (N, 1, 1, 1)."""


class Victim:
    """A frozen model under attack."""

    def __init__(self, model: Model, prompt: str = PROMPT) -> None:
        self.model = model
        self.text = hidden_states(model, [prompt]).to(model.device)
        self.scaling = float(model.vae.config.scaling_factor)

    def latent(self, pictures: Tensor) -> Tensor:
        """Scaled posterior means of pictures (N, 3, side, side); differentiable."""
        mean: Tensor = self.model.vae.encode(pictures).latent_dist.mean
        return mean * self.scaling

    @torch.no_grad()
    def target(self) -> tuple[Tensor, Tensor]:
        """Latent of the target pattern, and the deviation of each of its channels (1, C, 1, 1)."""
        latent = self.latent(target_pattern(self.model.facts.resolution).to(self.model.device))
        # Channels of a latent differ in scale; each counts alike when measured in its own deviation.
        return latent, latent.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)

    def noised(self, latent: Tensor, draws: Draws) -> Noised:
        """Latents at a random timestep of the whole schedule each."""
        timesteps = draws.integers(len(self.model.alphas_cumprod))
        noise = draws.normal(*latent.shape[1:]).to(latent.device)
        share = self.model.alphas_cumprod[timesteps].float().view(-1, 1, 1, 1).to(latent.device)
        noisy = share.sqrt() * latent + (1 - share).sqrt() * noise
        return Noised(latent, noise, noisy, timesteps.to(latent.device), share)

    def predict(self, at: Noised) -> Tensor:
        """The U-Net's own prediction, epsilon or v."""
        text = self.text.expand(len(at.noisy), -1, -1)
        seen: Tensor = self.model.unet(at.noisy, at.timesteps, text).sample
        return seen

    def wanted(self, at: Noised) -> Tensor:
        """What a perfect model would predict."""
        if self.model.facts.prediction_type == "epsilon":
            return at.noise
        wanted: Tensor = at.share.sqrt() * at.noise - (1 - at.share).sqrt() * at.clean
        return wanted

    def denoising_loss(self, pictures: Tensor, draws: Draws) -> Tensor:
        """The loss that a fine-tuning minimises, (N,), for one random timestep and noise per row."""
        return self.denoising_loss_of(self.latent(pictures), draws)

    def denoising_loss_of(self, latent: Tensor, draws: Draws) -> Tensor:
        """The same for latents (N, C, h, w)."""
        at = self.noised(latent, draws)
        loss: Tensor = (self.predict(at) - self.wanted(at)).pow(2).flatten(1).mean(dim=1)
        return loss

    def as_epsilon(self, prediction: Tensor, at: Noised) -> Tensor:
        """A prediction of either kind as predicted noise."""
        if self.model.facts.prediction_type == "epsilon":
            return prediction
        noise: Tensor = at.share.sqrt() * prediction + (1 - at.share).sqrt() * at.noisy
        return noise


@dataclass(frozen=True)
class Distance:
    """Distance of a picture's latent to the target pattern's, in deviations of its channels."""

    victim: Victim
    goal: Tensor
    spread: Tensor

    @classmethod
    def of(cls, victim: Victim) -> Distance:
        return cls(victim, *victim.target())

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """(N, 3, side, side) to (N,), mean squared."""
        return self.of_latent(self.victim.latent(pictures))

    def of_latent(self, latent: Tensor) -> Tensor:
        """The same for latents (N, C, h, w)."""
        away: Tensor = ((latent - self.goal) / self.spread).pow(2)
        return away.flatten(1).mean(dim=1)
