"""The store: content addressing, atomic steps, damage found."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from audit.base.errors import StorageError
from audit.records import StepEnvironment
from audit.store import Store, storage_errors, write_atomic
from audit.store.versions import VERSIONS


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

    first = store.json_step("demo", {"a": 1}, ["in"], compute)
    again = Store(store.root).json_step("demo", {"a": 1}, ["in"], compute)
    assert first == again == {"answer": [1, 2.5, "x", None]}
    assert len(calls) == 1


@pytest.mark.parametrize("change", [("other", {"a": 1}, ["in"]), ("demo", {"a": 2}, ["in"]), ("demo", {"a": 1}, ["x"])])
def test_any_change_makes_another_key(change):
    assert Store.key(*change) != Store.key("demo", {"a": 1}, ["in"])


# The keys of steps that lie in stores since these versions: one that changes here is computed anew everywhere.
KEYS = {
    "adapter": (2, "29457c50bb3f6081c6648268e020edd85b52d691ec40dd0c63acdd640700b51d"),
    "encoded": (1, "1bef732975a0362a2b3293ab2da5bc2667c29d1665e68155a97c11dc573b1e1c"),
    "features": (1, "0aeb5e08d0cfd016daeffafd316406ee857e8ab4c02eb2faadbcacc9b3ddd415"),
    "latents": (1, "229fbde4a0d192723f028b3052cb8ccc72bf16b2efb4387acd215fae07c8f57d"),
    "pack": (2, "4837e045263e70596ce27161a8f7bac35a7ba4f27ec5385a25f623622773c484"),
    "pictures": (1, "5ea099a016234e8060e9b1e40a8c9d6783557e99b63b4fa2e1782fac4d38e626"),
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
    store.working(here, plan="a" * 64).json_step("demo", 1, [], lambda: 1)
    store.working(there, plan="b" * 64).json_step("demo", 2, [], lambda: 2)
    store.working(there).json_step("demo", 3, [], lambda: 3)
    store.json_step("demo", 4, [], lambda: 4)
    again = Store(store.root).working(here)
    assert [again.json_step("demo", n, [], list) for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
    (found,) = again.reused_elsewhere()
    assert (found.step, found.count, found.plans, found.environment) == ("demo", 2, ("b" * 64,), there)
    assert again.reused == 4
    assert again.run == 0


def test_what_is_older_than_a_plan_is_told_by_kind(store, monkeypatch):
    monkeypatch.setattr("audit.store.OUTCOMES", ("demo", "features"))
    monkeypatch.setitem(VERSIONS, "features", 1)
    early = store.working(environment(), plan="a" * 64)
    early.json_step("demo", 1, [], lambda: 1)
    early.json_step("other", 1, [], lambda: 1)
    early.json_step("features", "works", [], lambda: 1)
    early.json_step("features", "pictures", [], lambda: 1)
    store.json_step("demo", "undated", [], lambda: 1)
    later = Store(store.root).working(environment(), plan="b" * 64)
    later.json_step("features", "works", [], list)
    of_works = later.found
    for step, settings_ in (("demo", 1), ("other", 1), ("features", "pictures"), ("demo", "undated")):
        later.json_step(step, settings_, [], list)
    later.json_step("demo", "new", [], lambda: 1)
    demo, scores = later.made_before("9999-01-01T00:00:00Z", inputs=of_works)
    assert (demo.step, demo.count, demo.undated, demo.plans) == ("demo", 2, 1, ("a" * 64,))
    assert demo.first_made == demo.last_made is not None
    assert (scores.step, scores.count, scores.undated) == ("features", 1, 0)
    # Younger than the plan, or nothing known of the plan: only what tells no time counts, or nothing.
    assert [s.count for s in later.made_before("2000-01-01T00:00:00Z", inputs=of_works)] == [1]
    assert later.made_before("", inputs=of_works) == ()


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
    assert list((store.root / "tmp").iterdir()) == []


def test_a_damaged_step_is_run_again(store):
    store.json_step("demo", None, [], lambda: 1)
    value = next(store.root.glob("steps/demo/*/value.json"))
    value.write_text("2")
    assert store.json_step("demo", None, [], lambda: 1) == 1
    assert json.loads(next(store.root.glob("steps/demo/*/value.json")).read_text()) == 1


def test_a_folder_without_manifest_does_not_count(store):
    store.json_step("demo", None, [], lambda: 1)
    next(store.root.glob("steps/demo/*/manifest.json")).unlink()
    assert store.json_step("demo", None, [], lambda: 3) == 3


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


def test_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        Store(tmp_path / "file" / "store")
    assert caught.value.slug == "folder-unwritable"


def test_other_errors_pass_through(tmp_path):
    with pytest.raises(OSError, match="strange"), storage_errors(tmp_path):
        raise OSError(5, "strange")
