"""The run folder: default names, whose folder it is, examples of equal size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from audit.errors import BadInput
from audit.records import ArtistSet, ProtectedFile
from audit.runfolder import claim, default_folder, example_works
from tests.builders import digest, make_plan, make_work


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_same_plan_finds_its_folder_and_another_plan_gets_its_own():
    first, other = make_plan(), make_plan(preset="court")
    folder = default_folder("Ann Übermut <b>", first)
    assert folder.parts[0] == "reports"
    assert folder.name.endswith("-ann-bermut-b")
    claim(folder, first)
    assert default_folder("Ann Übermut <b>", first) == folder
    second = default_folder("Ann Übermut <b>", other)
    assert second.name == f"{folder.name}-2"
    folder.rename(folder.with_name("2020-01-01-ann-bermut-b"))
    assert default_folder("Ann Übermut <b>", first).name == "2020-01-01-ann-bermut-b"


@pytest.mark.parametrize("artist", ["", "///", "日本語", "a" * 500])
def test_any_name_gives_a_plain_folder_name(artist):
    name = default_folder(artist, make_plan()).name
    assert name.isascii()
    assert len(name) <= 60


def test_another_runs_folder_is_not_taken(tmp_path):
    claim(tmp_path / "out", make_plan())
    claim(tmp_path / "out", make_plan())
    with pytest.raises(BadInput) as caught:
        claim(tmp_path / "out", make_plan(preset="court"))
    assert caught.value.slug == "out-other-run"


def test_examples_are_works_whose_copy_has_the_originals_size():
    works = tuple(make_work(i) for i in range(5))

    def file(work, width):
        return ProtectedFile(
            work=work.id, name="p", sha256=digest("p"), pixels=digest("p"), width=width, height=256, matched_by="name"
        )

    artist = ArtistSet(artist="x", works=works, protected=tuple(file(w, 128 if w.id == "w001" else 256) for w in works))
    assert [w.id for w in example_works(artist)] == ["w000", "w002", "w003"]


def test_a_folder_that_another_process_works_in_is_refused(tmp_path):
    plan = make_plan()
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    code = (
        "import sys, pathlib\n"
        "from audit.records import Plan\n"
        "from audit.runfolder import claim\n"
        "claim(pathlib.Path(sys.argv[2]), Plan.model_validate_json(pathlib.Path(sys.argv[1]).read_text()))\n"
        "print('claimed', flush=True)\n"
        "sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "plan.json"), str(tmp_path / "run")]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as other:
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(BadInput) as caught:
            claim(tmp_path / "run", plan)
        other.kill()
    assert caught.value.slug == "out-busy"
    claim(tmp_path / "run", plan)
    claim(tmp_path / "run", plan)
