"""The executor of a cluster: what may travel goes to its nodes, what they make comes into the driver's store.

What no node can do, the driver tries itself, but for trainings: a model that fails twice alike is missing, and the
judge counts it so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch

from audit.base.errors import ClusterError
from audit.base.messages import say
from audit.executor import After, Ahead, Bench, Engine, Executor, T, Task
from audit.executor.cluster import models
from audit.executor.cluster.dispatch import Dispatch
from audit.executor.cluster.node import device_bytes
from audit.executor.cluster.terms import Cluster, Gone, Known, NoSeats, Rules
from audit.executor.cluster.wire import Errand, NodeSetting, Sent, SentModel
from audit.models.model import Model
from audit.store import Store
from audit.store.parcels import CHECKPOINT, PICTURE, holds, pack

TOLD_EVERY = 30.0
"""Seconds between two lines that say what the cluster does."""
MOST_KEPT = 512 << 20
"""Bytes that the driver has the cluster keep for tasks to come; what was used longest ago goes first."""


class Carrier(Cluster, Protocol):
    """A cluster that also keeps things for its nodes."""

    def put(self, thing: Any) -> Any:
        """Hand something over once; the reference brings it to any node."""
        ...

    def close(self) -> None:
        """Take every seat away."""
        ...


@dataclass
class Shared:
    """What the driver has handed to a cluster, so that it does so once, and what it has learned of its machines."""

    carrier: Carrier
    models: dict[str, SentModel] = field(default_factory=dict)
    refs: dict[tuple[str, str], tuple[Any, int]] = field(default_factory=dict)
    kept: int = 0
    known: Known = field(default_factory=Known)

    def ref(self, store: Store, name: str, key: str) -> Any:
        """Where the cluster keeps what lies in the driver's store; None where that holds none."""
        if (name, key) in self.refs:
            found = self.refs[name, key] = self.refs.pop((name, key))
            return found[0]
        parcel = pack(store, name, key)
        if parcel is None:
            return None
        ref = self.carrier.put(parcel)
        if name != CHECKPOINT:
            self.refs[name, key] = ref, parcel.bytes
            self.kept += parcel.bytes
            while self.kept > MOST_KEPT:
                self.kept -= self.refs.pop(next(iter(self.refs)))[1]
        return ref


