"""Tasks on a cluster: the same results as here, whatever happens to its machines. Ray's place is taken by threads."""

from __future__ import annotations

import io
import threading
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from audit.base.errors import BadInput, ClusterError
from audit.base.progress import Progress
from audit.executor import Ahead, Needs, Task
from audit.executor.cluster import OnCluster, Shared, dispatch
from audit.executor.cluster.dispatch import Dispatch
from audit.executor.cluster.rays import GpuLook, RayCluster
from audit.executor.cluster.terms import Gone, NoSeats, Rules, Seat, SeatLost
from audit.executor.cluster.wire import CacheAt, Done, Failed, News, Small
from audit.executor.packing import Packing
from audit.plan import executors
from audit.plan.executor_names import Where, asked_executor
from audit.plan.executors import KIT
from audit.plan.spec import load_spec
from audit.stages.audit import run as run_audit
from audit.store import Store
from audit.store.parcels import CHECKPOINT, PICTURE, Damaged, Parcel, contents_digest, pack, unpack
from audit.training.checkpoint import Checkpoint
from audit.training.pack_task import _Keeper, _Pass
from tests import fake_ray
from tests.e2e.folders import write_originals, write_spec

# --- who does what, and what happens when it is not done ---------------------------------------------------


@dataclass(frozen=True)
class Piece(Task[Any]):
    """Some cells that could be trained."""

    cells: tuple[int, ...]
    shares: ClassVar[bool] = True

    @property
    def units(self) -> int:
        return len(self.cells)

    @property
    def rows(self) -> int:
        return len(self.cells)

    def needs(self, bench: Any) -> Needs:
        return Needs(models=False)

    def halves(self) -> Any:
        middle = -(-len(self.cells) // 2)
        halves = (Piece(self.cells[:middle]), Piece(self.cells[middle:]))
        return halves if len(self.cells) > 1 else (self,)

    def run(self, worker: Any) -> Any:
        raise AssertionError


class Played:
    """A cluster that answers what a function says: of a seat's machine, a task and how often it was tried there."""

    def __init__(self, play: Any, machines: str = "ab", news: Any = None) -> None:
        self.play, self.machines, self.news = play, list(machines), news
        self.made = dict.fromkeys(machines, 0)
        self.ended: list[str] = []
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self.now = 0.0

    def seats(self) -> list[Seat]:
        return [Seat(f"{m}{self.made[m]}", m) for m in self.machines]

    def start(self, seat: Seat, job: Any) -> Any:
        cells = getattr(job, "task", job).cells
        self.asked.append((seat.node, cells))
        return ["job", seat, self.play(seat.node, cells, self.asked.count((seat.node, cells)))]

    def ask(self, seat: Seat) -> Any:
        return ["news", seat, self.news(seat.node) if self.news else News(0)]

    def ready(self, handles: Any, seconds: float) -> Any:
        self.now += seconds
        return [h for h in handles if h[2] is not None]

    def answer(self, handle: Any) -> Any:
        if isinstance(handle[2], Exception):
            raise handle[2]
        return handle[2]

    def end(self, seat: Seat) -> None:
        self.ended.append(seat.name)
        if seat.node in self.machines:
            self.made[seat.node] += 1


def played(play, tasks, *, store=None, rules=None, **options):
    cluster = Played(play, **options)
    notes: list[str] = []
    bench = SimpleNamespace(progress=Progress(io.StringIO()), store=store)
    giving = Dispatch(
        cluster, bench, lambda task, among: task, rules=rules, note=lambda id, **_: notes.append(id),
        clock=lambda: cluster.now,
    )  # fmt: skip
    return giving.run([Piece(cells) for cells in tasks]), cluster, notes


def test_a_task_whose_machine_dies_is_done_elsewhere():
    found, cluster, notes = played(
        lambda node, cells, tries: SeatLost("gone") if node == "a" and tries == 1 else Done(cells), [(1,), (2,), (3,)]
    )
    assert found == [[(1,)], [(2,)], [(3,)]]
    assert "a0" in cluster.ended
    assert "cluster.lost" in notes


def test_a_task_that_takes_every_machine_with_it_is_given_up():
    (answers,), cluster, _ = played(lambda *_: SeatLost("gone"), [(1,)])
    assert isinstance(answers[0], Gone)
    assert len(cluster.asked) == 1 + Rules().losses


def test_an_error_is_tried_on_another_machine_before_it_counts():
    def play(node, cells, tries):
        return Failed(ValueError("flaky"), "flaky") if node == "a" else Done(cells)

    found, cluster, _ = played(play, [(1,)])
    assert found == [[(1,)]]
    assert [node for node, _ in cluster.asked] == ["a", "b"]


def test_of_a_pack_that_always_fails_only_the_bad_cell_is_missing():
    def play(node, cells, tries):
        return Failed(ValueError("bad"), "bad") if 3 in cells else Done(frozenset())

    (answers,), _, _ = played(play, [(1, 2, 3, 4)])
    assert [part.task.cells for part in answers if isinstance(part, Gone)] == [(3,)]
    assert answers.count(frozenset()) == 2


def test_where_memory_runs_out_that_machine_gets_halves_and_the_others_do_not():
    def play(node, cells, tries):
        return SeatLost("killed", memory=True) if node == "a" and len(cells) > 2 else Done(cells)

    tasks = [tuple(range(4 * i, 4 * i + 4)) for i in range(4)]
    found, cluster, notes = played(play, tasks)
    assert sorted(cell for parts in found for part in parts for cell in part) == list(range(16))
    assert notes == ["cluster.memory"]
    assert {len(cells) for node, cells in cluster.asked if node == "b"} == {4} | {
        len(cells) for node, cells in cluster.asked if node == "b" and len(cells) == 2
    }
    assert [len(cells) for node, cells in cluster.asked if node == "a"][1:].count(4) == 0


def test_a_machine_that_says_nothing_counts_as_gone():
    def play(node, cells, tries):
        return None if node == "a" and tries == 1 else Done(cells)

    found, cluster, _ = played(play, [(1,)], news=lambda node: None, rules=Rules(silent=5.0))
    assert found == [[(1,)]]
    assert cluster.ended == ["a0"]


def test_a_task_that_gets_nowhere_is_begun_elsewhere():
    def play(node, cells, tries):
        return None if node == "a" and tries == 1 else Done(cells)

    found, cluster, _ = played(play, [(1,)], rules=Rules(stuck=9.0))
    assert found == [[(1,)]]
    assert cluster.ended == ["a0"]


def test_what_follows_a_task_begins_while_others_run_and_is_forgotten_where_it_fails():
    def play(node, cells, tries):
        if cells == (2,):
            # The long one: it ends when all that could begin before has ended.
            return None
        return Failed(ValueError("bad"), "bad") if cells == (12,) else Done(cells)

    def after(task, answer):
        following = [Ahead(Piece((number,)), 1, then) for number in (11, 12)]
        return following if task.cells == (1,) else []

    def then(task, answer):
        return [Ahead(Piece((21,)), 1)]

    class Long(Played):
        def ready(self, handles, seconds):
            for handle in handles:
                if handle[0] == "job" and handle[2] is None and {(21,), (12,)} <= {c for _, c in self.asked}:
                    handle[2] = Done((2,))
            return super().ready(handles, seconds)

    cluster = Long(play)
    bench = SimpleNamespace(progress=Progress(io.StringIO()), store=None)
    giving = Dispatch(cluster, bench, lambda task, among: task, clock=lambda: cluster.now)
    assert giving.run([Piece((1,)), Piece((2,))], after=after) == [[(1,)], [(2,)]]
    assert [cells for _, cells in cluster.asked][:2] == [(1,), (2,)]
    assert {(11,), (12,), (21,)} <= {cells for _, cells in cluster.asked}


def test_a_machine_with_room_for_less_says_so_and_loses_nothing():
    def play(node, cells, tries):
        return Small(2) if node == "a" and len(cells) > 2 else Done(cells)

    found, cluster, notes = played(play, [tuple(range(8))], machines="a")
    assert sorted(cell for parts in found for part in parts for cell in part) == list(range(8))
    assert notes == ["cluster.smaller"]
    assert cluster.ended == []
    assert [len(cells) for _, cells in cluster.asked] == [8, 2, 2, 2, 2]


def test_on_a_graphics_processor_as_many_seats_open_as_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(GpuLook, "bytes", lambda self: 10e9)
    for seat_bytes, each in ((4e9, 2), (1e9, 4), (9e9, 1), (0.0, 1)):
        ray = fake_ray.install(monkeypatch, {"one": 12}, gpus=2)
        at = CacheAt(session="s", keep=False, base=tmp_path / "cache")
        cluster = RayCluster("head:1", kit=KIT, at=at, threads=1, device="auto", expected=None, seat_bytes=seat_bytes)
        while cluster.opening() or not cluster.seats():
            time.sleep(0.01)
            cluster.seats()
        assert len(cluster.seats()) == 2 * each
        assert {share for made, share in ray.given if made == "SeatProcess"} == {1 / each}
        cluster.close()


def test_a_seat_with_less_memory_than_the_driver_s_packs_for_itself(monkeypatch):
    engine = SimpleNamespace(device=torch.device("cpu"), packing=Packing(cells=8, workers=2, bytes=8e9))
    engine.precision, engine.model = "fp32", None
    setting, asked = SimpleNamespace(room=16e9), []
    task = SimpleNamespace()
    monkeypatch.setattr(executors, "_measured", lambda *_, **given: asked.append(given["memory"]) or Packing(cells=1))
    monkeypatch.setattr(executors, "TrainPack", SimpleNamespace)
    task.settings = None
    # As much as the driver's; less, but enough; too little.
    assert executors.packed_for(engine, task, setting, 15.9e9) is None
    assert executors.packed_for(engine, task, setting, 9e9) is None
    assert executors.packed_for(engine, task, setting, 2e9) == Packing(cells=1)
    assert asked == [1.0]


def test_without_any_machine_the_run_ends_and_an_interrupt_ends_every_seat():
    with pytest.raises(NoSeats):
        played(lambda *_: None, [(1,)], machines="")

    def interrupted(node, cells, tries):
        if len(cells) == 2:
            raise KeyboardInterrupt
        return None

    cluster = Played(interrupted)
    bench = SimpleNamespace(progress=Progress(io.StringIO()), store=None)
    with pytest.raises(KeyboardInterrupt):
        Dispatch(cluster, bench, lambda task, among: task).run([Piece((1,)), Piece((1, 2))])
    assert cluster.ended == ["a0"]


def test_wrong_bytes_never_reach_the_store_and_their_sender_is_left_out(tmp_path):
    good, there = Store(tmp_path / "store"), Store(tmp_path / "there")
    digest = there.put_pixels(np.full((8, 8, 3), 9, np.uint8))
    parcel = pack(there, PICTURE, digest)
    wrong = replace(parcel, files={"png": parcel.files["png"][:-1] + b"x"})

    def play(node, cells, tries):
        return Done(cells, (wrong if node == "a" else parcel,))

    found, cluster, notes = played(play, [(1,), (2,), (3,)], store=good)
    assert found == [[(1,)], [(2,)], [(3,)]]
    assert np.array_equal(good.get_pixels(digest), there.get_pixels(digest))
    assert notes.count("cluster.left-out") == 1
    assert all(node == "b" for node, _ in cluster.asked[-2:])


# --- parcels ---------------------------------------------------------------------------------------------


def test_a_step_arrives_as_it_was_made_and_nothing_else_does(tmp_path):
    there, here = Store(tmp_path / "there"), Store(tmp_path / "here")
    key = Store.key("text", "a", [])
    with there.writing("text", key) as folder:
        (folder / "text.safetensors").write_bytes(b"words")
    parcel = pack(there, "text", key)
    unpack(here, parcel)
    assert (here.verified("text", key) / "text.safetensors").read_bytes() == b"words"
    assert pack(here, "text", "0" * 64) is None
    for broken in (
        replace(parcel, name="nothing"),
        replace(parcel, key="../../etc"),
        replace(parcel, files={"../x": b""}, sha256=contents_digest({"../x": b""})),
        replace(parcel, files={"text.safetensors": b"other"}),
        Parcel(PICTURE, "0" * 64, {"png": b"none"}, contents_digest({"png": b"none"})),
        Parcel(CHECKPOINT, "0" * 64, {"step.json": b"{"}, contents_digest({"step.json": b"{"})),
    ):
        with pytest.raises(Damaged):
            unpack(here, broken)
    # A step that was changed after it was made is not sent at all.
    (there.folder("text", key) / "text.safetensors").write_bytes(b"wards")
    assert pack(there, "text", key) is None


def test_an_unfinished_training_travels_whole(tmp_path):
    there, here, key = Store(tmp_path / "there"), Store(tmp_path / "here"), "1" * 64
    for step in (b'{"step": 1}', b'{"step": 2}'):
        (there.root / "checkpoints" / key).mkdir(parents=True, exist_ok=True)
        (there.root / "checkpoints" / key / "step.json").write_bytes(step)
        unpack(here, pack(there, CHECKPOINT, key))
        assert (here.root / "checkpoints" / key / "step.json").read_bytes() == step


# --- how it is asked for -----------------------------------------------------------------------------------


def test_executors_as_they_are_asked_for(monkeypatch):
    assert asked_executor("local") == Where("local")
    monkeypatch.setattr("audit.plan.executor_names.find_spec", lambda name: None if name == "ray" else True)
    with pytest.raises(ClusterError, match="not installed"):
        asked_executor("ray")
    monkeypatch.setattr("audit.plan.executor_names.find_spec", lambda name: None if name == "fcntl" else True)
    with pytest.raises(ClusterError, match="file locks"):
        asked_executor("ray")
    monkeypatch.setattr("audit.plan.executor_names.find_spec", lambda name: True)
    assert asked_executor("ray") == Where("ray")
    assert asked_executor("ray:auto") == Where("ray", "auto")
    assert asked_executor("ray:10.0.0.1:6379") == Where("ray", "10.0.0.1:6379")
    assert asked_executor("ray://head:10001") == Where("ray", "ray://head:10001")
    for text in ("", "slurm", "ray:", "ray:a b", "rayon"):
        with pytest.raises(BadInput):
            asked_executor(text)


# --- whole audits ------------------------------------------------------------------------------------------


def audited(folder, model, name, executor, **more):
    """An audit of made-up pictures with an executor."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "originals": folder / "art" if (folder / "art").exists() else write_originals(folder / "art"),
        "model": str(model), "protect": ("encoder-pgd:40",), "preset": "quick", "replicates": 1, "device": "cpu",
        "protection": {"steps": 3}, "out": folder / name, "store": folder / f"{name}-store", "executor": executor,
        **more,
    }  # fmt: skip
    results, _ = run_audit(load_spec(options, write_spec(folder / "audit.toml")), Progress(io.StringIO()))
    return results


@pytest.fixture(scope="module")
def here(tiny_model, tmp_path_factory):
    """What an audit makes without a cluster."""
    return audited(tmp_path_factory.mktemp("here"), tiny_model, "here", "local")


@pytest.fixture
def audit(tiny_model, tmp_path, monkeypatch):
    """Runs an audit with an executor; caches of machines lie in the test's folder."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "machines"))
    (tmp_path / "machines").mkdir()
    yield lambda name, executor, **more: audited(tmp_path, tiny_model, name, executor, **more)
    executors.close_clusters()


def alike(one, other):
    def told(cell):
        return cell.adapter.sha256 if cell.adapter else "", cell.generations, cell.scores, cell.nearest, cell.by_work

    assert [told(cell) for cell in one.cells] == [told(cell) for cell in other.cells]
    for name in ("untriggered", "subjects", "visibility", "reached", "metrics", "recognition"):
        assert getattr(one, name) == getattr(other, name), name


def test_an_audit_on_a_cluster_makes_what_one_here_makes_and_leaves_nothing(here, audit, tmp_path, monkeypatch):
    ray = fake_ray.install(monkeypatch, {"one": 1, "two": 1})
    begun, kinds = dispatch._begun, []
    monkeypatch.setattr(dispatch, "_begun", lambda ahead: kinds.append(type(ahead.task).__name__) or begun(ahead))
    there = audit("there", "ray")
    # Drawn and looked at before the stages that do so: two models, by two scores.
    assert sorted(kinds) == ["Draw"] * 2 + ["Embed"] * 4
    alike(here, there)
    assert there.provenance.reused_elsewhere == ()
    assert {machine for machine, _ in ray.actors} == {"one", "two"}
    assert ray.inits[0]["_node_ip_address"] == "127.0.0.1"
    executors.close_clusters()
    base = next((tmp_path / "machines").iterdir())
    for _ in range(100):
        if not list(base.iterdir()):
            break
        time.sleep(0.05)
    assert list(base.iterdir()) == []


def test_a_machine_that_dies_in_the_middle_changes_nothing(here, audit, monkeypatch):
    ray = fake_ray.install(monkeypatch, {"one": 1, "two": 1})
    put, count = ray.put, []

    def dies_later(thing):
        count.append(thing)
        if len(count) == 40:
            threading.Thread(target=ray.lose, args=("one",)).start()
        return put(thing)

    monkeypatch.setattr(ray, "put", dies_later)
    alike(here, audit("there", "ray:10.0.0.1:6379"))
    assert ray.inits[0]["address"] == "10.0.0.1:6379"
    assert "one" not in ray.machines


def test_a_training_whose_machine_dies_goes_on_from_the_state_that_had_arrived(here, audit, monkeypatch):
    ray = fake_ray.install(monkeypatch, {"one": 1, "two": 1})
    arrived, begun_at = threading.Event(), []
    after_step, load = _Keeper.after_step, Checkpoint.load

    def unpacked(store, parcel):
        unpack(store, parcel)
        if parcel.name == CHECKPOINT:
            arrived.set()

    def dies_at_three(self, done, state):
        after_step(self, done, state)
        if done == 3 and len(begun_at) == 1:
            assert arrived.wait(60)
            at_work = [where for where, actor in ray.actors if actor._made.result()._node._at is not None]
            ray.lose(*at_work)

    def loaded(self):
        found = load(self)
        begun_at.append(found and found.step)
        return found

    monkeypatch.setattr("audit.training.pack_task.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("audit.training.pack_task.CHECKPOINT_SHARE", 0.0)
    monkeypatch.setattr(dispatch, "unpack", unpacked)
    monkeypatch.setattr(_Keeper, "after_step", dies_at_three)
    monkeypatch.setattr(Checkpoint, "load", loaded)
    alike(here, audit("there", "ray"))
    assert len(ray.machines) == 1
    assert begun_at[0] is None
    assert begun_at[1] in (1, 2, 3)


def test_what_fails_alike_everywhere_and_is_no_training_is_tried_here():
    tried = []

    class Here:
        def run(self, tasks, bench, *, after=None):
            tried.extend(tasks)
            raise ValueError("as it is")

    cluster = Played(lambda *_: Failed(RuntimeError("as it came"), "same"))
    store = SimpleNamespace(plan="", reuse=True)
    bench = SimpleNamespace(progress=Progress(io.StringIO()), store=store, precision="fp32", device=torch.device("cpu"))
    on = OnCluster(shared=lambda: Shared(cluster), here=Here(), names=(), device="cpu", workers=1)
    with pytest.raises(ValueError, match="as it is"):
        on.run([Piece((1,))], bench)
    assert [node for node, _ in cluster.asked] == ["a", "b"]
    assert tried == [Piece((1,))]


def test_a_model_that_no_machine_can_train_is_missing_to_the_end_and_counts_as_no_zero(audit, tmp_path, monkeypatch):
    fake_ray.install(monkeypatch, {"one": 1, "two": 1})
    train = _Pass._train

    def bad(self):
        if any((row.cell.condition, row.cell.replicate) == ("encoder-pgd:40", 2) for row in self.rows):
            raise ValueError("this one is bad")
        train(self)

    monkeypatch.setattr(_Pass, "_train", bad)
    found = audit("bad", "ray", replicates=3)
    there = {(cell.condition, cell.replicate) for cell in found.cells if cell.condition != "base"}
    assert there == {("clean", 1), ("clean", 2), ("clean", 3), ("encoder-pgd:40", 1), ("encoder-pgd:40", 3)}
    (lacks,) = [d for d in found.deviations if d.said.id == "cells-left-out"]
    assert lacks.said.values["n"] == 1
    index = {e.name: e for e in found.estimates if (e.condition, e.metric) == ("encoder-pgd:40", "channel_stats")}
    assert index["protection_index"].n == 2
    page = (tmp_path / "bad" / "report.html").read_text(encoding="utf-8")
    assert "encoder-pgd:40" in page


def test_machines_with_other_versions_are_named_and_refused(audit, monkeypatch):
    fake_ray.install(monkeypatch, {"one": 2})
    told = executors.describe_cluster(Where("ray"), device="cpu")
    assert [said.id for said in told] == ["doctor.machine"]
    assert told[0].values["seats"] == 2
    fake_ray.install(monkeypatch, {"one": 1})
    other = replace(executors.hello(executors.KIT, torch.device("cpu")), versions={"cloakcheck": "0", "torch": "1"})
    monkeypatch.setattr(executors, "hello", lambda kit, device: other)
    assert [said.id for said in executors.describe_cluster(Where("ray"), device="cpu")][1:] == [
        "doctor.machine-differs"
    ]
    fake_ray.install(monkeypatch, {"one": 1})
    with pytest.raises(ClusterError, match="has cloakcheck"):
        audit("refused", "ray")
    with pytest.raises(ClusterError, match="nobody is there"):
        audit("nowhere", "ray:nowhere:1")
