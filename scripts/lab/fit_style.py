"""Fit each style metric's whitening on the training sets: directions in which hands differ and noise does not.

Features are standardised, reduced to 64 directions and whitened. What noise alone does to features counts as
variance of no interest, `NOISE_WEIGHT` times over, as within-class covariance normalisation does it for speakers
(Hatch et al., 2006): a direction in which noise moves a picture far is scaled down, however much hands differ in
it. Without that, one level of noise in 255 took a seventh of its gain off a model of line art (docs/decisions). The
pictures by other artists that scores are compared with are kept as features only: 20 per training set, none
of them a picture.

Run: python -m scripts.lab.fit_style --work DIR   (after train_clip; reads and writes no demo art)
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from audit.style import METRICS, openclip, unit
from scripts.lab.common import load_pictures

PER_SET_FIT = 200
PER_SET_OTHERS = 20
PER_SET_NOISY = 50
DIMENSIONS = 64
NOISE = (1, 3, 6, 12)
"""Standard deviations of the noise that must not count, in levels of 255."""
NOISE_WEIGHT = 4.0
"""Chosen on training sets left out in turn: the most that costs them no style AUC (`scripts.lab.check_style`)."""


def fit(
    raw: NDArray[np.float64], shifts: Sequence[NDArray[np.float64]], *, weight: float = NOISE_WEIGHT
) -> dict[str, NDArray[np.float64]]:
    """Standardise, project, whiten: raw (N, D) to mean, deviation (D,) and components (D, d).

    Args:
        shifts: per level of noise, what it adds to the features of some pictures, (M, D) each.
        weight: how many times over their mean second moment counts.
    """
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + 1e-6
    standard = (raw - mean) / deviation
    spread = standard.T @ standard / len(standard)
    for shift in shifts:
        scaled = shift / deviation
        spread += weight / len(shifts) * (scaled.T @ scaled) / len(scaled)
    variance, directions = np.linalg.eigh(spread)
    kept = np.argsort(variance)[::-1][:DIMENSIONS]
    kept = kept[variance[kept] > 1e-12 * variance.max()]
    return {"mean": mean, "deviation": deviation, "components": directions[:, kept] / np.sqrt(variance[kept])}


def noisy(pictures: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    """Copies with white Gaussian noise of that standard deviation."""
    draw = np.random.default_rng([1, level]).normal(0, level, pictures.shape)
    return np.clip(np.rint(pictures + draw), 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--metrics", nargs="+", choices=list(METRICS), default=list(METRICS))
    args = parser.parse_args()
    pictures, records = load_pictures(args.work / "render" / "train")
    names = sorted({record["set"] for record in records})
    rng = np.random.default_rng(0)
    rows_fit: list[int] = []
    rows_noisy: list[int] = []
    rows_others: list[int] = []
    for name in names:
        rows = rng.permutation([i for i, record in enumerate(records) if record["set"] == name])
        rows_others += rows[:PER_SET_OTHERS].tolist()
        rows_fit += rows[PER_SET_OTHERS : PER_SET_OTHERS + PER_SET_FIT].tolist()
        rows_noisy += rows[PER_SET_OTHERS : PER_SET_OTHERS + PER_SET_NOISY].tolist()

    def pixels(rows: list[int]) -> NDArray[np.uint8]:
        return pictures[rows].permute(0, 2, 3, 1).contiguous().numpy()

    folder = args.work / "style"
    folder.mkdir(exist_ok=True)
    extractors = {name: row.extract for name, row in METRICS.items()}
    # The open_clip weights of this build are not in the package yet.
    extractors["openclip"] = partial(openclip.extract, folder=args.work / "clip" / "export")
    for metric in args.metrics:
        extract = extractors[metric]
        clean = extract(pixels(rows_noisy))
        shifts = [extract(noisy(pixels(rows_noisy), level)) - clean for level in NOISE]
        found = fit(extract(pixels(rows_fit)), shifts)
        standard = (extract(pixels(rows_others)) - found["mean"]) / found["deviation"]
        found["others"] = unit(standard @ found["components"])
        arrays = {k: np.ascontiguousarray(v.astype(np.float32)) for k, v in found.items()}
        arrays["others_set"] = np.array([names.index(records[i]["set"]) for i in rows_others], dtype=np.int32)
        save_file(arrays, folder / f"{metric}.safetensors")
        print(f"fitted {metric}: {found['components'].shape[1]} directions on {len(rows_fit)} pictures", flush=True)


if __name__ == "__main__":
    main()
