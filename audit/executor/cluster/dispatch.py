"""Which seat does which task, and what happens when one dies, hangs, or sends what it was not asked for.

Plain bookkeeping in one thread: whatever carries the messages is a `Cluster`. The driver alone writes into its store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.executor import Bench, Task, Told
from audit.executor.cluster.wire import Done, Errand, Failed, News
from audit.store.parcels import CHECKPOINT, PICTURE, Damaged, unpack


class SeatLost(Exception):
    """A seat is gone, or does not answer; `memory` where its machine ran out of it."""

    def __init__(self, why: str, *, memory: bool = False) -> None:
        super().__init__(why)
        self.memory = memory


@dataclass(frozen=True)
class Seat:
    """A process that does one task at a time; `node` is the same for all seats of one machine."""

    name: str
    node: str


class Cluster(Protocol):
    """Carries messages. Handles stand for answers that are on their way."""

    def seats(self) -> Sequence[Seat]:
        """Those that are open; looks for new machines, too."""
        ...

    def start(self, seat: Seat, job: Errand) -> Any: ...

    def ask(self, seat: Seat) -> Any:
        """The handle of a seat's news."""
        ...

    def ready(self, handles: Sequence[Any], seconds: float) -> list[Any]:
        """The handles whose answers are there, after so many seconds at most."""
        ...

    def answer(self, handle: Any) -> Any:
        """Raises SeatLost."""
        ...

    def end(self, seat: Seat) -> None:
        """Take a seat away, whatever it is doing."""
        ...


@dataclass(frozen=True)
class Rules:
    """When to give up on what; seconds.

    Attributes:
        ask: between two questions for news, and how long to wait for answers at most.
        silent: without news, after which a seat counts as gone; stuck: without a unit done, where it tells any.
        alone: without any seat, after which the run ends.
        losses: seats that one task may take with it; same: times that a task may fail with the same error.
        wrong: damaged answers after which a machine is left out.
    """

    ask: float = 1.0
    silent: float = 120.0
    stuck: float = 3600.0
    alone: float = 300.0
    losses: int = 4
    same: int = 2
    wrong: int = 2


@dataclass
class _Work:
    """One task on its way through the cluster.

    Attributes:
        place: of the task in the list; halves of one task share it.
        signs: errors so far, each with the machines where it was raised.
    """

    task: Task[Any]
    place: int
    told: Told
    losses: int = 0
    signs: dict[str, list[str]] = field(default_factory=dict)

    @property
    def avoided(self) -> set[str]:
        return {node for nodes in self.signs.values() for node in nodes}


@dataclass
class _Running:
    work: _Work
    seat: Seat
    handle: Any
    asked: Any = None
    heard: float = 0.0
    moved: float = 0.0
    next_ask: float = 0.0
    done: int = 0


@dataclass(frozen=True)
class Gone:
    """A task, or a part of one, that failed for good: no other machine would do better."""

    task: Task[Any]
    error: Exception


@dataclass
class Known:
    """What was learned of machines, for longer than one stage.

    Attributes:
        left_out: those that get no more tasks; most: rows of a task that fit, where memory ran out at more.
    """

    left_out: set[str] = field(default_factory=set)
    most: dict[str, int] = field(default_factory=dict)


class NoSeats(Exception):
    """No machine has been there for a long time."""


