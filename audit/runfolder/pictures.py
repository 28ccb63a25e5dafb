"""The pictures of a run folder: generated ones, works that are held out, and what treatments do to works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from audit.base.files import read_bounded
from audit.images import decode_png, encode_png, pixels_digest
from audit.images.ai_mark import mark_generated
from audit.records import ImageSet, Plan, Work
from audit.store import Store, write_atomic

MOST_PNG_BYTES = 64 << 20
PREVIEW_SIDE = 384
"""Greatest side of the thumbnails of held-out works, px."""
CROP_SIDE = 512
"""Side of the 1:1 crops that show what a treatment does, px."""
SHOWN_HELD_OUT = 4
"""Held-out works of each replicate of which a picture is kept for raters."""
EXAMPLES = 3
"""Works shown with what each treatment made of them."""


def write_generated(store: Store, digest: str, path: Path) -> None:
    """Put a generated picture beside the report, marked as made by AI; one that was changed there is made again."""
    if not _shows(path, digest):
        write_atomic(path, mark_generated(encode_png(store.get_pixels(digest))))


def _shows(path: Path, digest: str) -> bool:
    """Whether a file is a PNG of these pixels."""
    try:
        return pixels_digest(decode_png(read_bounded(path, limit=MOST_PNG_BYTES))) == digest
    except (OSError, ValueError):
        return False


def example_works(plan: Plan) -> tuple[Work, ...]:
    """Works to show treatments on: of those that the first replicate does not hold out, the first whose delivered
    copies, if any, have the original's size.

    Crops of two sizes would show another part of the picture, and their difference nothing true.
    """
    sizes = {work.id: (work.width, work.height) for work in plan.works}
    other = {file.work for file in plan.protected if (file.width, file.height) != sizes[file.work]}
    fit = [work for work in plan.pool(1) if work.id not in other]
    return tuple(fit[:EXAMPLES])


def spread_out(works: Sequence[Work]) -> tuple[Work, ...]:
    """`SHOWN_HELD_OUT` of the works, evenly over their order."""
    count = min(SHOWN_HELD_OUT, len(works))
    return tuple(works[i * len(works) // count] for i in range(count))


def write_work_images(folder: Path, plan: Plan, store: Store) -> dict[str, str]:
    """Thumbnails of works that replicates hold out; work id -> file name.

    All that the first replicate holds out, for the report; of the others as many as raters are shown beside a pair.
    """
    named = {}
    others = [work for r in range(2, plan.replicates + 1) if plan.draw(r) for work in spread_out(plan.held_out(r))]
    for work in dict.fromkeys((*plan.held_out(1), *others)):
        named[work.id] = f"work-{work.id}.png"
        _write_work(folder / "images" / named[work.id], thumbnail(store.get_pixels(work.pixels)))
    return named


def write_treated_images(
    folder: Path, plan: Plan, treated: Mapping[str, ImageSet], store: Store
) -> dict[str, dict[str, str]]:
    """1:1 crops of the example works and of what each condition makes of them: condition -> work id -> file name.

    The works themselves stand under clean; a work may be an example in one run and held out in another.
    """
    examples = {work.id for work in example_works(plan)}
    found: dict[str, dict[str, str]] = {}
    for index, condition in enumerate(plan.conditions):
        images = treated[condition.name]
        if not condition.steps and condition.source != "protected-files" and condition.name != plan.clean:
            continue
        for work, digest in zip(images.works, images.pixels, strict=True):
            if work not in examples:
                continue
            name = f"treated-{index:02d}-{work}.png"
            _write_work(folder / "images" / name, centre_crop(store.get_pixels(digest)))
            found.setdefault(condition.name, {})[work] = name
    return found


def _write_work(path: Path, pixels: NDArray[np.uint8]) -> None:
    if not _shows(path, pixels_digest(pixels)):
        write_atomic(path, encode_png(pixels))


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink to at most `PREVIEW_SIDE` px a side; smaller pictures stay as they are."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def centre_crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle `CROP_SIDE` px square at full size (or all of a smaller picture)."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - CROP_SIDE) // 2), max(0, (width - CROP_SIDE) // 2)
    return np.ascontiguousarray(pixels[top : top + CROP_SIDE, left : left + CROP_SIDE])
