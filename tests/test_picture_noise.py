"""The noise of a picture: known noise is found, structure is not taken for it, and it can be matched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.images.drawn import noise_level
from audit.style.picture_noise import with_noise


def picture(side: int = 96) -> np.ndarray:
    """Shades and hard edges, as drawn art has them; far from the ends of the scale."""
    y, x = np.mgrid[:side, :side]
    red = 60 + 120 * x / side
    green = np.where((x - side / 2) ** 2 + (y - side / 2) ** 2 < side**2 / 9, 80, 170)
    blue = np.where((x // 16 + y // 16) % 2, 90, 150)
    return np.rint(np.stack([red, green, blue], axis=-1)).astype(np.uint8)


@pytest.mark.parametrize("sigma", [2.0, 5.0, 12.0])
def test_known_noise_is_found(sigma: float) -> None:
    rng = np.random.default_rng(3)
    noisy = np.clip(np.rint(picture() + rng.normal(0, sigma, (96, 96, 3))), 0, 255).astype(np.uint8)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.12)


def test_edges_and_shades_are_no_noise() -> None:
    assert noise_level(picture()) == 0


def test_by_the_definition() -> None:
    """A slow loop over the 2 by 2 blocks, with an odd last row and column left out."""
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    found = [
        abs(int(p[y, x]) - int(p[y, x + 1]) - int(p[y + 1, x]) + int(p[y + 1, x + 1])) / 2
        for p in (pixels[..., c] for c in range(3))
        for y in range(0, 6, 2)
        for x in range(0, 8, 2)
    ]
    assert noise_level(pixels) == pytest.approx(np.median(found) / 0.6744897501960817)


@pytest.mark.parametrize("shape", [(1, 5, 3), (5, 1, 3), (1, 1, 3)])
def test_a_line_of_pixels_has_none(shape: tuple[int, int, int]) -> None:
    assert noise_level(np.full(shape, 7, np.uint8)) == 0


@given(level=st.floats(0, 40), seed=st.integers(0, 2**32))
def test_noise_is_matched(level: float, seed: int) -> None:
    pixels = picture(64)
    noisy = with_noise(pixels, level=level, rng=np.random.default_rng(seed))
    assert noise_level(noisy) == pytest.approx(level, abs=0.75)
    assert np.array_equal(noisy, with_noise(pixels, level=level, rng=np.random.default_rng(seed)))


def test_a_picture_that_is_noisier_stays_as_it_is() -> None:
    noisy = with_noise(picture(), level=9.0, rng=np.random.default_rng(1))
    again = with_noise(noisy, level=5.0, rng=np.random.default_rng(2))
    assert np.array_equal(noisy, again)
    assert again is not noisy


@pytest.mark.parametrize("shade", [0, 255])
def test_what_no_noise_can_reach_ends(shade: int) -> None:
    """At the end of the scale half of all noise is cut off; more and more of it still comes near."""
    flat = np.full((32, 32, 3), shade, np.uint8)
    assert noise_level(with_noise(flat, level=200.0, rng=np.random.default_rng(0))) > 30
