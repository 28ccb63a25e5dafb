"""Noisy upscaling as published: Gaussian noise, then the Stable Diffusion x4 upscaler.

Hönig et al. (2024). The upscaler is a model of its own that a user must have; `noisy-upscale` does
the same with the base model's image-to-image where it is missing. Two names rather than one that
changes with what lies on a disk: a plan must say what was done.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionUpscalePipeline
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from audit.base.errors import BadModel
from audit.base.files import file_digest
from audit.base.messages import words
from audit.base.rng import torch_rng
from audit.conditions.base import Called, Context, Made, Pixels, Treatment, unbounded
from audit.conditions.counter.noise import PUBLISHED_NOISE, grain
from audit.conditions.windows import through_windows, windows
from audit.images.tensors import to_pixels, to_tensor
from audit.models.cards import models_folder
from audit.models.code import refuse_code

NAME = "sd-x4-upscaler"
STEPS = 75
"""The pipeline's own default, which the publication leaves alone."""
NOISE_LEVEL = 320
"""Step of the upscaler's schedule that its input is noised to, as published."""


def upscaler_folder() -> Path:
    """The upscaler in diffusers layout.

    Raises:
        BadModel: it is not in the models folder, or not that model.
    """
    folder = models_folder() / NAME
    index = folder / "model_index.json"
    if not index.is_file():
        raise BadModel("upscaler-missing", folder=NAME)
    if StableDiffusionUpscalePipeline.__name__ not in index.read_text(encoding="utf-8", errors="replace")[:65536]:
        raise BadModel("upscaler-unfit", folder=NAME)
    return folder


def upscaler_digest() -> str:
    """SHA-256 over the names and digests of its files."""
    folder = upscaler_folder()
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".safetensors", ".json", ".txt"))
    stamp = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _digest(folder, stamp)


@lru_cache(maxsize=4)
def _digest(folder: Path, stamp: tuple[tuple[Path, int, int], ...]) -> str:
    lines = [f"{path.relative_to(folder).as_posix()} {file_digest(path)}" for path, _, _ in stamp]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


@lru_cache(maxsize=1)
def _opened(digest: str, device: torch.device) -> Any:
    folder = upscaler_folder()
    refuse_code(folder)
    try:
        pipe = StableDiffusionUpscalePipeline.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0].replace(f"{folder}{os.sep}", "")
        raise BadModel("upscaler-unfit.broken", why=said) from error
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device, torch.float32)


def _x4_upscale(pictures: list[Pixels], argument: float, context: Context) -> Made:
    pipe = _opened(upscaler_digest(), context.model.device)
    side = context.model.facts.resolution
    made = []
    for picture, work in zip(pictures, context.names, strict=True):
        noisy = to_tensor(grain(picture, work, sigma=argument, context=context)).to(context.model.device)
        change = partial(
            _upscaled,
            pipe=pipe,
            steps=context.protection.counter_steps or STEPS,
            generator=torch_rng("x4-upscale", context.seed, work),
        )
        places = windows(*noisy.shape[-2:], side=side, policy="squares")
        made.append(to_pixels(through_windows(noisy, change, side=side, places=places))[0])
    return Made(made)


@torch.no_grad()
def _upscaled(small: Tensor, *, pipe: Any, steps: int, generator: torch.Generator) -> Tensor:
    """(1, 3, side, side) four times as large and brought back to its size, -1..1."""
    large = pipe(
        prompt="",
        image=small.add(1).div(2),
        num_inference_steps=steps,
        guidance_scale=1.0,
        noise_level=min(NOISE_LEVEL, int(pipe.config.max_noise_level)),
        generator=generator,
        output_type="pt",
    ).images
    back = F.interpolate(large.float(), size=small.shape[-2:], mode="bicubic", antialias=True)
    return back.mul(2).sub(1).nan_to_num().clamp(-1, 1).to(small.device)


X4_UPSCALE = Treatment(
    name="x4-upscale",
    called=Called(words("noise and upscaling"), words("noise at strength {arg} of 255 and upscaling")),
    kind="counter",
    run=_x4_upscale,
    unit=words("a deviation of noise in levels of 255"),
    default=26,
    low=1,
    high=128,
    budget=unbounded,
    version=1,
    source=words("Hönig et al. 2024 (Noisy Upscaling)"),
    published=words(
        "deviation 0.1 of 1 (25.5 levels), then the Stable Diffusion x4 upscaler at noise level 320, a caption "
        "as prompt, kept at four times the size"
    ),
    settings=lambda argument, surrogate, asked: {
        "model": words("Stable Diffusion x4 upscaler, {digest}", digest=upscaler_digest()[:16]),
        "noise level": words("{n}", n=NOISE_LEVEL),
        "sampler": words("the upscaler's own, {steps} steps, empty prompt", steps=asked.counter_steps or STEPS),
        "size": words("brought back to the model's resolution, where training sees it"),
    },
    own_weights=upscaler_digest,
    whole=False,
    way=lambda argument: "noisy-upscaling" if argument >= PUBLISHED_NOISE else "",
    tier="model",
)
