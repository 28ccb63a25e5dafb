"""A frozen base model on a device: what every stage that computes is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from audit.models.autoencoders import Scaling
from audit.models.conditioning import Ragged, Text, Tokens
from audit.models.families.base import TRAINED_AT, Family, Latent, TextShape
from audit.models.frames import Shape, square_frame
from audit.models.memory import free_unused
from audit.models.noising import Noising
from audit.models.residency import Room
from audit.records import ModelFacts


@dataclass(frozen=True)
class Model:
    """A frozen base model on a device.

    Attributes:
        facts: what goes into the plan.
        denoiser: the U-Net or transformer.
        text_encoders: by folder; tokenizers: in the family's order.
        room: None where all parts are on the device all the time.
    """

    facts: ModelFacts
    family: Family
    denoiser: nn.Module
    vae: nn.Module
    text_encoders: Mapping[str, nn.Module]
    tokenizers: tuple[Any, ...]
    scheduler_config: dict[str, Any]
    noising: Noising
    device: torch.device
    room: Room | None = None

    @property
    def latent_shape(self) -> Latent:
        """(channels, height, width) of the latent of one square picture of the model's own size."""
        config: Any = self.vae.config
        return self.family.latent({"vae": config}, (self.facts.resolution, self.facts.resolution))

    def latent_of(self, shape: Shape) -> Latent:
        """The same of a picture of so many pixels in height and width."""
        config: Any = self.vae.config
        return self.family.latent({"vae": config}, shape)

    def noising_of(self, latent: Latent) -> Noising:
        """The schedule of noise in training at a latent's size, on which it may depend."""
        if latent == self.latent_shape:
            return self.noising
        return self.family.noising(self.scheduler_config, self.facts.prediction_type, latent)

    @property
    def scale(self) -> Scaling:
        return self.family.vae.scale(self.vae)

    def posterior(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of pictures (N, 3, H, W) in -1..1, unscaled, (N, C, h, w); differentiable."""
        return self.family.vae.posterior(self.vae, pictures)

    def decoded(self, latents: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) of unscaled latents; differentiable."""
        return self.family.vae.decode(self.vae, latents)

    @property
    def lengths(self) -> Mapping[str, int]:
        """Tokenizer -> length of a padded text; some folders state no limit in the tokenizer's own file."""
        family, limits = self.family, {}
        for name, tokenizer, encoder in zip(family.tokenizers, self.tokenizers, family.text_encoders, strict=True):
            config: Any = self.text_encoders[encoder].config
            most = getattr(config, "max_position_embeddings", None)
            limits[name] = min(int(limit) for limit in (tokenizer.model_max_length, most) if limit is not None)
        return family.lengths(limits)

    @property
    def text_shape(self) -> TextShape:
        config: Any = self.denoiser.config
        return self.family.text_shape(config, self.lengths)

    @property
    def tokens(self) -> int:
        """Length of the shortest padded text."""
        return min(self.lengths.values())

    @property
    def embeds_guidance(self) -> bool:
        """Whether the denoiser is told the guidance, in place of a second pass."""
        config: Any = self.denoiser.config
        return self.family.embeds_guidance(config)

    def sampler(self, steps: int) -> Any:
        """A diffusers scheduler with so many timesteps set."""
        return self.family.sampler(self.scheduler_config, steps, self.latent_shape)

    def roots(self) -> dict[str, nn.Module]:
        """The modules that may carry LoRA, by the first part of their names in an adapter."""
        return {self.family.denoiser: self.denoiser, **self.text_encoders}

    def parts(self) -> tuple[nn.Module, ...]:
        """Everything that has weights."""
        return (self.denoiser, self.vae, *self.text_encoders.values())

    def together(self, *parts: nn.Module) -> AbstractContextManager[None]:
        """Hold parts on the device at once, where a gradient runs through all of them or their weights change."""
        return nullcontext() if self.room is None else self.room.together(*parts)

    def leave(self) -> None:
        """Make room on the device for what is no part of the model, where room is short."""
        if self.room is not None:
            self.room.clear()
            free_unused(self.device)

    def blank_text(self, rows: int) -> Text:
        """A text of the right shape that says nothing, as long as any, on the CPU: for probes."""
        parts: dict[str, Tensor | Ragged] = {}
        for name, part in self.text_shape.items():
            blank = torch.zeros(rows, *part.shape)
            parts[name] = Ragged(tuple(blank)) if part.ragged else blank
        return Text(parts)

    def blank_tokens(self, rows: int) -> Tokens:
        """Token ids of the right shape, on the CPU: for probes."""
        ids = {name: torch.zeros(rows, most, dtype=torch.int64) for name, most in self.lengths.items()}
        return Tokens(ids, {name: torch.ones_like(each) for name, each in ids.items()})

    def predict(self, noisy: Tensor, told: Tensor, text: Text, *, guidance: float = TRAINED_AT) -> Tensor:
        """The denoiser's answer, (N, C, h, w).

        Args:
            noisy: latents (N, C, h, w); told: what it is told of the noise, (N,) or a single number.
            guidance: what a denoiser with guidance embedding is told; others do not see it.
        """
        frames = noisy.new_tensor(square_frame(self.facts.resolution)).expand(len(noisy), -1)
        return self.family.predict(self.denoiser, noisy, told, text, frames, guidance)
