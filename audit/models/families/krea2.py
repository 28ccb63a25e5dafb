"""Krea 2: one stream of text and picture under rectified flow, with the language part of Qwen3-VL as its text encoder
(Krea, 2026).

Conventions read from diffusers' Krea2Pipeline: a text is twelve layers of Qwen3-VL side by side, which the transformer
itself brings together; texts stand within Qwen-Image's template, whose first tokens are cut off the encoded text.
The pipeline fills texts up in the template's middle, but nothing reads what fills up, no place is counted there, and
all words have the same place in the transformer. So texts are not filled up here. The pipeline's guidance counts from
0, ours from 1: its 4.5 is 5.5 here. The distilled Turbo has one shift for all sizes of picture.
The VAE is Qwen-Image's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audit.base.errors import BadModel
from audit.models.autoencoders import QWEN
from audit.models.families.base import Configs, Family, TextPart, TextShape, odd_text, tiers
from audit.models.families.flow import SIDE, check_flow, flow_noising, flow_sampler, folded, unfolded
from audit.models.families.qwenimage import BEFORE, WORDING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from audit.models.conditioning import Text, Tokens

TOKENS = 512
"""Length to which the pipeline cuts a text, without its template's beginning."""
LAYERS = (2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35)
"""The layers of Qwen3-VL that the transformer reads."""
SIDE_IN_PIXELS = 1024
"""What the pipeline draws where no size is asked for; no file of the model states one."""
MOST_TOKENS = 6400
"""Image tokens at which the shift is largest, where the scheduler does not say; other families have 4096."""
SHIFT_OF_TURBO = 1.15
"""mu of the distilled sibling, whatever the size of the picture."""
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "to_gate")
FEED_FORWARD = ("ff.gate", "ff.up", "ff.down")
AROUND = (
    *("img_in", "final_layer.linear", "text_fusion.projector"),
    *("txt_in.linear_1", "txt_in.linear_2", "time_embed.linear_1", "time_embed.linear_2", "time_mod_proj"),
)


def _check(configs: Configs) -> None:
    transformer, encoder = configs["transformer"], configs["text_encoder"]
    takes, gives = transformer.get("in_channels", 64), SIDE * SIDE * QWEN.channels(configs["vae"])
    if takes != gives:
        raise BadModel("model-family.channels", denoiser="transformer", takes=str(takes), gives=str(gives))
    check_flow(configs)
    width, layers = encoder.get("hidden_size"), int(encoder.get("num_hidden_layers", 0))
    if transformer.get("text_hidden_dim", 2560) != width or layers < LAYERS[-1]:
        raise odd_text(KREA2.title, transformer.get("text_hidden_dim", 2560), width)
    index = configs.get("index", {})
    asked = index.get("text_encoder_select_layers") or LAYERS
    if transformer.get("num_text_layers", len(LAYERS)) != len(LAYERS) or tuple(asked) != LAYERS:
        raise BadModel("model-family.layers", layers=", ".join(map(str, LAYERS)))
    if index.get("patch_size", SIDE) != SIDE:
        raise BadModel("model-family.channels", denoiser="transformer", takes=str(takes), gives=str(gives))


def _resolution(configs: Configs) -> int:
    """The pipeline's own size, or the count of cells that somebody wrote into the transformer's config."""
    cells = configs["transformer"].get("sample_size")
    return cells * QWEN.factor(configs["vae"]) if isinstance(cells, int) else SIDE_IN_PIXELS


def _distilled(configs: Configs) -> bool:
    return bool(configs.get("index", {}).get("is_distilled"))


def _schedule(configs: Configs) -> Mapping[str, Any]:
    """The scheduler's config; of the distilled sibling a line through one shift."""
    found = {"max_image_seq_len": MOST_TOKENS, **configs["scheduler"]}
    return found | {"base_shift": SHIFT_OF_TURBO, "max_shift": SHIFT_OF_TURBO} if _distilled(configs) else found


def _text_shape(transformer: Mapping[str, Any], lengths: Mapping[str, int]) -> TextShape:
    most = lengths["tokenizer"] - BEFORE
    return {"hidden": TextPart((most, len(LAYERS), int(transformer["text_hidden_dim"])), ragged=True)}


def _encode(encoders: Mapping[str, nn.Module], tokens: Tokens, shape: TextShape) -> Text:
    """Twelve layers, of those tokens alone that are the text's and the template's end."""
    import torch

    from audit.models.conditioning import Ragged, Text

    mask = tokens.mask["tokenizer"].bool()
    # What fills up at the end changes nothing before it.
    last = int(mask.any(dim=0).nonzero().max()) + 1
    ids, mask = tokens.ids["tokenizer"][:, :last], mask[:, :last]
    seen = encoders["text_encoder"](input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
    layers = torch.stack([seen.hidden_states[layer] for layer in LAYERS], dim=2)
    return Text({"hidden": Ragged(tuple(row[kept][BEFORE:] for row, kept in zip(layers, mask, strict=True)))})


def _predict(
    transformer: nn.Module, noisy: Tensor, told: Tensor, text: Text, frames: Tensor, guidance: float
) -> Tensor:
    import torch
    from torch.nn import functional as F

    count, channels, height, width = noisy.shape
    rows = text.rows("hidden")
    longest = max(len(row) for row in rows)
    hidden = torch.stack([F.pad(row, (0, 0, 0, 0, 0, longest - len(row))) for row in rows])
    lengths = torch.tensor([len(row) for row in rows], device=noisy.device)
    mask = torch.arange(longest, device=noisy.device)[None] < lengths[:, None]
    whole = all(len(row) == longest for row in rows)
    places = torch.zeros(height // SIDE, width // SIDE, 3, device=noisy.device)
    places[..., 1] = torch.arange(height // SIDE, device=noisy.device)[:, None]
    places[..., 2] = torch.arange(width // SIDE, device=noisy.device)[None, :]
    seen: Tensor = transformer(
        hidden_states=folded(noisy),
        encoder_hidden_states=hidden,
        timestep=told.to(noisy.device).expand(count) / 1000,
        position_ids=F.pad(places.flatten(0, 1), (0, 0, longest, 0)),
        encoder_attention_mask=None if whole else mask,
    ).sample
    return unfolded(seen, (channels, height, width))


KREA2 = Family(
    name="krea2",
    title="Krea 2",
    pipeline="Krea2Pipeline",
    denoiser="transformer",
    components={
        "transformer": "Krea2Transformer2DModel",
        "vae": "AutoencoderKLQwenImage",
        "text_encoder": "Qwen3VLModel",
        "tokenizer": "Qwen2Tokenizer",
    },
    opened_as={"text_encoder": "Qwen3VLTextModel"},
    text_encoders=("text_encoder",),
    tokenizers=("tokenizer",),
    targets=tiers(ATTENTION, FEED_FORWARD, AROUND),
    blocks=("Krea2TransformerBlock", "Krea2TextFusionBlock"),
    wording={"tokenizer": WORDING},
    label=lambda configs: "krea2",
    prediction=lambda configs: "flow",
    lengths=lambda limits: {"tokenizer": min(TOKENS + BEFORE, limits["tokenizer"])},
    text_shape=_text_shape,
    check=_check,
    resolution=_resolution,
    vae=QWEN,
    distilled=_distilled,
    schedule=_schedule,
    encode=_encode,
    predict=_predict,
    # Training sees noise shifted as the model is drawn with, as kohya-ss/musubi-tuner has it (`krea2_shift`).
    noising=flow_noising,
    sampler=flow_sampler,
)
