"""How noise alone moves each shipped metric: pictures of base and clean and real works of a run, with noise added.

White Gaussian noise of growing strength; what is printed is the mean score's shift as a share of the gain of
clean (its first replicate), beside the noise that is found in the pictures then. This is where the plan's `noise_step`
comes from: beyond it the deciding metric of the lab moves by more than the margin of did-not-hold.

Run: python -m scripts.noise_response RUN [--out FILE.md]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from audit.base.rng import rng
from audit.images.drawn import noise_level
from audit.images.tensors import to_model_size, to_pixels, to_tensor
from audit.records import BASE
from audit.runfolder import read_results
from audit.style import style_metric

STRENGTHS = (1, 2, 3, 5, 8, 12, 16)
"""Standard deviations, in levels of 255."""


def read(folder: Path, names: Sequence[str], *, side: int) -> NDArray[np.uint8]:
    """Pictures of a run folder at the model's size, uint8 (N, S, S, 3)."""
    found = []
    for name in names:
        with Image.open(folder / "images" / name) as picture:
            found.append(to_pixels(to_model_size(to_tensor(np.asarray(picture.convert("RGB"))), side)))
    return np.concatenate(found)


def table(folder: Path) -> list[str]:
    results = read_results(folder)
    plan, side, device = results.plan, results.plan.model.resolution, torch.device("cpu")
    cells = {(c.condition, c.replicate): c.generations.files for c in results.cells}
    held_out = [results.work_images[w.id] for w in plan.held_out(1)]
    pictures = {
        "base": read(folder, cells[BASE, plan.base_of(1)], side=side),
        "clean": read(folder, cells["clean", 1], side=side),
        "real works": read(folder, held_out, side=side),
    }
    heads = ["noise added", *(f"{name}: noise found" for name in pictures)]
    heads += [f"{name}, {metric}" for metric in plan.metrics for name in pictures]
    lines = [
        f"Artist {plan.artist}, model {plan.model.name}.",
        "",
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    scores: dict[tuple[str, str], float] = {}
    centres, whitened = {}, {}
    for metric in plan.metrics:
        row = style_metric(metric)
        whitened[metric] = row.whitening()
        centres[metric] = whitened[metric](row.extract(pictures["real works"], device)).mean(axis=0)

    def score(metric: str, rows: NDArray[np.uint8]) -> float:
        return float(np.mean(whitened[metric](style_metric(metric).extract(rows, device)) @ centres[metric]))

    for metric in plan.metrics:
        for name, rows in pictures.items():
            scores[metric, name] = score(metric, rows)
    for strength in STRENGTHS:
        noisy = {}
        for name, rows in pictures.items():
            draw = rng("cloakcheck", plan.seed, "noise response", name, strength).normal(0, strength, rows.shape)
            noisy[name] = np.clip(np.rint(rows + draw), 0, 255).astype(np.uint8)
        words = [str(strength), *(f"{np.mean([noise_level(p) for p in rows]):.1f}" for rows in noisy.values())]
        for metric in plan.metrics:
            gain = scores[metric, "clean"] - scores[metric, "base"]
            words += [f"{100 * (score(metric, rows) - scores[metric, n]) / gain:+.0f} %" for n, rows in noisy.items()]
        lines.append(f"| {' | '.join(words)} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+", help="folder of a finished audit by shipped metrics")
    parser.add_argument("--out", type=Path, help="write the tables here, too")
    options = parser.parse_args()
    text = "\n".join(line for folder in options.run for line in table(folder))
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
