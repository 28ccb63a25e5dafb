"""Z-Image: one stream of text and picture under rectified flow, with Qwen3 as its text encoder (Tongyi Lab, 2025).

Conventions read from diffusers' ZImagePipeline: the transformer is told how much of the picture is there, 0 for pure
noise, and answers the flow from noise to picture, the negative of what the scheduler steps along. Short texts are not
filled up: the transformer itself adds tokens of its own up to the next multiple of 32. The pipeline's guidance counts
from 0, ours from 1: its 4 is 5 here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.families.base import Configs, Family, TextPart, TextShape, odd_text, same_channels, tiers, vaes_size
from audit.models.families.flow import check_flow, flow_noising, flow_sampler

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

TOKENS = 512
"""Length to which the pipeline cuts a text."""
WORDING = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")
"""What Qwen3's chat template makes of one question. The folder's own template is a program and is not run."""
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("feed_forward.w1", "feed_forward.w2", "feed_forward.w3")
MODULATION = ("adaLN_modulation.0",)


def _check(configs: Configs) -> None:
    transformer, width = configs["transformer"], configs["text_encoder"].get("hidden_size")
    same_channels(configs, "transformer", usual=16)
    check_flow(configs)
    if transformer.get("cap_feat_dim", 2560) != width:
        raise odd_text(ZIMAGE.title, transformer.get("cap_feat_dim"), width)
    if transformer.get("siglip_feat_dim"):
        raise BadModel("model-family.editing", title="Z-Image Omni")


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    return {"hidden": TextPart((lengths["tokenizer"], int(transformer["cap_feat_dim"])), ragged=True)}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """The layer before the last, of those tokens alone that are the text's."""
    from audit.models.conditioning import Ragged, Text

    mask = tokens.mask["tokenizer"].bool()
    # What fills up at the end changes nothing before it, and an encoder of billions of weights need not read it.
    last = int(mask.any(dim=0).nonzero().max()) + 1
    ids, mask = tokens.ids["tokenizer"][:, :last], mask[:, :last]
    seen = encoders["text_encoder"](input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
    rows = zip(seen.hidden_states[-2], mask, strict=True)
    return Text({"hidden": Ragged(tuple(row[kept] for row, kept in rows))})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    import torch

    there = (1000 - told.to(noisy.device).expand(len(noisy))) / 1000
    # A clip of one frame each.
    seen = transformer(list(noisy.unsqueeze(2).unbind(0)), there, list(text.rows("hidden"))).sample
    return -torch.stack(seen).squeeze(2)


ZIMAGE = Family(
    name="zimage",
    title="Z-Image",
    pipeline="ZImagePipeline",
    denoiser="transformer",
    components={
        "transformer": "ZImageTransformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "Qwen3Model",
        "tokenizer": "Qwen2Tokenizer",
    },
    text_encoders=("text_encoder",),
    tokenizers=("tokenizer",),
    targets=tiers(ATTENTION, FEED_FORWARD, MODULATION),
    blocks=("ZImageTransformerBlock",),
    wording={"tokenizer": WORDING},
    label=lambda configs: "zimage",
    prediction=lambda configs: "flow",
    lengths=lambda limits: {"tokenizer": min(TOKENS, limits["tokenizer"])},
    text_shape=_text_shape,
    check=_check,
    resolution=vaes_size,
    encode=_encode,
    predict=_predict,
    noising=flow_noising,
    sampler=flow_sampler,
)
