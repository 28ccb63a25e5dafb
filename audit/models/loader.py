"""Open a base model of any known family from local files, safetensors only.

The built-in lab model is opened by exactly this code; it is one more folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from audit.base.errors import BadModel
from audit.models.cards import LAB_MODEL, cards
from audit.models.conditioning import Text
from audit.models.families.base import Family, TextShape
from audit.models.layout import Source, open_source
from audit.models.memory import free_unused, is_out_of_memory, too_short
from audit.models.noising import Noising
from audit.models.opening import open_checkpoint, open_component, open_tokenizer
from audit.models.prediction import Reading
from audit.models.probe import probe
from audit.models.residency import Room, must_share
from audit.records import ModelFacts

CLASSES: dict[str, Any] = {
    "UNet2DConditionModel": UNet2DConditionModel,
    "SD3Transformer2DModel": SD3Transformer2DModel,
    "AutoencoderKL": AutoencoderKL,
    "CLIPTextModel": CLIPTextModel,
    "CLIPTextModelWithProjection": CLIPTextModelWithProjection,
    "CLIPTokenizer": CLIPTokenizer,
}
UNSURE = ("family", "option")
"""Sources of a prediction type that a test of the model checks: its family's usual one, and the user's word."""
BROKEN = (OSError, ValueError, RuntimeError, KeyError, TypeError, NotImplementedError, SafetensorError)
"""What the libraries raise for files that do not fit their classes."""


@dataclass(frozen=True)
class LatentScale:
    """Between a VAE's posterior and the latents that a denoiser knows: (mean - shift) * factor."""

    factor: float
    shift: float = 0.0

    def into(self, posterior: Tensor) -> Tensor:
        return (posterior - self.shift) * self.factor

    def out_of(self, latent: Tensor) -> Tensor:
        return latent / self.factor + self.shift


