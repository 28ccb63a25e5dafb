"""Pictures of real works by the lab's own reader: other subjects and noise are told from what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.images import open_picture
from audit.models.cards import LAB_ARTISTS
from audit.style.among_real import among_real
from audit.style.channel_stats import extract
from audit.style.subject import prompt_adherence

FILES = sorted((LAB_ARTISTS / "streamline-freehand-color").glob("*.png"))[:30]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def works():
    return np.stack([open_picture(path)[0] for path in FILES])


def test_works_show_their_own_names_better_than_others(works):
    names = [" ".join(path.stem.split("-")[:2]) for path in FILES]
    own = list(range(len(names)))
    others = [(n + 7) % len(names) for n in own]
    right, wrong = (prompt_adherence(works, names, asked, lab=True, device=CPU) for asked in (own, others))
    assert right.shape == (len(works),)
    assert right.mean() > wrong.mean() + 0.1
    noise = np.random.default_rng(0).integers(0, 256, works.shape, np.uint8)
    assert abs(prompt_adherence(noise, names, own, lab=True, device=CPU).mean()) < 0.1


def test_noise_lies_among_no_real_works(works):
    def unit(pictures):
        found = extract(pictures, CPU)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    real, noise = unit(works), np.random.default_rng(0).integers(0, 256, works[:5].shape, np.uint8)
    assert among_real(real, real).all()
    assert not among_real(unit(noise), real).any()
    assert not among_real(np.full((1, real.shape[1]), np.nan), real).any()
    mirrored = np.ascontiguousarray(works[:, :, ::-1])
    assert among_real(unit(mirrored), real).mean() > 0.8