@dataclass(frozen=True)
class OnCluster:
    """See the module.

    Attributes:
        shared: opens the cluster where it is not open yet.
        here: runs what stays on the driver's machine.
        names: of the run's models, as they are opened.
        device: as the user named it.
    """

    shared: Callable[[], Shared]
    here: Executor
    names: tuple[str, ...]
    device: str
    workers: int
    rules: Rules = field(default_factory=Rules)

    def run(self, tasks: Sequence[Task[T]], bench: Bench, *, after: After | None = None) -> list[T]:
        """See `Executor`.

        Raises:
            ClusterError: `cluster-gone`, no machine has been there for a long time.
        """
        needs = [None if task.is_made(bench.store) else task.needs(bench) for task in tasks]
        away = [place for place, need in enumerate(needs) if need is not None]
        stays = [task for task, need in zip(tasks, needs, strict=True) if need is None]
        found: dict[int, T] = {}
        if away:
            answers = self._sent([tasks[place] for place in away], bench, among=len(tasks), after=after)
            for place, parts in zip(away, answers, strict=True):
                found[place] = self._answer(tasks[place], parts, bench)
        kept = iter(self.here.run(stays, bench))
        return [found[place] if place in found else next(kept) for place in range(len(tasks))]

    def _sent(self, tasks: Sequence[Task[Any]], bench: Bench, *, among: int, after: After | None) -> list[list[Any]]:
        shared = self.shared()
        setting = self._setting(shared, bench)
        told = _Telling(bench)

        def job(task: Task[Any], among: int) -> Errand:
            return _job(task, self._threads(task, among), setting, shared, bench)

        dispatch = Dispatch(
            shared.carrier, bench, job, rules=self.rules, note=told.event, tick=told.now, known=shared.known
        )
        try:
            return dispatch.run(tasks, among=among, after=_travels(after, bench))
        except NoSeats as error:
            raise ClusterError("cluster-gone") from error

    def _threads(self, task: Task[Any], among: int) -> int:
        """As many as each of so many tasks would have on this machine, so that all is rounded alike."""
        workers = min(self.workers, among)
        whole = torch.get_num_threads()
        return whole if workers <= 1 or not task.shares else max(1, whole // workers)

    def _setting(self, shared: Shared, bench: Bench) -> NodeSetting:
        engine = bench if isinstance(bench, Engine) else None
        surrogate = None if engine is None or engine.surrogate is None else engine.surrogate
        return NodeSetting(
            device=self.device,
            precision=bench.precision,
            packing=None if engine is None else engine.packing,
            threads=torch.get_num_threads(),
            plan=bench.store.plan,
            reuse=bench.store.reuse,
            model=None if engine is None else _model(shared, self.names, engine.model),
            surrogate=None if surrogate is None else _model(shared, self.names, surrogate),
            room=device_bytes(bench.device) / self.workers,
        )

    def _answer(self, task: Task[T], parts: Sequence[Any], bench: Bench) -> T:
        answers: list[T] = []
        for part in parts:
            if not isinstance(part, Gone):
                answers.append(part)
                continue
            lacking = part.task.lacking()
            if lacking is None:
                # It is tried where its error can be told as it is.
                return self.here.run([task], bench)[0]
            bench.progress.say(say("cluster.missing", count=part.task.rows, why=type(part.error).__name__))
            answers.append(lacking)
        return answers[0] if len(answers) == 1 else task.joined(answers)


def _travels(after: After | None, bench: Bench) -> After | None:
    """What may begin, without what is made already or stays here."""
    if after is None:
        return None

    def found(task: Task[Any], answer: Any) -> list[Ahead]:
        return [
            replace(begins, then=_travels(begins.then, bench))
            for begins in after(task, answer)
            if not begins.task.is_made(bench.store) and begins.task.needs(bench) is not None
        ]

    return found


def _model(shared: Shared, names: Sequence[str], model: Model) -> SentModel:
    digest = model.facts.sha256
    if digest not in shared.models:
        shared.models[digest] = models.send(names, model, shared.carrier.put)
    return shared.models[digest]


def _job(task: Task[Any], threads: int, setting: NodeSetting, shared: Shared, bench: Bench) -> Errand:
    need, store = task.needs(bench), bench.store
    assert need is not None
    wanted = [(PICTURE, digest) for digest in need.pictures]
    wanted += [(name, key) for name, key in need.steps if holds(store, name, key)]
    if need.checkpoint and store.reuse and holds(store, CHECKPOINT, need.checkpoint):
        wanted.append((CHECKPOINT, need.checkpoint))
    sent = [Sent(name, key, ref) for name, key in wanted if (ref := shared.ref(store, name, key)) is not None]
    return Errand(task, threads, tuple(sent), setting, need.models, need.checkpoint)


class _Telling:
    """Says what the cluster does: events as they come, and now and then how many tasks are where."""

    def __init__(self, bench: Bench) -> None:
        self._progress = bench.progress
        self._begun = self._told = time.monotonic()

    def event(self, id: str, **values: Any) -> None:
        self._progress.say(say(id, **values))

    def now(self, dispatch: Dispatch) -> None:
        now = time.monotonic()
        if now - self._told < TOLD_EVERY:
            return
        self._told = now
        waiting, running, done = dispatch.counts
        minutes = (now - self._begun) / 60
        self._progress.say(say("cluster.at", waiting=waiting, running=running, done=done))
        for node, count in sorted(dispatch.per_node.items()):
            self._progress.say(say("cluster.rate", node=node[:8], rate=count / minutes))
