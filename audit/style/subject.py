"""Which of a few subjects a picture shows: zero-shot by a CLIP (Radford et al., 2021), for the reading of Nightshade.

The lab model is read by the lab's open_clip, any other by OpenCLIP ViT-L/14.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from audit.models.cards import LAB_OPENCLIP
from audit.style import openclip_l14
from audit.style.model_cache import opened
from audit.style.weights_paths import NOT_OPENED, not_opened

BATCH = 32


def reader_folder(*, lab: bool) -> Path:
    """Where the CLIP lies that reads subjects.

    Raises:
        BadModel: `encoder-missing`.
    """
    return LAB_OPENCLIP if lab else openclip_l14.weights()[0].parent


def nearest_subject(
    pixels: NDArray[np.uint8], subjects: Sequence[str], *, lab: bool, device: torch.device
) -> NDArray[np.int64]:
    """Index of the subject that each picture, uint8 (N, S, S, 3), is nearest to, (N,).

    Raises:
        BadModel: `encoder-missing`, `encoder-not_opened`.
    """
    return np.asarray(_cosines(pixels, subjects, lab=lab, device=device).argmax(axis=1), dtype=np.int64)


def prompt_adherence(
    pixels: NDArray[np.uint8], subjects: Sequence[str], asked: Sequence[int], *, lab: bool, device: torch.device
) -> NDArray[np.float64]:
    """CLIP-T (Hessel et al., 2021) of each picture beyond what other subjects get, (N,).

    The cosine to the subject that it was asked for less its mean to the others: a style moves all of them alike.

    Args:
        pixels: uint8 (N, S, S, 3); subjects: two or more; asked: which of them each picture was asked for, (N,).

    Raises:
        BadModel: `encoder-missing`, `encoder-not_opened`.
    """
    cosines = _cosines(pixels, subjects, lab=lab, device=device).astype(np.float64)
    own = cosines[np.arange(len(cosines)), list(asked)]
    return np.asarray(own - (cosines.sum(axis=1) - own) / (len(subjects) - 1))


@torch.no_grad()
def _cosines(
    pixels: NDArray[np.uint8], subjects: Sequence[str], *, lab: bool, device: torch.device
) -> NDArray[np.float32]:
    """Of each picture to each subject, (N, subjects)."""
    model, mean, std = _reader(reader_folder(lab=lab), device)
    # The lab's CLIP learned bare names; those of the web learned sentences.
    words = [subject if lab else f"a picture of {subject}" for subject in subjects]
    texts = model.encode_text(open_clip.SimpleTokenizer(context_length=model.context_length)(words).to(device))
    side = model.visual.image_size
    side = int(side[0] if isinstance(side, tuple | list) else side)
    found = []
    for batch in torch.split(torch.from_numpy(pixels), BATCH):
        x = batch.to(device).permute(0, 3, 1, 2).float().div(255)
        x = F.interpolate(x, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
        seen = model.encode_image((x - mean) / std, normalize=True)
        found.append(seen @ F.normalize(texts, dim=-1).T)
    return np.asarray(torch.cat(found).cpu().numpy(), dtype=np.float32)


@opened
def _reader(folder: Path, device: torch.device) -> tuple[open_clip.CLIP, Tensor, Tensor]:
    try:
        model, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder}", precision="fp32")
        colours = model.visual.preprocess_cfg
    except NOT_OPENED as error:
        raise not_opened(folder.name, "open_clip", error) from error
    mean, std = (torch.tensor(colours[k], device=device).view(1, 3, 1, 1) for k in ("mean", "std"))
    return model.eval().requires_grad_(False).to(device), mean, std