@dataclass(frozen=True)
class Model:
    """A frozen base model on a device.

    Attributes:
        facts: what goes into the plan.
        denoiser: the U-Net or transformer.
        text_encoders: by folder; tokenizers: in the family's order.
        vae_factor: pixels per latent cell along one side.
        room: None where all parts are on the device all the time.
    """

    facts: ModelFacts
    family: Family
    denoiser: nn.Module
    vae: AutoencoderKL
    text_encoders: Mapping[str, nn.Module]
    tokenizers: tuple[CLIPTokenizer, ...]
    scheduler_config: dict[str, Any]
    noising: Noising
    device: torch.device
    room: Room | None = None

    @property
    def vae_factor(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one picture's latent."""
        side = self.facts.resolution // self.vae_factor
        return int(self.vae.config.latent_channels), side, side

    @property
    def scale(self) -> LatentScale:
        return LatentScale(float(self.vae.config.scaling_factor), float(self.vae.config.get("shift_factor") or 0.0))

    @property
    def text_shape(self) -> TextShape:
        config: Any = self.denoiser.config
        return self.family.text_shape(config)

    @property
    def tokens(self) -> int:
        """Length of a padded prompt; some folders state no limit in the tokenizer's own file."""
        stated = [int(tokenizer.model_max_length) for tokenizer in self.tokenizers]
        configs: list[Any] = [encoder.config for encoder in self.text_encoders.values()]
        return min([*stated, *(int(config.max_position_embeddings) for config in configs)])

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
        """A text of the right shape that says nothing, on the CPU: for probes."""
        shape = self.text_shape
        return Text(torch.zeros(rows, self.tokens + shape.extra, shape.width), torch.zeros(rows, shape.pooled))

    def predict(self, noisy: Tensor, told: Tensor, text: Text) -> Tensor:
        """The denoiser's answer, (N, C, h, w).

        Args:
            noisy: latents (N, C, h, w); told: what it is told of the noise, (N,) or a single number.
        """
        return self.family.predict(self.denoiser, noisy, told, text, self.facts.resolution)


def describe(name: str, *, asked: str | None = None) -> ModelFacts:
    """The facts of a model; its weights are read only where nothing tells what it predicts.

    Args:
        asked: the prediction type that the user states.

    Raises:
        BadModel: unknown, incomplete, unsafe or of no known family, or its prediction type is not known.
    """
    return _facts(_told(name, asked=asked))


def _told(name: str, *, asked: str | None) -> Source:
    """A model's files with a prediction type: where nothing tells it, a test decides, or the user is asked.

    Raises:
        BadModel: `checkpoint-ambiguous`.
    """
    source = open_source(name, asked=asked)
    if source.prediction is None or source.prediction.reading is not None:
        return source
    found = _probed(name, source.digest())
    if found is None:
        raise BadModel("checkpoint-ambiguous", model=source.path.name)
    return open_source(name, probed=found)


@lru_cache(maxsize=8)
def _probed(name: str, digest: str) -> Reading | None:
    """What a test says of a model that nothing tells of; once per process."""
    return probe(_loaded(open_source(name, asked="epsilon"), device=torch.device("cpu"), budget=None))


def stated(facts: ModelFacts) -> str | None:
    """What to state of a model that is opened again: its prediction type, where no file tells it."""
    return facts.prediction_type if facts.prediction_source in ("option", "probe") else None


def _facts(source: Source) -> ModelFacts:
    family, found = source.family, source.prediction
    return ModelFacts.model_validate(
        {
            "name": source.name,
            "family": family.label(source.configs),
            "sha256": source.digest(),
            "resolution": source.resolution(),
            "prediction_type": "flow" if found is None else found.reading,
            "prediction_source": "" if found is None else found.source,
            "lab": source.path == LAB_MODEL,
            "licence": cards()[source.known].licence if source.known else "",
        }
    )


def load(name: str, *, device: torch.device, budget: float | None = None, asked: str | None = None) -> Model:
    """Load a model, frozen and in evaluation mode, float32.

    Args:
        budget: bytes that the process may take of the device; a model that is large beside it has its parts
            there by turns.
        asked: the prediction type that the user states.

    Raises:
        BadModel: see `describe`; also when the files do not fit the classes, a weight is not finite, or a test
            contradicts what a family usually predicts or the user states. MemoryShort: they do not fit into memory.
    """
    model = _loaded(_told(name, asked=asked), device=device, budget=budget)
    if model.facts.prediction_source in UNSURE:
        found = probe(model)
        if found is not None and found != model.facts.prediction_type:
            raise BadModel(
                "prediction-contradicted", model=model.facts.name, taken=model.facts.prediction_type, found=found
            )
    return model


def _loaded(source: Source, *, device: torch.device, budget: float | None) -> Model:
    facts, family = _facts(source), source.family
    # Their bars and remarks would break into the run's own progress; errors still come through.
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        made: Mapping[str, Any]
        if source.kind is not None:
            made = open_checkpoint(source.kind, CLASSES)
        else:
            made = {part: _open(source, part, CLASSES[kind]) for part, kind in family.components.items()}
        scheduler = source.configs["scheduler"]
        noising = family.noising(scheduler, facts.prediction_type)
    except BROKEN as error:
        if is_out_of_memory(error):
            raise too_short("memory-for.model") from error
        # What the libraries say names the file by its whole path.
        said = (str(error) or type(error).__name__).splitlines()[0].replace(f"{source.path}{os.sep}", "")
        raise BadModel("model-incomplete.broken", model=source.path.name, why=said) from error
    parts = [made[part] for part in family.components if part not in family.tokenizers]
    room = Room(parts, device) if must_share(parts, device, budget) else None
    if room is None:
        for part in parts:
            part.to(device)
    return Model(
        facts=facts,
        family=family,
        denoiser=made[family.denoiser],
        vae=made["vae"],
        text_encoders={name: made[name] for name in family.text_encoders},
        tokenizers=tuple(made[name] for name in family.tokenizers),
        scheduler_config=scheduler,
        noising=noising,
        device=device,
        room=room,
    )


def _open(source: Source, part: str, cls: Any) -> Any:
    """One component of a folder: local, safetensors, and those files alone that the digest covers."""
    if cls is CLIPTokenizer:
        return open_tokenizer(source.path, part, source.files)
    return open_component(source.weights[part], cls, source.configs[part], part=part)
