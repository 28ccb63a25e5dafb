"""What a base model sees, encoded once and kept: latents of pictures, and encoded texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from audit.images.tensors import to_shape, to_tensor
from audit.models.conditioning import Ragged, Text
from audit.models.families.base import TextPart
from audit.models.frames import Shape
from audit.models.memory import in_parts
from audit.models.model import Model
from audit.models.tokens import overlong, tokenize
from audit.store import Store


@dataclass(frozen=True)
class Latents:
    """Posterior of one picture and of its mirror image, unscaled.

    Attributes:
        mean, std: float32 (2, C, h, w); index 1 is the mirror image.
    """

    mean: Tensor
    std: Tensor


def latents_key(model: Model, pixels: str, shape: Shape | None = None) -> str:
    """Key of a stored picture's latents; `shape` as of `encode_picture`."""
    side = model.facts.resolution
    cut = {"side": side} if shape in (None, (side, side)) else {"shape": shape}
    return Store.key("latents", cut, [model.facts.sha256, pixels])


def text_key(model: Model, text: str) -> str:
    """Key of an encoded text."""
    # Texts that fit are what they were before the style survived the cut of those that do not.
    return Store.key("text", [text, "style kept"] if overlong(model, [text]) else text, [model.facts.sha256])


@torch.no_grad()
def encode_picture(model: Model, store: Store, pixels: str, shape: Shape | None = None) -> Latents:
    """Latents of a stored picture; computed once per picture, shape and VAE.

    Args:
        shape: the bucket that it is cut and resized to, height and width; None for the model's own square.
    """
    key = latents_key(model, pixels, shape)
    tall, wide = shape or (model.facts.resolution, model.facts.resolution)
    of_both = (2, *model.latent_of((tall, wide)))
    found = _stored(store, "latents", key, lambda found: all(_is(found, name, of_both) for name in ("mean", "std")))
    if found is None:
        unit = to_shape(to_tensor(store.get_pixels(pixels)), tall, wide)
        both = torch.cat([unit, unit.flip(-1)]).to(model.device)

        def part(rows: slice) -> tuple[Tensor, Tensor]:
            mean, deviation = model.posterior(both[rows])
            return mean.float().cpu(), deviation.float().cpu()

        parts = in_parts(part, len(both), device=model.device, what="memory-for.encoding")
        means, deviations = zip(*parts, strict=True)
        found = {"mean": torch.cat(means), "std": torch.cat(deviations)}
        with store.writing("latents", key) as partial:
            (partial / "latents.safetensors").write_bytes(save({k: v.contiguous() for k, v in found.items()}))
    return Latents(mean=found["mean"], std=found["std"])


def _stored(
    store: Store, name: str, key: str, fits: Callable[[Mapping[str, Tensor]], bool]
) -> dict[str, Tensor] | None:
    """Stored tensors; None where there are none yet, or none that the step can have, which are taken away."""

    def look(folder: Path) -> dict[str, Tensor]:
        try:
            found = load_file(folder / f"{name}.safetensors")
        except SafetensorError as error:
            raise ValueError(name) from error
        if not fits(found):
            raise ValueError(name)
        return found

    return store.read(name, key, look)


def _is(found: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> bool:
    """Whether there are finite float32 numbers of that shape under a name."""
    tensor = found.get(name)
    if tensor is None or tensor.dtype != torch.float32 or tuple(tensor.shape) != shape:
        return False
    return bool(torch.isfinite(tensor).all())


@torch.no_grad()
def hidden_states(model: Model, texts: Sequence[str]) -> Text:
    """What the text encoders make of texts as the model stands now, float32, on the CPU.

    One text per pass, because kernels round differently for other batches: what a text becomes must
    not depend on which others were encoded beside it, or a resumed run would be another run.
    """
    rows = []
    for text in texts:
        tokens = tokenize(model, [text]).to(model.device)
        seen = model.family.encode(model.text_encoders, tokens, model.text_shape)
        if not text and model.family.empty_is_zero:
            seen = Text({name: torch.zeros_like(seen.tensor(name)) for name in seen.parts})
        rows.append(seen.to(torch.float32).to(torch.device("cpu")))
    whole = Text.joined(rows)
    return Text({name: part.contiguous() if isinstance(part, Tensor) else part for name, part in whole.parts.items()})


def encode_texts(model: Model, store: Store, texts: Sequence[str]) -> Text:
    """The base model's encoded texts, float32, on the CPU; each text is encoded once per model."""
    return Text.joined([_encode_text(model, store, text) for text in texts])


def _encode_text(model: Model, store: Store, text: str) -> Text:
    key = text_key(model, text)
    shape = model.text_shape
    found = _stored(store, "text", key, lambda found: all(_fits(found, name, part) for name, part in shape.items()))
    if found is not None:
        return Text(
            {name: Ragged((found[name],)) if part.ragged else found[name][None] for name, part in shape.items()}
        )
    made = hidden_states(model, [text])
    rows = {name: part.rows[0] if isinstance(part, Ragged) else part[0] for name, part in made.parts.items()}
    with store.writing("text", key) as partial:
        data = save({name: row.contiguous() for name, row in rows.items()})
        (partial / "text.safetensors").write_bytes(data)
    return made


def _fits(found: Mapping[str, Tensor], name: str, part: TextPart) -> bool:
    """Whether a stored tensor is one that the family makes of a text."""
    most, *rest = part.shape
    if not part.ragged:
        return _is(found, name, part.shape)
    tokens = len(found[name]) if name in found and found[name].dim() else 0
    return 0 < tokens <= most and _is(found, name, (tokens, *rest))
