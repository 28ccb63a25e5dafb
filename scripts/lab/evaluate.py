"""Measure the lab and write its card: what the model can do, what a LoRA learns, what a cloak changes.

Audits both demo artists with the package's own command line (six replicates, encoder attack at five
budgets, placebo, both A/A controls; then the strongest budget against countermeasures), adds what an
audit does not measure (VAE quality and leverage, subjects and styles recognised), and writes
audit/models/lab/CARD.md and reports/lab/.

Run: python -m scripts.lab.evaluate --work DIR   (after export; resumes)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from audit.models.cards import LAB, LAB_ARTISTS
from audit.models.loader import Model, load
from audit.style import METRICS
from audit.tensors import to_model_size, to_tensor
from scripts.lab import leverage
from scripts.lab.recognition import recognition
from scripts.lab.sheet import draw
from scripts.lab.train_vae import psnr

ARTISTS = ("streamline-freehand-color", "streamline-stickies-color")
ATTACK = "encoder-pgd"
BUDGETS = (4, 8, 16, 32, 64)
COUNTERMEASURES = ("jpeg:50",)


def audit(artist: str, work: Path) -> dict[str, Any]:
    """The artist's dose-response with its controls."""
    words = [word for budget in BUDGETS for word in ("--protect", f"{ATTACK}:{budget}")]
    words += ["--control", "placebo:16", "--control", "null", "--control", "clean-again"]
    return _run(artist, work, artist, words)


def countered(artist: str, work: Path) -> dict[str, Any]:
    """The strongest budget, alone and after each countermeasure; trainings of `audit` are reused."""
    words = ["--protect", f"{ATTACK}:{BUDGETS[-1]}", "--control", "placebo:16", "--control", "null"]
    words += [word for name in COUNTERMEASURES for word in ("--against", name)]
    return _run(artist, work, f"{artist}-countered", words)


def _run(artist: str, work: Path, name: str, words: list[str]) -> dict[str, Any]:
    """Run an audit (or find it finished) and return its results."""
    out = work / "audits" / name
    fixed = ["run", "--originals", str(LAB_ARTISTS / artist), "--artist", artist, "--declare"]
    where = ["--out", str(out), "--store", str(work / "store")]
    done = subprocess.run([sys.executable, "-m", "audit.cli", *fixed, *words, *where], check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"the audit {name} ended with exit code {done.returncode}")
    results: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return results


def unseen_psnr(model: Model) -> dict[str, float]:
    """VAE reconstruction PSNR on the shipped works of both artists, dB."""
    found = {}
    for artist in ARTISTS:
        files = sorted((LAB_ARTISTS / artist).glob("*.png"))
        rows = [to_model_size(to_tensor(np.asarray(Image.open(f).convert("RGB"))), 64) for f in files]
        found[artist] = psnr(model.vae, torch.cat(rows).add(1).mul(127.5).round())
    return found


def row(results: dict[str, Any], name: str, condition: str, metric: str) -> str:
    """One estimate as percent with its interval."""
    for e in results["estimates"]:
        if (e["name"], e["condition"], e["metric"]) == (name, condition, metric):
            if e["value"] is None:
                return f"none ({e['note']})"
            low, high = (("?" if v is None else f"{100 * v:.0f}") for v in (e["low"], e["high"]))
            return f"{100 * e['value']:.0f} % ({low} to {high})"
    return "not measured"


def visibility(results: dict[str, Any], condition: str) -> str:
    """Mean PSNR and perceptual distance of a condition's pictures."""
    rows = [v for v in results["visibility"] if v["condition"] == condition]
    psnrs = [v["psnr"] for v in rows if v["psnr"] is not None]
    seen = [v["perceptual"] for v in rows if v.get("perceptual") is not None]
    words = [f"PSNR {np.mean(psnrs):.1f} dB"] if psnrs else []
    words += [f"perceptual distance {np.mean(seen):.2f}"] if seen else []
    return ", ".join(words) or "-"


