"""Countermeasures and platforms: each does what it says, on known pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from audit.base.errors import BadModel
from audit.base.messages import render
from audit.conditions import TREATMENTS, parse_step
from audit.conditions.counter.filters import guided_filter, total_variation
from audit.conditions.counter.upscaler import NAME, upscaler_digest
from audit.conditions.publish import PLATFORMS, published
from audit.conditions.repaint import Painter
from audit.conditions.treating import apply_step
from audit.images import open_picture, rms
from audit.images.tensors import to_model_size, to_tensor
from audit.models.cards import LAB_ARTISTS
from audit.models.loader import load
from audit.records import ProtectSettings
from tests.test_conditions import context, picture


@pytest.fixture(scope="module")
def model(tiny_model):
    return load(str(tiny_model), device=torch.device("cpu"))


@pytest.fixture(scope="module")
def lab():
    return load("lab", device=torch.device("cpu"))


def countered(text, original, model):
    return apply_step(parse_step(text), [original], context(model, [original])).pictures[0]


def grainy(level=20, seed=0):
    """A smooth picture and the same with grain of one level."""
    clean = (picture(1, 64, 64) // 2 + 60).astype(np.uint8)
    signs = np.random.default_rng(seed).integers(0, 2, size=clean.shape) * 2 - 1
    return clean, (clean + signs * level).astype(np.uint8)


@pytest.mark.parametrize(("text", "grain"), [("blur:2", 20), ("median:1", 20), ("tv:0.05", 10), ("resize:0.5", 20)])
def test_smoothing_takes_grain_away_and_leaves_the_picture(text, grain, model):
    clean, noisy = grainy(grain)
    assert rms(clean, countered(text, noisy, model)) < 0.8 * rms(clean, noisy)
    assert rms(clean, countered(text, clean, model)) < 8


def test_bilateral_passes_flatten_weak_grain_and_keep_an_edge(model):
    edge = np.full((64, 64, 3), 90, np.uint8)
    edge[:, 32:] = 170
    signs = np.random.default_rng(0).integers(0, 2, size=edge.shape) * 2 - 1
    found = countered("bilateral:64", (edge + signs * 5).astype(np.uint8), model)
    assert rms(edge, found) < 2.5
    assert found[:, 34:].mean() - found[:, :30].mean() > 75


PAIRS = [
    *(("blur:1", "blur:8"), ("median:1", "median:6"), ("bits:6", "bits:2"), ("tv:0.05", "tv:0.5")),
    *(("noise:5", "noise:40"), ("resize:0.5", "resize:0.1"), ("bilateral:2", "bilateral:100"), ("jpeg:90", "jpeg:5")),
]


@pytest.mark.parametrize(("weak", "strong"), PAIRS)
def test_more_of_it_changes_more(weak, strong, model):
    _, noisy = grainy()
    assert rms(noisy, countered(weak, noisy, model)) < rms(noisy, countered(strong, noisy, model))


def test_noise_has_the_deviation_that_was_asked_for_at_the_models_size(model):
    grey = np.full((96, 96, 3), 128, np.uint8)
    noisy = countered("noise:13", grey, model)
    assert rms(grey, noisy) == pytest.approx(13, rel=0.05)
    assert float(to_model_size(to_tensor(noisy), 32).std()) * 127.5 > 0.7 * 13


def test_bits_leave_as_many_values_as_they_can_write(model):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(16, axis=0)
    values = np.unique(countered("bits:3", ramp, model))
    assert len(values) == 8
    assert {0, 255} <= set(values.tolist())


def test_total_variation_finds_the_minimum_of_its_objective():
    rng = np.random.default_rng(0)
    noisy = np.clip(0.5 + rng.normal(0, 0.2, size=(12, 12, 3)), 0, 1)

    def objective(u):
        down, right = np.zeros_like(u), np.zeros_like(u)
        down[:-1], right[:, :-1] = np.diff(u, axis=0), np.diff(u, axis=1)
        return 0.5 * ((u - noisy) ** 2).sum() + 0.1 * np.sqrt(down**2 + right**2).sum()

    found = total_variation(noisy, weight=0.1)
    best = objective(found)
    assert best < 0.7 * objective(noisy)
    for size in (1e-2, 1e-1):
        for _ in range(20):
            assert objective(found + size * rng.normal(size=found.shape)) > best
    assert found.mean() == pytest.approx(noisy.mean(), abs=1e-6)


def test_guided_filter_agrees_with_its_definition():
    rng = np.random.default_rng(1)
    guide, source = (rng.uniform(0, 255, size=(20, 22, 3)).astype(np.float32) for _ in range(2))

    def mean(x):
        return uniform_filter(x.astype(np.float64), size=(5, 5, 1), mode="mirror")

    slope = (mean(guide * source) - mean(guide) * mean(source)) / (mean(guide**2) - mean(guide) ** 2 + 16)
    wanted = mean(slope) * guide + mean(mean(source) - slope * mean(guide))
    found = guided_filter(guide, source, radius=2, epsilon=16)
    # The two libraries mirror at the border alike; rounding differs by float32.
    assert np.allclose(found, wanted, atol=0.05)


# --- through the model ---------------------------------------------------------------------------------


def test_vae_gives_what_the_autoencoder_gives(lab):
    original = picture(2, 64, 64)
    small = to_tensor(original)
    with torch.no_grad():
        wanted = lab.vae.decode(lab.vae.encode(small).latent_dist.mean).sample.clamp(-1, 1)
    found = to_tensor(countered("vae", original, lab))
    assert float((found - wanted).abs().max()) < 1.01 / 127.5


def test_a_perfect_denoiser_gives_back_what_was_noised(lab):
    painter = Painter(lab)
    start = to_tensor(picture(2, 64, 64))
    latent = painter.encode(start)
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
    shares = lab.noising.alphas_cumprod.float()

    def oracle(noisy, time):
        share = shares[time]
        epsilon = (noisy - share.sqrt() * latent) / (1 - share).sqrt()
        return share.sqrt() * epsilon - (1 - share).sqrt() * latent

    assert lab.facts.prediction_type == "v_prediction"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painter, "_predict", oracle)
        found = painter.repaint(start, strength=0.4, noise=noise)
    assert torch.allclose(found, painter.decode(latent), atol=1e-3)


def test_repainting_changes_more_the_further_it_goes_and_takes_noise_away(lab):
    clean = picture(2, 64, 64)
    little, much = (rms(clean, countered(f"diffusion:{share}", clean, lab)) for share in (0.02, 0.6))
    assert little < much


def test_impress_brings_a_disturbed_work_nearer_to_its_reconstruction(lab):
    original, _ = open_picture(next(iter(sorted(LAB_ARTISTS.glob("*/*.png")))))
    small = cv2.resize(original, (64, 64), interpolation=cv2.INTER_AREA)
    # On an undisturbed work its published start noise outweighs what its steps take away (docs/decisions).
    noisy = apply_step(parse_step("placebo:32"), [small], context(lab, [small], asked=ProtectSettings())).pictures[0]
    made = apply_step(parse_step("impress:0.3"), [noisy], context(lab, [noisy], asked=ProtectSettings()))
    assert made.last[0] < made.first[0]


# --- platforms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda p: p.name)
def test_platforms_shrink_what_is_too_large_and_nothing_else(platform):
    large = cv2.resize(picture(3), (5000, 2500), interpolation=cv2.INTER_CUBIC)
    height, width = published(large, platform).shape[:2]
    assert max(height, width) == platform.longest
    assert width == 2 * height
    small = picture(3, 40, 90)
    assert published(small, platform).shape == small.shape
    assert 0 < rms(small, published(small, platform)) < 30


def test_every_platform_names_a_source_with_a_date_and_says_that_it_is_approximate():
    assert {p.name for p in PLATFORMS} == {"artstation", "pixiv", "x", "instagram", "deviantart", "cara"}
    for platform in PLATFORMS:
        assert "20" in render(platform.source)
        row = TREATMENTS[f"as-published:{platform.name}"]
        assert row.source.text.startswith("approximate")


def test_tall_pictures_keep_their_height_where_only_the_width_is_limited():
    artstation = next(p for p in PLATFORMS if p.name == "artstation")
    tall = cv2.resize(picture(3), (1000, 4000), interpolation=cv2.INTER_CUBIC)
    assert published(tall, artstation).shape[:2] == (4000, 1000)


def test_the_x4_upscaler_is_asked_for_before_a_run_and_named_in_its_plan(model, upscaler, monkeypatch, tmp_path):
    step = parse_step("x4-upscale")
    said = step.recipe(model.facts, ProtectSettings()).settings["model"]
    assert upscaler_digest()[:16] in said
    config = upscaler / NAME / "scheduler" / "scheduler_config.json"
    before = config.read_bytes()
    try:
        config.write_bytes(before + b"\n")
        assert upscaler_digest()[:16] not in said
    finally:
        config.write_bytes(before)
    (tmp_path / NAME).mkdir()
    monkeypatch.setenv("CLOAKCHECK_MODELS", str(tmp_path))
    for slug, text in (("upscaler-missing", None), ("upscaler-unfit", '{"_class_name": "StableDiffusionPipeline"}'),
                       ("upscaler-unfit", '{"_class_name": "StableDiffusionUpscalePipeline"}')):  # fmt: skip
        if text is not None:
            (tmp_path / NAME / "model_index.json").write_text(text)
        with pytest.raises(BadModel) as caught:
            apply_step(step, [picture(1, 32, 32)], context(model, [picture(1, 32, 32)]))
        assert caught.value.slug == slug
        assert str(tmp_path) not in caught.value.sentence


def test_the_x4_upscaler_draws_the_picture_anew(model, upscaler):
    original = picture(1, 32, 32)
    settings = ProtectSettings(counter_steps=2)
    runs = [
        apply_step(parse_step(f"x4-upscale:{sigma}"), [original], context(model, [original], asked=settings)).pictures[
            0
        ]
        for sigma in (26, 26, 1)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert rms(original, runs[0]) > 5
