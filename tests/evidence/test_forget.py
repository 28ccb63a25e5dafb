"""`forget`: what it deletes, what it leaves and names, and that one of several artists can withdraw."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from audit.base.errors import BadInput, BadResults
from audit.cli import app
from audit.evidence import withdraw
from audit.evidence.forget import KEPT, forget_artist
from audit.records import SCHEMA_VERSION, StepEnvironment
from audit.runfolder import read_plan
from audit.store import Store
from audit.store.owners import keep_owner, owners_of
from tests.evidence.runs import write_run

ANY = TypeAdapter(object)
HERE = StepEnvironment(
    tool_version="1", commit="", device="cpu", accelerator="", precision="fp32", threads=1, packages={}
)


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (6, 6, 3), np.uint8)


def a_run(root: Path, number: int, *, others: tuple[str, ...] = ()) -> withdraw.Owner:
    """What an artist's run leaves in a store: two works, a treated one, one that was drawn, and an adapter."""
    plan = f"{number:x}" * 64
    store = Store(root).working(HERE, plan=plan)
    works = [store.put_pixels(picture(10 * number + i)) for i in range(2)]
    treated, drawn = (store.put_pixels(picture(10 * number + i)) for i in (3, 4))
    store.json_step("treated", number, works, lambda: {"pixels": [treated], "first": [], "last": []}, of=ANY)
    store.json_step("pictures", number, works, lambda: [drawn], of=ANY)
    with store.writing("adapter", store.key("adapter", number, works)) as folder:
        (folder / "adapter.safetensors").write_bytes(b"x" * number)
    owner = withdraw.Owner(
        artist=f"Artist {number}", plan_sha256=plan, folder=f"/nowhere/{number}", pictures=tuple(works), others=others
    )
    keep_owner(root, owner)
    return owner


def lying(root: Path) -> set[str]:
    """Digests of pictures and keys of steps."""
    return {p.stem for p in root.glob("blobs/*/*.png")} | {p.name for p in root.glob("steps/*/*")}


def test_one_of_eight_artists_withdraws_and_seven_lose_nothing(tmp_path):
    alone = {}
    for number in range(1, 9):
        a_run(tmp_path / f"alone-{number}", number)
        alone[number] = lying(tmp_path / f"alone-{number}")
        a_run(tmp_path / "store", number)
    root = tmp_path / "store"
    # Copies of a run that was refused, and a step that tells nothing: nobody knows whose they are.
    Store(root).put_pixels(picture(99))
    Store(root).json_step("visibility", {}, ["x"], lambda: [], of=ANY)
    (root / "checkpoints" / "pack").mkdir(parents=True)
    assert lying(root) > set().union(*alone.values())
    gone = forget_artist(root, ["  artist 3 "], owners_of(root))
    assert lying(root) == set().union(*(found for number, found in alone.items() if number != 3))
    assert gone.untold == 1
    assert not (root / "checkpoints").exists()
    # Again, as after a crash: nothing is left to do, and the others still have theirs.
    assert forget_artist(root, ["Artist 3"], owners_of(root)).files == 0


def test_pictures_of_others_stay_whatever_their_digests_end_in(tmp_path):
    owner = a_run(tmp_path, 1)
    ends = [f"{n:x}" * (64 - 2 * n) + "00" * n for n in range(1, 4)]
    other = Store(tmp_path).working(HERE, plan="e" * 64)
    other.json_step("pictures", 1, [], lambda: ends, of=ANY)
    for name in (*ends, "f" * 62 + "00", "not-a-digest"):
        other.blob_path(name).parent.mkdir(parents=True, exist_ok=True)
        other.blob_path(name).write_bytes(b"x")
    del other
    told = []
    forget_artist(tmp_path, ["Artist 1"], [owner], told=lambda done, total: told.append((done, total)))
    assert {p.stem for p in tmp_path.glob("blobs/*/*.png")} == set(ends)
    assert told[-1][0] == told[-1][1] == len(told), "every step twice and every picture once"


