"""What a model family has to say about itself; docs/how-to/add-something.md shows how to add one.

The files of families import torch only where they compute, so that a model's files are looked at without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.autoencoders import KL, Autoencoder
from audit.models.frames import Shape

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens
    from audit.models.noising import Noising

Configs = Mapping[str, Mapping[str, Any]]
"""Config of each component and of the `scheduler`, by folder; of a folder also its model_index.json, as `index`."""
PATCH = 2
"""Latent cells along one side of what a transformer reads as one token."""
Latent = tuple[int, int, int]
"""Channels, height and width of one picture's latent."""
TEXT_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")
"""Layers that carry LoRA in a CLIP text encoder."""
TRAINED_AT = 1.0
"""The guidance that a denoiser with guidance embedding is told in training: none (kohya-ss/sd-scripts,
docs/flux_train_network.md)."""


@dataclass(frozen=True)
class TextPart:
    """The shape of one part of one encoded text; of a `ragged` one the first number is the most."""

    shape: tuple[int, ...]
    ragged: bool = False


TextShape = Mapping[str, TextPart]
"""What a family makes of a text, by the names of its parts."""


def plain_guidance(without: Tensor, with_text: Tensor, scale: float) -> Tensor:
    """From the answer without text through the one with it, and on (Ho and Salimans, 2022)."""
    return without + scale * (with_text - without)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Everything in which a family of latent text-to-image models differs from the others.

    Attributes:
        name: key in the table of families.
        title: as people call it.
        pipeline: class of the stock pipeline, as model_index.json names it.
        denoiser: folder of the U-Net or transformer, and first part of an adapter's names.
        components: folder -> class name in model_index.json, in the order in which they are digested.
        text_encoders, tokenizers: folders, in the order in which their outputs are joined.
        empty_is_zero: whether the text of unconditional passes is zeros in place of the encoded ''.
        targets: LoRA layers by `TrainSettings.targets`, as endings of module names.
        text_targets: text encoder -> its LoRA layers; () where the family's text encoders are never trained.
        blocks: class names of what gradient checkpointing computes again.
        wording: tokenizer -> what stands before and after every text.
        label: configs -> family as the plan names it.
        prediction: configs -> `epsilon`, `v_prediction` or `flow`.
        lengths: tokenizer -> tokens that it and its encoder take; -> tokens that texts are filled up to.
        text_shape: the denoiser's config, those lengths -> shape of its text.
        check: raises BadModel where the parts do not fit each other.
        resolution: configs -> side in pixels of its pictures; None where they do not tell.
        vae: how its VAE is spoken to.
        opened_as: folder -> class that is opened in place of the component's, where only a part of it is needed: the
            language part of what also sees.
        encode: text encoders by folder, tokens, text shape -> Text; differentiable.
        predict: denoiser, latents (N, C, h, w) of any shape that `multiple` allows, what it is told of the noise (N,),
            text, frames (N, 6) as `audit.models.frames` has them, scale of an embedded guidance -> answer (N, C, h, w).
        schedule: configs -> the scheduler's config, with what else the folder says of the noise.
        distilled: configs -> whether it was made to draw in a few steps and takes no guidance.
        embeds_guidance: the denoiser's config -> whether it is told the guidance, in place of a second pass.
        cells: configs -> latent cells of which both sides of a latent are a multiple.
        guide: answers without text and with it (N, C, h, w), scale -> what the sampler follows.
        noising: scheduler config, prediction, latent -> schedule of noise in training.
        sampler: scheduler config, steps, latent -> a diffusers scheduler, its timesteps set.
    """

    name: str
    title: str
    pipeline: str
    denoiser: str
    components: dict[str, str]
    text_encoders: tuple[str, ...]
    tokenizers: tuple[str, ...]
    targets: dict[str, tuple[str, ...]]
    blocks: tuple[str, ...]
    label: Callable[[Configs], str]
    prediction: Callable[[Configs], str]
    text_shape: Callable[[Mapping[str, Any], Mapping[str, int]], TextShape]
    check: Callable[[Configs], None]
    encode: Callable[[Mapping[str, nn.Module], Tokens, TextShape], Text]
    predict: Callable[[nn.Module, Tensor, Tensor, Text, Tensor, float], Tensor]
    noising: Callable[[Mapping[str, Any], str, Latent], Noising]
    sampler: Callable[[Mapping[str, Any], int, Latent], Any]
    resolution: Callable[[Configs], int | None]
    lengths: Callable[[Mapping[str, int]], Mapping[str, int]]
    text_targets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wording: dict[str, tuple[str, str]] = field(default_factory=dict)
    empty_is_zero: bool = False
    vae: Autoencoder = KL
    opened_as: dict[str, str] = field(default_factory=dict)
    cells: Callable[[Configs], int] = lambda configs: PATCH
    guide: Callable[[Tensor, Tensor, float], Tensor] = plain_guidance
    embeds_guidance: Callable[[Mapping[str, Any]], bool] = lambda config: False
    schedule: Callable[[Configs], Mapping[str, Any]] = lambda configs: configs["scheduler"]
    distilled: Callable[[Configs], bool] = lambda configs: False

    def latent(self, configs: Configs, shape: Shape) -> Latent:
        """The latent of a picture of so many pixels in height and width."""
        factor = self.vae.factor(configs["vae"])
        return self.vae.channels(configs["vae"]), shape[0] // factor, shape[1] // factor

    def multiple(self, configs: Configs) -> int:
        """Pixels of which both sides of a picture are a multiple."""
        return self.vae.factor(configs["vae"]) * self.cells(configs)


def shortest(limits: Mapping[str, int]) -> dict[str, int]:
    """All texts as long as the shortest encoder reads: where encoders stand side by side, token by token."""
    return dict.fromkeys(limits, min(limits.values()))


def denoisers_size(denoiser: str) -> Callable[[Configs], int | None]:
    """The side in pixels, from the cells that the denoiser's config states."""

    def side(configs: Configs) -> int | None:
        cells, levels = configs[denoiser].get("sample_size"), configs["vae"].get("block_out_channels")
        if not isinstance(cells, int) or not isinstance(levels, list):
            return None
        return int(cells * KL.factor(configs["vae"]))

    return side


def vaes_size(configs: Configs) -> int | None:
    """The side in pixels that the VAE's config states: of denoisers that take pictures of any size."""
    side, levels = configs["vae"].get("sample_size"), configs["vae"].get("block_out_channels")
    return side if isinstance(side, int) and isinstance(levels, list) else None


def same_channels(configs: Configs, denoiser: str, *, usual: int, folded: int = 1) -> None:
    """The denoiser must take what the VAE gives, of so many cells at once.

    Raises:
        BadModel: `model-family`.
    """
    takes = configs[denoiser].get("in_channels", usual * folded)
    gives = configs["vae"].get("latent_channels", usual) * folded
    if takes != gives:
        what = "U-Net" if denoiser == "unet" else "transformer"
        raise BadModel("model-family.channels", denoiser=what, takes=str(takes), gives=str(gives))


def odd_text(title: str, seen: object, expected: object) -> BadModel:
    """The error for a denoiser and text encoders that do not belong together."""
    return BadModel("model-family.texts", width=str(seen), expected=str(expected), family=title)


def tiers(
    attention: tuple[str, ...], feed_forward: tuple[str, ...], more: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """LoRA layers by `TrainSettings.targets`, as endings of module names; each tier holds those before it."""
    return {"attention": attention, "attention+ff": attention + feed_forward, "all": attention + feed_forward + more}
