"""Measure the lab and write its card: what the model can do, what a LoRA learns, what a cloak changes.

Audits both demo artists with the package's own command line, six replicates each: the encoder attack at five
budgets with placebo and both A/A controls; every other attack at its strongest; the best of all at five
budgets; and that one against countermeasures. Adds what an audit does not measure (VAE quality and leverage,
subjects and styles recognised), and writes audit/models/lab/CARD.md and reports/lab/.

Run: python -m scripts.lab.evaluate --work DIR   (after export; resumes)
With --artist NAME only that artist's audits are run, so that two can run side by side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from audit.images.tensors import to_model_size, to_tensor
from audit.models.cards import LAB, LAB_ARTISTS
from audit.models.loader import load
from audit.models.model import Model
from audit.style import METRICS
from scripts.lab import base_rate, leverage
from scripts.lab.common import arguments, load_pictures
from scripts.lab.recognition import FLAT_EMOJI, Recognised, recognition
from scripts.lab.sheet import draw, labelled
from scripts.lab.train_unet import shared_subjects
from scripts.lab.train_vae import psnr

ARTISTS = ("streamline-freehand-color", "streamline-stickies-color")
ATTACK = "encoder-pgd"
BUDGETS = (4, 8, 16, 32, 64)
STRONGEST = 64
SIDE = 64
"""Of a picture on a sheet, in pixels."""
OTHERS = ("denoiser-pgd", "fused-pgd", "sds-pgd", "surrogate-pgd", "surrogate-target-pgd")
LPIPS = {"style-cloak": (0.025, 0.05, 0.1, 0.2, 0.4)}
"""Attacks whose budget is an LPIPS distance: one for each of `BUDGETS`."""
COUNTERMEASURES = ("jpeg:30", "jpeg:50", "noise:26", "vae", "diffusion")
CONTROLS = ("--control", "placebo:16", "--control", "null")
REHEARSAL = "replicates = 2\n[training]\nsteps = 10\n[protection]\nsteps = 4\n"
"""Of every audit in a rehearsal, whose figures mean nothing."""


@dataclass(frozen=True)
class Measured:
    """One artist's audits: doses of the encoder attack, all others at their strongest, doses of the best, countered."""

    doses: dict[str, Any]
    contest: dict[str, Any]
    best: str
    best_doses: dict[str, Any]
    countered: dict[str, Any]


def measure(artist: str, work: Path) -> Measured:
    """Run an artist's audits, or find them finished; trainings that they share are made once."""
    doses, contest = audit(artist, work), _run(artist, work, f"{artist}-contest", [*_protect(strongest()), *CONTROLS])
    best = best_of({f"{ATTACK}:{STRONGEST}": doses, **dict.fromkeys(strongest(), contest)})
    best_doses = doses
    if best != ATTACK:
        best_doses = _run(artist, work, f"{artist}-best", [*_protect(steps(best)), *CONTROLS])
    words = [*_protect([steps(best)[-1]]), *CONTROLS]
    words += [word for name in COUNTERMEASURES for word in ("--against", name)]
    return Measured(doses, contest, best, best_doses, _run(artist, work, f"{artist}-countered", words))


def steps(attack: str) -> list[str]:
    """An attack at every budget, the strongest last."""
    return [f"{attack}:{budget:g}" for budget in LPIPS.get(attack, BUDGETS)]


def strongest() -> list[str]:
    """Every attack but the encoder's, at its strongest."""
    return [steps(attack)[-1] for attack in (*OTHERS, *LPIPS)]


def best_of(found: dict[str, dict[str, Any]]) -> str:
    """Name of the attack with the greatest lower bound by the metric that decides."""

    def bound(name: str) -> float:
        results = found[name]
        asked = ("protection_index", name, results["plan"]["primary_metric"])
        rows = [e for e in results["estimates"] if (e["name"], e["condition"], e["metric"]) == asked]
        return max((-9.0 if e["low"] is None else float(e["low"]) for e in rows), default=-9.0)

    return max(found, key=bound).partition(":")[0]


