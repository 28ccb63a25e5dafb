"""Folders of small made-up pictures, in the formats that a stranger's folder holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from audit.base.rng import rng


def drawing(index: int, *, height: int = 72, width: int = 80) -> np.ndarray:
    """A made-up picture: soft colours with dark strokes, different for every index."""
    generator = rng("drawing", index)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(x * a + y * b + c) for a, b, c in generator.uniform(1, 9, (3, 3))]
    picture = np.stack(waves, axis=-1) * 60 + generator.uniform(90, 190, 3)
    for _ in range(6):
        cy, cx, radius = generator.uniform(0.1, 0.9, 3) * [1, 1, 0.3]
        ring = np.abs(np.hypot(y - cy, x - cx) - radius) < 0.02
        picture[ring] = generator.uniform(0, 80, 3)
    return picture.clip(0, 255).astype(np.uint8)


def write_originals(folder: Path, *, count: int = 12) -> Path:
    """`count` works as PNG, JPEG, WebP, palette, alpha, 16-bit grey, CMYK and EXIF-rotated files."""
    folder.mkdir(parents=True)
    for index in range(count):
        picture = Image.fromarray(drawing(index, height=64 + 4 * (index % 3)))
        stem = folder / f"red house {index}"
        match index % 8:
            case 0:
                picture.save(stem.with_suffix(".png"))
            case 1:
                picture.save(stem.with_suffix(".jpg"), quality=92)
            case 2:
                picture.save(stem.with_suffix(".webp"), lossless=True)
            case 3:
                picture.quantize(64).save(stem.with_suffix(".png"))
            case 4:
                picture.putalpha(200)
                picture.save(stem.with_suffix(".png"))
            case 5:
                grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
                Image.fromarray(grey).save(stem.with_suffix(".png"))
            case 6:
                picture.convert("CMYK").save(stem.with_suffix(".jpg"), quality=92)
            case _:
                exif = Image.Exif()
                exif[0x0112] = 6
                picture.save(stem.with_suffix(".jpg"), exif=exif, quality=92)
    return folder


def write_protected(folder: Path, *, count: int = 12) -> Path:
    """Plain originals in `folder`/originals and noisy copies under Glaze's names in `folder`/glazed."""
    originals, glazed = folder / "originals", folder / "glazed"
    originals.mkdir(parents=True)
    glazed.mkdir()
    for index in range(count):
        picture = drawing(index)
        noise = rng("glaze", index).integers(-10, 11, picture.shape)
        Image.fromarray(picture).save(originals / f"piece-{index}.png")
        after = (picture.astype(int) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(after).save(glazed / f"piece-{index}-glazed-intensity-{index % 3 + 1}-V1.png")
    return folder


def write_references(folder: Path, *, names: tuple[str, ...] = ("ann", "bob", "cy"), count: int = 5) -> Path:
    """A subfolder of made-up pictures for each of these artists."""
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            picture = Image.fromarray(drawing(1000 + 100 * number + index))
            picture.save(folder / name / f"{index}.png")
    return folder


SPEC = """
[training]
rank = 2
steps = 6
batch = 2
works = 6
warmup = 1
learning_rate = 0.01

[sampling]
steps = 3
"""


def write_spec(path: Path, *, text: str = "") -> Path:
    """A spec that makes a run on the tiny model take seconds. One seed, so that runs share what they can."""
    prompts = path.parent / "prompts.txt"
    prompts.write_text("cat\ncastle\ntree\n", encoding="utf-8")
    usual = 'prompts = "prompts.txt"\nprimary_metric = "channel_stats"\ngrid = ["default"]'
    path.write_text(f"{usual}\n{text}\n{SPEC}", encoding="utf-8")
    return path
