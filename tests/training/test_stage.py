"""The training stage: packs, checkpoints that survive damage, neighbours and full disks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import StorageError
from audit.executor.packing import Packing
from audit.models.loader import load
from audit.store import Store
from audit.training import checkpoint as checkpoints
from audit.training.checkpoint import Checkpoint, drop_finished
from audit.training.loop import State
from audit.training.packs import make_packs
from tests.test_memory import SETTINGS as MEMORY_SETTINGS
from tests.test_memory import make_cells, room_for, run


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 40), st.integers(1, 5))
def test_packs_hold_every_cell_once_and_keep_replicates_whole(replicates, conditions, most, workers):
    labels = [r for r in range(replicates) for _ in range(conditions)]
    packs = make_packs(labels, range(len(labels)), Packing(cells=most, workers=workers))
    assert sorted(row for pack in packs for row in pack) == list(range(len(labels)))
    assert all(1 <= len(pack) <= most for pack in packs)
    if conditions <= most:
        for replicate in range(replicates):
            holders = [p for p in packs if any(labels[row] == replicate for row in p)]
            assert len(holders) == 1
        sizes = [len(p) for p in packs]
        assert max(sizes) - min(sizes) <= conditions


@pytest.mark.parametrize(
    ("replicates", "conditions", "most", "workers", "sizes"),
    [
        (6, 5, 18, 2, [15, 15]),
        (6, 9, 18, 2, [18, 18, 9, 9]),
        (6, 5, 12, 2, [10, 10, 5, 5]),
        (6, 9, 18, 1, [18] * 3),
        (6, 3, 18, 8, [3] * 6),
        (1, 5, 18, 2, [5]),
    ],
)
def test_packs_leave_the_busiest_worker_least_to_do(replicates, conditions, most, workers, sizes):
    labels = [r for r in range(replicates) for _ in range(conditions)]
    packs = make_packs(labels, range(len(labels)), Packing(cells=most, workers=workers))
    assert [len(pack) for pack in packs] == sizes


def test_only_what_no_earlier_run_has_left_is_trained(tiny_model, tmp_path):
    model, store = load(str(tiny_model), device=torch.device("cpu")), Store(tmp_path)
    cells = make_cells(store, 4)
    run(model, store, cells[:2])
    with room_for(model, 100) as tried:
        made = run(model, store, cells)
    assert set(tried) == {2 * MEMORY_SETTINGS.batch}
    assert [a.condition for a, _ in made] == [c.condition for c in cells]


def state(step: int) -> State:
    generator = np.random.default_rng(step)
    tensors = [torch.from_numpy(generator.normal(size=(2, 3, 4)).astype(np.float32)) for _ in range(3)]
    return State(
        step=step,
        alive=[0, 1],
        params=[tensors[0]],
        exp_avg=[tensors[1]],
        exp_avg_sq=[tensors[2]],
        losses=torch.ones(2, step, dtype=torch.float64) * step,
    )


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(Store(tmp_path), ["a", "b"])


def test_a_checkpoint_comes_back_bit_for_bit(checkpoint):
    assert checkpoint.load() is None
    checkpoint.save(state(3))
    checkpoint.save(state(7))
    found, wanted = checkpoint.load(), state(7)
    assert found.step == 7
    assert found.alive == [0, 1]
    for name in ("params", "exp_avg", "exp_avg_sq"):
        assert torch.equal(getattr(found, name)[0], getattr(wanted, name)[0])
    assert torch.equal(found.losses, wanted.losses)
    checkpoint.drop()
    assert checkpoint.load() is None


@pytest.mark.parametrize("damage", ["empty", "cut", "gone"])
def test_a_damaged_checkpoint_is_dropped(checkpoint, damage):
    checkpoint.save(state(3))
    path = checkpoint.folder / "cell0000.safetensors"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:50])
    assert checkpoint.load() is None
    checkpoint.save(state(4))
    assert checkpoint.load().step == 4


def test_killed_between_the_two_renames_the_older_state_is_found(checkpoint):
    checkpoint.save(state(3))
    checkpoint.folder.rename(checkpoint.folder.with_suffix(".old"))
    assert checkpoint.load().step == 3


def test_a_state_whose_cells_are_all_done_is_dropped_and_others_stay(tmp_path):
    """Packs are cut anew when memory or replicates change; nobody would go on with the old ones."""
    store = Store(tmp_path)
    for keys in (["a", "b"], ["b", "c"], ["d"]):
        Checkpoint(store, keys).save(state(3))
    for key in ("a", "b"):
        with store.writing("adapter", key) as folder:
            (folder / "x").write_text("")
    drop_finished(store, ["a", "b"])
    assert [Checkpoint(store, keys).exists() for keys in (["a", "b"], ["b", "c"], ["d"])] == [False, True, True]


def test_a_full_disk_is_one_sentence(checkpoint, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    checkpoint.save(state(3))
    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        checkpoint.save(state(5))
    assert caught.value.slug == "disk-full"
    monkeypatch.undo()
    assert checkpoint.load().step == 3


def test_two_processes_on_one_pack_do_not_break_each_other(tmp_path):
    one, other = Checkpoint(Store(tmp_path), ["a", "b"]), Checkpoint(Store(tmp_path), ["a", "b"])
    one.save(state(3))
    other.save(state(4))
    one.drop()
    other.save(state(5))
    assert one.load().step == 5
    other.drop()
    one.drop()
    assert one.load() is None
    assert not any(one.store.room.folder.iterdir())
