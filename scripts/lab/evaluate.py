"""Measure the lab and write its card: what the model can do, what a LoRA learns, what a cloak changes.

Audits both demo artists with the package's own command line (six replicates, encoder attack at five
budgets, placebo, both A/A controls), adds what an audit does not measure (VAE
quality, subjects and styles recognised), and writes audit/models/lab/CARD.md and reports/lab/.

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
import open_clip
import torch
from PIL import Image

from audit.models.cards import LAB, LAB_ARTISTS, LAB_OPENCLIP
from audit.models.loader import Model, load
from audit.plan import LAB_SAMPLING, full_prompt
from audit.sampling import sample
from audit.style import METRICS, Whitening, openclip, unit
from audit.tensors import to_model_size, to_tensor
from scripts.lab.common import load_pictures
from scripts.lab.fetch import load_sets
from scripts.lab.train_unet import shared_subjects
from scripts.lab.train_vae import psnr

ARTISTS = ("streamline-freehand-color", "streamline-stickies-color")
BUDGETS = (4, 8, 16, 32, 64)
SUBJECTS = 100


def audit(artist: str, work: Path) -> dict[str, Any]:
    """Run the artist's audit (or find it finished) and return its results."""
    out = work / "audits" / artist
    words = ["run", "--originals", str(LAB_ARTISTS / artist), "--artist", artist]
    for budget in BUDGETS:
        words += ["--protect", f"encoder-pgd:{budget}"]
    words += ["--control", "placebo:16", "--control", "null", "--control", "clean-again"]
    words += ["--out", str(out), "--store", str(work / "store")]
    done = subprocess.run([sys.executable, "-m", "audit.cli", *words], check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"the audit of {artist} ended with exit code {done.returncode}")
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


def recognition(model: Model, work: Path) -> dict[str, float]:
    """How often the lab's open_clip finds the subject among 100, and the style among the trained sets.

    Subjects: every picture against the 100 captions, for generated and for real pictures alike.
    Styles: nearest mean of the other works' whitened features, by each metric.
    """
    _, records = load_pictures(work / "render" / "train")
    records = [records[i] for i in shared_subjects(records)]
    sets: dict[str, set[str]] = {}
    for record in records:
        sets.setdefault(record["subject"], set()).add(record["set"])
    subjects = sorted((s for s in sets if len(s.split()) <= 2), key=lambda s: (-len(sets[s]), s))[:SUBJECTS]
    styles = {name: pin["style"] for name, pin in load_sets().items() if pin["role"] == "train"}
    pictures, all_records = load_pictures(work / "render" / "train")
    pairs = [(s, r) for s in subjects for r, rec in enumerate(all_records) if rec["subject"] == s]
    rng = np.random.default_rng(0)
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:400]]
    texts = [full_prompt(s, styles[all_records[r]["set"]]) for s, r in chosen]
    tokens = model.tokenizer([*texts, ""], padding="max_length", truncation=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model.text_encoder(tokens.input_ids).last_hidden_state
    made = sample(model, text=hidden[:-1], empty=hidden[-1:], settings=LAB_SAMPLING, seed=1, autocast=torch.bfloat16)
    real = pictures[[r for _, r in chosen]].permute(0, 2, 3, 1).contiguous().numpy()
    clip, _ = open_clip.create_model_from_pretrained(f"local-dir:{LAB_OPENCLIP}", precision="fp32")
    clip.eval()
    words = open_clip.SimpleTokenizer(context_length=16)(subjects)
    with torch.no_grad():
        captions = clip.encode_text(words, normalize=True).double().numpy()
    wanted = np.array([subjects.index(s) for s, _ in chosen])
    found = {}
    for name, batch in (("generated", made), ("real", real)):
        found[f"subject, {name}"] = float(np.mean((openclip.extract(batch) @ captions.T).argmax(1) == wanted))
    by_set = np.array([list(styles).index(all_records[r]["set"]) for _, r in chosen])
    names = sorted(styles)
    for metric, row in METRICS.items():
        whitening: Whitening = row.whitening()
        centres = np.stack([unit(whitening.others[whitening.others_set == i].mean(0)) for i in range(len(names))])
        order = np.array([names.index(n) for n in styles])
        for name, batch in (("generated", made), ("real", real)):
            nearest = (whitening(row.extract(batch)) @ centres.T).argmax(1)
            found[f"style by {metric}, {name}"] = float(np.mean(nearest == order[by_set]))
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
    values = [v["psnr"] for v in results["visibility"] if v["condition"] == condition and v["psnr"] is not None]
    return f"{np.mean(values):.1f} dB" if values else "-"


def tables(results: dict[str, dict[str, Any]], vae: dict[str, float], seen: dict[str, float]) -> str:
    """The figures of the card, Markdown."""
    lines = ["| what | figure |", "|---|---|"]
    lines += [f"| VAE reconstruction, {a} (unseen), PSNR | {v:.1f} dB |" for a, v in vae.items()]
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
        for name in ("null", "clean-again", "placebo:16"):
            lines.append(f"| protection index, {name} | {both('protection_index', name)} |")
        for budget in BUDGETS:
            name = f"encoder-pgd:{budget}"
            lines.append(
                f"| protection index, {name} (PSNR {visibility(r, name)}) | {both('protection_index', name)} |"
            )
        lines.append(f"\nVerdict: {r['verdict']['sentence']}")
    return "\n".join(lines)


def sheet(results: dict[str, Any], folder: Path, path: Path) -> None:
    """Real works, base, clean LoRA, strongest attack: ten pictures each, one row each."""
    cells = {(c["condition"], c["replicate"]): c["generations"]["files"] for c in results["cells"]}
    held_out = [w["id"] for w in results["plan"]["works"] if w["split"] == "reference"][:10]
    rows = [[results["work_images"][w] for w in held_out], cells["base", 0][:10]]
    rows += [cells["clean", 1][:10], cells[f"encoder-pgd:{BUDGETS[-1]}", 1][:10]]
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
    model = load("lab", device=torch.device("cpu"))
    figures = tables(results, unseen_psnr(model), recognition(model, args.work))
    head = (Path(__file__).with_name("card-head.md")).read_text(encoding="utf-8")
    (LAB / "CARD.md").write_text(f"{head}\n{figures}\n", encoding="utf-8")
    sheets = Path("reports") / "lab"
    sheets.mkdir(parents=True, exist_ok=True)
    for artist, r in results.items():
        sheet(r, args.work / "audits" / artist, sheets / f"{artist}.png")
    print(figures)


if __name__ == "__main__":
    main()
