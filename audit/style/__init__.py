"""Style metrics: how close a picture comes to an artist's held-out works.

Every metric is one file with one function from pictures to features, and one row in `METRICS` (shipped,
small, with a whitening fitted on art that is nobody's here) or in `ENCODERS` (large, weights from the user).
The rest is the same for all: features are scaled to unit length, and a picture's score is the cosine to the
mean direction of the held-out works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from audit.base.errors import BadModel
from audit.base.messages import Said, words
from audit.models.cards import LAB
from audit.style import channel_stats, csd, dinov2, openclip, openclip_l14, siglip2
from audit.style.csls import SUFFIX, csls
from audit.style.recognise import Others
from audit.style.weights_paths import Published

Pixels = NDArray[np.uint8]
Features = NDArray[np.float64]

STYLE = LAB / "style"
CPU = torch.device("cpu")


class Extract(Protocol):
    """Pictures of one size, uint8 (N, S, S, 3), to raw features (N, D), worked out on a device."""

    def __call__(self, pixels: Pixels, device: torch.device = CPU) -> Features: ...


class EncoderWeights(Protocol):
    """The files that decide the features. Raises BadModel when they are the user's and not there."""

    def __call__(self) -> Sequence[Path]: ...


@dataclass(frozen=True)
class StyleMetric:
    """A metric's row.

    Attributes:
        name: as in the plan and in results.
        lineage: where the features come from; two metrics of one lineage are no second opinion.
        extract, weights: see the protocols; the weights' digests are recorded.
        version: rises when `extract` changes what it computes.
        published: where a user gets the weights; None for those that are shipped, which have a whitening too.
        csls_of: the metric whose features these are, where closeness is corrected for local scaling (`csls`); '' for
            features of its own.
    """

    name: str
    lineage: Said
    extract: Extract
    weights: EncoderWeights
    version: int
    published: Published | None = None
    csls_of: str = ""

    @property
    def plain(self) -> str:
        """Name of the metric that the features are of."""
        return self.csls_of or self.name

    @property
    def csls(self) -> bool:
        """Whether closeness is corrected for local scaling."""
        return bool(self.csls_of)

    def whitening(self) -> Whitening:
        """Of a shipped metric."""
        return Whitening.load(STYLE / f"{self.plain}.safetensors")

    def digest(self) -> str:
        """SHA-256 over everything that decides a score: weights, whitening and code version.

        Raises:
            BadModel: `encoder-missing`.
        """
        files = [*self.weights(), *([] if self.published else [STYLE / f"{self.plain}.safetensors"])]
        stats = [path.stat() for path in files]
        # Encoders have gigabytes: read once per process, unless a file has changed since.
        what = f"{self.version}{SUFFIX * self.csls}"
        return _digest(what, tuple(zip(files, (s.st_size for s in stats), (s.st_mtime_ns for s in stats),
                                               strict=True)))  # fmt: skip

    def present(self) -> bool:
        """Whether the weights are on this machine."""
        try:
            return bool(self.weights())
        except BadModel:
            return False


@lru_cache(maxsize=64)
def _digest(version: str, files: tuple[tuple[Path, int, int], ...]) -> str:
    seen = hashlib.sha256(version.encode())
    for path, _, _ in files:
        with path.open("rb") as handle:
            while chunk := handle.read(1 << 24):
                seen.update(chunk)
    return seen.hexdigest()


METRICS: dict[str, StyleMetric] = {
    "channel_stats": StyleMetric(
        name="channel_stats",
        lineage=words("channel means and deviations of EfficientNet-Lite0 trained on ImageNet"),
        extract=channel_stats.extract,
        weights=channel_stats.weights,
        version=1,
    ),
    "openclip": StyleMetric(
        name="openclip",
        lineage=words("image tower of a small open_clip model trained on the lab's picture sets"),
        extract=openclip.extract,
        weights=openclip.weights,
        version=1,
    ),
}

ENCODERS: dict[str, StyleMetric] = {
    openclip_l14.NAME: StyleMetric(
        name=openclip_l14.NAME,
        lineage=words("image tower of OpenCLIP ViT-L/14, trained on open pictures with their texts"),
        extract=openclip_l14.extract,
        weights=openclip_l14.weights,
        version=1,
        published=openclip_l14.PUBLISHED,
    ),
    csd.NAME: StyleMetric(
        name=csd.NAME,
        lineage=words("CSD, a CLIP ViT-L/14 taught to tell styles"),
        extract=csd.extract,
        weights=csd.weights,
        version=1,
        published=csd.PUBLISHED,
    ),
    dinov2.NAME: StyleMetric(
        name=dinov2.NAME,
        lineage=words("DINOv2, trained on pictures alone"),
        extract=dinov2.extract,
        weights=dinov2.weights,
        version=1,
        published=dinov2.PUBLISHED,
    ),
    siglip2.NAME: StyleMetric(
        name=siglip2.NAME,
        lineage=words("image tower of SigLIP 2, trained on pictures with their texts"),
        extract=siglip2.extract,
        weights=siglip2.weights,
        version=1,
        published=siglip2.PUBLISHED,
    ),
}
DEFAULT_ENCODER = openclip_l14.NAME


def style_metric(name: str) -> StyleMetric:
    """The row of a metric, shipped or not; `<metric>-csls` is any of them, corrected for local scaling.

    Raises:
        KeyError: no such metric.
    """
    rows = (*METRICS.values(), *ENCODERS.values())
    corrected = [replace(row, name=f"{row.name}{SUFFIX}", csls_of=row.name) for row in rows]
    return {row.name: row for row in (*rows, *corrected)}[name]


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
    """Scale each row to length one; a zero row stays zero, and one that is not finite has no direction: NaN."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    sound = np.isfinite(length)
    scaled: Features = np.divide(rows, length, out=np.zeros_like(rows), where=sound & (length > 0))
    return np.where(sound, scaled, np.nan)


def style_scores(
    metric: str, pictures: Features, references: Features, others: Others, *, themselves: bool = False
) -> Features:
    """A metric's score of each picture, (P,); higher is closer to the artist of the references.

    Args:
        pictures: unit features, (P, d); references: of the artist's held-out works, (M, d).
        others: works by other artists, which CSLS needs.
        themselves: the pictures are those works; none is then compared with a mean that it is part of.
    """
    if style_metric(metric).csls:
        return csls(pictures, references, others, themselves=themselves)
    return closeness(pictures, references)


def closeness(features: Features, references: Features) -> Features:
    """Cosine of each row (N, d) to the mean direction of the references (M, d): -1..1, higher is closer."""
    centre = unit(references.mean(axis=0, keepdims=True))[0]
    cosines: Features = unit(features) @ centre
    return cosines
