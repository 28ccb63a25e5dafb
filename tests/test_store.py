"""The store: content addressing, atomic steps, damage found."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pydantic import TypeAdapter

from audit.base.errors import BadInput, StorageError
from audit.evidence.forget import forget
from audit.records import Digest, StepEnvironment
from audit.runfolder.event_log import EVENTS, read_events
from audit.runfolder.reused import REUSED, log_reused
from audit.store import Store, storage_errors, write_atomic
from audit.store.reuse import made_before, reused_elsewhere
from audit.store.room import busy, gate
from audit.store.versions import VERSIONS

ANY = TypeAdapter(Any)


@pytest.fixture(autouse=True, scope="module")
def _made_up_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VERSIONS, "demo", 1)
        patch.setitem(VERSIONS, "other", 1)
        yield


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_step_is_computed_once(store):
    calls = []

    def compute():
        calls.append(1)
        return {"answer": [1, 2.5, "x", None]}

    first = store.json_step("demo", {"a": 1}, ["in"], compute, of=ANY)
    again = Store(store.root).json_step("demo", {"a": 1}, ["in"], compute, of=ANY)
    assert first == again == {"answer": [1, 2.5, "x", None]}
    assert len(calls) == 1


@pytest.mark.parametrize("change", [("other", {"a": 1}, ["in"]), ("demo", {"a": 2}, ["in"]), ("demo", {"a": 1}, ["x"])])
def test_any_change_makes_another_key(change):
    assert Store.key(*change) != Store.key("demo", {"a": 1}, ["in"])


# The keys of steps that lie in stores since these versions: one that changes here is computed anew everywhere.
KEYS = {
    "adapter": (2, "29457c50bb3f6081c6648268e020edd85b52d691ec40dd0c63acdd640700b51d"),
    "budget": (1, "051d476da14c4e74103e8fc0f759c0311adecfc801f710d57438a42f17c636dd"),
    "encoded": (1, "1bef732975a0362a2b3293ab2da5bc2667c29d1665e68155a97c11dc573b1e1c"),
    "features": (1, "0aeb5e08d0cfd016daeffafd316406ee857e8ab4c02eb2faadbcacc9b3ddd415"),
    "kept": (1, "b34c186119a13e17da38df01eca4ced0f49951930f10cd3c543f2a6f1fd7188a"),
    "latents": (1, "229fbde4a0d192723f028b3052cb8ccc72bf16b2efb4387acd215fae07c8f57d"),
    "pack": (3, "c6014d978a7d60c25bb8b8e0e49942df89ce8f622b89c995308350610ad1c3d3"),
    "pictures": (1, "5ea099a016234e8060e9b1e40a8c9d6783557e99b63b4fa2e1782fac4d38e626"),
    "plain-edit": (1, "ecd6fd18e17827e6c32afccee89bf813c80fdda6db12f965e06c848547dfea31"),
    "text": (2, "2ca6cb2b66dc789df03a2bf502aa2688b85b0b41c2a8bbbc8bec24eff56a9e85"),
    "treated": (2, "a40cc71b47318a1afc65e543cf5995e3c9a67bf09002d734f1b69501b6297047"),
    "visibility": (2, "d0f5e54fd4f0fd4b903205a1e1d665f66cbb769dc17194d4c7c5790fe88955ca"),
}


@pytest.mark.parametrize("name", sorted(VERSIONS.keys() - {"demo", "other"}))
def test_a_step_keeps_its_key_until_its_version_rises(name, monkeypatch):
    before = Store.key(name, {"a": [1, None]}, ["in"])
    assert (VERSIONS[name], before) == KEYS[name]
    monkeypatch.setitem(VERSIONS, name, VERSIONS[name] + 1)
    assert Store.key(name, {"a": [1, None]}, ["in"]) != before


def test_a_step_tells_where_it_was_made_and_older_ones_are_read_without(store):
    here, there = environment(), environment(device="cuda", precision="bf16")
    store.working(here, plan="a" * 64).json_step("demo", 1, [], lambda: 1, of=ANY)
    store.working(there, plan="b" * 64).json_step("demo", 2, [], lambda: 2, of=ANY)
    store.working(there).json_step("demo", 3, [], lambda: 3, of=ANY)
    store.json_step("demo", 4, [], lambda: 4, of=ANY)
    again = Store(store.root).working(here)
    assert [again.json_step("demo", n, [], list, of=ANY) for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
    (found,) = reused_elsewhere(again)
    assert (found.step, found.count, found.plans, found.environment) == ("demo", 2, ("b" * 64,), there)
    assert again.reused == 4
    assert again.run == 0


def test_what_is_older_than_a_plan_is_told_by_kind(store, monkeypatch):
    monkeypatch.setattr("audit.store.reuse.OUTCOMES", ("demo", "features"))
    monkeypatch.setitem(VERSIONS, "features", 1)
    early = store.working(environment(), plan="a" * 64)
    early.json_step("demo", 1, [], lambda: 1, of=ANY)
    early.json_step("other", 1, [], lambda: 1, of=ANY)
    early.json_step("features", "works", [], lambda: 1, of=ANY)
    early.json_step("features", "pictures", [], lambda: 1, of=ANY)
    store.json_step("demo", "undated", [], lambda: 1, of=ANY)
    later = Store(store.root).working(environment(), plan="b" * 64)
    later.json_step("features", "works", [], list, of=ANY)
    of_works = later.found
    for step, settings_ in (("demo", 1), ("other", 1), ("features", "pictures"), ("demo", "undated")):
        later.json_step(step, settings_, [], list, of=ANY)
    later.json_step("demo", "new", [], lambda: 1, of=ANY)
    demo, scores = made_before(later, "9999-01-01T00:00:00Z", inputs=of_works)
    assert (demo.step, demo.count, demo.undated, demo.plans) == ("demo", 2, 1, ("a" * 64,))
    assert demo.first_made == demo.last_made is not None
    assert (scores.step, scores.count, scores.undated) == ("features", 1, 0)
    # Younger than the plan, or nothing known of the plan: only what tells no time counts, or nothing.
    assert [s.count for s in made_before(later, "2000-01-01T00:00:00Z", inputs=of_works)] == [1]
    assert made_before(later, "", inputs=of_works) == ()


def environment(**changes):
    fixed = {"tool_version": "1", "commit": "", "device": "cpu", "accelerator": "", "precision": "fp32", "threads": 1}
    return StepEnvironment.model_validate({**fixed, "packages": {"torch": "2"}, **changes})


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans())), st.lists(st.text()))
def test_keys_do_not_depend_on_dictionary_order(settings_, inputs):
    turned = dict(reversed(list(settings_.items())))
    assert Store.key("demo", settings_, inputs) == Store.key("demo", turned, inputs)
    assert Store.key("demo", settings_, inputs) != Store.key("demo", settings_, [*inputs, "x"])


def test_a_step_that_fails_leaves_nothing(store):
    key = store.key("demo", None, [])

    def fail():
        with store.writing("demo", key) as folder:
            (folder / "half").write_text("half")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert not store.has("demo", key)
    assert list(store.room.folder.iterdir()) == []


def test_a_damaged_step_is_run_again(store):
    store.json_step("demo", None, [], lambda: 1, of=ANY)
    value = next(store.root.glob("steps/demo/*/value.json"))
    value.write_text("2")
    assert store.json_step("demo", None, [], lambda: 1, of=ANY) == 1
    assert json.loads(next(store.root.glob("steps/demo/*/value.json")).read_text()) == 1


def test_a_folder_without_manifest_does_not_count(store):
    store.json_step("demo", None, [], lambda: 1, of=ANY)
    next(store.root.glob("steps/demo/*/manifest.json")).unlink()
    assert store.json_step("demo", None, [], lambda: 3, of=ANY) == 3


@settings(max_examples=30)
@given(pixels=npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_pictures_come_back_as_they_went(tmp_path_factory, pixels):
    store = Store(tmp_path_factory.mktemp("pictures"))
    digest = store.put_pixels(pixels)
    assert np.array_equal(store.get_pixels(digest), pixels)
    assert store.put_pixels(pixels) == digest


def test_a_damaged_picture_is_refused_and_removed(store):
    digest = store.put_pixels(np.zeros((4, 4, 3), np.uint8))
    store.blob_path(digest).write_bytes(b"not a picture")
    with pytest.raises(StorageError, match="damaged"):
        store.get_pixels(digest)
    assert not store.blob_path(digest).exists()


def test_atomic_write_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk") as caught:
        write_atomic(path, b"new")
    assert caught.value.slug == "disk-full"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_by_the_stores_name(store, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    # Not `blobs/ef`: nobody who gave --store has heard of that.
    with pytest.raises(StorageError, match=f"disk of folder {store.root.name}/ is full"):
        store.put_pixels(np.zeros((4, 4, 3), np.uint8))


def test_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        Store(tmp_path / "file" / "store")
    assert caught.value.slug == "folder-unwritable"


def test_other_errors_pass_through(tmp_path):
    with pytest.raises(OSError, match="strange"), storage_errors(tmp_path):
        raise OSError(5, "strange")


def test_a_path_in_place_of_a_digest_deletes_nothing(store, tmp_path):
    outside = tmp_path / "victim.png"
    outside.write_bytes(b"not of this store")
    with pytest.raises(StorageError):
        store.get_pixels(str(outside.with_suffix("")))
    assert outside.exists()


@pytest.mark.parametrize("room", ["steps", "blobs"])
def test_forget_deletes_nothing_behind_a_link(tmp_path, room):
    outside = tmp_path / "outside" / "adapter"
    outside.mkdir(parents=True)
    (outside / "mine.txt").write_text("kept", encoding="utf-8")
    (tmp_path / "store" / "steps").mkdir(parents=True)
    if room == "steps":
        (tmp_path / "store" / room).rmdir()
    (tmp_path / "store" / room).symlink_to(outside.parent, target_is_directory=True)
    for only_adapters in (True, False):
        with pytest.raises(BadInput, match=f"'{room}' is a link"):
            forget(tmp_path / "store", only_adapters=only_adapters)
    assert (outside / "mine.txt").exists()


@pytest.mark.parametrize("at", ["steps/demo", "blobs/ab", "steps", "checkpoints"])
def test_a_store_with_a_link_for_a_folder_is_refused(store, tmp_path, at):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("kept")
    place = store.root / at
    if place.is_dir():
        place.rmdir()
    place.symlink_to(outside, target_is_directory=True)
    with pytest.raises(StorageError) as caught:
        Store(store.root)
    assert caught.value.said.id == "store-linked.found"
    assert at in caught.value.sentence
    # One that was there before the link was put is not led away by it.
    if at.startswith("steps"):
        with pytest.raises(StorageError):
            store.drop("demo", "mine.txt")
    assert (outside / "mine.txt").exists()


def test_a_link_in_place_of_a_step_goes_and_not_what_it_leads_to(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "manifest.json").write_text("{}")
    key = store.key("demo", None, [])
    (store.root / "steps" / "demo").mkdir()
    store.folder("demo", key).symlink_to(outside, target_is_directory=True)
    assert store.json_step("demo", None, [], lambda: 1, of=ANY) == 1
    assert (outside / "manifest.json").exists()
    assert not store.folder("demo", key).is_symlink()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "more").write_text("x"),
        lambda folder: os.mkfifo(folder / "pipe"),
        lambda folder: (folder / "manifest.json").write_text(json.dumps({"../../../victim": "0" * 64})),
        lambda folder: (folder / "manifest.json").write_text("[" * 50_000),
        lambda folder: (folder / "value.json").unlink() or (folder / "value.json").symlink_to("/dev/zero"),
        lambda folder: (folder / "manifest.json").unlink() or os.mkfifo(folder / "manifest.json"),
    ],
)
def test_a_step_that_holds_anything_but_its_files_is_run_again(store, spoil):
    store.json_step("demo", None, [], lambda: 1, of=ANY)
    spoil(next(store.root.glob("steps/demo/*")))
    again = Store(store.root)
    assert again.json_step("demo", None, [], lambda: 2, of=ANY) == 2
    assert (again.run, again.reused) == (1, 0)


def forge(store: Store, name: str, value: object) -> None:
    """Put a value in place of a stored one, its digest with it, as somebody would who wants it to be taken."""
    folder = next((store.root / "steps" / name).iterdir())
    (folder / "value.json").write_text(json.dumps(value))
    digests = json.loads((folder / "manifest.json").read_text())
    digests["value.json"] = hashlib.sha256((folder / "value.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(digests))


@pytest.mark.parametrize("value", ["/etc/passwd", ["/etc/passwd"], [], ["0" * 64, "1" * 64], {"a": 1}, None, [1]])
def test_a_value_that_its_step_cannot_have_is_made_anew_and_told(store, value):
    one = TypeAdapter(tuple[Digest, ...])

    def found(where):
        return where.json_step("demo", None, [], lambda: ["a" * 64], of=one, fits=lambda seen: len(seen) == 1)

    found(store)
    forge(store, "demo", value)
    again = Store(store.root)
    assert found(again) == ("a" * 64,)
    assert (again.run, again.reused, again.rejected) == (1, 0, ("demo",))
    assert Store(store.root).rejected == ()


def test_without_reuse_every_step_is_made_anew_and_stays(store):
    store.json_step("demo", None, [], lambda: 1, of=ANY)
    anew = Store(store.root, reuse=False)
    assert not anew.has("demo", Store.key("demo", None, []))
    assert anew.json_step("demo", None, [], lambda: 2, of=ANY) == 2
    assert anew.json_step("demo", None, [], lambda: 3, of=ANY) == 2, "what it made itself is taken"
    assert (anew.run, anew.reused) == (1, 0)
    assert Store(store.root).json_step("demo", None, [], lambda: 4, of=ANY) == 2


def test_the_log_names_every_step_that_was_reused(store, tmp_path):
    here, there = environment(), environment(device="cuda")
    for number, (made_with, plan) in enumerate(((here, "a"), (there, "b"), (here, "a"))):
        store.working(made_with, plan=plan * 64).json_step("demo", number, [], lambda: 1, of=ANY)
    store.json_step("demo", "untold", [], lambda: 1, of=ANY)
    again = Store(store.root).working(here)
    for settings_ in (0, 1, 2, "untold"):
        again.json_step("demo", settings_, [], list, of=ANY)
    log_reused(tmp_path, again)
    events = read_events((tmp_path / EVENTS).read_bytes())
    rows = {row[1]: (row, event["environment"]) for event in events for row in event["steps"]}
    assert {event["event"] for event in events} == {REUSED}
    for settings_, plan, device in ((0, "a", "cpu"), (1, "b", "cuda"), (2, "a", "cpu")):
        (name, _, made, of), made_with = rows[Store.key("demo", settings_, [])]
        assert (name, of, made_with["device"]) == ("demo", plan * 64, device)
        assert made.endswith("Z")
    assert rows[Store.key("demo", "untold", [])] == (["demo", Store.key("demo", "untold", []), None, None], None)


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path):
    """And what a process at work has, stays."""
    root = tmp_path / "store"
    code = (
        "import sys, time; from pathlib import Path; from audit.store import Store; s = Store(Path(sys.argv[1]));"
        "f = s.room.new('checkpoint'); f.mkdir(); (f / 'half').write_text('x'); print(f, flush=True); time.sleep(60)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    killed, alive = [Path(process.stdout.readline().strip()) for process in started]
    try:
        started[0].kill()
        started[0].wait()
        store = Store(root)
        assert not killed.exists()
        assert alive.exists()
        with gate(root):
            assert busy(root)
        with pytest.raises(StorageError) as caught:
            forget(root, only_adapters=False)
        assert caught.value.slug == "store-busy"
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert (alive / "half").exists()
    forget(root, only_adapters=False)
    del store
    Store(root)
    assert not alive.exists()


def test_a_disk_without_locks_is_refused(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StorageError) as caught:
        Store(tmp_path / "store")
    assert caught.value.slug == "store-no-locks"


def test_an_address_of_an_object_store_is_refused_and_no_folder_of_its_name_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for root in (Path("s3://bucket/x"), tmp_path / "gs:" / "bucket"):
        with pytest.raises(StorageError) as caught:
            Store(root)
        assert caught.value.slug == "store-address"
    assert not list(tmp_path.iterdir())
    # Someone's own folder may be called so.
    (tmp_path / "old:").mkdir(mode=0o700)
    Store(tmp_path / "old:")
