"""Which prediction type a model was trained for, told from its answers where no file tells.

Some of the built-in pictures are encoded and noised. The answer of a model that predicts noise is close to the noise,
that of one that predicts v close to v; the other reading misses by more than the whole. A model that is close to
neither (random weights, another kind of training) decides nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from audit.base.rng import torch_rng
from audit.images.tensors import to_model_size, to_tensor
from audit.models.cards import LAB_ARTISTS
from audit.models.conditioning import Text
from audit.models.model import Model
from audit.models.noising import Diffusion
from audit.models.prediction import Reading
from audit.models.tokens import tokenize

PICTURES = 4
SIDE = 256
"""Pixels at most: a small picture tells as well, and costs little even on a CPU."""
STRENGTHS = (0.3, 0.5)
"""Of the schedule: where the two readings differ most, and a trained model still sees the picture."""
CLOSE = 0.5
"""An answer is close to a reading when it misses less than this share of it; the answer 0 misses the whole."""
APART = 2.0
"""The other reading must miss by at least this much more."""


@torch.no_grad()
def probe(model: Model) -> Reading | None:
    """What the model predicts; None where its answers do not say. Two passes over four small pictures."""
    noising = model.noising
    if not isinstance(noising, Diffusion):
        return None
    clean = _latents(model)
    noise = torch.randn(clean.shape, generator=torch_rng("prediction-probe"))
    text = _empty_text(model, len(clean))
    missed: dict[Reading, float] = {"epsilon": 0.0, "v_prediction": 0.0}
    for strength in STRENGTHS:
        level = torch.full((len(clean),), noising.level_at(strength))
        noisy = noising.noised(clean, noise, level)
        answer = model.predict(noisy.to(model.device), noising.told(level).to(model.device), text).float().cpu()
        for reading in missed:
            wanted = Diffusion(noising.alphas_cumprod, reading).wanted(clean, noise, level)
            missed[reading] += float((answer - wanted).square().mean() / wanted.square().mean()) / len(STRENGTHS)
    near, far = sorted(missed, key=lambda reading: missed[reading])
    return near if missed[near] < CLOSE and missed[far] > APART * missed[near] else None


def _latents(model: Model) -> torch.Tensor:
    files = sorted(LAB_ARTISTS.glob("*/*.png"))[:PICTURES]
    pictures = torch.cat([to_tensor(np.asarray(Image.open(file).convert("RGB"))) for file in files])
    unit = to_model_size(pictures, min(SIDE, model.facts.resolution)).to(model.device)
    mean, _ = model.posterior(unit)
    return model.scale.into(mean.float().cpu())


def _empty_text(model: Model, rows: int) -> Text:
    if model.family.empty_is_zero:
        return model.blank_text(rows).to(model.device)
    tokens = tokenize(model, [""]).to(model.device)
    return model.family.encode(model.text_encoders, tokens, model.text_shape).expand(rows)
