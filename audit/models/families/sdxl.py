"""Stable Diffusion XL: two text encoders, a pooled text vector and size conditioning (Podell et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.families.base import (
    TEXT_ATTENTION,
    Configs,
    Family,
    TextPart,
    TextShape,
    denoisers_size,
    odd_text,
    same_channels,
    shortest,
)
from audit.models.families.sd import (
    UNET_BLOCKS,
    UNET_TARGETS,
    diffusion_noising,
    diffusion_prediction,
    dpm_sampler,
    unet_cells,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

SIZES = 6
"""Original height and width, crop top and left, target height and width."""


def _check(configs: Configs) -> None:
    unet = configs["unet"]
    same_channels(configs, "unet", usual=4)
    if unet.get("addition_embed_type") != "text_time":
        raise BadModel("model-family.sdxl")
    if unet.get("time_cond_proj_dim"):
        raise BadModel("model-family.distilled")
    width = sum(int(configs[name].get("hidden_size", 0)) for name in ("text_encoder", "text_encoder_2"))
    if unet.get("cross_attention_dim") != width:
        raise odd_text(SDXL.title, unet.get("cross_attention_dim"), width)


def _text_shape(unet: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    sizes = SIZES * int(unet["addition_time_embed_dim"])
    pooled = int(unet["projection_class_embeddings_input_dim"]) - sizes
    hidden = (lengths["tokenizer"], int(unet["cross_attention_dim"]))
    return {"hidden": TextPart(hidden), "pooled": TextPart((pooled,))}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """The layer before the last of both encoders side by side; the second's projection as pooled text."""
    import torch

    from audit.models.conditioning import Text

    first = encoders["text_encoder"](tokens.ids["tokenizer"], output_hidden_states=True)
    second = encoders["text_encoder_2"](tokens.ids["tokenizer_2"], output_hidden_states=True)
    hidden = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    return Text({"hidden": hidden, "pooled": second.text_embeds})


def _predict(unet: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float) -> Tensor:
    added = {"text_embeds": text.pooled, "time_ids": frames.to(noisy)}
    seen: Tensor = unet(noisy, told, text.hidden, added_cond_kwargs=added).sample
    return seen


SDXL = Family(
    name="sdxl",
    title="Stable Diffusion XL",
    pipeline="StableDiffusionXLPipeline",
    denoiser="unet",
    components={
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "tokenizer": "CLIPTokenizer",
        "text_encoder_2": "CLIPTextModelWithProjection",
        "tokenizer_2": "CLIPTokenizer",
    },
    text_encoders=("text_encoder", "text_encoder_2"),
    tokenizers=("tokenizer", "tokenizer_2"),
    # As published (force_zeros_for_empty_prompt): the U-Net saw zeros where training dropped the caption.
    empty_is_zero=True,
    targets=UNET_TARGETS,
    text_targets={"text_encoder": TEXT_ATTENTION, "text_encoder_2": TEXT_ATTENTION},
    blocks=UNET_BLOCKS,
    cells=unet_cells,
    label=lambda configs: "sdxl",
    prediction=diffusion_prediction,
    lengths=shortest,
    text_shape=_text_shape,
    check=_check,
    resolution=denoisers_size("unet"),
    encode=_encode,
    predict=_predict,
    noising=diffusion_noising,
    sampler=dpm_sampler,
)
