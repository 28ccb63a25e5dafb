"""The first hour: the guided start, its starters, going on by folder, and words for what is mistyped."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from audit.base.errors import BadInput
from audit.base.messages import render
from audit.cli import app, usage
from audit.cli.start import typed_path
from audit.commands.starter import write_starter
from audit.plan.early_refusals import refuse_early
from audit.plan.spec import Spec
from audit.plan.unfinished import drop_command, keep_command, read_command
from audit.runfolder import COMMAND, claim
from audit.store.owners import Owner, keep_owner
from tests.builders import make_plan
from tests.works import cloak, put, work

ROOT = Path(__file__).resolve().parent.parent


def two_folders(at: Path, *, works: int = 10) -> tuple[Path, Path]:
    originals, copies = at / "my art", at / "my art glazed"
    for i in range(works):
        put(originals / f"p{i}.png", work(i))
        put(copies / f"p{i}-glazed-intensity-3-V2.png", cloak(work(i)))
    return originals, copies


@pytest.mark.parametrize(
    ("typed", "windows"),
    [
        ("{folder}", False),
        ("  '{folder}' ", False),
        ('"{folder}"', False),
        ("{escaped} ", False),
        ("file://{url}", False),
        ('& "{folder}"', True),
        ('"{folder}"', True),
    ],
)
def test_a_path_that_was_dragged_into_the_window(tmp_path, typed, windows):
    folder = tmp_path / "my art (new)"
    folder.mkdir()
    shown = str(folder)
    text = typed.format(folder=shown, url=shown.replace(" ", "%20"), escaped=shlex.quote(shown).strip("'"))
    if "escaped" in typed:
        text = "".join(f"\\{c}" if c in " ()" else c for c in shown) + " "
    assert typed_path(text, windows=windows) == folder


def test_each_answer_is_looked_at_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    originals, copies = two_folders(tmp_path)
    # A folder that is not there, the two the wrong way round, then nobody answers any more.
    answers = [str(tmp_path / "nowhere"), str(copies), str(originals), str(originals), str(copies)]
    done = CliRunner().invoke(app, ["start"], input="\n".join(answers) + "\n")
    assert done.exit_code == 2
    assert "no 'nowhere' in" in done.output
    assert "seem swapped" in done.output
    assert "Found 10 originals and 10 protected copies." in done.output
    assert "[start-unanswered]" in done.output
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_a_starter_names_the_program_by_its_whole_path(tmp_path, system):
    program, reports = tmp_path / "a $b 100%" / "python", tmp_path / "my reports"
    path = write_starter(tmp_path, program=program, reports=reports, page=False, system=system)
    assert write_starter(tmp_path, program=program, reports=reports, page=False, system=system) == path
    text = path.read_bytes().decode("utf-8")
    assert os.access(path, os.X_OK)
    if system == "win32":
        assert text.count("\r\n") == text.count("\n")
        assert f'"{program}"'.replace("%", "%%") in text
    if system == "darwin":
        assert shlex.split(text.splitlines()[-1])[1] == str(program)
    if system == "linux":
        (line,) = [row for row in text.splitlines() if row.startswith("Exec=")]
        # As desktops read it: a value, then a command with four escapes, then field codes.
        command = line.removeprefix("Exec=").replace("\\\\", "\\").replace("%%", "%")
        quoted = command.removesuffix(" -P -m audit start --wait")
        read = subprocess.run(["sh", "-c", f"printf %s {quoted}"], capture_output=True, text=True, check=True)
        assert read.stdout == str(program)


@pytest.mark.skipif(sys.platform != "linux", reason="runs the shell's starter")
def test_a_starter_starts(tmp_path):
    path = write_starter(tmp_path, program=Path(sys.executable), reports=tmp_path, page=False, system="darwin")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([str(path)], input="", capture_output=True, text=True, env=env, timeout=300, check=False)
    assert "drag their folder into this window" in done.stderr
    assert "[start-unanswered]" in done.stderr


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_a_starter_opens_the_page_where_it_can_be_had(tmp_path, system):
    path = write_starter(tmp_path, program=Path(sys.executable), reports=tmp_path, page=True, system=system)
    assert "-P -m audit start --page --wait" in path.read_text()


def test_a_starter_writes_over_nothing_of_another_making(tmp_path):
    (tmp_path / "CloakCheck.desktop").write_text("mine")
    with pytest.raises(BadInput, match="already") as caught:
        write_starter(tmp_path, program=Path(sys.executable), reports=tmp_path, page=False, system="linux")
    assert caught.value.slug == "starter-exists"


def test_a_run_goes_on_by_its_folder_alone(tmp_path, monkeypatch):
    originals, copies = two_folders(tmp_path)
    store, out, plan = tmp_path / "store", tmp_path / "run", make_plan()
    monkeypatch.chdir(tmp_path)
    spec = Spec(originals=Path("my art"), protected={"protected": Path("my art glazed")}, store=Path("store"))
    claim(out, plan)
    keep_command(spec, out)
    monkeypatch.chdir(out)
    with pytest.raises(BadInput) as caught:  # the store does not know of it: it came from elsewhere
        read_command(out)
    assert caught.value.said.id == "resume-unknown"
    keep_owner(store, Owner(artist="a", plan_sha256=plan.digest(), folder=str(out.resolve()), pictures=()))
    found = read_command(out)
    assert (found.originals, found.protected["protected"], found.store, found.out) == (originals, copies, store, out)
    drop_command(out)
    (out / "results.json").write_text("{}")
    assert not (out / COMMAND).exists()
    with pytest.raises(BadInput) as caught:
        read_command(out)
    assert caught.value.said.id == "resume-unknown.ended"
    with pytest.raises(BadInput) as caught:
        read_command(originals)
    assert caught.value.said.id == "resume-unknown.no-run"


def test_swapped_folders_and_no_protection_are_seen_before_anything_large_is_loaded(tmp_path):
    originals, copies = two_folders(tmp_path)
    for spec, slug in (
        (Spec(originals=copies, protected={"protected": originals}), "folders-swapped"),
        (Spec(originals=originals), "nothing-to-test"),
    ):
        with pytest.raises(BadInput) as caught:
            refuse_early(spec)
        assert caught.value.slug == slug
    absent = Spec(originals=originals, protected={"protected": copies}, captions=tmp_path / "words.csv")
    with pytest.raises(BadInput, match=r"'words\.csv' does not exist"):
        refuse_early(absent)
    assert refuse_early(Spec(originals=originals, protected={"protected": copies})) == ()


def test_whoever_has_hundreds_of_works_is_told_how_many_do(tmp_path):
    for folder in ("art", "safe"):
        (tmp_path / folder).mkdir()
        for number in range(300):
            (tmp_path / folder / f"{number}.png").touch()
    (said,) = refuse_early(Spec(originals=tmp_path / "art", protected={"protected": tmp_path / "safe"}))
    assert "300 works" in render(said)
    assert "one in every 5" in render(said)


@pytest.mark.parametrize(
    ("words", "slug", "told"),
    [
        (["runn"], "usage-command", "'run'"),
        (["zzzz"], "usage-command", "cloakcheck start"),
        (["run", "--original", "a"], "usage-option", "'--originals'"),
        (["run", "--protected"], "usage-value", "--protected"),
        (["run", "--yes=3"], "usage-value", "alone"),
        (["verify"], "usage-missing", "BUNDLE"),
        (["captions", "art"], "usage-missing", "also needs --out"),
        (["export-adapter", "run", "clean"], "usage-missing", "also needs --out"),
        (["run", "--replicates", "x"], "usage-unfit", "--replicates"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_told_in_one_sentence(words, slug, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cloakcheck", *words])
    assert usage.call(app) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"[{slug}]")
    assert told in line


def test_whatever_is_missing_or_unfit_has_a_name():
    """Some kinds of parameters lack what others have, and only a command that needs one shows it."""
    for command in typer.main.get_command(app).commands.values():  # type: ignore[attr-defined]
        for param in command.params:
            for kind, slug in (("MissingParameter", "usage-missing"), ("BadParameter", "usage-unfit")):
                told = usage._told(type(kind, (Exception,), {"param": param, "message": "so"})())
                assert told.slug == slug
                assert (param.opts[0] if param.opts[0].startswith("-") else param.metavar or param.name) in str(told)
