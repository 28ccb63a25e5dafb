"""Style metrics: how close a picture comes to an artist's held-out works.

Every metric is one file with one function from pictures to features, and one row in `METRICS`.
The rest is the same for all: features are whitened on art that is not the artist's, scaled to unit
length, and a picture's score is the cosine to the mean direction of the held-out works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from audit.models.cards import LAB
from audit.style import channel_stats, openclip

Pixels = NDArray[np.uint8]
Features = NDArray[np.float64]

STYLE = LAB / "style"


@dataclass(frozen=True)
class StyleMetric:
    """A metric's row.

    Attributes:
        name: as in the plan and in results.
        lineage: where the features come from; two metrics of one lineage are no second opinion.
        extract: pictures of one size, uint8 (N, H, W, 3), to raw features (N, D).
        weights: files that decide the features; their digests are recorded.
        version: rises when `extract` changes what it computes.
    """

    name: str
    lineage: str
    extract: Callable[[Pixels], Features]
    weights: Callable[[], Sequence[Path]]
    version: int

    def whitening(self) -> Whitening:
        return Whitening.load(STYLE / f"{self.name}.safetensors")

    def digest(self) -> str:
        """SHA-256 over everything that decides a score: weights, whitening and code version."""
        seen = hashlib.sha256(str(self.version).encode())
        for path in [*self.weights(), STYLE / f"{self.name}.safetensors"]:
            seen.update(path.read_bytes())
        return seen.hexdigest()


METRICS: dict[str, StyleMetric] = {
    "channel_stats": StyleMetric(
        name="channel_stats",
        lineage="channel means and deviations of EfficientNet-Lite0 trained on ImageNet",
        extract=channel_stats.extract,
        weights=channel_stats.weights,
        version=1,
    ),
    "openclip": StyleMetric(
        name="openclip",
        lineage="image tower of a small open_clip model trained on the lab's picture sets",
        extract=openclip.extract,
        weights=openclip.weights,
        version=1,
    ),
}


@dataclass(frozen=True)
class Whitening:
    """Maps raw features to directions in which art by different hands differs.

    Attributes:
        mean, deviation: (D,), of the fitting pictures.
        components: (D, d); projects the standardised features and scales them.
        others: whitened unit features of pictures by other artists, (N, d).
        others_set: which artist each of those is by, (N,).
    """

    mean: Features
    deviation: Features
    components: Features
    others: Features
    others_set: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> Whitening:
        arrays = load_file(path)
        return cls(
            mean=arrays["mean"].astype(np.float64),
            deviation=arrays["deviation"].astype(np.float64),
            components=arrays["components"].astype(np.float64),
            others=arrays["others"].astype(np.float64),
            others_set=arrays["others_set"].astype(np.int64),
        )

    def __call__(self, raw: Features) -> Features:
        """Raw features (N, D) to unit vectors (N, d)."""
        projected = ((raw - self.mean) / self.deviation) @ self.components
        return unit(projected)


def unit(rows: Features) -> Features:
    """Scale each row to length one; a zero row stays zero."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: Features = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return scaled


def closeness(features: Features, references: Features) -> Features:
    """Cosine of each row (N, d) to the mean direction of the references (M, d): -1..1, higher is closer."""
    centre = unit(references.mean(axis=0, keepdims=True))[0]
    cosines: Features = unit(features) @ centre
    return cosines
