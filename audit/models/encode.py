"""What a base model sees, encoded once and kept: latents of pictures, hidden states of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from audit.images.tensors import to_model_size, to_tensor
from audit.models.conditioning import Text, Tokens
from audit.models.loader import Model
from audit.store import Store


@dataclass(frozen=True)
class Latents:
    """Posterior of one picture and of its mirror image, unscaled.

    Attributes:
        mean, std: float32 (2, C, h, w); index 1 is the mirror image.
    """

    mean: Tensor
    std: Tensor


@torch.no_grad()
def encode_picture(model: Model, store: Store, pixels: str) -> Latents:
    """Latents of a stored picture; computed once per picture and VAE."""
    key = store.key("latents", {"side": model.facts.resolution}, [model.facts.sha256, pixels])
    folder = store.verified("latents", key)
    if folder is None:
        unit = to_model_size(to_tensor(store.get_pixels(pixels)), model.facts.resolution)
        both = torch.cat([unit, unit.flip(-1)]).to(model.device)
        posterior = model.vae.encode(both).latent_dist
        found = {"mean": posterior.mean.float().cpu(), "std": posterior.std.float().cpu()}
        with store.writing("latents", key) as partial:
            (partial / "latents.safetensors").write_bytes(save({k: v.contiguous() for k, v in found.items()}))
    else:
        found = load_file(folder / "latents.safetensors")
    return Latents(mean=found["mean"], std=found["std"])


def tokenize(model: Model, texts: Sequence[str]) -> Tokens:
    """Padded and truncated token ids for each text encoder."""
    ids = [
        tokenizer(
            list(texts), padding="max_length", max_length=model.tokens, truncation=True, return_tensors="pt"
        ).input_ids
        for tokenizer in model.tokenizers
    ]
    return Tokens(torch.stack(ids, dim=1))


@torch.no_grad()
def hidden_states(model: Model, texts: Sequence[str]) -> Text:
    """What the text encoders make of texts as the model stands now, float32, on the CPU.

    One text per pass, because kernels round differently for other batches: what a text becomes must
    not depend on which others were encoded beside it, or a resumed run would be another run.
    """
    rows = []
    for text in texts:
        ids = tokenize(model, [text]).ids.to(model.device)
        seen = model.family.encode(model.text_encoders, ids, model.text_shape)
        if not text and model.family.empty_is_zero:
            seen = Text(torch.zeros_like(seen.hidden), torch.zeros_like(seen.pooled))
        rows.append(Text(seen.hidden.float().cpu(), seen.pooled.float().cpu()))
    whole = Text.joined(rows)
    return Text(whole.hidden.contiguous(), whole.pooled.contiguous())


def encode_texts(model: Model, store: Store, texts: Sequence[str]) -> Text:
    """The base model's encoded texts, float32, on the CPU; each text is encoded once per model."""
    return Text.joined([_encode_text(model, store, text) for text in texts])


def _encode_text(model: Model, store: Store, text: str) -> Text:
    key = store.key("text", text, [model.facts.sha256])
    folder = store.verified("text", key)
    if folder is not None:
        found = load_file(folder / "text.safetensors")
        pooled = found["pooled"] if model.text_shape.pooled else torch.zeros(0)
        return Text(found["hidden"][None], pooled[None])
    made = hidden_states(model, [text])
    tensors = {"hidden": made.hidden[0].contiguous()}
    if model.text_shape.pooled:
        tensors["pooled"] = made.pooled[0].contiguous()
    with store.writing("text", key) as partial:
        (partial / "text.safetensors").write_bytes(save(tensors))
    return made