def test_what_cannot_be_deleted_is_no_success(home, run, monkeypatch):
    rmtree = shutil.rmtree

    def refuses(path, ignore_errors=False, **others):
        if "treated" not in str(path):
            rmtree(path, ignore_errors=ignore_errors, **others)
        elif not ignore_errors:
            raise PermissionError(13, "Permission denied", str(path))

    Store(home).working(HERE, plan="a" * 64).json_step("treated", 1, [], lambda: 1, of=ANY)
    monkeypatch.setattr(shutil, "rmtree", refuses)
    call("--store", home, "--yes", code=2)
    assert list(home.glob("steps/treated/*"))


def test_what_others_made_of_an_artists_works_goes_too(tmp_path):
    first = a_run(tmp_path, 1)
    a_run(tmp_path, 2, others=first.pictures)
    third = a_run(tmp_path, 3)
    forget_artist(tmp_path, ["Artist 1"], owners_of(tmp_path))
    kept = {p.parent.name for p in tmp_path.glob("steps/*/*/manifest.json")}
    origins = {json.loads((p / "made.json").read_text())["plan_sha256"][0] for p in tmp_path.glob("steps/*/*")}
    assert (len(kept), origins) == (3, {"3"})
    assert not {p.stem for p in tmp_path.glob("blobs/*/*.png")} & set(first.pictures)
    assert set(third.pictures) <= lying(tmp_path)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def test_a_run_folder_goes_whole(run):
    (run / "report.html").write_text("page")
    (run / "captions.csv").write_text("file,caption\n")
    (run / ".report.html.1234.partial").write_text("half a page")
    (run / "images" / f".work-w000.png.{'0' * 32}").write_text("half a picture")
    left = withdraw.left_in(run)
    assert (left.artist, left.works) == (read_plan(run).artist, len(read_plan(run).works))
    assert left.pictures > 0
    gone, others = withdraw.forget_run(run)
    assert others == ()
    assert gone.files > left.pictures
    assert not run.exists()


def test_what_a_run_did_not_write_stays_and_is_named(run, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    for name in ("notes.txt", "images/holiday.png"):
        (run / name).write_text("mine")
    (run / "rate.html").symlink_to(outside)
    _, others = withdraw.forget_run(run)
    assert others == ("images", "notes.txt")
    assert [p.name for p in (run / "images").iterdir()] == ["holiday.png"]
    assert outside.read_text() == "kept"


def test_names_in_results_lead_nowhere(run, tmp_path):
    """Results are a stranger's: a path in place of a picture's name deletes nothing."""
    victim = tmp_path / "victim.png"
    victim.write_text("kept")
    results = json.loads((run / "results.json").read_text())
    results["work_images"] = {"w000": "../../victim.png", "w001": str(victim), "w002": ".."}
    (run / "results.json").write_text(json.dumps(results))
    withdraw.forget_run(run)
    assert victim.read_text() == "kept"


def test_a_run_that_never_finished_is_known_by_its_plan(run):
    (run / "results.json").unlink()
    (run / "images" / "holiday.png").write_text("mine")
    plan = read_plan(run)
    (run / "images" / f"work-{plan.works[0].id}.png").write_text("x")
    (run / "images" / f"ai-generated-clean-r01-p00-n0-{'a' * 8}.png").write_text("x")
    (run / "images" / f"treated-01-{plan.works[0].id}.png").write_text("x")
    withdraw.forget_run(run)
    left = {p.name for p in (run / "images").iterdir()}
    assert "holiday.png" in left
    assert not {n for n in left if n.startswith(("work-", "treated-01-", "ai-generated-clean-"))}


@pytest.mark.parametrize("stopped_at", [1, 3])
def test_stopped_in_the_middle_it_is_repeated(run, stopped_at, monkeypatch):
    done = []

    def stops(root, path):
        done.append(path)
        if len(done) > stopped_at:
            raise KeyboardInterrupt
        path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(withdraw, "remove_below", stops)
        with pytest.raises(KeyboardInterrupt):
            withdraw.forget_run(run)
    assert (run / "plan.json").exists()
    withdraw.forget_run(run)
    assert not run.exists()


def test_a_folder_without_a_plan_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.html").write_text("mine")
    with pytest.raises(BadInput) as caught:
        withdraw.forget_run(tmp_path / "mine")
    assert caught.value.slug == "not-a-run"
    assert (tmp_path / "mine" / "report.html").exists()


def test_a_run_of_a_newer_version_is_told_as_such_and_left_alone(run):
    plan = run / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"schema_version": SCHEMA_VERSION + 1}))
    before = sorted(p.name for p in run.iterdir())
    with pytest.raises(BadResults, match="newer CloakCheck"):
        withdraw.forget_run(run)
    assert sorted(p.name for p in run.iterdir()) == before


