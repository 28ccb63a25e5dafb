"""What a single safetensors file is, told from its header: one of the models trained here, or what it is instead.

Facts of the layouts: the published files, and what ComfyUI and A1111 look for to tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from audit.base.errors import BadModel
from audit.models.families import FAMILIES
from audit.models.headers import Entry, Header

DENOISER = "model.diffusion_model."
FIRST_LAYER = f"{DENOISER}input_blocks.0.0.weight"
VAE = ("first_stage_model.", "vae.")
# What tells the kinds apart: where each keeps its last text encoder.
KINDS = {
    "sdxl": "conditioner.embedders.1.model.",
    "sd21": "cond_stage_model.model.",
    "sd15": "cond_stage_model.transformer.",
}
"""Known model -> beginning of the names of its last text encoder."""
FROM_ONE_FILE = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
PREFIXES = (DENOISER, "diffusion_model.", "transformer.", "model.", "net.")
ADD_ON = re.compile(
    r"\.(lora_(up|down|mid|A|B)(\.default)?(\.weight)?|lora\.(up|down)\.weight|lora_linear_layer\.(up|down)\.weight"
    r"|hada_w[12]_[ab]|lokr_w[12](_[ab])?|oft_(blocks|diag)|dora_scale|boft_[a-z0-9]+)$"
    # Where trainers keep add-ons of any form: whole differences, norms, factors of other kinds.
    r"|^(lora_(unet|te\d?|transformer|prior)|lycoris)_"
)
PART_OF_MANY = re.compile(r"-\d{5}-of-\d{5}\b")
EMBEDDING_NAMES = {"emb_params", "clip_l", "clip_g", "string_to_param", "t5xxl"}
EMBEDDING_WIDTHS = (768, 1024, 1280, 4096)
REFINER_TOLD = 2560
"""Width of what SDXL's refiner is told beside the text; the base model is told 2816."""


@dataclass(frozen=True)
class Looked:
    """A header with what the rows below ask of it."""

    header: Header

    @cached_property
    def bare(self) -> dict[str, Entry]:
        """Tensors without the prefixes under which a denoiser may stand."""
        found = {}
        for name, entry in self.header.tensors.items():
            prefix = next((p for p in PREFIXES if name.startswith(p)), "")
            found[name.removeprefix(prefix)] = entry
        return found

    def denoiser(self, *beginnings: str) -> bool:
        return any(name.startswith(beginnings) for name in self.bare)

    @property
    def takes(self) -> int | None:
        """Channels that a U-Net of the original layout takes."""
        first = self.bare.get("input_blocks.0.0.weight")
        return first.shape[1] if first is not None and len(first.shape) == 4 else None

    @property
    def text(self) -> str | None:
        """The known model whose text encoder it holds."""
        return next((name for name, prefix in KINDS.items() if self.header.has(prefix)), None)

    @property
    def vae(self) -> bool:
        return self.header.has(*VAE)


Asks = Callable[[Looked], bool]


def _begins(*beginnings: str) -> Asks:
    return lambda seen: seen.denoiser(*beginnings)


def _within(*parts: str) -> Asks:
    return lambda seen: any(part in name for name in seen.header.tensors for part in parts)


def _only(*beginnings: str) -> Asks:
    return lambda seen: bool(seen.header.tensors) and all(name.startswith(beginnings) for name in seen.header.tensors)


def _embedding(seen: Looked) -> bool:
    rows = seen.header.tensors.values()
    named = bool(set(seen.header.tensors) & EMBEDDING_NAMES) or len(rows) == 1
    return named and len(rows) <= 3 and all(len(row.shape) == 2 and row.shape[1] in EMBEDDING_WIDTHS for row in rows)


def _refiner(seen: Looked) -> bool:
    told = seen.bare.get("label_emb.0.0.weight")
    second_alone = seen.header.has("conditioner.embedders.0.model.") and not seen.header.has(KINDS["sdxl"])
    return second_alone or (told is not None and told.shape[-1] == REFINER_TOLD)


