"""Whatever a stranger's file, the system or a library does: one sentence and an exit code, never a trace or a wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from audit.base import ending
from audit.base.errors import AuditError, BadEvidence, BadInput, BadResults
from audit.base.files import NotRead, file_digest, user_folder
from audit.cli import told
from audit.evidence.bag import DEEPEST, list_files
from audit.evidence.ledger import LEDGER, attempts_before
from audit.records import Session
from audit.report.locale import SOURCE, language_of
from audit.runfolder import MOST_BYTES, begin_session, claim, find_card, partials_in, plan_fixed, read_results
from audit.runfolder.event_log import EVENTS, log_event, read_events
from audit.runfolder.judged import last_judged
from audit.store import Store
from tests.builders import make_plan

SESSION = {"started": "2026-11-22T03:00:00Z", "threads": 1, "device": "cpu, fp32", "commit": "", "packages": {}}
posix = pytest.mark.skipif(os.name != "posix", reason="the system has no such signals and files")


def said_by(act, *, kind=AuditError) -> str:
    with pytest.raises(kind) as caught:
        act()
    return caught.value.slug


# --- files that a stranger may have put there ---------------------------------------------------------------


@posix
def test_a_pipe_is_never_waited_for(tmp_path):
    (tmp_path / "store" / "calibrations").mkdir(parents=True)
    os.mkfifo(tmp_path / "store" / "calibrations" / f"{'a' * 64}.json")
    assert find_card(tmp_path / "store", "a" * 64) is None
    os.mkfifo(tmp_path / EVENTS)
    for act in (
        lambda: last_judged(tmp_path), lambda: plan_fixed(tmp_path), lambda: log_event(tmp_path, "any", {}),
    ):  # fmt: skip
        assert said_by(act, kind=BadResults) == "log-unreadable"
    os.mkfifo(tmp_path / "report.html")
    assert language_of(tmp_path / "report.html") == SOURCE
    with pytest.raises(NotRead):
        file_digest(tmp_path / "report.html")
    (tmp_path / "store" / LEDGER).mkdir()
    os.mkfifo(tmp_path / "store" / LEDGER / EVENTS)
    assert attempts_before(tmp_path / "store", make_plan(), out=tmp_path / "none").broken


def test_a_strange_byte_in_the_log_is_a_line_that_tells_nothing(tmp_path):
    log_event(tmp_path, "plan-fixed", {"plan_sha256": "a" * 64})
    with (tmp_path / EVENTS).open("ab") as log:
        log.write(b'{"event": "session", "device": "\xff"}\n[[[[\n' + b"[" * 100_000 + b"\n")
    assert len(begin_session(tmp_path, Session(**SESSION))) == 1
    assert plan_fixed(tmp_path) != ""
    assert [event["event"] for event in read_events((tmp_path / EVENTS).read_bytes())] == ["plan-fixed", "session"]


def test_results_larger_than_any_are_not_read(tmp_path):
    with (tmp_path / "results.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BadResults) as caught:
        read_results(tmp_path)
    assert caught.value.slug == "results-large"
    assert "128 MiB" in caught.value.sentence


@pytest.mark.parametrize("levels", [DEEPEST + 1, 1900])
def test_folders_inside_one_another_end_somewhere(tmp_path, levels):
    # One by one: a path of 1,900 levels is longer than a system call takes.
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("a", dir_fd=at)
        below = os.open("a", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    try:
        assert said_by(lambda: list_files(tmp_path), kind=BadEvidence) == "bundle-names"
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)


def test_what_a_kill_left_half_written_goes_at_the_next_start(tmp_path):
    out = tmp_path / "run"
    claim(out, make_plan())
    halves = [f".results.json.{'0' * 32}", ".report.html.4711.partial", f"images/.work-w000.png.{'1' * 32}"]
    for name in (*halves, ".mine.txt", "images/.hidden"):
        (out / name).write_text("half")
    assert sorted(partials_in(out)) == sorted(halves)
    claim(out, make_plan())
    assert partials_in(out) == []
    assert (out / ".mine.txt").exists()
    assert (out / "images" / ".hidden").exists()


# --- what the system and libraries do -----------------------------------------------------------------------


def shown(error: BaseException) -> tuple[int, str]:
    """Exit code and stderr of a command that ends in this error."""
    one = typer.Typer()

    @one.command()
    def command() -> None:
        with told.one_sentence():
            raise error

    found = CliRunner().invoke(one, [])
    return found.exit_code, found.stderr


def test_any_error_is_one_sentence():
    for error, code, slug in (
        (KeyError("x"), 1, "unforeseen"),
        (RecursionError(), 2, "too-deep"),
        (OSError(5, "Input/output error", "/some/where/file.png"), 2, "system-refused"),
        (MemoryError(), 2, "memory-short"),
        (ModuleNotFoundError("no torch", name="torch"), 2, "training-missing"),
        (ModuleNotFoundError("no such", name="elsewhere"), 1, "unforeseen"),
    ):
        exit_code, said = shown(error)
        assert (exit_code, f"[{slug}]" in said) == (code, True), said
        assert len(said.strip().splitlines()) == 1
        assert "/some/where" not in said
    assert "file.png" in shown(OSError(5, "Input/output error", "/some/where/file.png"))[1]


def test_with_trace_the_error_comes_through(monkeypatch):
    monkeypatch.setenv(told.TRACE, "1")
    with pytest.raises(KeyError), told.one_sentence():
        raise KeyError("x")


def test_a_file_of_the_store_that_went_away_is_named_so(tmp_path):
    store = Store(tmp_path)
    gone = OSError(2, "No such file or directory", str(store.root / "steps" / "adapter" / "k" / "adapter.safetensors"))
    assert "[store-changed]" in shown(gone)[1]


def test_without_a_home_the_variable_is_named(monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(BadInput) as caught:
        user_folder("XDG_CACHE_HOME", ".cache")
    assert (caught.value.slug, "XDG_CACHE_HOME" in caught.value.sentence) == ("no-home", True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_whom_the_system_does_not_know(tmp_path):
    code = (
        "import os; from audit.cli import app; from audit.base.messages import catalogue; catalogue();"
        "import audit.evidence.withdraw, audit.store.owners;"
        "os.environ.pop('HOME', None); os.setgroups([]); os.setgid(54321); os.setuid(54321); app(['forget', '--yes'])"
    )
    # Nobody's user cannot write the checkout, so the measure of coverage is left out: its own complaint is not ours.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "CLOAKCHECK_", "COV"))}
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept)
    assert (made.returncode, "[no-home]" in made.stderr) == (2, True), made.stderr
    assert "Traceback" not in made.stderr


# --- how it ends --------------------------------------------------------------------------------------------

SLEEPER = """
import sys, time
from audit.base import ending
ending.watch()
try:
    print("ready", flush=True)
    time.sleep(60)
except ending.Ended as error:
    ending.say_ended("stopped")
    sys.exit(ending.ended(error))
"""


@posix
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_every_polite_end_has_a_sentence_and_the_shells_code(number, code):
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: [signal.signal(getattr(signal, n), signal.SIG_DFL) for n in ("SIGINT", "SIGHUP", "SIGTERM")],
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, number))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.strip().startswith("cloakcheck: Stopped. Every finished step is kept")
    assert len(errors.strip().splitlines()) == 1


@posix
def test_a_signal_that_is_switched_off_stays_off(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("was set"))
    ending.watch()


@posix
@pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.8])
def test_control_c_while_it_starts_shows_no_trace(after):
    """From the first line of the command on: whatever is being imported when it comes."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", "from audit.__main__ import main; main()", "doctor"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "audit.base.ending" in line:
            break
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    told = [line for line in errors.splitlines() if line and not line.startswith("import time:")]
    assert "Traceback" not in errors
    assert process.returncode in (0, 130), errors[-500:]
    if process.returncode == 130:
        assert [line.startswith("cloakcheck: Stopped") for line in told] == [True], told


def test_the_command_is_the_guarded_one():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["cloakcheck"] == "audit.__main__:main"
