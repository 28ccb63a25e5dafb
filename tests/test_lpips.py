"""LPIPS against the authors' own package on the same weights, and what it must do by its definition."""

import warnings

import lpips as zhang
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from audit.style.lpips import TILE, WEIGHTS, lpips, lpips_distance


@pytest.fixture(scope="module")
def official():
    """The package by Zhang et al. with its own heads; its AlexNet comes from our file, since it would download."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = zhang.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    weights = load_file(WEIGHTS)
    loaded = 0
    for part in (net.net.slice1, net.net.slice2, net.net.slice3, net.net.slice4, net.net.slice5):
        for name, layer in part.named_children():
            if isinstance(layer, torch.nn.Conv2d):
                layer.load_state_dict({k: weights[f"{name}.{k}"].float() for k in ("weight", "bias")})
                loaded += 1
    assert loaded == 5
    return net


@pytest.mark.parametrize("side", [32, 64, 255])
def test_it_is_the_authors_distance(official, side):
    generator = torch.Generator().manual_seed(side)
    smooth = torch.nn.functional.interpolate(torch.rand(3, 3, 5, 5, generator=generator), size=side, mode="bilinear")
    a = smooth * 2 - 1
    b = (a + 0.2 * torch.randn(a.shape, generator=generator)).clamp(-1, 1)
    with torch.no_grad():
        ours, theirs = lpips(a, b), official(a, b).flatten()
    assert (theirs > 0.02).all()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_its_gradient_is_the_authors(official):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, 3, 48, 48, generator=generator) * 2 - 1 for _ in range(2))
    found = []
    for distance in (lpips, official):
        free = a.clone().requires_grad_(True)
        distance(free, b).sum().backward()
        found.append(free.grad)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_it_is_zero_for_the_same_positive_else_and_symmetric(height, width, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8) for _ in range(2))
    assert lpips_distance(a, a) == 0
    assert lpips_distance(a, b) == pytest.approx(lpips_distance(b, a))
    assert lpips_distance(a, b) >= 0


def test_more_noise_is_further_away():
    rng = np.random.default_rng(3)
    picture = np.full((128, 128, 3), 200, dtype=np.uint8)
    picture[30:90, 40:100] = (30, 90, 160)
    noise = rng.choice([-1, 1], size=picture.shape)
    apart = [lpips_distance(picture, np.clip(picture + s * noise, 0, 255).astype(np.uint8)) for s in (1, 4, 16, 64)]
    assert apart == sorted(apart)
    assert apart[0] < 0.1 < apart[-1]


def test_a_large_picture_is_the_mean_of_its_tiles():
    rng = np.random.default_rng(4)
    a, b = (rng.integers(0, 256, size=(40, TILE + 64, 3), dtype=np.uint8) for _ in range(2))
    parts = [np.s_[:, :TILE], np.s_[:, TILE:]]
    weighed = sum(lpips_distance(a[p], b[p]) * a[p].shape[1] for p in parts) / a.shape[1]
    assert lpips_distance(a, b) == pytest.approx(weighed)