def call(*arguments: object, code: int = 0, typed: str = "") -> str:
    done = CliRunner().invoke(app, ["forget", *map(str, arguments)], input=typed)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def home(tmp_path, monkeypatch, run):
    """A store with the run's record, and one of somebody else; commands stand in an empty folder."""
    (tmp_path / "stood").mkdir()
    monkeypatch.chdir(tmp_path / "stood")
    store = tmp_path / "store"
    Store(store).put_pixels(picture(1))
    for kept in KEPT:
        if not (store / kept).exists():
            (store / kept).mkdir()
    keep_owner(store, withdraw.owner_of(read_plan(run), run))
    other = tmp_path / "other"
    shutil.copytree(run, other)
    plan = read_plan(other).model_copy(update={"artist": "Somebody Else"})
    (other / "plan.json").write_text(plan.model_dump_json())
    keep_owner(store, withdraw.owner_of(plan, other))
    return store


def test_emptying_the_store_names_the_run_folders_that_stay(home, run, tmp_path):
    said = call("--store", home, "--yes")
    assert f"left: run folder {run}" in said
    assert f"left: run folder {tmp_path / 'other'} of Somebody Else" in said
    assert run.exists()
    assert not list(home.rglob("*.png"))


def test_nothing_goes_without_yes(home, run):
    before = {p: p.stat().st_size for p in run.rglob("*") if p.is_file()}
    for asked in (("--run", run), ("--artist", read_plan(run).artist), ("--all",), ()):
        assert "[forget-refused]" in call("--store", home, *asked, typed="n\n", code=2)
    assert {p: p.stat().st_size for p in run.rglob("*") if p.is_file()} == before
    assert list(home.rglob("*.png"))


def test_an_artists_runs_go_and_others_stay(home, run, tmp_path):
    assert "[artist-unknown]" in call("--store", home, "--artist", "Nobody", "--yes", code=2)
    said = call("--store", home, "--artist", read_plan(run).artist, "--yes")
    assert f"run folder {run}: deleted" in said
    assert not run.exists()
    assert (tmp_path / "other" / "plan.json").exists()
    assert [owner.artist for owner in owners_of(home)] == ["Somebody Else"]


def test_all_takes_every_run_that_used_the_store_and_no_other(home, run, tmp_path):
    handed_over = shutil.copytree(run, Path("reports") / "handed-over")
    call("--store", home, "--all", "--yes")
    assert not run.exists()
    assert not (tmp_path / "other").exists()
    assert (handed_over / "results.json").exists()
    assert owners_of(home) == []


def test_two_wishes_at_once_are_refused(home):
    assert "[forget-choice]" in call("--store", home, "--all", "--only-adapters", "--yes", code=2)


def test_a_run_at_work_is_not_deleted(home, run, monkeypatch):
    def at_work(folder):
        raise BadInput("out-busy", folder=folder.name)

    monkeypatch.setattr(withdraw, "hold", at_work)
    assert "[out-busy]" in call("--store", home, "--run", run, "--yes", code=2)
    assert (run / "results.json").exists()
