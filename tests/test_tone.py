"""Tone: what a click undoes, a change of tone as a placebo, and pictures at equal tone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from audit.conditions import parse_step
from audit.conditions.counter.tone import auto_levels
from audit.conditions.protect.placebo_tone import veiled
from audit.conditions.treating import apply_step
from audit.images import open_picture, psnr
from audit.models.cards import LAB_ARTISTS
from audit.models.loader import load
from audit.style.equal_tone import equal_tone
from audit.style.lpips import lpips_distance
from tests.test_conditions import context, picture

DRAWINGS = sorted((LAB_ARTISTS / "streamline-freehand-color").glob("*.png"))[:6]


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def drawings():
    return [open_picture(path)[0] for path in DRAWINGS]


def cream(x):
    """The veil of issue 21, as it was found."""
    return np.rint((96 + x * 159.0 / 255) * (1, 0.93, 0.82)).clip(0, 255).astype(np.uint8)


def test_a_veil_of_strength_one_is_the_one_that_was_found(drawings):
    for drawing in drawings:
        assert np.array_equal(veiled(drawing, 1.0), cream(drawing))
        assert np.array_equal(veiled(drawing, 0.0), drawing)


def test_one_click_undoes_the_veil_as_well_as_another_programs_autocontrast(drawings):
    ours, theirs = [], []
    for drawing in drawings:
        veil = cream(drawing)
        ours.append(psnr(drawing, auto_levels(veil, 0.05)))
        theirs.append(psnr(drawing, np.asarray(ImageOps.autocontrast(Image.fromarray(veil)))))
    assert np.median(ours) > 45
    assert np.median(ours) >= np.median(theirs)


def test_levels_leave_flat_channels_and_clip_a_share():
    flat = np.full((8, 8, 3), (0, 90, 255), np.uint8)
    assert np.array_equal(auto_levels(flat, 0.05), flat)
    ramp = np.repeat(np.arange(100, 200, dtype=np.uint8)[:, None, None], 3, axis=2).repeat(10, axis=1)
    found = auto_levels(ramp, 1.5)
    assert (found[1, 0, 0], found[-2, 0, 0]) == (0, 255)
    assert found[0, 0, 0] == 0


def test_a_placebo_of_tone_is_as_visible_as_the_protected_picture(model):
    original = picture(3)
    protected = (original // 2 + 60).astype(np.uint8)
    made = apply_step(parse_step("placebo-tone"), [protected], context(model, [original])).pictures[0]
    wanted, found = lpips_distance(original, protected), lpips_distance(original, made)
    assert 0.7 * wanted < found <= wanted
    again = apply_step(parse_step("tone"), [made], context(model, [original])).pictures[0]
    assert psnr(original, again) > psnr(original, made) + 6


def test_equal_tone_forgets_any_line_in_each_channel_and_most_grain(drawings):
    rng = np.random.default_rng(0)
    for drawing in drawings:
        own = equal_tone(drawing)
        assert psnr(own, equal_tone(cream(drawing))) > 30
        grainy = np.clip(drawing + rng.normal(0, 12, drawing.shape), 0, 255).astype(np.uint8)
        assert psnr(own, equal_tone(grainy)) > psnr(drawing, grainy)
    blank = np.full((8, 8, 3), 77, np.uint8)
    assert np.array_equal(equal_tone(blank), np.full((8, 8, 3), 128, np.uint8))
