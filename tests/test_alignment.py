"""Copies that were moved or cropped are told; what a cloak, JPEG or a resize does is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from audit.collect import collect
from audit.collect.alignment import moved, sketch
from audit.conditions.counter.jpeg import through_jpeg
from audit.images import open_picture, pixels_digest
from audit.models.cards import LAB_ARTISTS

WORKS = [open_picture(path)[0] for path in sorted((LAB_ARTISTS / "streamline-stickies-color").glob("*.png"))[:6]]


def noisy(picture, level=12, cell=1):
    size = (picture.shape[0] // cell, picture.shape[1] // cell, 3)
    signs = np.random.default_rng(0).integers(0, 2, size=size) * 2 - 1
    return (picture + signs.repeat(cell, 0).repeat(cell, 1) * level).clip(0, 255).astype(np.uint8)


def cropped(picture, share):
    height, width = picture.shape[:2]
    down, right = int(height * share), int(width * share)
    part = picture[down : height - down, right : width - right]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC)


HARMLESS = {
    "the same": lambda p: p,
    "a cloak": lambda p: noisy(p, 16),
    "a coarse cloak": lambda p: noisy(p, 32, cell=8),
    "jpeg": lambda p: through_jpeg(p, quality=30, subsampling="4:2:0"),
    "another size": lambda p: cv2.resize(p, (200, 200), interpolation=cv2.INTER_AREA),
    "brighter": lambda p: (p * 0.8 + 30).astype(np.uint8),
    "flat": lambda p: np.full_like(p, 128),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_happens_to_every_cloaked_file_raises_nothing(what):
    assert [moved(sketch(p), sketch(HARMLESS[what](p))) for p in WORKS] == [None] * len(WORKS)


@pytest.mark.parametrize("pixels", [2, 6, 14])
def test_a_shift_is_found_and_measured(pixels):
    for work in WORKS:
        found = moved(sketch(work), sketch(noisy(np.roll(work, pixels, axis=1))))
        assert found is not None
        assert found.shift == pytest.approx(pixels / 256, abs=0.006)
        assert not found.cropped


@pytest.mark.parametrize("share", [0.02, 0.05, 0.08])
def test_a_crop_is_found_and_measured(share):
    for work in WORKS:
        found = moved(sketch(work), sketch(noisy(cropped(work, share))))
        assert found is not None
        assert found.cropped
        assert found.scale == pytest.approx(1 / (1 - 2 * share), rel=0.03)


def test_the_pairing_table_and_the_notes_tell_which_copies_were_moved(tmp_path):
    originals, copies = tmp_path / "o", tmp_path / "p"
    originals.mkdir()
    copies.mkdir()
    for index, path in enumerate(sorted((LAB_ARTISTS / "streamline-stickies-color").glob("*.png"))[:11]):
        work = open_picture(path)[0]
        Image.fromarray(work).save(originals / f"work {index}.png")
        made = {0: lambda w: np.roll(w, 5, axis=0), 1: lambda w: cropped(w, 0.04)}.get(index, lambda w: w)(work)
        Image.fromarray(noisy(made)).save(copies / f"work {index}.png")
    found = collect(originals=originals, protected={"protected": copies}, artist="x", save=pixels_digest)
    notes = {n.slug: n for n in found.notes}
    assert notes["protected-misaligned"].work == "w000"
    assert "work 1.png" in notes["protected-cropped"].sentence
    table = {p.work: p for p in found.protected}
    assert table["w000"].shift == pytest.approx(5 / 256, abs=0.006)
    assert table["w001"].scale > 1.05
    assert [(p.shift, p.scale) for p in found.protected if p.work > "w001"] == [(0.0, 1.0)] * 9
