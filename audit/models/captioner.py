"""A captioning model from a local folder: BLIP, BLIP-2 or Florence-2, opened by transformers; optional.

BLIP (Li et al., 2022; BSD-3), BLIP-2 (Li et al., 2023; MIT), Florence-2 (Xiao et al., 2023; MIT).
robust-style-mimicry captions with BLIP-2. Decoding is greedy, so a picture has one caption.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from PIL import Image
from safetensors import SafetensorError

from audit.base.errors import BadModel
from audit.images import Pixels
from audit.models.code import refuse_code

TASKS = {"blip": None, "blip-2": None, "florence2": "<CAPTION>"}
"""Kinds of model, and what each is asked with."""
WORDS = 30
"""Tokens of an answer at most."""
LARGEST = 1024
"""Pixels; larger pictures are shrunk first, since every model looks at 384 or 768."""


def load_captioner(folder: Path, *, device: torch.device) -> Callable[[Pixels], str]:
    """A function from pixels, uint8 (H, W, 3), to a sentence.

    Raises:
        BadModel: `captioner-unsuitable`, `model-code`.
    """
    refuse_code(folder)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        kind = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).model_type
        task = TASKS[kind]
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, SafetensorError) as error:
        raise BadModel("captioner-unsuitable", folder=folder.absolute().name) from error
    model = model.eval().requires_grad_(False).to(device)

    @torch.no_grad()
    def describe(pixels: Pixels) -> str:
        picture = Image.fromarray(pixels)
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        given = processor(images=picture, **({} if task is None else {"text": task}), return_tensors="pt").to(device)
        tokens = model.generate(**given, max_new_tokens=WORDS, do_sample=False, num_beams=1)
        return str(processor.batch_decode(tokens, skip_special_tokens=True)[0])

    return describe
