"""Qwen-Image: joint blocks under rectified flow, with the language part of Qwen2.5-VL as its text encoder (Alibaba,
2025).

Conventions read from diffusers' QwenImagePipeline: texts stand within a template whose first tokens are cut off the
encoded text; short texts are not filled up; what guidance makes of two answers is brought back to the length that the
answer with text had, token by token. The VAE is one of clips, of which a picture is the first frame. Of the text
encoder its language part alone is opened: no picture is ever shown to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.autoencoders import QWEN
from audit.models.families.base import Configs, Family, TextPart, TextShape, odd_text, tiers
from audit.models.families.flow import SIDE, check_flow, flow_noising, flow_sampler, folded, unfolded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

TOKENS = 512
"""Length to which the pipeline cuts a text, without its template's beginning."""
BEFORE = 34
"""Tokens of the template's beginning, which the encoded text loses."""
WORDING = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, "
    "spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
)
SIDE_IN_PIXELS = 1024
"""What the pipeline draws where no size is asked for; no file of the model states one."""
ATTENTION = (
    *("to_q", "to_k", "to_v", "to_out.0"),
    *("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
)
FEED_FORWARD = ("img_mlp.net.0.proj", "img_mlp.net.2", "txt_mlp.net.0.proj", "txt_mlp.net.2")
MODULATION = ("img_mod.1", "txt_mod.1")


def _check(configs: Configs) -> None:
    transformer, width = configs["transformer"], configs["text_encoder"].get("hidden_size")
    takes, gives = transformer.get("in_channels", 64), SIDE * SIDE * QWEN.channels(configs["vae"])
    if takes != gives:
        raise BadModel("model-family.channels", denoiser="transformer", takes=str(takes), gives=str(gives))
    check_flow(configs)
    if transformer.get("joint_attention_dim", 3584) != width:
        raise odd_text(QWEN_IMAGE.title, transformer.get("joint_attention_dim"), width)
    if any(transformer.get(word) for word in ("zero_cond_t", "use_additional_t_cond", "use_layer3d_rope")):
        raise BadModel("model-family.editing", title="Qwen-Image Edit or Layered")
    if transformer.get("guidance_embeds"):
        raise BadModel("model-family.embedded", title="a distilled Qwen-Image", instead="Qwen-Image")


def _resolution(configs: Configs) -> int:
    """The pipeline's own size, or the count of cells that somebody wrote into the transformer's config."""
    cells = configs["transformer"].get("sample_size")
    return cells * QWEN.factor(configs["vae"]) if isinstance(cells, int) else SIDE_IN_PIXELS


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    most = lengths["tokenizer"] - BEFORE
    return {"hidden": TextPart((most, int(transformer["joint_attention_dim"])), ragged=True)}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """The last layer, of those tokens alone that are the text's and the template's end."""
    from audit.models.conditioning import Ragged, Text

    mask = tokens.mask["tokenizer"].bool()
    # What fills up at the end changes nothing before it.
    last = int(mask.any(dim=0).nonzero().max()) + 1
    ids, mask = tokens.ids["tokenizer"][:, :last], mask[:, :last]
    seen = encoders["text_encoder"](input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return Text({"hidden": Ragged(tuple(row[kept][BEFORE:] for row, kept in zip(seen, mask, strict=True)))})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    import torch
    from torch.nn import functional as F

    count, channels, height, width = noisy.shape
    rows = text.rows("hidden")
    longest = max(len(row) for row in rows)
    hidden = torch.stack([F.pad(row, (0, 0, 0, longest - len(row))) for row in rows])
    lengths = torch.tensor([len(row) for row in rows], device=noisy.device)
    mask = torch.arange(longest, device=noisy.device)[None] < lengths[:, None]
    whole = all(len(row) == longest for row in rows)
    seen: Tensor = transformer(
        hidden_states=folded(noisy),
        timestep=told.to(noisy.device).expand(count) / 1000,
        encoder_hidden_states=hidden,
        encoder_hidden_states_mask=None if whole else mask,
        img_shapes=[[(1, height // SIDE, width // SIDE)]] * count,
    ).sample
    return unfolded(seen, (channels, height, width))


def _guide(without: Tensor, with_text: Tensor, scale: float) -> Tensor:
    """Guidance that keeps the length of every image token's answer."""
    latent = (int(without.shape[1]), int(without.shape[2]), int(without.shape[3]))
    first, second = folded(without), folded(with_text)
    guided = first + scale * (second - first)
    kept = second.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True)
    return unfolded(guided * kept, latent)


QWEN_IMAGE = Family(
    name="qwenimage",
    title="Qwen-Image",
    pipeline="QwenImagePipeline",
    denoiser="transformer",
    components={
        "transformer": "QwenImageTransformer2DModel",
        "vae": "AutoencoderKLQwenImage",
        "text_encoder": "Qwen2_5_VLForConditionalGeneration",
        "tokenizer": "Qwen2Tokenizer",
    },
    opened_as={"text_encoder": "Qwen2_5_VLTextModel"},
    text_encoders=("text_encoder",),
    tokenizers=("tokenizer",),
    targets=tiers(ATTENTION, FEED_FORWARD, MODULATION),
    blocks=("QwenImageTransformerBlock",),
    wording={"tokenizer": WORDING},
    label=lambda configs: "qwenimage",
    prediction=lambda configs: "flow",
    lengths=lambda limits: {"tokenizer": min(TOKENS + BEFORE, limits["tokenizer"])},
    text_shape=_text_shape,
    check=_check,
    resolution=_resolution,
    vae=QWEN,
    encode=_encode,
    predict=_predict,
    guide=_guide,
    noising=flow_noising,
    sampler=flow_sampler,
)