def tables(
    results: dict[str, dict[str, Any]],
    counters: dict[str, dict[str, Any]],
    vae: dict[str, float],
    tame: dict[str, str],
    seen: dict[str, float],
) -> str:
    """The figures of the card, Markdown."""
    lines = ["| what | figure |", "|---|---|"]
    lines += [f"| VAE reconstruction, {a} (unseen), PSNR | {v:.1f} dB |" for a, v in vae.items()]
    budgets = ", ".join(str(b) for b in leverage.BUDGETS)
    lines += [f"| leverage of 200 PGD steps on the encoder at {budgets} of 255, {a} | {v} |" for a, v in tame.items()]
    lines += [f"| recognised: {k} | {100 * v:.0f} % |" for k, v in seen.items()]
    for artist, r in results.items():
        lines += ["", f"### {artist}", "", "| estimate | channel_stats | openclip |", "|---|---|---|"]

        def both(name: str, condition: str, r: dict[str, Any] = r) -> str:
            return " | ".join(row(r, name, condition, m) for m in METRICS)

        lines.append(f"| style AUC on real works | {both('auc', '')} |")
        lines.append(
            f"| base's place between other artists (0 %) and this one (100 %) | {both('base_position', 'base')} |"
        )
        lines.append(f"| share of the way that the clean LoRA goes | {both('learned_share', 'clean')} |")
        for name in ("base", "clean"):
            lines.append(f"| pictures recognised as this artist, {name} | {both('recognised_rate', name)} |")
        for name in ("null", "clean-again", "placebo:16"):
            lines.append(f"| protection index, {name} | {both('protection_index', name)} |")
        for budget in BUDGETS:
            name = f"{ATTACK}:{budget}"
            lines.append(f"| protection index, {name} ({visibility(r, name)}) | {both('protection_index', name)} |")
        for counter in COUNTERMEASURES if artist in counters else ():
            c = counters[artist]
            for name in (f"{ATTACK}:{BUDGETS[-1]}+{counter}", f"clean+{counter}"):
                lines.append(f"| protection index, {name} | {both('protection_index', name, c)} |")
        lines.append(f"\nVerdict: {r['verdict']['sentence']}")
    return "\n".join(lines)


def sheet(results: dict[str, Any], folder: Path, path: Path) -> None:
    """Real works, base, clean LoRA, strongest attack: ten pictures each, one row each."""
    cells = {(c["condition"], c["replicate"]): c["generations"]["files"] for c in results["cells"]}
    held_out = [w["id"] for w in results["plan"]["works"] if w["split"] == "reference"][:10]
    rows = [[results["work_images"][w] for w in held_out], cells["base", 0][:10]]
    rows += [cells["clean", 1][:10], cells[f"{ATTACK}:{BUDGETS[-1]}", 1][:10]]
    side = 64
    canvas = Image.new("RGB", (10 * side, len(rows) * side), "white")
    for y, names in enumerate(rows):
        for x, name in enumerate(names):
            picture = Image.open(folder / "images" / name).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            canvas.paste(picture, (x * side, y * side))
    canvas.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    args = parser.parse_args()
    results = {artist: audit(artist, args.work) for artist in ARTISTS}
    # Where the attack held: on the filled artist it did not.
    counters = {ARTISTS[0]: countered(ARTISTS[0], args.work)}
    model = load("lab", device=torch.device("cpu"))
    tame = {a: ", ".join(f"{leverage.leverage(model.vae, a, b):.0%}" for b in leverage.BUDGETS) for a in ARTISTS}
    figures = tables(results, counters, unseen_psnr(model), tame, recognition(model, args.work))
    head = (Path(__file__).with_name("card-head.md")).read_text(encoding="utf-8")
    (LAB / "CARD.md").write_text(f"{head}\n{figures}\n", encoding="utf-8")
    sheets = Path("reports") / "lab"
    sheets.mkdir(parents=True, exist_ok=True)
    draw(sheets / "styles.png")
    for artist, r in results.items():
        sheet(r, args.work / "audits" / artist, sheets / f"{artist}.png")
    print(figures)


if __name__ == "__main__":
    main()
