"""The run folder: default names, whose folder it is, examples of equal size."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from audit.base.errors import BadInput
from audit.images import decode_png, encode_png
from audit.records import ProtectedFile
from audit.runfolder import claim, default_folder
from audit.runfolder.event_log import log_event
from audit.runfolder.pictures import example_works, write_generated
from audit.store import Store
from tests.builders import digest, make_plan, make_work


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_same_plan_finds_its_folder_and_another_plan_gets_its_own():
    first, other = make_plan(), make_plan(preset="court")
    folder = default_folder("Ann Übermut <b>", first)
    assert folder.parts[0] == "reports"
    assert folder.name.endswith("-ann-übermut-b")
    claim(folder, first)
    assert default_folder("Ann Übermut <b>", first) == folder
    second = default_folder("Ann Übermut <b>", other)
    assert second.name == f"{folder.name}-2"
    folder.rename(folder.with_name("2020-01-01-ann-übermut-b"))
    assert default_folder("Ann Übermut <b>", first).name == "2020-01-01-ann-übermut-b"


@pytest.mark.parametrize(
    ("artist", "slug"),
    [
        ("", "artist"), ("///", "artist"), ("a" * 500, "a" * 40), ("日本語", "日本語"),
        ("Мария Иванова", "мария-иванова"),
        ("राम", "राम"), ("Zoe\u0308", "zoë"), ("CON", "con"), ("a\u202eb\u200dc", "abc"), ("x. ", "x"),
        ("🎨", "artist"),
        ('a<>:"/\\|?*b', "a-b"), ("\U00020000" * 60, "\U00020000" * 30),
    ],
)  # fmt: skip
def test_any_name_gives_a_folder_that_every_system_takes(artist, slug):
    name = default_folder(artist, make_plan()).name
    assert name[11:] == slug
    assert len(name.encode()) <= 140


def test_artists_of_other_scripts_do_not_share_a_folder():
    assert default_folder("日本語", make_plan()) != default_folder("Мария", make_plan())


def test_a_disk_that_gives_names_in_another_form_is_gone_on_with():
    folder = default_folder("Zoë", make_plan())
    claim(folder, make_plan())
    folder.rename(folder.with_name(unicodedata.normalize("NFD", folder.name)))
    assert unicodedata.normalize("NFC", default_folder("Zoë", make_plan()).name) == folder.name


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

    protected = tuple(file(w, 128 if w.id == "w001" else 256) for w in works)
    plan = make_plan(works=works).model_copy(update={"protected": protected})
    assert [w.id for w in example_works(plan)] == ["w000", "w002", "w003"]


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


def test_a_claim_that_was_cut_short_is_gone_on_with(tmp_path):
    plan, out = make_plan(), tmp_path / "out"
    (out / "images").mkdir(parents=True)
    (out / ".plan.json.0123").write_text("{")
    claim(out, plan)
    (out / "events.jsonl").unlink()
    claim(out, plan)
    claim(out, plan)
    told = [json.loads(line)["event"] for line in (out / "events.jsonl").read_text().splitlines()]
    assert told == ["plan-fixed", "resumed"]


def test_a_log_of_trainings_is_never_told_of_the_plan_afterwards(tmp_path):
    plan, out = make_plan(), tmp_path / "out"
    claim(out, plan)
    (out / "events.jsonl").unlink()
    log_event(out, "training-begins", {})
    claim(out, plan)
    assert "plan-fixed" not in (out / "events.jsonl").read_text()


@pytest.mark.parametrize("other", [b"", b"no picture"])
def test_a_picture_that_was_changed_beside_the_report_is_made_again(tmp_path, other):
    store = Store(tmp_path / "store")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    name, path = store.put_pixels(pixels), tmp_path / "p.png"
    for data in (other, encode_png(255 - pixels)):
        path.write_bytes(data)
        write_generated(store, name, path)
        assert np.array_equal(decode_png(path.read_bytes()), pixels)
    made = path.stat().st_mtime_ns
    write_generated(store, name, path)
    assert path.stat().st_mtime_ns == made
