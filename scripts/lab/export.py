"""Copy the trained lab into the package: model, open_clip, style files, demo artists, prompts.

Run: python -m scripts.lab.export --work DIR
With --model-only a U-Net that is still being trained can be looked at; all but the model stays as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPTokenizer

from audit.base.rng import rng
from audit.models.cards import LAB, LAB_ARTISTS, LAB_MODEL, LAB_OPENCLIP, LAB_OTHER, LAB_PROMPTS
from audit.style import METRICS
from scripts.lab.common import arguments, load_pictures
from scripts.lab.fetch import load_sets
from scripts.lab.nets import build_scheduler, build_text_encoder, build_unet
from scripts.lab.render import ARTIST_SIZE, render_set
from scripts.lab.train_unet import BATCH, shared_subjects, shortened

WORKS = 60
OTHER_WORKS = 40
PROMPTS = 51
"""As many as were held against all demo works by eye; whoever wants more looks again."""
DRAWN_UNNAMED = frozenset(("airplane", "bus", "fire", "mouse", "pencil", "skull", "star", "ticket", "trophy"))
"""Subjects that some demo work shows, or seems to, and its caption does not name: found by looking at all 120."""


def export_model(work: Path) -> int:
    """Write the pipeline from the EMA weights of the newest checkpoint; returns its step."""
    state = torch.load(work / "unet" / "state.pt", map_location="cpu", weights_only=True)
    tokenizer = CLIPTokenizer.from_pretrained(work / "unet" / "tokenizer")
    unet, text = build_unet(), build_text_encoder(tokenizer)
    unet.load_state_dict(state["ema"]["weights"])
    text.load_state_dict(state["text_ema"]["weights"])
    vae = AutoencoderKL.from_pretrained(work / "vae" / "polished")
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    shutil.rmtree(LAB_MODEL, ignore_errors=True)
    pipeline.to(dtype=torch.float16).save_pretrained(LAB_MODEL, safe_serialization=True)
    # diffusers writes down where a part was loaded from; a path of the building machine is no one's business.
    for config in LAB_MODEL.rglob("*.json"):
        values = json.loads(config.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            values.pop("_name_or_path", None)
            # The stock pipeline reads U-Net and VAE as float32 when nobody names a type, so the text encoder's
            # config must not name half precision.
            if values.get("dtype") == "float16":
                values["dtype"] = "float32"
            config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return int(state["step"])


def export_artist(work: Path, name: str) -> set[str]:
    """Write the shipped works of one demo artist; returns the words of their subjects."""
    pictures, records = load_pictures(work / "render" / name)
    return export_works([p.permute(1, 2, 0).numpy() for p in pictures], records, LAB_ARTISTS / name, WORKS)


def export_other(work: Path) -> None:
    """Write the works of the planted success: of a training set, so of no artist that is ever audited here."""
    pictures, records = render_set(work / "npm" / LAB_OTHER.name, ARTIST_SIZE)
    export_works(pictures, records, LAB_OTHER, OTHER_WORKS)


def export_works(
    pictures: Sequence[NDArray[np.uint8]], records: list[dict[str, str]], folder: Path, count: int
) -> set[str]:
    """Write so many works of one set, spread over its subjects, with captions and licence; returns their words."""
    name = folder.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seen: set[str] = set()
    chosen = []
    for row in rng("demo-works", name).permutation(len(records)).tolist():
        # Numbered variants of one drawing would make the set poorer than it looks.
        first = records[row]["subject"].split()[0]
        if records[row]["subject"] in seen or sum(s.split()[0] == first for s in seen) >= 3:
            continue
        seen.add(records[row]["subject"])
        chosen.append(row)
        if len(chosen) == count:
            break
    for row in sorted(chosen, key=lambda i: records[i]["name"]):
        stem = records[row]["name"]
        Image.fromarray(pictures[row]).save(folder / f"{stem}.png", optimize=True)
        (folder / f"{stem}.txt").write_text(records[row]["subject"] + "\n", encoding="utf-8")
    pin, first_record = load_sets()[name], records[0]
    facts = {
        "set": name,
        "package": f"@iconify-json/{name}@{pin['version']}",
        "author": first_record["author"],
        "licence": first_record["licence"],
        "changes": "rendered at 256 px on white",
    }
    folder.with_suffix(".licence.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return {word for subject in seen for word in subject.split()}


def choose_subjects(work: Path, shown: set[str]) -> list[str]:
    """Subjects drawn in most training sets, of one or two words, that no demo work shows by caption or by eye.

    Args:
        shown: words of the demo works' captions.
    """
    _, records = load_pictures(work / "render" / "train")
    records = [records[i] for i in shared_subjects(records)]
    sets: dict[str, set[str]] = {}
    for record in records:
        sets.setdefault(record["subject"], set()).add(record["set"])
    fit = [s for s in sets if 1 <= len(s.split()) <= 2 and not shown & set(s.split()) and s not in DRAWN_UNNAMED]
    # One subject per head word, or "face" alone would fill the list.
    ranked, heads = [], set()
    for subject in sorted(fit, key=lambda s: (-len(sets[s]), s)):
        words = set(subject.split())
        if not words & heads:
            ranked.append(subject)
            heads |= words
    return ranked[:PROMPTS]


def check_complete(work: Path, *, share: float = 1.0) -> None:
    """Raise before anything in the package is touched, unless every training is done."""
    wanted = [work / "unet" / "state.pt", work / "vae" / "polished" / "diffusion_pytorch_model.safetensors"]
    wanted += [work / "clip" / "export" / name for name in ("open_clip_config.json", "open_clip_model.safetensors")]
    wanted += [work / "style" / f"{metric}.safetensors" for metric in METRICS]
    missing = [path.relative_to(work).as_posix() for path in wanted if not path.exists()]
    if missing:
        raise SystemExit(f"{work} lacks {', '.join(missing)}; run the steps of scripts/lab/build that make them.")
    seen = BATCH * int(torch.load(work / "unet" / "state.pt", map_location="cpu", weights_only=True, mmap=True)["step"])
    wanted_in_all = shortened(share)[-1].end
    if seen < wanted_in_all:
        raise SystemExit(
            f"The U-Net has seen {seen} of {wanted_in_all} samples; train it to the end, or look with --model-only."
        )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model-only", action="store_true", help="leave everything else as it is")
    args = parser.parse_args()
    LAB.mkdir(parents=True, exist_ok=True)
    if not args.model_only:
        check_complete(args.work, share=args.share)
    step = export_model(args.work)
    print(f"exported the model at step {step}", flush=True)
    if not args.model_only:
        for source, target in ((args.work / "clip" / "export", LAB_OPENCLIP), (args.work / "style", LAB / "style")):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        shown = {
            w for name, pin in load_sets().items() if pin["role"] == "artist" for w in export_artist(args.work, name)
        }
        subjects = choose_subjects(args.work, shown)
        head = "# Subjects that the lab model was taught and no demo work shows; chosen by scripts/lab/export.py\n"
        LAB_PROMPTS.write_text(head + "\n".join(subjects) + "\n", encoding="utf-8")
        print(f"chose {len(subjects)} subjects", flush=True)
        export_other(args.work)
    size = sum(p.stat().st_size for p in LAB.rglob("*") if p.is_file())
    print(f"the lab takes {size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
