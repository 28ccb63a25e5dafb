"""Bad input through the command line: one sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.base.progress import Progress
from audit.cli import app
from audit.plan.spec import load_spec
from audit.stages.audit import run
from tests.e2e.folders import drawing, write_originals, write_protected, write_spec


def bomb() -> bytes:
    """A PNG whose header claims 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def empty(art: Path) -> None:
    for path in (art / "originals").iterdir():
        path.unlink()


def text_as_png(art: Path) -> None:
    (art / "originals" / "piece-99.png").write_text("not a picture")


def truncated(art: Path) -> None:
    path = art / "originals" / "piece-99.jpg"
    Image.fromarray(drawing(99, height=300, width=300)).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def huge(art: Path) -> None:
    (art / "originals" / "piece-99.png").write_bytes(bomb())


def symlink(art: Path) -> None:
    (art / "originals" / "piece-99.png").symlink_to("/etc/passwd")


def few(art: Path) -> None:
    for path in sorted((art / "originals").iterdir())[4:]:
        path.unlink()


def other_shape(art: Path) -> None:
    path = sorted((art / "glazed").iterdir())[0]
    Image.open(path).resize((40, 72)).save(path)


def other_work(art: Path) -> None:
    path = sorted((art / "glazed").iterdir())[0]
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 255, (72, 80, 3)).astype(np.uint8)).save(path)


def nothing(art: Path) -> None:
    pass


CASES = [
    ("empty folder", empty, [], "folder-empty"),
    ("text renamed to .png", text_as_png, [], "picture-not-an-image"),
    ("truncated JPEG", truncated, [], "picture-truncated"),
    ("decompression bomb", huge, [], "picture-too-large"),
    ("symlink out of the folder", symlink, [], "picture-symlink"),
    ("too few works", few, [], "too-few-works"),
    ("protected copy of another shape", other_shape, [], "protected-other-shape"),
    ("protected copy of another work", other_work, [], "protected-other-work"),
    ("unknown model", nothing, ["--model", "sd99"], "model-unknown"),
    ("unknown protection", nothing, ["--protect", "glaze"], "treatment-unknown"),
    ("protection as countermeasure", nothing, ["--against", "encoder-pgd"], "treatment-option"),
    ("unknown metric", nothing, ["--primary-metric", "vibes"], "metric-unknown"),
    ("unknown preset", nothing, ["--preset", "huge"], "preset-unknown"),
    ("no such device", nothing, ["--device", "abacus"], "device-missing"),
    ("no replicates", nothing, ["--replicates", "0"], "spec-invalid"),
    ("missing prompts", nothing, ["--prompts", "nowhere.txt"], "prompts-unreadable"),
    ("same condition twice", nothing, ["--control", "null", "--control", "null"], "condition-twice"),
]


@pytest.mark.parametrize(("what", "spoil", "more", "slug"), CASES, ids=[c[0] for c in CASES])
def test_one_sentence_and_nothing_written(what, spoil, more, slug, tiny_model, tmp_path):
    art = write_protected(tmp_path / "art")
    spoil(art)
    spec = write_spec(tmp_path / "audit.toml")
    out = tmp_path / "out"
    args = ["run", "--originals", art / "originals", "--protected", art / "glazed", "--spec", spec]
    args += ["--model", tiny_model, "--out", out, "--store", tmp_path / "store", *more]
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == 2, done.output
    assert f"[{slug}]" in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("cloakcheck: ")
    assert done.stdout == ""
    assert str(tmp_path) not in last
    assert not out.exists()


def test_without_any_protection_there_is_nothing_to_test(tiny_model, tmp_path):
    originals = write_originals(tmp_path / "art")
    done = CliRunner().invoke(
        app, ["run", "--originals", str(originals), "--model", str(tiny_model), "--store", str(tmp_path / "s")]
    )
    assert done.exit_code == 2
    assert "[nothing-to-test]" in done.stderr


def test_originals_are_needed():
    done = CliRunner().invoke(app, ["run", "--protect", "encoder-pgd"])
    assert done.exit_code == 2
    assert "[originals-missing]" in done.stderr


@pytest.mark.parametrize("content", ["originals = 3", "no toml at all", "surprise = 1\noriginals = 'x'"])
def test_a_bad_spec_file(content, tmp_path):
    (tmp_path / "audit.toml").write_text(content)
    done = CliRunner().invoke(app, ["run", "--spec", str(tmp_path / "audit.toml")])
    assert done.exit_code == 2
    assert "[spec-" in done.stderr


def test_a_folder_with_another_run_is_left_alone(tiny_model, tmp_path):
    art = write_protected(tmp_path / "art")
    out = tmp_path / "out"
    out.mkdir()
    (out / "diary.txt").write_text("mine")
    args = ["run", "--originals", art / "originals", "--protected", art / "glazed", "--model", tiny_model]
    args += ["--out", out, "--store", tmp_path / "store", "--spec", write_spec(tmp_path / "audit.toml")]
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == 2
    assert "[out-not-empty]" in done.stderr
    assert [p.name for p in out.iterdir()] == ["diary.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_out_folder(tiny_model, tmp_path):
    art = write_protected(tmp_path / "art")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    args = ["run", "--originals", art / "originals", "--protected", art / "glazed", "--model", tiny_model]
    args += ["--out", locked / "out", "--store", tmp_path / "s", "--spec", write_spec(tmp_path / "audit.toml")]
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == 2
    assert "[folder-unwritable]" in done.stderr


@pytest.mark.parametrize("content", [None, '{"schema_version": 2}', '{"schema_version": 1', "[]"])
def test_results_that_are_none(content, tmp_path):
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    done = CliRunner().invoke(app, ["judge", str(tmp_path)])
    assert done.exit_code == 2
    assert "[results-" in done.stderr


def test_a_run_begins_only_when_it_was_told_what_it_can_answer_and_agreed_to(tiny_model, tmp_path):
    art = write_protected(tmp_path / "art")
    options = {
        "originals": art / "originals", "protected": art / "glazed", "model": str(tiny_model), "preset": "quick",
        "out": tmp_path / "out", "store": tmp_path / "store", "declare": True,
    }  # fmt: skip
    told = io.StringIO()
    with pytest.raises(BadInput) as caught:
        run(load_spec(options, write_spec(tmp_path / "audit.toml")), Progress(told), agreed=lambda: False)
    assert caught.value.slug == "run-not-begun"
    assert "This audit will give no verdict word: " in told.getvalue()
    assert "a word needs 6 runs" in told.getvalue()
    assert "This takes about" in told.getvalue()
    assert "training-begins" not in (tmp_path / "out" / "events.jsonl").read_text()
    assert not (tmp_path / "store" / "steps" / "adapter").exists()