class Dispatch:
    """Runs tasks on a cluster, once.

    Args:
        job: makes a task's job, with all that it reads as the driver's store has it then.
        note: hears of every event that a person may want to know, as an id and values; tick is called now and then.

    Attributes:
        counts: tasks waiting, running and done.
    """

    def __init__(
        self,
        cluster: Cluster,
        bench: Bench,
        job: Callable[[Task[Any]], Errand],
        *,
        rules: Rules | None = None,
        note: Callable[..., None] = lambda id, **values: None,
        tick: Callable[[Dispatch], None] = lambda dispatch: None,
        clock: Callable[[], float] = time.monotonic,
        known: Known | None = None,
    ) -> None:
        self._cluster, self._bench, self._job, self._note, self._clock = cluster, bench, job, note, clock
        self._rules = rules or Rules()
        self._waiting: deque[_Work] = deque()
        self._running: dict[str, _Running] = {}
        self._wrong: dict[str, int] = {}
        self._answers: dict[int, list[Any]] = {}
        self._tick, self._known = tick, known or Known()
        self._seen = self._clock()
        self._done = 0
        self.per_node: dict[str, int] = {}

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self._waiting), len(self._running), self._done

    def run(self, tasks: Sequence[Task[Any]]) -> list[list[Any]]:
        """What each task answers, in order: one answer, or one for each part that it was cut into; `Gone` for what
        cannot be done.

        Raises:
            NoSeats. Whatever ends the driver; then no seat works any more.
        """
        self._waiting.extend(
            _Work(task, place, Told(self._bench.progress, task.units)) for place, task in enumerate(tasks)
        )
        try:
            while self._waiting or self._running:
                self._assign()
                self._hear()
                self._give_up()
                self._tick(self)
        except BaseException:
            for running in list(self._running.values()):
                self._cluster.end(running.seat)
            raise
        return [self._answers[place] for place in range(len(tasks))]

    # --- giving out ------------------------------------------------------------------------------------

    def _assign(self) -> None:
        free = [s for s in self._cluster.seats() if s.name not in self._running and s.node not in self._known.left_out]
        if free or self._running:
            self._seen = self._clock()
        elif self._clock() - self._seen > self._rules.alone:
            raise NoSeats
        nodes = {seat.node for seat in free} | {running.seat.node for running in self._running.values()}
        for seat in free:
            work = self._next(seat, nodes)
            if work is not None:
                self._place(work, seat)

    def _next(self, seat: Seat, nodes: set[str]) -> _Work | None:
        """The first task that this seat may have: one that failed goes to another machine, where there is one."""
        for work in self._waiting:
            if seat.node not in work.avoided or nodes <= work.avoided:
                self._waiting.remove(work)
                return work
        return None

    def _place(self, work: _Work, seat: Seat) -> None:
        most = self._known.most.get(seat.node)
        while most is not None and work.task.rows > most and len(halves := work.task.halves()) > 1:
            first, *rest = self._split(work, halves)
            self._waiting.extendleft(reversed(rest))
            work = first
        now = self._clock()
        try:
            handle = self._cluster.start(seat, self._job(work.task))
        except SeatLost as lost:
            self._lose(work, seat, lost)
            return
        self._running[seat.name] = _Running(work, seat, handle, heard=now, moved=now, next_ask=now + self._rules.ask)

    def _split(self, work: _Work, halves: Sequence[Task[Any]]) -> list[_Work]:
        return [_Work(half, work.place, work.told.part(half.units), work.losses) for half in halves]

    # --- hearing ---------------------------------------------------------------------------------------

    def _hear(self) -> None:
        now = self._clock()
        for running in self._running.values():
            if running.asked is None and now >= running.next_ask:
                running.asked = self._cluster.ask(running.seat)
        handles = {id(r.handle): (r, "handle") for r in self._running.values()}
        handles |= {id(r.asked): (r, "asked") for r in self._running.values() if r.asked is not None}
        objects = [getattr(r, which) for r, which in handles.values()]
        # News first: what a seat had saved counts even where its task has failed meanwhile.
        there = self._cluster.ready(objects, self._rules.ask)
        for handle in sorted(there, key=lambda h: handles[id(h)][1]):
            running, which = handles[id(handle)]
            if running.seat.name not in self._running:
                continue
            try:
                answer = self._cluster.answer(handle)
            except SeatLost as lost:
                self._drop(running)
                self._lose(running.work, running.seat, lost)
                continue
            if which == "asked":
                running.asked = None
                running.next_ask = self._clock() + self._rules.ask
            self._take(running, answer)

    def _take(self, running: _Running, answer: News | Done | Failed) -> None:
        running.heard = self._clock()
        parcels = () if isinstance(answer, Failed) else answer.parcels
        try:
            for parcel in parcels:
                unpack(self._bench.store, parcel)
                if parcel.name not in (PICTURE, CHECKPOINT):
                    self._bench.store.note_sent(parcel.name, parcel.key)
        except Damaged as error:
            self._damaged(running, error)
            return
        work = running.work
        if isinstance(answer, News):
            if answer.done > running.done:
                running.done, running.moved = answer.done, self._clock()
                work.told(answer.done)
        elif isinstance(answer, Done):
            self._drop(running)
            self._end(work, answer.answer)
            self.per_node[running.seat.node] = self.per_node.get(running.seat.node, 0) + 1
        else:
            self._drop(running)
            self._fail(work, running.seat.node, answer)

    def _drop(self, running: _Running) -> None:
        self._running.pop(running.seat.name, None)

    # --- when something goes wrong -----------------------------------------------------------------------

    def _damaged(self, running: _Running, error: Damaged) -> None:
        """Nothing of such an answer counts; a machine that sends another one is not asked again."""
        node = running.seat.node
        self._drop(running)
        self._cluster.end(running.seat)
        self._wrong[node] = self._wrong.get(node, 0) + 1
        self._note("cluster.damaged", node=node[:8])
        if self._wrong[node] >= self._rules.wrong:
            self._known.left_out.add(node)
            self._note("cluster.left-out", node=node[:8])
        self._again(running.work, str(error))

    def _lose(self, work: _Work, seat: Seat, lost: SeatLost) -> None:
        self._cluster.end(seat)
        self._note("cluster.memory" if lost.memory else "cluster.lost", node=seat.node[:8])
        if lost.memory:
            self._known.most[seat.node] = max(
                1, min(work.task.rows, self._known.most.get(seat.node, work.task.rows)) // 2
            )
            if work.task.rows == 1:
                self._fail(work, seat.node, Failed(MemoryError(), "memory"))
                return
        self._again(work, str(lost))

    def _again(self, work: _Work, why: str) -> None:
        work.losses += 1
        if work.losses > self._rules.losses:
            self._end(work, Gone(work.task, RuntimeError(why)))
        else:
            self._waiting.appendleft(work)

    def _fail(self, work: _Work, node: str, failed: Failed) -> None:
        """The same error twice is the task's own; of several cells the one that has it is found by halving."""
        nodes = work.signs.setdefault(failed.sign, [])
        nodes.append(node)
        if len(nodes) < self._rules.same and sum(map(len, work.signs.values())) <= self._rules.losses:
            self._note("cluster.failed", node=node[:8])
            self._waiting.appendleft(work)
        elif len(halves := work.task.halves()) > 1:
            self._waiting.extendleft(reversed(self._split(work, halves)))
        else:
            self._end(work, Gone(work.task, failed.error))

    def _end(self, work: _Work, answer: Any) -> None:
        self._done += 1
        if not isinstance(answer, Gone):
            work.told.finished()
        self._answers.setdefault(work.place, []).append(answer)

    def _give_up(self) -> None:
        now = self._clock()
        for running in list(self._running.values()):
            silent = now - running.heard > self._rules.silent
            stuck = running.work.task.units > 0 and now - running.moved > self._rules.stuck
            if silent or stuck:
                self._drop(running)
                self._lose(running.work, running.seat, SeatLost("silent" if silent else "stuck"))
