"""Single-file checkpoints (.safetensors) as A1111 and ComfyUI keep them, for SD 1.x, 2.x and XL.

Such a file holds weights only. Configs come from the card of the model that it was fine-tuned from,
the tokenizer from `vocabulary`, so nothing is fetched. Everything here is told from the file's header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from audit.base.errors import BadModel
from audit.base.messages import say
from audit.models.cards import cards
from audit.models.families import FAMILIES
from audit.models.families.base import Family
from audit.models.headers import Header, read_header
from audit.models.kinds import DENOISER, FIRST_LAYER, KINDS, VAE, kind_name
from audit.models.original import KeyPlace, clip_places, open_clip_places, unet_places, vae_places
from audit.models.prediction import Prediction, Reading, Stated, settle, told_by_header, told_by_yaml

USUAL: dict[str, Reading | None] = {"sd15": "epsilon", "sd21": None, "sdxl": None}
"""What models of a kind predict where nothing tells; None where both readings are common."""
BY_READING = {"epsilon": "sd21-base", "v_prediction": "sd21"}
"""Stable Diffusion 2.x was published twice: for noise at 512 px and for v at 768 px."""
FLOATS = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8", "F8_E5M2": "fp8"}
"""Types of weights that are read, and how people call them."""
SCALES = ("scale_weight", "weight_scale")
"""Ends of the names of what fp8 weights are multiplied with."""
BESIDE_WEIGHTS = (*SCALES, "scale_input", "input_scale", "comfy_quant", "scaled_fp8")
"""Ends of the names of what stands beside fp8 weights; scales of activations change no weight."""
ESSENTIAL = (
    ("U-Net", (DENOISER,), ("input_blocks.", "middle_block.", "output_blocks.", "out.2.")),
    ("VAE", VAE, ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")),
)


@dataclass(frozen=True)
class Part:
    """One component in the file: its folder, the prefix of its tensors, and each tensor's place."""

    component: str
    prefix: str
    places: tuple[KeyPlace, ...]


@dataclass(frozen=True)
class Kind:
    """What a checkpoint is.

    Attributes:
        card: name of the known model whose configs fit it; configs: those, changed as the file says.
        fits: whether the weights have the sizes that the configs say.
    """

    card: str
    family: Family
    configs: dict[str, dict[str, Any]]
    prediction: Prediction
    header: Header
    parts: tuple[Part, ...]
    fits: bool = True


def kind_of(
    path: Path, *, known: str | None = None, asked: str | None = None, probed: Reading | None = None, sizes: bool = True
) -> Kind:
    """Tell from its header what a checkpoint is, without reading a weight.

    Args:
        known: name of the card that its digest belongs to, if any.
        asked: the prediction type that the user states; probed: the one that a test found.
        sizes: whether it must hold every tensor of its kind at its size.

    Raises:
        BadModel: not a whole text-to-image checkpoint of these families, or one whose prediction type is told twice.
    """
    header = read_header(path)
    name = kind_name(header)
    told = [*told_by_yaml(path), *told_by_header(header)]
    if known is not None:
        card = cards()[known]
        reading: Reading = "v_prediction" if card.prediction == "v_prediction" else "epsilon"
        told.insert(0, Stated("card", reading, say("prediction-source.card", title=card.title)))
    found = settle(told, asked=asked, usual=USUAL[name], file=path.name)
    if found.reading is None and probed is not None:
        found = Prediction(probed, "probe", say("prediction-source.probe"), found.zero_snr)
    if name == "sd21":
        name = known or BY_READING[found.reading or "epsilon"]
    configs = _configs(name, found)
    family = FAMILIES["sdxl" if name == "sdxl" else "sd"]
    parts = _parts(name, configs, header)
    _check_essential(header)
    fits = header.tensors[FIRST_LAYER].shape[0] == configs["unet"]["block_out_channels"][0]
    if sizes or fits:
        _check_whole(header, parts, title=family.title)
    _check_types(header, parts)
    return Kind(name, family, configs, found, header, parts, fits)


def _configs(name: str, found: Prediction) -> dict[str, dict[str, Any]]:
    card = cards()[name]
    assert card.configs is not None
    configs = {part: dict(config) for part, config in card.configs.items()}
    if found.reading is not None:
        configs["scheduler"]["prediction_type"] = found.reading
    if found.zero_snr or found.source == "marker":
        configs["scheduler"]["rescale_betas_zero_snr"] = found.zero_snr
    return configs


