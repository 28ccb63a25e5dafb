"""The queue on the disk: what waits, runs and ended is found again by any server, and one command runs at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from audit.base.messages import say
from audit.base.private import private_folder
from audit.ui import keeper
from audit.ui.door import Door, write_json
from audit.ui.heard import hear, result_of
from audit.ui.jobs import AUDITS, LOOKS, Job, Jobs, lane_lock, left_alone, next_waiting, process_of
from tests.ui.commands import until


def jobs_in(tmp_path) -> Jobs:
    private_folder(tmp_path / "state")
    return Jobs(Door(tmp_path / "state"), cwd=tmp_path)


def test_commands_run_one_after_the_other_without_a_server(tmp_path):
    jobs = jobs_in(tmp_path)
    first = jobs.add(["resume", "nothing"], lane=AUDITS, draft="a", kind="run")
    second = jobs.add(["--version"], lane=AUDITS, draft="b", kind="run")
    again = jobs_in(tmp_path)  # as another server sees it
    until(lambda: again.state(second) in ("done", "failed"))
    assert (again.state(first), first.code) == ("failed", 2)
    assert again.state(second) == "done"
    assert (second.folder / "started").stat().st_mtime >= (first.folder / "code").stat().st_mtime - 1
    assert hear(first.text("log")).error.id == "resume-unknown.absent"
    until(lambda: not again.kept(AUDITS))


def test_what_waits_can_be_first_or_stopped(tmp_path):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", LOOKS):  # as if a keeper were at work
        ids = [jobs.add(["--version"], lane=LOOKS, draft=name, kind="plan").id for name in "abc"]
        assert [jobs.state(job) for job in jobs.all()] == ["waiting"] * 3
        jobs.first(jobs.find(ids[2]))
        assert [job.id for job in jobs.all()] == [ids[2], ids[0], ids[1]]
        jobs.stop(jobs.find(ids[0]))
        assert jobs.state(jobs.find(ids[0])) == "stopped"
        jobs.go_on(jobs.find(ids[0]))
        assert [job.id for job in jobs.all()] == [ids[2], ids[1], ids[0]]
        jobs.drop(jobs.find(ids[1]))
        assert [job.id for job in jobs.all()] == [ids[2], ids[0]]
    jobs.tend()
    until(lambda: all(jobs.state(job) == "done" for job in jobs.all()))
    until(lambda: not jobs.kept(LOOKS))


def test_a_machine_that_went_down_leaves_a_stopped_test(tmp_path):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
        (job.folder / "started").touch()
        assert jobs.state(job) == "running"
    then = time.time() - 3600
    os.utime(job.folder / "started", (then, then))
    assert jobs.state(job) == "stopped"
    jobs.tend()  # what was cut off does not begin by itself
    assert jobs.state(job) == "stopped"
    other = jobs.add(["--version"], lane=AUDITS, draft="b", kind="run")
    until(lambda: jobs.state(other) == "done")
    assert jobs.state(job) == "stopped"


SLEEPER = """
import sys, time
print('{"said": {"id": "x"}}', file=sys.stderr, flush=True)
time.sleep(float(sys.argv[1]))
print(sys.argv[2])
"""


def begun_alone(jobs: Jobs, *, seconds: float, gives: str) -> Job:
    """A job as a keeper leaves it that was killed: its command goes on, and nobody looks."""
    with lane_lock(jobs._state, AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
    (job.folder / "started").touch()
    with (job.folder / "out").open("wb") as out:
        # Of a parent that ends at once, so that it is nobody's child here either.
        code = f"import subprocess, sys; print(subprocess.Popen({[sys.executable, '-c', SLEEPER, str(seconds), gives]}"
        made = subprocess.run(
            [sys.executable, "-c", f"{code}, stdout=int(sys.argv[1])).pid)", str(out.fileno())],
            pass_fds=(out.fileno(),),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    pid = int(made.stdout)
    write_json(job.folder / "process", {"pid": pid, "began": psutil.Process(pid).create_time()})
    then = time.time() - 3600
    os.utime(job.folder / "started", (then, then))
    return job


@pytest.mark.skipif(os.name != "posix", reason="Windows hands no pipe down by its number")
def test_a_command_without_its_keeper_is_found_and_comes_to_its_end(tmp_path):
    jobs = jobs_in(tmp_path)
    job = begun_alone(jobs, seconds=2, gives='{"report": "x"}')
    assert jobs.state(job) == "running"
    after = jobs.add(["--version"], lane=AUDITS, draft="b", kind="run")
    until(lambda: jobs.state(after) == "done")
    assert (jobs.state(job), job.code) == ("done", 0)
    assert (job.folder / "code").stat().st_mtime <= (after.folder / "started").stat().st_mtime + 1


@pytest.mark.skipif(os.name != "posix", reason="Windows hands no pipe down by its number")
def test_a_command_without_its_keeper_is_stopped(tmp_path):
    jobs = jobs_in(tmp_path)
    job = begun_alone(jobs, seconds=600, gives="")
    jobs.tend()
    jobs.stop(job)
    until(lambda: jobs.state(job) == "stopped")
    assert process_of(job) is None
    until(lambda: not jobs.kept(AUDITS))


@pytest.mark.parametrize(("gave", "state"), [("{}", "done"), ("", "stopped")])
def test_what_ended_without_its_keeper_says_how(tmp_path, gave, state):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
        (job.folder / "started").touch()
        # The number may be another process's since: here, this one's, with another begin.
        write_json(job.folder / "process", {"pid": os.getpid(), "began": 1.0})
        (job.folder / "out").write_text(gave)
        assert (process_of(job), bool(left_alone(tmp_path / "state", AUDITS))) == (None, state == "done")
        keeper.take_over(job)
        assert jobs.state(job) == state


def test_a_command_that_ended_with_a_reason_without_its_keeper_failed(tmp_path):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
        error = say("ui-folders-missing").model_dump(mode="json")
        (job.folder / "log").write_text(json.dumps({"error": error}))
        keeper.take_over(job)
        assert jobs.state(job) == "failed"


@pytest.mark.parametrize("damaged", ["", "[]", '{"pid": "x", "began": 1}', '{"pid": -5, "began": 1}', '{"pid": 1}'])
def test_a_damaged_note_of_a_process_names_none(tmp_path, damaged):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
        (job.folder / "process").write_text(damaged)
        assert process_of(job) is None


def test_a_paused_queue_begins_nothing(tmp_path):
    jobs = jobs_in(tmp_path)
    jobs.pause(True)
    job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
    look = jobs.add(["--version"], lane=LOOKS, draft="a", kind="plan")
    until(lambda: jobs.state(look) == "done")  # looks do not wait
    again = jobs_in(tmp_path)  # after another start
    assert again.paused
    assert next_waiting(tmp_path / "state", AUDITS) is None
    again.pause(False)
    again.pause(False)
    until(lambda: again.state(job) == "done")
    until(lambda: not again.kept(AUDITS))


def test_what_waits_changes_places(tmp_path):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS), lane_lock(tmp_path / "state", LOOKS):
        one, look, two, three = (
            jobs.add(["--version"], lane=LOOKS if name == "look" else AUDITS, draft=name, kind="run")
            for name in ("one", "look", "two", "three")
        )

        def order() -> list[str]:
            return [job.draft for job in jobs.all(AUDITS)]

        jobs.move(three, by=-1)
        assert order() == ["one", "three", "two"]
        jobs.move(one, by=-1)
        jobs.move(two, by=1)
        assert order() == ["one", "three", "two"]
        jobs.move(one, by=1)
        assert order() == ["three", "one", "two"]
        jobs.stop(one)  # waits no more: the others pass it by
        jobs.move(one, by=1)
        jobs.move(two, by=-1)
        assert order() == ["two", "one", "three"]
        assert next_waiting(tmp_path / "state", AUDITS).id == two.id
        assert next_waiting(tmp_path / "state", LOOKS).id == look.id


def test_a_command_that_is_asked_to_end_ends(tmp_path, monkeypatch):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        asked, gone = (jobs.add(["--version"], lane=AUDITS, draft=name, kind="run") for name in "ab")
        jobs.stop(asked)
        monkeypatch.setattr(keeper, "PATIENCE", 0.0)
        keeper.carry_out(asked)
        assert asked.code not in (None, 0)
        assert jobs.state(asked) == "stopped"
        shutil.rmtree(gone.folder)
        (gone.folder).mkdir()  # what was dropped while it was begun
        keeper.carry_out(gone)
        assert gone.code == 0


def test_a_folder_that_is_gone_ends_its_command(tmp_path):
    private_folder(tmp_path / "state")
    jobs = Jobs(Door(tmp_path / "state"), cwd=tmp_path / "removed")
    with lane_lock(tmp_path / "state", AUDITS):
        job = jobs.add(["--version"], lane=AUDITS, draft="a", kind="run")
        keeper.carry_out(job)
        assert (job.code, jobs.state(job)) == (1, "failed")


def test_hostile_or_broken_jobs_are_none(tmp_path):
    jobs = jobs_in(tmp_path)
    for name in ("..", "x", "0" * 16 + "-" + "0" * 8):
        (jobs.folder / name).mkdir(parents=True, exist_ok=True)
        (jobs.folder / name / "job.json").write_text('{"words": 3}')
        assert jobs.find(name) is None
    assert jobs.all() == []


def test_what_a_command_tells_is_heard():
    stage, note = say("stage.read").model_dump(mode="json"), say("few-works", n=3, least=20).model_dump(mode="json")
    lines = [
        {"at": stage, "done": 0, "all": 0},
        {"at": stage, "done": 3, "all": 24, "left": 7.0, "in_all": 90.0},
        {"ended": stage, "seconds": 8.1},
        {"said": note},
        {"at": {**stage, "id": "stage.train"}, "done": 1, "all": 6},
        {"error": note},
    ]
    log = b"\n".join([b"noise", b"{", *(json.dumps(line).encode() for line in lines), b'{"at": '])
    heard = hear(log)
    assert [(said.id, seconds) for said, seconds in heard.ended] == [("stage.read", 8.1)]
    assert (heard.at.id, heard.done, heard.all, heard.in_all) == ("stage.train", 1, 6, 90.0)
    assert [said.id for said in heard.said] == ["few-works"] == [heard.error.id]
    assert result_of(b'text\n{"a": 1}\n') == {"a": 1}
    assert result_of(b"[1]") == result_of(b"") == result_of(b"{") == {}


def test_what_was_cut_off_says_so_and_is_the_next_with_one_press(tmp_path):
    jobs = jobs_in(tmp_path)
    with lane_lock(tmp_path / "state", AUDITS):
        cut, asked, waits = (jobs.add(["--version"], lane=AUDITS, draft=name, kind="run") for name in "abc")
        then = time.time() - 3600
        (cut.folder / "started").touch()
        os.utime(cut.folder / "started", (then, then))
        jobs.stop(asked)
        jobs.pause(True)
    again = jobs_in(tmp_path)  # another start of the machine
    assert [again.state(job) for job in again.all()] == ["stopped", "stopped", "waiting"]
    assert [again.cut_off(job) for job in again.all()] == [True, False, False]
    again.go_on(cut)
    again.go_on(asked)
    assert [job.id for job in again.all()] == [cut.id, waits.id, asked.id]
    assert [again.state(job) for job in again.all()] == ["waiting"] * 3
    assert not again.cut_off(cut)
