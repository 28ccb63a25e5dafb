"""Fit each style metric's whitening on the training sets: directions in which hands differ.

Features are standardised, reduced by PCA to 64 and whitened. The pictures by other artists that
scores are compared with are kept as features only: 20 per training set, none of them a picture.

Run: python -m scripts.lab.fit_style --work DIR   (after train_clip; reads and writes no demo art)
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from audit.style import METRICS, openclip, unit
from scripts.lab.common import load_pictures

PER_SET_FIT = 200
PER_SET_OTHERS = 20
DIMENSIONS = 64


def fit(raw: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Standardise, PCA, whiten: raw (N, D) to mean, deviation (D,) and components (D, d)."""
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + 1e-6
    standard = (raw - mean) / deviation
    _, scale, directions = np.linalg.svd(standard, full_matrices=False)
    count = min(DIMENSIONS, int((scale > 1e-6 * scale[0]).sum()))
    components = directions[:count].T / (scale[:count] / np.sqrt(len(raw)))
    return {"mean": mean, "deviation": deviation, "components": components}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    parser.add_argument("--metrics", nargs="+", choices=list(METRICS), default=list(METRICS))
    args = parser.parse_args()
    pictures, records = load_pictures(args.work / "render" / "train")
    names = sorted({record["set"] for record in records})
    rng = np.random.default_rng(0)
    rows_fit: list[int] = []
    rows_others: list[int] = []
    for name in names:
        rows = rng.permutation([i for i, record in enumerate(records) if record["set"] == name])
        rows_others += rows[:PER_SET_OTHERS].tolist()
        rows_fit += rows[PER_SET_OTHERS : PER_SET_OTHERS + PER_SET_FIT].tolist()
    folder = args.work / "style"
    folder.mkdir(exist_ok=True)
    extractors = {name: row.extract for name, row in METRICS.items()}
    # The open_clip weights of this build are not in the package yet.
    extractors["openclip"] = partial(openclip.extract, folder=args.work / "clip" / "export")
    for metric in args.metrics:

        def raw(rows: list[int], metric: str = metric) -> NDArray[np.float64]:
            return extractors[metric](pictures[rows].permute(0, 2, 3, 1).contiguous().numpy())

        found = fit(raw(rows_fit))
        standard = (raw(rows_others) - found["mean"]) / found["deviation"]
        found["others"] = unit(standard @ found["components"])
        arrays = {k: np.ascontiguousarray(v.astype(np.float32)) for k, v in found.items()}
        arrays["others_set"] = np.array([names.index(records[i]["set"]) for i in rows_others], dtype=np.int32)
        save_file(arrays, folder / f"{metric}.safetensors")
        print(f"fitted {metric}: {found['components'].shape[1]} directions on {len(rows_fit)} pictures", flush=True)


if __name__ == "__main__":
    main()
