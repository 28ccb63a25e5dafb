"""FLUX.2 klein: joint and single blocks under rectified flow, with Qwen3 as its text encoder (Black Forest Labs, 2026).

Conventions read from diffusers' Flux2KleinPipeline: latents are folded two by two and then normed by the VAE's own
statistics; a text is three layers of Qwen3 side by side, filled up; places of picture and text have four numbers; the
shift of the noise grows with the picture and shrinks with the steps. The published base is guided by a second pass,
its distilled sibling not at all. Single blocks have attention and feed-forward in one layer, which counts as
attention here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.autoencoders import FLUX2_KL
from audit.models.families.base import (
    Configs,
    Family,
    Latent,
    TextPart,
    TextShape,
    odd_text,
    same_channels,
    tiers,
    vaes_size,
)
from audit.models.families.flow import SIDE, check_flow, euler_steps, flow_noising, folded, image_tokens, unfolded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

TOKENS = 512
"""Length to which the pipeline fills a text up."""
LAYERS = (9, 18, 27)
"""The layers of Qwen3 that the transformer reads."""
WORDING = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")
"""What Qwen3's chat template makes of one question that is not to be thought about."""
MANY_TOKENS = 4300
"""Image tokens above which the steps no longer count for the shift."""
ATTENTION = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
    *("attn.to_qkv_mlp_proj", "attn.to_out"),
)
FEED_FORWARD = ("ff.linear_in", "ff.linear_out", "ff_context.linear_in", "ff_context.linear_out")
MODULATION = (
    "double_stream_modulation_img.linear",
    "double_stream_modulation_txt.linear",
    "single_stream_modulation.linear",
)


def _check(configs: Configs) -> None:
    transformer, encoder = configs["transformer"], configs["text_encoder"]
    same_channels(configs, "transformer", usual=32, folded=SIDE * SIDE)
    check_flow(configs)
    width, layers = int(encoder.get("hidden_size", 0)), int(encoder.get("num_hidden_layers", 0))
    if transformer.get("joint_attention_dim") != len(LAYERS) * width or layers < LAYERS[-1]:
        raise odd_text(FLUX2.title, transformer.get("joint_attention_dim"), len(LAYERS) * width)
    if transformer.get("guidance_embeds", True):
        raise BadModel("model-family.embedded", title="FLUX.2 dev", instead="FLUX.2 klein base")


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    return {"hidden": TextPart((lengths["tokenizer"], int(transformer["joint_attention_dim"])))}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """Three layers side by side, what fills up included: so the model was trained."""
    import torch

    from audit.models.conditioning import Text

    seen = encoders["text_encoder"](
        input_ids=tokens.ids["tokenizer"],
        attention_mask=tokens.mask["tokenizer"],
        output_hidden_states=True,
        use_cache=False,
        # What it would write is not asked for, and takes 300 MB a text.
        logits_to_keep=1,
    )
    return Text({"hidden": torch.cat([seen.hidden_states[layer] for layer in LAYERS], dim=-1)})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    import torch

    count, channels, height, width = noisy.shape
    places = torch.zeros(height // SIDE, width // SIDE, 4, device=noisy.device)
    places[..., 1] = torch.arange(height // SIDE, device=noisy.device)[:, None]
    places[..., 2] = torch.arange(width // SIDE, device=noisy.device)[None, :]
    words = torch.zeros(text.hidden.shape[1], 4, device=noisy.device)
    words[:, 3] = torch.arange(len(words), device=noisy.device)
    seen: Tensor = transformer(
        hidden_states=folded(noisy),
        timestep=told.to(noisy.device).expand(count) / 1000,
        encoder_hidden_states=text.hidden,
        txt_ids=words,
        img_ids=places.flatten(0, 1),
    ).sample
    return unfolded(seen, (channels, height, width))


def _log_shift(tokens: int, steps: int) -> float:
    """mu of the pipeline: two lines over the count of image tokens, for 10 steps and for 200, and between them one
    over the steps."""
    at_200 = 0.00016927 * tokens + 0.45666666
    if tokens > MANY_TOKENS:
        return at_200
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    return at_10 + (at_200 - at_10) * (steps - 10) / 190


def _sampler(scheduler: Mapping[str, Any], steps: int, latent: Latent) -> Any:
    return euler_steps(scheduler, steps, mu=_log_shift(image_tokens(latent), steps))


FLUX2 = Family(
    name="flux2",
    title="FLUX.2 klein",
    pipeline="Flux2KleinPipeline",
    denoiser="transformer",
    components={
        "transformer": "Flux2Transformer2DModel",
        "vae": "AutoencoderKLFlux2",
        "text_encoder": "Qwen3ForCausalLM",
        "tokenizer": "Qwen2Tokenizer",
    },
    text_encoders=("text_encoder",),
    tokenizers=("tokenizer",),
    targets=tiers(ATTENTION, FEED_FORWARD, MODULATION),
    blocks=("Flux2TransformerBlock", "Flux2SingleTransformerBlock"),
    wording={"tokenizer": WORDING},
    label=lambda configs: "flux2",
    prediction=lambda configs: "flow",
    lengths=lambda limits: {"tokenizer": min(TOKENS, limits["tokenizer"])},
    text_shape=_text_shape,
    check=_check,
    resolution=vaes_size,
    vae=FLUX2_KL,
    distilled=lambda configs: bool(configs.get("index", {}).get("is_distilled")),
    encode=_encode,
    predict=_predict,
    # Training sees noise shifted by the picture's size alone, as kohya-ss/musubi-tuner has it (`flux2_shift`).
    noising=flow_noising,
    sampler=_sampler,
)
