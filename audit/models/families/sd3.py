"""Stable Diffusion 3 and 3.5: a transformer of joint blocks under rectified flow (Esser et al., 2024).

With the T5 encoder where the folder has one, read as the stock pipeline reads it: what fills a text up is read as well.
Without it, as its authors allow, its tokens are zeros, as in the stock pipeline: T5 alone takes more memory than the
rest together. T5 is never trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from audit.models.allowed import allowed
from audit.models.families.base import (
    TEXT_ATTENTION,
    Configs,
    Family,
    Latent,
    TextPart,
    TextShape,
    denoisers_size,
    odd_text,
    same_channels,
    shortest,
    tiers,
)
from audit.models.families.flow import check_flow

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens
    from audit.models.noising import Noising

T5_TOKENS = 256
"""Length of T5's part of the text in the stock pipeline."""
T5 = {"text_encoder_3": "T5EncoderModel", "tokenizer_3": "T5Tokenizer"}
"""What a folder with T5 has more."""
ATTENTION = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
)
FEED_FORWARD = ("ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2")
MODULATION = ("norm1.linear", "norm1_context.linear")


def _check(configs: Configs) -> None:
    transformer, encoders = configs["transformer"], ("text_encoder", "text_encoder_2")
    same_channels(configs, "transformer", usual=16)
    check_flow(configs)
    pooled = sum(int(configs[name].get("projection_dim", 0)) for name in encoders)
    if transformer.get("pooled_projection_dim") != pooled:
        raise odd_text(SD3.title, transformer.get("pooled_projection_dim"), pooled)
    width = sum(int(configs[name].get("hidden_size", 0)) for name in encoders)
    if int(transformer.get("joint_attention_dim", 0)) < width:
        raise odd_text(SD3.title, transformer.get("joint_attention_dim"), width)


def _check_with_t5(configs: Configs) -> None:
    _check(configs)
    takes, width = configs["transformer"].get("joint_attention_dim"), configs["text_encoder_3"].get("d_model")
    if takes != width:
        raise odd_text(SD3_T5.title, takes, width)


def _lengths_with_t5(limits: Mapping[str, int]) -> dict[str, int]:
    """CLIP's tokens stand side by side, T5's after them."""
    clip = {name: most for name, most in limits.items() if name not in T5}
    return {**shortest(clip), "tokenizer_3": min(T5_TOKENS, limits["tokenizer_3"])}


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    hidden = (lengths["tokenizer"] + lengths.get("tokenizer_3", T5_TOKENS), int(transformer["joint_attention_dim"]))
    return {"hidden": TextPart(hidden), "pooled": TextPart((int(transformer["pooled_projection_dim"]),))}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """Both CLIP encoders side by side, padded to T5's width, then T5's tokens; zeros without T5."""
    import torch
    from torch.nn import functional as F

    from audit.models.conditioning import Text

    pairs = zip(SD3.text_encoders, SD3.tokenizers, strict=True)
    seen = [encoders[name](tokens.ids[words], output_hidden_states=True) for name, words in pairs]
    hidden = torch.cat([one.hidden_states[-2] for one in seen], dim=-1)
    length, width = shape["hidden"].shape
    hidden = F.pad(hidden, (0, width - hidden.shape[-1], 0, length - hidden.shape[-2]))
    if "text_encoder_3" in encoders:
        read = encoders["text_encoder_3"](tokens.ids["tokenizer_3"]).last_hidden_state
        hidden = torch.cat([hidden[:, : -read.shape[1]], read], dim=1)
    return Text({"hidden": hidden, "pooled": torch.cat([one.text_embeds for one in seen], dim=-1)})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    seen: Tensor = transformer(
        hidden_states=noisy,
        timestep=told.to(noisy.device).expand(len(noisy)),
        encoder_hidden_states=text.hidden,
        pooled_projections=text.pooled,
    ).sample
    return seen


def _noising(scheduler: Mapping[str, Any], prediction: str, latent: Latent) -> Noising:
    from audit.models.noising import flow_of

    return flow_of(scheduler)


def _sampler(scheduler: Mapping[str, Any], steps: int, latent: Latent) -> Any:
    """Euler steps along the flow, shifted as the model's own scheduler says."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    made = FlowMatchEulerDiscreteScheduler.from_config(allowed("FlowMatchEulerDiscreteScheduler", scheduler))
    made.set_timesteps(steps)
    return made


SD3 = Family(
    name="sd3",
    title="Stable Diffusion 3/3.5",
    pipeline="StableDiffusion3Pipeline",
    denoiser="transformer",
    components={
        "transformer": "SD3Transformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModelWithProjection",
        "tokenizer": "CLIPTokenizer",
        "text_encoder_2": "CLIPTextModelWithProjection",
        "tokenizer_2": "CLIPTokenizer",
    },
    text_encoders=("text_encoder", "text_encoder_2"),
    tokenizers=("tokenizer", "tokenizer_2"),
    targets=tiers(ATTENTION, FEED_FORWARD, MODULATION),
    text_targets={"text_encoder": TEXT_ATTENTION, "text_encoder_2": TEXT_ATTENTION},
    blocks=("JointTransformerBlock",),
    label=lambda configs: "sd3",
    prediction=lambda configs: "flow",
    lengths=shortest,
    text_shape=_text_shape,
    check=_check,
    resolution=denoisers_size("transformer"),
    encode=_encode,
    predict=_predict,
    noising=_noising,
    sampler=_sampler,
)
SD3_T5 = replace(
    SD3,
    name="sd3-t5",
    title="Stable Diffusion 3/3.5 with T5",
    components={**SD3.components, **T5},
    text_encoders=(*SD3.text_encoders, "text_encoder_3"),
    tokenizers=(*SD3.tokenizers, "tokenizer_3"),
    lengths=_lengths_with_t5,
    check=_check_with_t5,
)
"""The same with its third text encoder."""
