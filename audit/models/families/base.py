"""What a model family has to say about itself; see CONTRIBUTING for how to add one.

The files of families import torch only where they compute, so that a model's files are looked at without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text
    from audit.models.noising import Noising

Configs = Mapping[str, Mapping[str, Any]]
"""Config of each component, and of the `scheduler`, by folder."""
TEXT_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")
"""Layers that carry LoRA in a CLIP text encoder."""


@dataclass(frozen=True)
class TextShape:
    """What the denoiser expects of a text.

    Attributes:
        extra: tokens beside those of the CLIP encoders; width: of `hidden`; pooled: of `pooled`.
    """

    extra: int
    width: int
    pooled: int


@dataclass(frozen=True)
class Family:
    """Everything in which a family of latent text-to-image models differs from the others.

    Attributes:
        name: key in the table of families.
        title: as people call it.
        denoiser: folder of the U-Net or transformer, and first part of an adapter's names.
        components: folder -> class name in model_index.json, in the order in which they are digested.
        text_encoders, tokenizers: folders, in the order in which their outputs are joined.
        empty_is_zero: whether the text of unconditional passes is zeros in place of the encoded ''.
        targets: LoRA layers by `TrainSettings.targets`, as endings of module names.
        label: configs -> family as the plan names it.
        prediction: configs -> `epsilon`, `v_prediction` or `flow`.
        text_shape: the denoiser's config -> shape of its text.
        check: raises BadModel where the parts do not fit each other.
        encode: text encoders by folder, ids (N, encoders, tokens), text shape -> Text; differentiable.
        predict: denoiser, latents (N, C, h, w), what it is told of the noise (N,), text, side in
            pixels -> answer (N, C, h, w).
        noising: scheduler config, prediction -> schedule of noise in training.
        sampler: scheduler config, steps -> a diffusers scheduler, its timesteps set.
        scheduler: class name of the folder's noise schedule.
    """

    name: str
    title: str
    denoiser: str
    components: dict[str, str]
    text_encoders: tuple[str, ...]
    tokenizers: tuple[str, ...]
    empty_is_zero: bool
    targets: dict[str, tuple[str, ...]]
    label: Callable[[Configs], str]
    prediction: Callable[[Configs], str]
    text_shape: Callable[[Mapping[str, Any]], TextShape]
    check: Callable[[Configs], None]
    encode: Callable[[Mapping[str, nn.Module], Tensor, TextShape], Text]
    predict: Callable[[nn.Module, Tensor, Tensor, Text, int], Tensor]
    noising: Callable[[Mapping[str, Any], str], Noising]
    sampler: Callable[[Mapping[str, Any], int], Any]


def same_channels(configs: Configs, denoiser: str, *, usual: int) -> None:
    """The denoiser must take what the VAE gives.

    Raises:
        BadModel: `model-family`.
    """
    takes = configs[denoiser].get("in_channels", usual)
    gives = configs["vae"].get("latent_channels", usual)
    if takes != gives:
        what = "U-Net" if denoiser == "unet" else "transformer"
        raise BadModel("model-family.channels", denoiser=what, takes=str(takes), gives=str(gives))


def odd_text(title: str, seen: object, expected: object) -> BadModel:
    """The error for a denoiser and text encoders that do not belong together."""
    return BadModel("model-family.texts", width=str(seen), expected=str(expected), family=title)
