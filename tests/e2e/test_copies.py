"""`cloakcheck protect` and `treat` on real folders: names, sizes, nothing overwritten, what was done."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.cli import app
from audit.commands.copies import file_names
from audit.images import linf, open_picture
from audit.records import Copies
from tests.e2e.folders import write_originals


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    folder = write_originals(tmp_path_factory.mktemp("art") / "works", count=5)
    first = sorted(folder.iterdir())[0]
    Image.open(first).convert("RGB").save(folder / f"{first.stem}.webp", lossless=True)
    return folder


def call(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


def test_protect_writes_every_picture_once_at_its_size_and_tells_what_it_did(art, tiny_model, tmp_path):
    before = {p.name: p.read_bytes() for p in art.iterdir()}
    out = tmp_path / "copies"
    done = call(
        "protect", art, "encoder-pgd:9", "--out", out, "--model", tiny_model, "--steps", 2, "--store", tmp_path / "s",
        "--device", "cpu", "--declare",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(out)
    assert {p.name: p.read_bytes() for p in art.iterdir()} == before
    text = (out / "cloakcheck.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert str(tiny_model) not in text
    record = Copies.model_validate(json.loads(text))
    assert "not the tool" in record.caution
    assert record.declaration
    assert record.recipes[0].settings["steps"] == "2"
    assert len(record.files) == len(before)
    assert {p.name for p in out.iterdir()} == {f.file for f in record.files} | {"cloakcheck.json"}
    for entry in record.files:
        original, facts = open_picture(art / entry.source)
        copy, _ = open_picture(out / entry.file)
        assert copy.shape == original.shape == (facts.height, facts.width, 3)
        assert 0 < linf(original, copy) == entry.linf <= 9
        assert entry.reached[0].step == "encoder-pgd:9"


def test_treat_runs_a_chain_and_refuses_to_overwrite(art, tiny_model, tmp_path):
    words = ("treat", art, "bits:3+as-published:x", "--out", tmp_path / "out", "--model", tiny_model)
    words = (*words, "--store", tmp_path / "s", "--device", "cpu")
    assert call(*words).exit_code == 0
    kept = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    again = call(*words)
    assert again.exit_code == 2
    assert "out-not-empty" in again.stderr
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == kept
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("protect", "ART", "jpeg:50"), "treatment-option"),
        (("treat", "ART", "encoder-pgd:8"), "treatment-option"),
        (("treat", "ART", "jpeg:50+nothing"), "treatment-unknown"),
        (("protect", "ART", "encoder-pgd:8", "--steps", "0"), "spec-invalid"),
        (("protect", "ART", "encoder-pgd:8", "--crop", "round"), "spec-invalid"),
        (("protect", "ART", "encoder-pgd:8", "--surrogate", "nowhere"), "model-unknown"),
        (("treat", "nowhere", "jpeg:50"), "folder-missing"),
    ],
)
def test_bad_words_are_one_sentence_and_write_nothing(words, slug, art, tiny_model, tmp_path):
    named = [art if w == "ART" else w for w in words]
    done = call(*named, "--out", tmp_path / "out", "--model", tiny_model, "--store", tmp_path / "s", "--device", "cpu")
    assert done.exit_code == 2
    assert f"[{slug}]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_names_that_would_meet_keep_their_endings():
    assert file_names(["a.jpg", "b.png", "B.jpg", "c.tar.png"]) == ["a.png", "b.png.png", "B.jpg.png", "c.tar.png"]
    assert len(set(file_names([f"x.{e}" for e in ("png", "jpg", "webp")]))) == 3
    assert file_names(["cat.png", "cat.jpg", "cat.jpg.png"]) == ["cat.png.png", "cat.jpg.png", "cat.jpg (2).png"]


def test_a_folder_filled_meanwhile_is_not_touched(tmp_path, monkeypatch):
    from audit.commands import copies

    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(BadInput):
        copies._refuse_used(out)
    assert os.listdir(out) == ["mine.txt"]


def test_grey_and_transparent_pictures_of_one_row_are_no_surprise(tmp_path, tiny_model):
    folder = tmp_path / "odd"
    folder.mkdir()
    Image.fromarray(np.full((16, 300), 90, np.uint8)).save(folder / "grey.png")
    Image.fromarray(np.full((300, 16, 4), 90, np.uint8), "RGBA").save(folder / "alpha.png")
    done = call(
        "protect", folder, "denoiser-pgd:6", "--out", tmp_path / "out", "--model", tiny_model, "--steps", 1, "--store",
        tmp_path / "s", "--device", "cpu",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    record = Copies.model_validate(json.loads((tmp_path / "out" / "cloakcheck.json").read_text(encoding="utf-8")))
    assert {n.slug for n in record.notes} == {"picture-transparent", "reference-protection"}
    assert [(f.file, f.width, f.height) for f in record.files] == [("alpha.png", 16, 300), ("grey.png", 300, 16)]
