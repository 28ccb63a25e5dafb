"""The command line before any work: what is dropped by other programs is refused, and mistakes are told at once."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import audit.__main__ as program
import audit.cli
from audit.base import ending
from audit.base.files import gap_of, of_file_manager
from audit.cli import app
from audit.cli.told import one_sentence
from tests.works import put, work


def said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    return done.stderr


def works(folder: Path, count: int = 10) -> Path:
    for seed in range(count):
        put(folder / f"piece {seed}.png", work(seed))
    return folder


def test_no_value_is_dropped_without_a_word(tmp_path):
    assert "[option-twice]" in said("run", "--originals", "a", "--originals", "b")
    twice = said("run", "--originals", works(tmp_path / "a"), "--protected", "b", "--protected", tmp_path / "nowhere")
    assert "[arm-twice]" in twice
    assert "--protected NAME=FOLDER" in twice


def test_a_path_with_spaces_is_told_to_need_quotation_marks():
    sentence = said("run", "--originals", "my", "art", "and more", "--protected", "b")
    assert "[words-left-over]" in sentence
    assert "'art', 'and more'" in sentence


def test_options_that_may_be_repeated_still_may(tmp_path):
    answer = said("run", "--originals", works(tmp_path / "a"), "--protect", "nosuch", "--protect", "other")
    assert "[treatment-unknown]" in answer


MISTAKES = [
    (["--protected", "nowhere"], "folder-missing"),
    (["--protected", "artt"], "folder-missing"),
    (["--protected", 'art" --artist Ann'], "folder-missing"),
    (["--model", "models/sd15.safetensors"], "model-unknown"),
    (["--model", "art/notes.md"], "model-unknown"),
    (["--model", "art"], "model-unknown"),
    (["--model", "sdxxl"], "model-unknown"),
]


@pytest.mark.parametrize(("words", "slug"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_what_is_absent_is_told_before_anything_large_is_loaded(words, slug, tmp_path):
    works(tmp_path / "art")
    (tmp_path / "art" / "notes.md").write_text("x")
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('loaded', *{'torch', 'diffusers'} & set(sys.modules)))\n"
        "from audit.cli import app\n"
        "app(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "--originals", "art", "--protect", "encoder-pgd", *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(audit.cli.__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"[{slug}]" in done.stderr
    assert done.stdout.split() == ["loaded"]


def test_an_absent_path_is_told_by_its_first_missing_part(tmp_path):
    (tmp_path / "Pictures").mkdir()
    gap = gap_of(tmp_path / "picture" / "art")
    assert (gap.missing, gap.within, gap.similar) == ("picture", tmp_path.name, "Pictures")
    assert gap_of(tmp_path / "Pictures" / "zebra").similar == ""


def test_a_folder_of_folders_says_which_of_them_hold_pictures(tmp_path):
    (tmp_path / "all").mkdir()
    works(tmp_path / "all" / "glazed", 4)
    (tmp_path / "all" / "2024").mkdir()
    works(tmp_path / "all" / "2024" / "spring", 11)
    (tmp_path / "all" / "texts").mkdir()
    sentence = said("plan", "--originals", tmp_path / "all", "--protect", "encoder-pgd")
    assert "'2024/spring' (11), 'glazed' (4);" in sentence
    assert "texts" not in sentence


def test_files_that_were_left_out_are_told_when_a_folder_is_refused(tmp_path):
    works(tmp_path / "art", 8)
    for name in ("castle.kra", "fox.clip", "more.zip"):
        (tmp_path / "art" / name).write_bytes(b"x")
    lines = said("plan", "--originals", tmp_path / "art", "--protect", "encoder-pgd").splitlines()
    assert "[too-few-works]" in lines[-1]
    assert "'castle.kra', 'fox.clip'" in "".join(lines[:-1])
    assert "'more.zip'" in "".join(lines[:-1])


@pytest.mark.parametrize(
    "name", [".DS_Store", "._castle.png", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", ".localized"]
)
def test_leftovers_of_file_managers_are_known(name):
    assert of_file_manager(name)


@pytest.mark.parametrize("name", ["castle.png", "._", "notes.ini", ".hidden"])
def test_other_files_are_not_taken_for_leftovers(name):
    assert not of_file_manager(name)


def test_a_full_disk_outside_the_store_is_one_sentence(capsys):
    with pytest.raises(typer.Exit), one_sentence():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "[disk-full]" in capsys.readouterr().err
    with pytest.raises(typer.Exit), one_sentence():
        raise OSError(errno.ENOSPC, "No space left on device", "/nowhere/copies/fox.png")
    assert "disk of folder copies/ is full (/)" in capsys.readouterr().err


@pytest.fixture
def plain_interrupts():
    before = {number: signal.getsignal(number) for number in ending.SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("seen_as", [ending.Ended, KeyboardInterrupt, ImportError])
def test_stopping_while_the_program_is_loaded_is_one_sentence(seen_as, plain_interrupts, monkeypatch, capsys):
    def stopped_while_loading(**_):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except ending.Ended:
            raise seen_as(signal.SIGINT) from None

    monkeypatch.setattr(audit.cli, "app", stopped_while_loading)
    monkeypatch.setattr(ending, "_seen", [])
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "\ncloakcheck: Stopped before anything was begun.\n"


def test_an_import_error_that_nobody_caused_is_not_called_a_stop(plain_interrupts, monkeypatch):
    def broken(**_):
        raise ImportError("half an installation")

    monkeypatch.setattr(audit.cli, "app", broken)
    monkeypatch.setattr(ending, "_seen", [])
    with pytest.raises(ImportError):
        program.main()


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_no_name_is_too_strange_for_the_console(encoding, tmp_path):
    works(tmp_path / "art")
    done = subprocess.run(
        [sys.executable, "-m", "audit", "plan", "--originals", "絵・画廊", "--protect", "encoder-pgd"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(audit.cli.__file__).parents[2]), "PYTHONIOENCODING": encoding},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert b"[folder-missing]" in done.stderr