# What a file is instead of a model trained here, most telling first, and the message that says so.
ADDED: tuple[tuple[str, Asks], ...] = (
    ("model-other-kind.lora", lambda seen: any(ADD_ON.search(name) for name in seen.header.tensors)),
    ("model-other-kind.controlnet", _within("control_model.", "input_hint_block.", "controlnet_cond_embedding.",
                                            "zero_convs.", "controlnet_blocks.", "lora_controlnet", "lllite_")),
    ("model-other-kind.controlnet", _begins("adapter.body.", "body.0.block", "body.0.resnets.")),
    ("model-other-kind.ip-adapter", _begins("image_proj.", "ip_adapter.")),
    ("model-other-kind.motion", _within("motion_modules.")),
    ("model-other-kind.embedding", _embedding),
)  # fmt: skip
FAMILIES_ELSEWHERE: tuple[tuple[str, Asks], ...] = (
    ("Stable Video Diffusion", _within(".time_stack.", ".time_mixer.")),
    ("HunyuanVideo or HunyuanImage", _begins("txt_in.individual_token_refiner.", "byt5_in.")),
    ("Cosmos", _begins("blocks.block0.", "x_embedder.proj.1.")),
    ("Mochi", _begins("t5_yproj.")),
    ("Chroma", _begins("distilled_guidance_layer.")),
    ("FLUX.2", _begins("double_stream_modulation_img.")),
    ("FLUX.1", _begins("double_blocks.", "single_blocks.", "single_transformer_blocks.")),
    ("AuraFlow", _begins("double_layers.")),
    ("Hunyuan-DiT", _begins("mlp_t5.")),
    ("Stable Cascade", _begins("clf.1.", "clip_txt_mapper.", "clip_txt_pooled_mapper.", "clip_mapper.")),
    ("Lumina or Z-Image", _begins("cap_embedder.", "noise_refiner.")),
    ("Wan", _begins("head.modulation", "patch_embedding.")),
    ("Qwen-Image", _begins("txt_norm.")),
    ("Krea 2", _begins("txtfusion.", "text_fusion.")),
    ("HiDream", _begins("caption_projection.")),
    ("LTX-Video", _begins("patchify_proj.")),
    ("PixArt", _begins("t_block.", "adaln_single.", "y_embedder.")),
)
ALONE: tuple[tuple[str, Asks], ...] = (
    ("model-other-kind.ema-only", lambda seen: seen.header.has("model_ema.") and seen.takes is None),
    ("model-other-kind.shard", lambda seen: PART_OF_MANY.search(seen.header.path.name) is not None),
    ("model-other-kind.vae", _only(*VAE, "encoder.conv", "encoder.down", "encoder.mid", "encoder.norm_out", "decoder.",
                                   "quant_conv.", "post_quant_conv.", "loss.", "encoder.conv1.", "encoder.layers.",
                                   "conv1.", "conv2.", "taesd_")),
    ("model-other-kind.text-encoder", _begins("text_model.", "text_projection", "transformer.resblocks.",
                                              "encoder.block.", "cond_stage_model.", "conditioner.", "text_encoders.",
                                              "token_embedding.", "resblocks.", "embed_tokens.",
                                              "layers.0.self_attn.")),
    ("model-other-kind.diffusers-part", _begins("down_blocks.", "time_embedding.", "joint_transformer_blocks.",
                                                 "transformer_blocks.", "all_final_layer.", "all_x_embedder.",
                                                 "condition_embedder.", "time_caption_embed.")),
    ("model-other-kind.vision", _begins("vision_model.", "visual.")),
    ("model-other-kind.upscaler", _begins("conv_first.", "0.weight", "1.sub.", "body.0.weight")),
)  # fmt: skip
AS_FOLDERS = tuple(family.title for family in FAMILIES.values() if family.pipeline not in FROM_ONE_FILE)
"""Families that are opened as folders alone."""
CHANNELS = {
    9: "model-other-kind.inpainting",
    8: "model-other-kind.editing",
    5: "model-other-kind.depth",
    7: "model-other-kind.upscaling",
}
"""Channels that special U-Nets of these families take: the picture to be mended, edited, or seen in depth beside."""


def kind_name(header: Header) -> str:
    """The known model in whose layout a whole text-to-image checkpoint is: `sd15`, `sd21` or `sdxl`.

    Raises:
        BadModel: `model-other-kind`, `checkpoint-incomplete`.
    """
    seen, file = Looked(header), header.path.name
    _refuse(seen, ADDED)
    for title, asks in FAMILIES_ELSEWHERE:
        if asks(seen):
            raise BadModel("model-other-kind.family", file=file, title=title, choices=AS_FOLDERS)
    if seen.denoiser("joint_blocks."):
        raise BadModel("model-other-kind.sd3", file=file)
    if seen.takes is None:
        if seen.vae and seen.text:
            raise BadModel("checkpoint-incomplete.u-net", file=file)
        _refuse(seen, ALONE)
        raise BadModel("model-other-kind", file=file, first=next(iter(header.tensors), "none"))
    if _refiner(seen):
        raise BadModel("model-other-kind.refiner", file=file)
    if header.has("embedder.model.visual."):
        raise BadModel("model-other-kind.unclip", file=file)
    if seen.takes in CHANNELS:
        raise BadModel(CHANNELS[seen.takes], file=file, channels=seen.takes)
    if seen.takes != 4:
        raise BadModel("model-other-kind.channels", file=file, channels=seen.takes)
    name = seen.text
    if FIRST_LAYER not in header.tensors or (name is None and not seen.vae):
        raise BadModel("model-other-kind.u-net", file=file)
    if name is None:
        raise BadModel("checkpoint-incomplete", file=file)
    if not seen.vae:
        raise BadModel("checkpoint-incomplete.vae", file=file)
    return name


def _refuse(seen: Looked, rows: Iterable[tuple[str, Asks]]) -> None:
    for id, asks in rows:
        if asks(seen):
            raise BadModel(id, file=seen.header.path.name)
