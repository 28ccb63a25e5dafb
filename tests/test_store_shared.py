"""Several processes on one store: nothing is lost, nothing half-read, nobody waits for ever."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import audit.store as store_module
from audit.base.errors import StorageError
from audit.evidence.forget import forget
from audit.store import Store, sound
from audit.store.room import TMP
from audit.store.sound import manifest_of, read_regular
from audit.store.versions import VERSIONS

NUMBER = TypeAdapter(int)

WORKER = """
import json, sys
from pathlib import Path
import numpy as np
from pydantic import TypeAdapter
from audit.base.errors import AuditError
from audit.store import Store, sound
from audit.store.versions import VERSIONS
VERSIONS["demo"] = 1
root, number, anew = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "anew"
store, of, wrong = Store(root, reuse=not anew), TypeAdapter(list[int]), []
print("open", flush=True)
sys.stdin.readline()
for round in range(60):
    value = [round] * 50
    if store.json_step("demo", round, [], lambda: value, of=of) != value:
        wrong.append(round)
    pixels = np.full((8, 8, 3), round, np.uint8)
    try:
        if not np.array_equal(store.get_pixels(store.put_pixels(pixels)), pixels):
            wrong.append(("pixels", round))
    except AuditError as error:
        wrong.append(error.sentence)
print(json.dumps(wrong))
"""


def begin(root: Path, number: int, how: str = "reuse") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, root, str(number), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.parametrize("how", ["reuse", "anew"])
def test_four_processes_on_one_store(tmp_path, how):
    """Two of them may make everything anew under the others' hands."""
    root = tmp_path / "store"
    processes = [begin(root, number, "reuse" if number < 2 else how) for number in range(4)]
    try:
        with pytest.raises(StorageError) as caught:
            forget(root, only_adapters=True)
        assert caught.value.slug == "store-busy"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert all(process.returncode == 0 for process in processes), [error for _, error in ended]
    assert [json.loads(out) for out, _ in ended] == [[]] * 4
    steps = list(root.glob("steps/demo/*"))
    assert len(steps) == 60
    assert all(manifest_of(step) is not None for step in steps)
    assert len(list(root.glob("blobs/*/*"))) == 60
    assert list((root / TMP).iterdir()) == [], "whoever ends takes the own room away"


@pytest.fixture
def one_step(tmp_path, monkeypatch):
    monkeypatch.setitem(VERSIONS, "demo", 1)
    store = Store(tmp_path / "store")
    store.json_step("demo", None, [], lambda: 1, of=NUMBER)
    return store


def test_a_step_that_is_made_anew_while_it_is_read_is_read_again(one_step, monkeypatch):
    """Nothing was wrong with it, so nobody is told that it was rejected."""
    reads = []

    def meanwhile(path, *, limit):
        reads.append(path)
        if len(reads) == 1:
            shutil.rmtree(path.parent)
            Store(one_step.root, reuse=False).json_step("demo", None, [], lambda: 1, of=NUMBER)
        return read_regular(path, limit=limit) if len(reads) > 1 else path.with_name("gone").read_bytes()

    monkeypatch.setattr(store_module, "read_regular", meanwhile)
    reader = Store(one_step.root)
    assert reader.json_step("demo", None, [], lambda: 2, of=NUMBER) == 1
    assert (reader.rejected, reader.run, reader.reused) == ((), 0, 1)


def test_a_step_that_was_replaced_between_two_looks_is_not_taken_away(one_step, monkeypatch):
    looks = []

    def torn(folder):
        looks.append(folder)
        return None if len(looks) == 1 else manifest_of(folder)

    monkeypatch.setattr(sound, "manifest_of", torn)
    key = Store.key("demo", None, [])
    assert Store(one_step.root).verified("demo", key) == one_step.folder("demo", key)
    assert manifest_of(one_step.folder("demo", key)) is not None
    assert list(one_step.room.folder.iterdir()) == []


def test_an_opening_waits_while_the_store_is_emptied_and_gives_up_with_a_sentence(tmp_path, monkeypatch):
    from audit.store import room

    root = tmp_path / "store"
    Store(root)
    holder = (
        "import sys, time; from pathlib import Path; from audit.store.room import gate\n"
        "with gate(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        monkeypatch.setattr(room, "WAIT", 0.2)
        with pytest.raises(StorageError) as caught:
            Store(root)
        assert caught.value.slug == "store-busy"
    finally:
        process.communicate("done\n")
    Store(root)
