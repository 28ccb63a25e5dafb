"""What every attack needs of the model that it attacks: latents, and how well it denoises them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.conditions.protect.pgd import Draws
from audit.models.encode import hidden_states
from audit.models.model import Model

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
    """Latents on their way through the noise schedule: all (N, C, h, w) but the levels (N,)."""

    clean: Tensor
    noise: Tensor
    noisy: Tensor
    level: Tensor


class Victim:
    """A frozen model under attack."""

    def __init__(self, model: Model, prompt: str = PROMPT) -> None:
        self.model = model
        self.text = hidden_states(model, [prompt]).to(model.device)

    def latent(self, pictures: Tensor) -> Tensor:
        """Scaled posterior means of pictures (N, 3, side, side); differentiable."""
        mean, _ = self.model.posterior(pictures)
        return self.model.scale.into(mean)

    @torch.no_grad()
    def target(self) -> tuple[Tensor, Tensor]:
        """Latent of the target pattern, and the deviation of each of its channels (1, C, 1, 1)."""
        latent = self.latent(target_pattern(self.model.facts.resolution).to(self.model.device))
        # Channels of a latent differ in scale; each counts alike when measured in its own deviation.
        return latent, latent.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)

    def noised(self, latent: Tensor, draws: Draws) -> Noised:
        """Latents at a random timestep of the whole schedule each."""
        noising = self.model.noising
        level = draws.integers(noising.levels)
        noise = draws.normal(*latent.shape[1:]).to(latent.device)
        return Noised(latent, noise, noising.noised(latent, noise, level), level)

    def predict(self, at: Noised) -> Tensor:
        """The denoiser's own answer, whatever it predicts."""
        told = self.model.noising.told(at.level).to(at.noisy.device)
        return self.model.predict(at.noisy, told, self.text.expand(len(at.noisy)))

    def wanted(self, at: Noised) -> Tensor:
        """What a perfect model would predict."""
        return self.model.noising.wanted(at.clean, at.noise, at.level)

    def denoising_loss(self, pictures: Tensor, draws: Draws) -> Tensor:
        """The loss that a fine-tuning minimises, (N,), for one random timestep and noise per row."""
        return self.denoising_loss_of(self.latent(pictures), draws)

    def denoising_loss_of(self, latent: Tensor, draws: Draws) -> Tensor:
        """The same for latents (N, C, h, w)."""
        at = self.noised(latent, draws)
        loss: Tensor = (self.predict(at) - self.wanted(at)).pow(2).flatten(1).mean(dim=1)
        return loss

    def as_epsilon(self, prediction: Tensor, at: Noised) -> Tensor:
        """An answer of any kind as predicted noise."""
        return self.model.noising.as_noise(prediction, at.noisy, at.level)


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
