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
from audit.store import Store, storage_errors, write_atomic


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_step_is_computed_once(store):
    calls = []

    def compute():
        calls.append(1)
        return {"answer": [1, 2.5, "x", None]}

    first = store.json_step("demo", 1, {"a": 1}, ["in"], compute)
    again = Store(store.root).json_step("demo", 1, {"a": 1}, ["in"], compute)
    assert first == again == {"answer": [1, 2.5, "x", None]}
    assert len(calls) == 1


@pytest.mark.parametrize("change", [("other", 1, {"a": 1}, ["in"]), ("demo", 2, {"a": 1}, ["in"])])
def test_any_change_makes_another_key(change):
    assert Store.key(*change) != Store.key("demo", 1, {"a": 1}, ["in"])


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans())), st.lists(st.text()))
def test_keys_do_not_depend_on_dictionary_order(settings_, inputs):
    turned = dict(reversed(list(settings_.items())))
    assert Store.key("s", 1, settings_, inputs) == Store.key("s", 1, turned, inputs)
    assert Store.key("s", 1, settings_, inputs) != Store.key("s", 1, settings_, [*inputs, "x"])


def test_a_step_that_fails_leaves_nothing(store):
    key = store.key("demo", 1, None, [])

    def fail():
        with store.writing("demo", key) as folder:
            (folder / "half").write_text("half")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert not store.has("demo", key)
    assert list((store.root / "tmp").iterdir()) == []


def test_a_damaged_step_is_run_again(store):
    store.json_step("demo", 1, None, [], lambda: 1)
    value = next(store.root.glob("steps/demo/*/value.json"))
    value.write_text("2")
    assert store.json_step("demo", 1, None, [], lambda: 1) == 1
    assert json.loads(next(store.root.glob("steps/demo/*/value.json")).read_text()) == 1


def test_a_folder_without_manifest_does_not_count(store):
    store.json_step("demo", 1, None, [], lambda: 1)
    next(store.root.glob("steps/demo/*/manifest.json")).unlink()
    assert store.json_step("demo", 1, None, [], lambda: 3) == 3


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
