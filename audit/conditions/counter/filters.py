"""Filters of any paint program, on the file's own pixels: blur, median, edges kept, fewer colours, total variation."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.base.messages import words
from audit.conditions.base import Called, Pixels, Treatment, each, unbounded

BILATERAL = (5, 8.0, 8.0)
"""Neighbourhood in pixels, deviation in levels, deviation in pixels."""
GUIDED = (4, 16.0, 4)
"""Radius in pixels, regularisation in squared levels, passes."""
TV_STEPS = 100


def _blur(picture: Pixels, argument: float) -> Pixels:
    kernel = 2 * int(argument) + 1
    return np.asarray(cv2.GaussianBlur(picture, (kernel, kernel), 0), dtype=np.uint8)


def _median(picture: Pixels, argument: float) -> Pixels:
    return np.asarray(cv2.medianBlur(picture, 2 * int(argument) + 1), dtype=np.uint8)


def _bilateral(picture: Pixels, argument: float) -> Pixels:
    smooth = picture.astype(np.float32)
    for _ in range(int(argument)):
        smooth = np.asarray(cv2.bilateralFilter(smooth, *BILATERAL), dtype=np.float32)
    guide = picture.astype(np.float32)
    for _ in range(GUIDED[2]):
        smooth = guided_filter(guide, smooth, radius=GUIDED[0], epsilon=GUIDED[1])
    rounded: Pixels = smooth.round().clip(0, 255).astype(np.uint8)
    return rounded


def guided_filter(
    guide: NDArray[np.float32], picture: NDArray[np.float32], *, radius: int, epsilon: float
) -> NDArray[np.float32]:
    """Guided filter (He et al., 2013), channel by channel: in every box the picture is fitted as a line in the guide.

    Args:
        guide, picture: (H, W, 3), any one scale; `epsilon` in its square.
    """
    box = (2 * radius + 1, 2 * radius + 1)

    def mean(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(x, box), dtype=np.float32)

    guide_mean, picture_mean = mean(guide), mean(picture)
    slope = (mean(guide * picture) - guide_mean * picture_mean) / (mean(guide * guide) - guide_mean**2 + epsilon)
    return mean(slope) * guide + mean(picture_mean - slope * guide_mean)


def _bits(picture: Pixels, argument: float) -> Pixels:
    levels = 2 ** int(argument) - 1
    coarse: Pixels = np.rint(np.rint(picture / 255 * levels) * (255 / levels)).astype(np.uint8)
    return coarse


def _tv(picture: Pixels, argument: float) -> Pixels:
    return np.rint(total_variation(picture / 255.0, weight=argument) * 255).clip(0, 255).astype(np.uint8)


def total_variation(picture: NDArray[np.float64], *, weight: float) -> NDArray[np.float64]:
    """Minimise |u - picture|^2 / 2 + weight * TV(u) by Chambolle's dual projection (2004), each channel alone.

    Args:
        picture: (H, W, 3), 0..1.
    """
    dual = np.zeros((2, *picture.shape))
    step = 0.125
    for _ in range(TV_STEPS):
        slope = _gradient(_divergence(dual) - picture / weight)
        size = np.sqrt((slope**2).sum(axis=0, keepdims=True))
        dual = (dual + step * slope) / (1 + step * size)
    return picture - weight * _divergence(dual)


def _gradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Forward differences down and to the right, zero at the far edges: (2, *x.shape)."""
    found = np.zeros((2, *x.shape))
    found[0, :-1] = x[1:] - x[:-1]
    found[1, :, :-1] = x[:, 1:] - x[:, :-1]
    return found


def _divergence(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the adjoint of `_gradient`."""
    found = np.zeros(p.shape[1:])
    found[:-1] += p[0, :-1]
    found[1:] -= p[0, :-1]
    found[:, :-1] += p[1, :, :-1]
    found[:, 1:] -= p[1, :, :-1]
    return found


BLUR = Treatment(
    name="blur",
    called=Called(words("blurring"), words("blurring ({arg})")),
    kind="counter",
    run=each(_blur),
    unit=words("half the width of a Gaussian kernel in pixels"),
    default=2,
    low=1,
    high=20,
    budget=unbounded,
    version=1,
    source=words("Van Le et al. 2023 (Anti-DreamBooth) test against it"),
    published=words("kernels of 3 to 9 pixels: half widths 1 to 4"),
    settings=lambda argument, surrogate, asked: {
        "kernel": words("{width:g} pixels, OpenCV's deviation for it", width=2 * argument + 1)
    },
    tier="cheap",
)

MEDIAN = Treatment(
    name="median",
    called=Called(words("a median filter"), words("a median filter ({arg})")),
    kind="counter",
    run=each(_median),
    unit=words("half the width of the neighbourhood in pixels"),
    default=1,
    low=1,
    high=20,
    budget=unbounded,
    version=1,
    source=words("Xu et al. 2018 (feature squeezing)"),
    published=words("neighbourhoods of 2 x 2 and 3 x 3 pixels"),
    settings=lambda argument, surrogate, asked: {
        "neighbourhood": words("{width:g} pixels square", width=2 * argument + 1)
    },
    tier="cheap",
)

BILATERAL_FILTER = Treatment(
    name="bilateral",
    called=Called(words("edge-keeping smoothing"), words("edge-keeping smoothing ({arg} passes)")),
    kind="counter",
    run=each(_bilateral),
    unit=words("a number of passes"),
    default=64,
    low=1,
    high=256,
    budget=unbounded,
    version=1,
    source=words("AdverseCleaner (2023), a community tool: bilateral passes, then a guided filter"),
    published=words("64 bilateral passes (5 pixels, 8, 8), 4 guided passes (radius 4, 16)"),
    tier="cheap",
)

BITS = Treatment(
    name="bits",
    called=Called(words("fewer colours"), words("fewer colours ({arg} bits)")),
    kind="counter",
    run=each(_bits),
    unit=words("bits per channel"),
    default=5,
    low=1,
    high=7,
    budget=unbounded,
    version=1,
    source=words("Xu et al. 2018 (feature squeezing); Guo et al. 2018"),
    published=words("5 bits (ImageNet), 3 bits (Guo et al.)"),
    tier="cheap",
)

TV = Treatment(
    name="tv",
    called=Called(words("total-variation smoothing"), words("total-variation smoothing ({arg})")),
    kind="counter",
    run=each(_tv),
    unit=words("a weight, pictures being 0 to 1"),
    default=0.1,
    low=0.001,
    high=2,
    budget=unbounded,
    version=1,
    source=words("Rudin et al. 1992, Chambolle 2004; Guo et al. 2018 as a counter to adversarial changes"),
    published=words("Guo et al. drop pixels and use another scale of weight; 0.1 is the usual default here"),
    settings=lambda argument, surrogate, asked: {"steps": words("{n}", n=TV_STEPS)},
    whole=False,
    tier="cheap",
)
