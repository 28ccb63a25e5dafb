"""FLUX.1 dev: joint and single blocks under rectified flow, told the guidance in place of a second pass (Black Forest
Labs, 2024).

Conventions read from diffusers' FluxPipeline: latents are folded two by two, T5's text is what attention reads, CLIP's
pooled vector goes where the time goes, and the transformer is told time and guidance by itself, as shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.families.base import Configs, Family, TextPart, TextShape, odd_text, same_channels, tiers, vaes_size
from audit.models.families.flow import SIDE, check_flow, flow_noising, flow_sampler, folded, unfolded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

T5_TOKENS = 512
"""Length of T5's text in the pipeline."""
ATTENTION = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
)
FEED_FORWARD = (
    *("ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2"),
    *("proj_mlp", "proj_out"),
)
MODULATION = ("norm1.linear", "norm1_context.linear", "norm.linear")


def _check(configs: Configs) -> None:
    transformer = configs["transformer"]
    same_channels(configs, "transformer", usual=16, folded=SIDE * SIDE)
    check_flow(configs)
    if not transformer.get("guidance_embeds"):
        raise BadModel("model-family.unguided")
    pooled, width = configs["text_encoder"].get("hidden_size"), configs["text_encoder_2"].get("d_model")
    if transformer.get("pooled_projection_dim", 768) != pooled:
        raise odd_text(FLUX1.title, transformer.get("pooled_projection_dim"), pooled)
    if transformer.get("joint_attention_dim", 4096) != width:
        raise odd_text(FLUX1.title, transformer.get("joint_attention_dim"), width)


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    return {
        "hidden": TextPart((lengths["tokenizer_2"], int(transformer["joint_attention_dim"]))),
        "pooled": TextPart((int(transformer["pooled_projection_dim"]),)),
    }


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    from audit.models.conditioning import Text

    pooled = encoders["text_encoder"](tokens.ids["tokenizer"]).pooler_output
    # T5 reads what fills up, too: so the model was trained.
    hidden = encoders["text_encoder_2"](tokens.ids["tokenizer_2"])[0]
    return Text({"hidden": hidden, "pooled": pooled})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    import torch

    count, channels, height, width = noisy.shape
    places = torch.zeros(height // SIDE, width // SIDE, 3, dtype=noisy.dtype, device=noisy.device)
    places[..., 1] = torch.arange(height // SIDE, device=noisy.device)[:, None]
    places[..., 2] = torch.arange(width // SIDE, device=noisy.device)[None, :]
    seen: Tensor = transformer(
        hidden_states=folded(noisy),
        timestep=told.to(noisy.device).expand(count) / 1000,
        guidance=torch.full((count,), guidance, dtype=torch.float32, device=noisy.device),
        pooled_projections=text.pooled,
        encoder_hidden_states=text.hidden,
        txt_ids=torch.zeros(text.hidden.shape[1], 3, dtype=noisy.dtype, device=noisy.device),
        img_ids=places.flatten(0, 1),
    ).sample
    return unfolded(seen, (channels, height, width))


FLUX1 = Family(
    name="flux1",
    title="FLUX.1 dev",
    pipeline="FluxPipeline",
    denoiser="transformer",
    components={
        "transformer": "FluxTransformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "tokenizer": "CLIPTokenizer",
        "text_encoder_2": "T5EncoderModel",
        "tokenizer_2": "T5Tokenizer",
    },
    text_encoders=("text_encoder", "text_encoder_2"),
    tokenizers=("tokenizer", "tokenizer_2"),
    targets=tiers(ATTENTION, FEED_FORWARD, MODULATION),
    blocks=("FluxTransformerBlock", "FluxSingleTransformerBlock"),
    label=lambda configs: "flux1",
    prediction=lambda configs: "flow",
    lengths=lambda limits: {"tokenizer": limits["tokenizer"], "tokenizer_2": min(T5_TOKENS, limits["tokenizer_2"])},
    text_shape=_text_shape,
    check=_check,
    resolution=vaes_size,
    encode=_encode,
    predict=_predict,
    embeds_guidance=lambda transformer: bool(transformer.get("guidance_embeds")),
    noising=flow_noising,
    sampler=flow_sampler,
)
