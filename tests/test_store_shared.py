"""Several processes on one store: nothing is lost, nothing half-read, nobody waits for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit.base.errors import StorageError
from audit.evidence.forget import forget
from audit.store import Store
from audit.store.room import TMP
from audit.store.sound import manifest_of

WORKER = """
import json, sys
from pathlib import Path
import numpy as np
from pydantic import TypeAdapter
from audit.base.errors import AuditError
from audit.store import Store
from audit.store.versions import VERSIONS
VERSIONS["demo"] = 1
root, number, anew = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "anew"
store, of, wrong = Store(root, reuse=not anew), TypeAdapter(list[int]), []
print("open", flush=True)
sys.stdin.readline()
for round in range(40):
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


@pytest.mark.parametrize("fourth", ["reuse", "anew"])
def test_four_processes_on_one_store(tmp_path, fourth):
    """One of them may make everything anew under the others' hands."""
    root = tmp_path / "store"
    processes = [begin(root, number, "reuse" if number < 3 else fourth) for number in range(4)]
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
    assert [(json.loads(out), process.returncode) for (out, _), process in zip(ended, processes, strict=True)] == [
        ([], 0)
    ] * 4, ended
    steps = list(root.glob("steps/demo/*"))
    assert len(steps) == 40
    assert all(manifest_of(step) is not None for step in steps)
    assert len(list(root.glob("blobs/*/*"))) == 40
    assert list((root / TMP).iterdir()) == [], "whoever ends takes the own room away"


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
