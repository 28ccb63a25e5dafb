"""What weight the whitening should give to noise, read on training sets that are left out in turn.

For each of several weights, each training set plays the artist nobody knows: the whitening is fitted on the others,
24 works are held out, 24 are the artist's own, 16 of each other set are other artists'. Printed: the style AUC,
and how far noise alone moves the score of own and of other works, as a share of the distance between the two. White
noise is what the whitening is taught; smooth noise (Gaussian of 0.8 px, the same deviation) is what it never saw. No
demo art and no cloak is read. The weight in `fit_style` was chosen from this table.

Run: python -m scripts.lab.check_style --work DIR   (after train_clip)
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.style import METRICS, openclip, unit
from scripts.lab import fit_style
from scripts.lab.common import load_pictures

WEIGHTS = (0.0, 1.0, 4.0, 16.0, 64.0)
FITTED, OWN, OTHERS = 64, 24, 16
SMOOTH = (3, 6)
PER_SET = FITTED + 2 * OWN

Rows = NDArray[np.float64]


def smooth(pictures: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    """Copies with noise that is correlated over about two pixels."""
    draw = np.random.default_rng([5, level]).standard_normal(pictures.shape)
    draw = np.stack([cv2.GaussianBlur(one, (0, 0), 0.8) for one in draw])
    return np.clip(np.rint(pictures + level * draw / draw.std()), 0, 255).astype(np.uint8)


def auc(own: Rows, others: Rows) -> float:
    """Share of pairs in which the artist's own work scores higher."""
    return float((own[:, None] > others[None, :]).mean())


def table(clean: Rows, noisy: dict[str, Rows], sets: NDArray[np.int64], place: NDArray[np.int64]) -> list[str]:
    """One line per weight; rows of `noisy` are those of `clean` from place FITTED on."""
    judged = np.flatnonzero(place >= FITTED)
    at = {row: i for i, row in enumerate(judged)}
    lines = []
    for weight in WEIGHTS:
        figures = []
        for left_out in range(int(sets.max()) + 1):
            known = judged[sets[judged] != left_out]
            shifts = [noisy[f"white {n}"][[at[r] for r in known]] - clean[known] for n in fit_style.NOISE]
            fitted = np.flatnonzero((sets != left_out) & (place < FITTED))
            found = fit_style.fit(clean[fitted], shifts, weight=weight)

            def seen(rows: Rows, w: dict[str, Rows] = found) -> Rows:
                return unit(((rows - w["mean"]) / w["deviation"]) @ w["components"])

            references, own = (
                np.flatnonzero((sets == left_out) & (place >= low) & (place < low + OWN))
                for low in (FITTED, FITTED + OWN)
            )
            others = np.flatnonzero((sets != left_out) & (place >= FITTED) & (place < FITTED + OTHERS))
            centre = unit(seen(clean[references]).mean(axis=0, keepdims=True))[0]
            of_own, of_others = seen(clean[own]) @ centre, seen(clean[others]) @ centre
            gap = of_own.mean() - of_others.mean()
            row = [auc(of_own, of_others)]
            for shifted in noisy.values():
                row += [
                    float((seen(shifted[[at[r] for r in rows]]) @ centre).mean() - before.mean()) / gap
                    for rows, before in ((own, of_own), (others, of_others))
                ]
            figures.append(row)
        every = np.array(figures)
        words = [f"{weight:g}", f"{every[:, 0].mean():.3f}", f"{every[:, 0].min():.3f}"]
        for i in range(len(noisy)):
            apart = np.sqrt((every[:, 2 + 2 * i] ** 2).mean())
            words.append(f"{100 * every[:, 1 + 2 * i].mean():+.0f} %, {100 * apart:.0f} %")
        lines.append(f"| {' | '.join(words)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    args = parser.parse_args()
    pictures, records = load_pictures(args.work / "render" / "train")
    names = sorted({record["set"] for record in records})
    of = np.array([names.index(record["set"]) for record in records])
    rng = np.random.default_rng(7)
    rows = np.concatenate([rng.permutation(np.flatnonzero(of == i))[:PER_SET] for i in range(len(names))])
    place = np.tile(np.arange(PER_SET), len(names))
    pixels = pictures[rows].permute(0, 2, 3, 1).contiguous().numpy()
    judged = pixels[place >= FITTED]
    copies = {f"white {n}": fit_style.noisy(judged, n) for n in fit_style.NOISE}
    copies |= {f"smooth {n}": smooth(judged, n) for n in SMOOTH}
    extractors = {name: row.extract for name, row in METRICS.items()}
    extractors["openclip"] = partial(openclip.extract, folder=args.work / "clip" / "export")
    for metric, extract in extractors.items():
        noisy = {name: extract(copy) for name, copy in copies.items()}
        print(f"{metric}: shift of own works (mean), of other works (root mean square over artists)\n")
        print(f"| weight | AUC, mean | AUC, least | {' | '.join(copies)} |")
        print("|" + "---|" * (3 + len(copies)))
        print("\n".join(table(extract(pixels), noisy, of[rows], place)), "\n", flush=True)


if __name__ == "__main__":
    main()
