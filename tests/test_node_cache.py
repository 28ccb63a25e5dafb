"""What a node keeps of a run: nothing, or with `--keep-node-cache` what it was sent and made, for the next run."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from audit.executor import Task
from audit.executor.cluster.node import Node
from audit.executor.cluster.wire import CacheAt, Done, Errand, NodeSetting, Sent
from audit.plan.executors import KIT
from audit.store import Store
from audit.store.parcels import PICTURE, pack, unpack
from audit.store.reuse import made_before
from audit.store.versions import VERSIONS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a node's folder is held by flock")

MADE: list[str] = []
"""Plans for which the step was really made."""


@dataclass(frozen=True)
class Brightness(Task[int]):
    """How bright a stored picture is, as a step."""

    picture: str

    @property
    def units(self) -> int:
        return 1

    def run(self, worker: Any) -> int:
        store = worker.bench.store

        def compute() -> int:
            MADE.append(store.plan)
            return int(store.get_pixels(self.picture).max())

        return store.json_step("bright", None, [self.picture], compute, of=TypeAdapter(int))


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver's store with a picture, and its digest."""
    monkeypatch.setitem(VERSIONS, "bright", 1)
    MADE.clear()
    store = Store(tmp_path / "driver")
    return store, store.put_pixels(np.full((8, 8, 3), 9, np.uint8))


def session(tmp_path, driver, name, *, keep, plan="a", reuse=True):
    """One run of the program on the node: what the task answered, and how many things had to be fetched."""
    store, picture = driver
    fetched: list[Any] = []

    def fetch(refs):
        fetched.extend(refs)
        return list(refs)

    node = Node(KIT, CacheAt(name, keep, tmp_path / "node"), fetch)
    setting = NodeSetting(
        device="cpu", precision="fp32", packing=None, threads=1, plan=plan * 64, reuse=reuse, model=None, surrogate=None
    )
    sent = (Sent(PICTURE, picture, pack(store, PICTURE, picture)),)
    done = node.do(Errand(Brightness(picture), 1, sent, setting, models=False))
    node.close()
    assert isinstance(done, Done), done
    assert done.answer == 9
    return done.parcels, len(fetched)


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "node").iterdir())


def test_what_is_kept_is_not_sent_again_and_a_run_that_keeps_nothing_leaves_it(tmp_path, driver):
    assert session(tmp_path, driver, "one", keep=True)[1] == 1
    assert session(tmp_path, driver, "two", keep=True)[1] == 0
    assert MADE == ["a" * 64]
    assert session(tmp_path, driver, "three", keep=False)[1] == 1
    for _ in range(200):
        if left(tmp_path) == ["kept"]:
            break
        time.sleep(0.05)
    assert left(tmp_path) == ["kept"]
    assert (tmp_path / "node" / "kept").stat().st_mode & 0o077 == 0


def test_a_run_that_reuses_nothing_takes_nothing_that_was_kept(tmp_path, driver):
    for plan in ("a", "b"):
        session(tmp_path, driver, plan, keep=True, plan=plan, reuse=False)
    assert MADE == ["a" * 64, "b" * 64]


def test_what_was_kept_from_another_plan_counts_as_found(tmp_path, driver, monkeypatch):
    monkeypatch.setattr("audit.store.reuse.OUTCOMES", ("bright",))
    session(tmp_path, driver, "one", keep=True, plan="a")
    for plan, older in (("a", 0), ("b", 1)):
        parcels, _ = session(tmp_path, driver, "two", keep=True, plan=plan)
        here = Store(tmp_path / plan).working(KIT.environment(KIT.device("cpu"), "fp32"), plan=plan * 64)
        for parcel in parcels:
            if parcel.name != PICTURE:
                unpack(here, parcel)
                here.note_sent(parcel.name, parcel.key)
        assert here.reused == older
        assert here.run == 1 - older
        assert [said.count for said in made_before(here, "9999-01-01T00:00:00Z")] == [older] * older
