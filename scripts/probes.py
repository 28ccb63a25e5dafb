#!/usr/bin/env python
"""Edits that protect nothing, given to the ordinary audit as protected files: none may be called held.

Each edit of `EDITS` is put on the works of an artist and audited by the preset `standard`, its countermeasures
included. All audits share a store and a seed, so that trainings on the originals are made once. A stopped one goes on
with the same command; those whose report is there are only read.

Run: python -m scripts.probes --work DIR [--edits NAME ...] [--originals DIR] [--preset standard]
Writes DIR/probes.md and ends with 1 if an edit was called held.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from audit.conditions.protect.placebo_tone import veiled
from audit.images import Pixels, open_picture
from audit.judge.claim_labels import deciding_index
from audit.judge.estimates import find
from audit.models.cards import LAB_ARTISTS
from audit.plan.spec import PRESETS
from audit.records import Estimate, Results
from audit.runfolder import read_results

SEED = "21"
PROTECTED = "protected"
Edit = Callable[[Pixels, int], Pixels]
"""A picture, (H, W, 3), and its number among the works -> the edited one."""


def _levels(made: NDArray[np.floating]) -> Pixels:
    rounded: Pixels = np.rint(made).clip(0, 255).astype(np.uint8)
    return rounded


def _hue(picture: Pixels, number: int) -> Pixels:
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    turned[..., 0] = (turned[..., 0].astype(int) + 45) % 180
    return np.asarray(cv2.cvtColor(turned, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def _border(picture: Pixels, number: int) -> Pixels:
    framed, wide = picture.copy(), max(1, len(picture) // 12)
    for edge in (np.s_[:wide], np.s_[-wide:], np.s_[:, :wide], np.s_[:, -wide:]):
        framed[edge] = (40, 60, 90)
    return framed


def _overlay(picture: Pixels, number: int) -> Pixels:
    height, width = picture.shape[:2]
    mark = np.zeros((height, width), np.uint8)
    for start in range(-height, width, max(2, height // 6)):
        cv2.line(mark, (start, 0), (start + height, height), 255, max(1, height // 40))
    strength = 0.4 * mark[..., None] / 255
    return _levels(picture * (1 - strength) + strength * np.array([200, 30, 30]))


def _mark(picture: Pixels, number: int) -> Pixels:
    """A signature in another place on every file, which no fit over all files explains."""
    height, width = picture.shape[:2]
    rng = np.random.default_rng(number)
    down, across = (int(rng.integers(size // 6, size - size // 3)) for size in (height, width))
    signed = picture.copy()
    cv2.putText(
        signed, "sign", (across, down), cv2.FONT_HERSHEY_SIMPLEX, height / 120, (60, 60, 60), max(1, height // 80)
    )
    return signed


def _resize(picture: Pixels, number: int) -> Pixels:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _grain(picture: Pixels, number: int) -> Pixels:
    grey = np.random.default_rng(number).normal(0, 16, picture.shape[:2])
    return _levels(picture + grey[..., None])


def _vignette(picture: Pixels, number: int) -> Pixels:
    down, across = (np.linspace(-1, 1, n) for n in picture.shape[:2])
    return _levels(picture * (1 - 0.3 * (down[:, None] ** 2 + across**2))[..., None])


def _soft(picture: Pixels, deviation: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation * max(picture.shape) / 256), dtype=np.uint8)


EDITS: Mapping[str, Edit] = {
    "veil": lambda picture, number: veiled(picture, 1.0),
    "tone": lambda picture, number: _levels(255 * (picture / 255) ** 0.5),
    "contrast": lambda picture, number: _levels(128 + (picture - 128.0) * 0.5),
    "sepia": lambda picture, number: _levels(
        picture @ np.array([[0.39, 0.35, 0.27], [0.77, 0.69, 0.53], [0.19, 0.17, 0.13]])
    ),
    "hue": _hue,
    "mirror": lambda picture, number: np.ascontiguousarray(picture[:, ::-1]),
    "border": _border,
    "overlay": _overlay,
    "mark": _mark,
    "posterise": lambda picture, number: _levels(np.rint(picture / 85.0) * 85),
    "blur": lambda picture, number: _soft(picture, 2.0),
    "sharpen": lambda picture, number: _levels(2.0 * picture - 1.0 * _soft(picture, 2.0)),
    "resize": _resize,
    "grain": _grain,
    "vignette": _vignette,
}


def run(edit: str, options: argparse.Namespace) -> Results | str:
    """One audit, what is left of it, or the sentence with which it was refused."""
    folder, out = options.work / edit / "files", options.work / edit / "run"
    if (out / "report.html").is_file():
        return read_results(out)
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(options.originals.glob("*.png"))):
        Image.fromarray(EDITS[edit](open_picture(path)[0], number)).save(folder / path.name)
    command = [sys.executable, "-m", "audit.cli", "run", "--originals", str(options.originals)]
    command += ["--protected", str(folder), "--artist", options.originals.name, "--model", options.model]
    command += ["--out", str(out), "--store", str(options.work / "store"), "--preset", options.preset]
    command += ["--seed", SEED, "--declare"]
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, check=False, env=os.environ | threads, stderr=subprocess.PIPE, text=True)
    if done.returncode == 2:
        return done.stderr.strip().splitlines()[-1]
    if done.returncode not in (0, 3):
        sys.stderr.write(done.stderr)
        raise SystemExit(f"the audit of {edit} ended with exit code {done.returncode}; run the same command again")
    return read_results(out)


def label_of(results: Results) -> str:
    """The word for the edited files by themselves."""
    assert results.verdict is not None
    return results.verdict.per_condition[PROTECTED].label


def row(edit: str, found: Results | str) -> str:
    """One line of the table."""
    if isinstance(found, str):
        return f"| {edit} | refused | | | | | {found} |"
    assert found.verdict is not None
    metric, claim = found.plan.primary_metric, found.verdict.per_condition[PROTECTED]
    figures = [
        deciding_index(found, PROTECTED),
        find(found, "index_at_equal_tone", PROTECTED, metric),
        find(found, "index_at_equal_noise", PROTECTED, metric),
    ]
    plain = [v.plain for v in found.visibility if v.condition == PROTECTED and v.plain is not None]
    share = f"{100 * statistics.median(plain):.0f} %" if plain else "-"
    why = ", ".join(limit.slug for limit in claim.limited) or "-"
    if claim.label == "not-valid":
        why = ", ".join(check.slug for check in found.checks if check.passed is False)
    return f"| {edit} | {claim.label} | {' | '.join(map(_words, figures))} | {share} | {why} |"


def _words(found: Estimate) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{100 * found.value:.0f} %"
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def table(found: Mapping[str, Results | str]) -> list[str]:
    heads = ["edit", "word", "index", "at equal tone", "at equal noise", "plain edit", "limited by"]
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(row(*one) for one in found.items())]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for runs and store; give it again to resume")
    parser.add_argument("--edits", nargs="+", choices=tuple(EDITS), default=tuple(EDITS))
    parser.add_argument("--originals", type=Path, default=LAB_ARTISTS / "streamline-freehand-color")
    parser.add_argument("--model", default="lab")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    options = parser.parse_args(words)
    found: dict[str, Results | str] = {}
    for edit in options.edits:
        found[edit] = run(edit, options)
        (options.work / "probes.md").write_text("\n".join([*table(found), ""]), encoding="utf-8")
        print(row(edit, found[edit]), flush=True)
    return int(any(not isinstance(one, str) and label_of(one) == "held" for one in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
