"""`cloakcheck score` through the real command line: whole, resumed, hostile, private."""

from __future__ import annotations

import getpass
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.cli import app
from audit.evidence.privacy import COMMON_NAMES, metadata_kinds
from audit.records import ScoreResults
from audit.report.lint import banned_claims, visible_text
from tests.e2e.folders import drawing, write_references
from tests.e2e.test_privacy import SECRET, write_telling


def invoke(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    """Originals that tell a lot, a service's pictures of seven prompts with and without a name, five others."""
    folder = tmp_path_factory.mktemp("art")
    write_telling(folder / "originals")
    for number, group in enumerate(("named", "control", "other")):
        (folder / group).mkdir()
        for index in range(14):
            picture = Image.fromarray(drawing(100 * (number + 1) + index))
            picture.save(folder / group / f"prompt {chr(97 + index // 2)}_{index % 2}.png")
    write_references(folder / "references")
    return folder


@pytest.fixture(scope="module")
def finished(art, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    args = ["score", "--originals", art / "originals", "--generated", art / "named", "--controls", art / "control",
            "--other-name", art / "other", "--reference-artists", art / "references", "--service", "Midjourney",
            "--artist", "A. <b>Nonymous</b>", "--out", folder / "out", "--store", folder / "store"]  # fmt: skip
    return args, folder / "out", invoke(*args)


def test_a_score_from_folders_to_report(finished):
    _, out, done = finished
    assert done.exit_code in (0, 3), done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "report.html")
    results = ScoreResults.model_validate_json((out / "score.json").read_text())
    assert results.verdict is not None
    assert (results.verdict.label == "not-valid") == (done.exit_code == 3)
    assert len(results.plan.pictures) == 42
    assert results.plan.side == 72
    assert {e.n for e in results.estimates if e.name == "style_score"} == {7}
    assert json.loads((out / "score.schema.json").read_text())["title"] == "ScoreResults"
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "<b>Nonymous</b>" not in html
    assert banned_claims(visible_text(html)) == []
    assert len(list((out / "images").iterdir())) == 7 * 3 + 4


def test_nothing_that_the_files_tell_is_written(finished):
    _, out, _ = finished
    forbidden = [SECRET.encode(), str(out.parent).encode(), str(Path.home()).encode() + b"/"]
    if len(getpass.getuser()) > 5 and getpass.getuser().lower() not in COMMON_NAMES:
        forbidden.append(getpass.getuser().encode())
    for path in [p for p in out.rglob("*") if p.is_file()]:
        data = path.read_bytes()
        assert not [word for word in forbidden if word in data], path
        if path.suffix == ".png":
            assert metadata_kinds(data) == [], path


def test_again_gives_the_same_and_judge_and_report_need_the_record_alone(finished):
    args, out, _ = finished
    html = (out / "report.html").read_text(encoding="utf-8")
    assert invoke(*args).exit_code in (0, 3)
    again = json.loads((out / "score.json").read_text())
    assert again["provenance"]["steps_run"] == 0
    (out / "report.html").unlink()
    assert invoke("report", out).exit_code == 0
    assert invoke("judge", out).exit_code in (0, 3)
    digests = re.compile(r"[0-9a-f]{12,}|\d{2}:\d{2}|\d+ seconds?")
    written = (out / "report.html").read_text(encoding="utf-8")
    assert digests.sub("", visible_text(written)) == digests.sub("", visible_text(html))
    assert invoke("report", out, "--lang", "de").exit_code == 0
    assert invoke("judge", out, "--margin", "held=0.3").exit_code == 2


def test_a_sheet_with_sessions(art, tmp_path):
    lines = ["file,prompt,session"]
    lines += [f"prompt {chr(97 + i // 2)}_{i % 2}.png,p{i // 2},day {i % 2}" for i in range(14)]
    (tmp_path / "sheet.csv").write_text("\n".join(lines) + "\n")
    args = ["score", "--originals", art / "originals", "--generated", art / "named", "--controls", art / "control",
            "--sheet", tmp_path / "sheet.csv", "--unit", "prompt-session", "--json", "--out", tmp_path / "out",
            "--store", tmp_path / "store"]  # fmt: skip
    done = invoke(*args)
    assert done.exit_code in (0, 3), done.stderr
    assert json.loads(done.stdout)["report"].endswith("report.html")
    results = ScoreResults.model_validate_json((tmp_path / "out" / "score.json").read_text())
    assert {e.n for e in results.estimates if e.name == "score_difference"} == {14}
    assert "Sessions were counted" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        (["--unit", "picture"], "spec-invalid"),
        (["--unit", "prompt-session"], "sessions-missing"),
        (["--primary-metric", "beauty"], "metric-unknown"),
        (["--sheet", "missing.csv"], "sheet-unreadable"),
        (["--controls", "missing"], "folder-missing"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(art, tmp_path, change, slug):
    args = ["--originals", art / "originals", "--generated", art / "named", "--out", tmp_path / "out"]
    done = invoke("score", *args, "--store", tmp_path / "store", *change)
    assert done.exit_code == 2
    assert done.stderr.strip().splitlines()[-1].endswith(f"[{slug}]")
    assert not (tmp_path / "out").exists()
    assert str(tmp_path) not in done.stderr


def test_what_it_lacks_or_cannot_take_is_told_with_its_own_help(art, tmp_path):
    lacking = invoke("score", "--originals", art / "originals", "--out", tmp_path / "out")
    unfit = invoke("score", "--originals", art, "--generated", art, "--unit", "picture", "--out", tmp_path / "out")
    for done, slug, option in ((lacking, "generated-missing", "--generated"), (unfit, "spec-invalid", "unit")):
        (told,) = done.stderr.strip().splitlines()
        assert (done.exit_code, told.endswith(f"[{slug}]")) == (2, True)
        assert option in told
        assert "`cloakcheck score --help`" in told


def test_hostile_pictures_are_refused_as_elsewhere(art, tmp_path):
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    args = ["score", "--originals", art / "originals", "--generated", folder, "--out", tmp_path / "out"]
    done = invoke(*args, "--store", tmp_path / "store")
    assert done.exit_code == 2
    assert "[picture-" in done.stderr
    (folder / "cat.png").unlink()
    (folder / "cat.png").symlink_to(art / "named" / "prompt a_0.png")
    assert "[picture-symlink]" in invoke(*args, "--store", tmp_path / "store").stderr


def test_without_controls_it_only_describes(art, tmp_path):
    done = invoke("score", "--originals", art / "originals", "--generated", art / "named", "--out", tmp_path / "out",
                  "--store", tmp_path / "store", "--reference-artists", art / "references")  # fmt: skip
    results = ScoreResults.model_validate_json((tmp_path / "out" / "score.json").read_text())
    assert results.verdict is not None
    assert results.verdict.label in ("described", "not-valid"), done.stderr
    assert not [e for e in results.estimates if e.name == "closeness_share"]
    assert np.isfinite([e.value for e in results.estimates if e.name == "recognised_rate"]).all()