def _parts(name: str, configs: Mapping[str, Mapping[str, Any]], header: Header) -> tuple[Part, ...]:
    vae = next(prefix for prefix in VAE if header.has(prefix))
    found = [
        Part("unet", DENOISER, tuple(unet_places(configs["unet"]))),
        Part("vae", vae, tuple(vae_places(configs["vae"]))),
    ]
    text = configs["text_encoder"]
    if name in BY_READING.values():
        return (*found, Part("text_encoder", KINDS["sd21"], tuple(open_clip_places(text, projects=False))))
    first = KINDS["sd15"] if name == "sd15" else "conditioner.embedders.0.transformer."
    # The oldest checkpoints leave this level out.
    first += "text_model." if header.has(f"{first}text_model.") else ""
    found.append(Part("text_encoder", first, tuple(clip_places(text))))
    if name == "sdxl":
        second = tuple(open_clip_places(configs["text_encoder_2"], projects=True))
        found.append(Part("text_encoder_2", KINDS["sdxl"], second))
    return tuple(found)


def _check_essential(header: Header) -> None:
    """Sides of a part that merges lose as a whole, whatever the model's size."""
    for part, prefixes, sides in ESSENTIAL:
        for side in sides:
            if header.has(*(prefix + side for prefix in prefixes)):
                continue
            if side == "encoder.":
                raise BadModel("checkpoint-incomplete.encoder", file=header.path.name)
            raise BadModel("checkpoint-incomplete.side", file=header.path.name, part=part, side=side.rstrip("."))


def _check_whole(header: Header, parts: tuple[Part, ...], *, title: str) -> None:
    file = header.path.name
    for part in parts:
        lacking = [part.prefix + p.theirs for p in part.places if part.prefix + p.theirs not in header.tensors]
        if len(lacking) == len(part.places):
            raise BadModel("checkpoint-incomplete.part", file=file, part=part.component, title=title)
        if lacking:
            raise BadModel(
                "checkpoint-incomplete.tensors", file=file, part=part.component, n=len(lacking),
                total=len(part.places), title=title, first=lacking[0],
            )  # fmt: skip
        for place in part.places:
            seen = header.tensors[part.prefix + place.theirs].shape
            if plain(seen) != plain(place.shape):
                # What is packed to a few bits has another shape for that reason alone.
                check_type(header, part.prefix + place.theirs)
                raise BadModel(
                    "checkpoint-sizes", file=file, tensor=part.prefix + place.theirs, seen="x".join(map(str, seen)),
                    expected="x".join(map(str, place.shape)), title=title,
                )  # fmt: skip
    unet = parts[0]
    expected = {unet.prefix + place.theirs for place in unet.places}
    names = (name for name in header.tensors if name.startswith(DENOISER) and not name.endswith(BESIDE_WEIGHTS))
    more = [name for name in names if name not in expected]
    if more:
        raise BadModel("checkpoint-sizes.more", file=file, tensor=more[0], n=len(more), title=title)


def _check_types(header: Header, parts: tuple[Part, ...]) -> None:
    """Every weight is of a type that is read, and what scales it scales whole tensors or rows."""
    for part in parts:
        for place in part.places:
            name = part.prefix + place.theirs
            if name not in header.tensors:
                continue
            check_type(header, name)


def check_type(header: Header, name: str) -> None:
    """One weight's type, and its scale.

    Raises:
        BadModel: `model-quantised`.
    """
    entry = header.tensors[name]
    scale = scale_name(header, name)
    rows = entry.shape[0] if entry.shape else 1
    odd = scale is not None and prod(header.tensors[scale].shape) not in (1, rows)
    if entry.dtype not in FLOATS or odd or f"{name}_scale_2" in header.tensors:
        raise BadModel("model-quantised", file=header.path.name, tensor=name, kind=entry.dtype)


def scale_name(header: Header, name: str) -> str | None:
    """The tensor that a weight is multiplied with, where there is one."""
    stem = name.removesuffix(".weight")
    return next((f"{stem}.{end}" for end in SCALES if f"{stem}.{end}" in header.tensors), None)


def plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without sides of 1: a layer over single pixels is kept with and without them."""
    return tuple(side for side in shape if side != 1)