def _protect(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--protect", name)]


def audit(artist: str, work: Path) -> dict[str, Any]:
    """The artist's dose-response with its controls."""
    words = [*_protect(steps(ATTACK)), "--control", "placebo:16", "--control", "null", "--control", "clean-again"]
    return _run(artist, work, artist, words)


def _run(artist: str, work: Path, name: str, words: list[str]) -> dict[str, Any]:
    """Run an audit and return its results; a finished one takes everything from the store."""
    out = work / "audits" / name
    fixed = ["run", "--originals", str(LAB_ARTISTS / artist), "--artist", artist, "--declare"]
    if rehearsal(work).exists():
        fixed += ["--spec", str(rehearsal(work))]
    where = ["--out", str(out), "--store", str(work / "store")]
    done = subprocess.run([sys.executable, "-m", "audit.cli", *fixed, *words, *where], check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"the audit {name} ended with exit code {done.returncode}")
    results: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return results


def rehearsal(work: Path) -> Path:
    """Where the settings of a rehearsal lie, if this is one."""
    return work / "rehearsal.toml"


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
            if e["low"] is None or e["high"] is None:
                return f"{100 * e['value']:.0f} % (one model, no interval)"
            return f"{100 * e['value']:.0f} % ({100 * e['low']:.0f} to {100 * e['high']:.0f})"
    return "not measured"


def visibility(results: dict[str, Any], condition: str) -> str:
    """Median PSNR and LPIPS of a condition's pictures, as in the table of all conditions."""
    rows = [v for v in results["visibility"] if v["condition"] == condition]
    psnrs = [v["psnr"] for v in rows if v["psnr"] is not None]
    seen = [v["lpips"] for v in rows if v.get("lpips") is not None]
    words = [f"PSNR {np.median(psnrs):.1f} dB"] if psnrs else []
    words += [f"LPIPS {np.median(seen):.2f}"] if seen else []
    return ", ".join(words) or "-"


def tables(
    measured: dict[str, Measured],
    vae: dict[str, float],
    tame: dict[str, str],
    seen: Recognised,
    base: dict[str, dict[str, str]],
) -> str:
    """The figures of the card, Markdown."""
    lines = ["| what | figure |", "|---|---|"]
    lines += [f"| VAE reconstruction, {a} (unseen), PSNR | {v:.1f} dB |" for a, v in vae.items()]
    budgets = ", ".join(str(b) for b in leverage.BUDGETS)
    lines += [f"| leverage of 200 PGD steps on the encoder at {budgets} of 255, {a} | {v} |" for a, v in tame.items()]
    lines += [f"| recognised: {k} | {100 * v:.0f} % |" for k, v in seen.shares.items()]
    lines += _by_set(seen)
    for artist, found in measured.items():
        r = found.doses
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
        many = " | ".join(base[artist][m] for m in METRICS)
        lines.append(f"| the same, base over {base_rate.SEEDS} seeds of the same prompts | {many} |")
        for name in ("null", "clean-again", "placebo:16"):
            lines.append(f"| protection index, {name} | {both('protection_index', name)} |")
        attacks = [(r, name) for name in steps(ATTACK)]
        attacks += [(found.contest, name) for name in strongest() if not name.startswith(found.best)]
        attacks += [(found.best_doses, name) for name in steps(found.best) if found.best != ATTACK]
        for of, name in attacks:
            index = both("protection_index", name, of)
            lines.append(f"| protection index, {name} ({visibility(of, name)}) | {index} |")
            equal = both("index_at_equal_noise", name, of)
            if "%" in equal:
                lines.append(f"| the same, base and clean as noisy | {equal} |")
        for counter in COUNTERMEASURES:
            for name in (f"{steps(found.best)[-1]}+{counter}", f"clean+{counter}"):
                lines.append(f"| protection index, {name} | {both('protection_index', name, found.countered)} |")
        lines.append(f"\nVerdict: {r['verdict']['sentence']}")
    return "\n".join(lines)


def data(work: Path) -> str:
    """What the lab was trained on, set by set, Markdown."""
    _, records = load_pictures(work / "render" / "train")
    taught = Counter(records[i]["set"] for i in shared_subjects(records))
    known = {r["set"]: r for r in records}
    lines = ["## Data", "", "| set | author | licence | pictures | of them in the U-Net's training |"]
    lines.append("|---|---|---|---|---|")
    for name, count in Counter(r["set"] for r in records).most_common():
        of = known[name]
        lines.append(f"| {name} | {of['author']} | {of['licence']} | {count:,} | {taught[name]:,} |")
    lines.append(f"| all | | | {len(records):,} | {taught.total():,} |")
    return "\n".join(lines)


def _by_set(seen: Recognised) -> list[str]:
    """Recognition of each training set, Markdown."""
    columns = list(next(iter(seen.by_set.values())))
    lines = ["", "Pictures recognised as their set among the training sets (* flat emoji):", ""]
    lines += [f"| set | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, of in seen.by_set.items():
        mark = "*" if name in FLAT_EMOJI else ""
        lines.append(f"| {name}{mark} | {' | '.join(f'{100 * of[column]:.0f} %' for column in columns)} |")
    return lines


def sheet(results: dict[str, Any], folder: Path, path: Path) -> None:
    """Real works, base, clean LoRA, strongest attack: ten pictures each, one row each."""
    attacked = f"{ATTACK}:{BUDGETS[-1]}"
    cells = {(c["condition"], c["replicate"]): c["generations"]["files"] for c in results["cells"]}
    held_out = [w["id"] for w in results["plan"]["works"] if w["split"] == "reference"][:10]
    rows = {
        "works of the artist": [results["work_images"][w] for w in held_out],
        "base, no LoRA": cells["base", 0][:10],
        "LoRA on works as they are": cells["clean", 1][:10],
        f"LoRA on {attacked}": cells[attacked, 1][:10],
    }
    pictures = [[_small(folder / "images" / name) for name in names] for names in rows.values()]
    labelled(pictures, list(rows)).save(path, optimize=True)


def _small(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--artist", choices=ARTISTS, help="run this one's audits and write nothing")
    args = parser.parse_args()
    if args.share < 1:
        rehearsal(args.work).write_text(REHEARSAL, encoding="utf-8")
    if args.artist:
        measure(args.artist, args.work)
        return
    measured = {artist: measure(artist, args.work) for artist in ARTISTS}
    model = load("lab", device=torch.device("cpu"))
    tame = {a: ", ".join(f"{leverage.leverage(model.vae, a, b):.0%}" for b in leverage.BUDGETS) for a in ARTISTS}
    base = {artist: base_rate.rates(args.work / "audits" / artist) for artist in ARTISTS}
    figures = tables(measured, unseen_psnr(model), tame, recognition(model, args.work), base)
    sheets = Path("reports") / "lab"
    sheets.mkdir(parents=True, exist_ok=True)
    draw(sheets / "styles.png")
    for artist, found in measured.items():
        sheet(found.doses, args.work / "audits" / artist, sheets / f"{artist}.png")
    names = ["styles", *measured]
    for name in names:
        # The card goes with the package, where reports/ does not: its pictures are beside it, in fewer colours.
        with Image.open(sheets / f"{name}.png") as picture:
            picture.quantize(128, dither=Image.Dither.NONE).save(LAB / f"{name}.png", optimize=True)
    head = Path(__file__).with_name("card-head.md").read_text(encoding="utf-8")
    shown = "\n\n".join(f"![{name}]({name}.png)" for name in names)
    (LAB / "CARD.md").write_text(
        f"{head}\n{figures}\n\n## Pictures\n\n{shown}\n\n{data(args.work)}\n", encoding="utf-8"
    )
    print(figures)


if __name__ == "__main__":
    main()
