"""Render the fetched sets to pictures with captions, licence and author kept per picture.

Training sets become one tensor file, `render/train.safetensors` (uint8, (N, 3, 64, 64)), with
`render/train.json` beside it; artists likewise at 256 px, the size that CloakCheck ships.

Run: python -m scripts.lab.render --work DIR
"""

from __future__ import annotations

import argparse
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from scripts.lab.fetch import load_sets

TRAIN_SIZE = 64
ARTIST_SIZE = 256
# Skin tones, flags and keycaps are hundreds of near copies each; they teach no subject. Fluent Emoji name their
# skin tones otherwise ("-medium-dark"), so 1,533 of the shipped lab's 17,579 pictures are such variants.
DROPPED = re.compile(r"skin-tone|^flag|-flag-|flag-for|keycap|^regional|letter-|^input-|clock-?face")
VARIANT_WORDS = {"duo", "flat", "fill", "filled", "color", "alt", "streamline", "icon", "remix", "freehand"}


def subject_of(name: str) -> str:
    """Turn an icon name into a subject of at most five plain words; '' when nothing is left."""
    words = [w for w in re.split(r"[^a-z]+", name.lower()) if w and w not in VARIANT_WORDS]
    return " ".join(words[:5])


def render_icon(body: str, width: float, height: float, left: float, top: float, size: int) -> np.ndarray[Any, Any]:
    """Rasterise one SVG body on white; returns uint8 (size, size, 3)."""
    import resvg_py  # of the `lab` extra, which who only reads this module's rules need not have

    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{size}" height="{size}">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    return np.asarray(canvas.convert("RGB").resize((size, size), Image.Resampling.LANCZOS))


def render_set(folder: Path, size: int) -> tuple[list[np.ndarray[Any, Any]], list[dict[str, str]]]:
    """Render every kept icon of one set; returns pictures and their records in the same order."""
    icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    info = json.loads((folder / "info.json").read_text(encoding="utf-8"))
    pictures, records = [], []
    seen: set[str] = set()
    for name, icon in sorted(icons["icons"].items()):
        subject = subject_of(name)
        if DROPPED.search(name) or not subject or icon.get("hidden") or icon["body"] in seen:
            continue
        seen.add(icon["body"])
        picture = render_icon(
            icon["body"],
            icon.get("width", icons.get("width", 16)),
            icon.get("height", icons.get("height", 16)),
            icon.get("left", 0),
            icon.get("top", 0),
            size,
        )
        if picture.std() < 4:  # an animation's first frame can be blank
            continue
        pictures.append(picture)
        records.append(
            {
                "set": folder.name,
                "name": name,
                "subject": subject,
                "author": info["author"]["name"],
                "licence": info["license"]["spdx"],
            }
        )
    return pictures, records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-work"))
    work: Path = parser.parse_args().work
    out = work / "render"
    out.mkdir(parents=True, exist_ok=True)
    pictures, records = [], []
    for name, pin in load_sets().items():
        size = TRAIN_SIZE if pin["role"] == "train" else ARTIST_SIZE
        rendered, found = render_set(work / "npm" / name, size)
        print(f"rendered {name}: {len(rendered)} pictures at {size} px", flush=True)
        if pin["role"] == "train":
            pictures += rendered
            records += found
        else:
            save(out / name, rendered, found)
    save(out / "train", pictures, records)


def save(stem: Path, pictures: list[np.ndarray[Any, Any]], records: list[dict[str, str]]) -> None:
    """Write one tensor file and its records."""
    stack = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    save_file({"pictures": stack}, stem.with_suffix(".safetensors"))
    stem.with_suffix(".json").write_text(json.dumps(records, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
