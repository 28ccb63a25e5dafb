"""Which seat does which task, and what happens when one dies, hangs, or sends what it was not asked for.

Plain bookkeeping in one thread: whatever carries the messages is a `Cluster`. The driver alone writes into its store.
"""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audit.base.progress import Progress
from audit.executor import After, Ahead, Bench, Task, Told
from audit.executor.cluster.terms import Cluster, Gone, Known, NoSeats, Rules, Seat, SeatLost
from audit.executor.cluster.wire import Done, Errand, Failed, News, Small
from audit.store.parcels import CHECKPOINT, PICTURE, Damaged, unpack


@dataclass
class _Work:
    """One task on its way through the cluster.

    Attributes:
        place: of the task in the list; halves of one task share it. None of one that begins before its stage.
        among: tasks of its stage.
        signs: errors so far, each with the machines where it was raised.
    """

    task: Task[Any]
    place: int | None
    told: Told
    among: int
    after: After | None = None
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


class Dispatch:
    """Runs tasks on a cluster, once.

    Args:
        job: makes a task's job, with all that it reads as the driver's store has it then; and with the threads of one
            of so many tasks.
        note: hears of every event that a person may want to know, as an id and values; tick is called now and then.

    Attributes:
        counts: tasks waiting, running and done.
    """

    def __init__(
        self,
        cluster: Cluster,
        bench: Bench,
        job: Callable[[Task[Any], int], Errand],
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
        self._ahead: deque[_Work] = deque()
        self._running: dict[str, _Running] = {}
        self._wrong: dict[str, int] = {}
        self._answers: dict[int, list[Any]] = {}
        self._tick, self._known = tick, known or Known()
        self._seen = self._clock()
        self._done = 0
        self.per_node: dict[str, int] = {}

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self._waiting) + len(self._ahead), len(self._running), self._done

    def run(
        self, tasks: Sequence[Task[Any]], *, among: int | None = None, after: After | None = None
    ) -> list[list[Any]]:
        """What each task answers, in order: one answer, or one for each part that it was cut into; `Gone` for what
        cannot be done.

        Args:
            among: tasks of the stage, where these are not all.
            after: what may begin once one has given its answer; it is done before this returns, but waits for seats
                that none of the tasks wants.

        Raises:
            NoSeats. Whatever ends the driver; then no seat works any more.
        """
        beside = len(tasks) if among is None else among
        self._waiting.extend(
            _Work(task, place, Told(self._bench.progress, task.units), beside, after)
            for place, task in enumerate(tasks)
        )
        try:
            while self._waiting or self._ahead or self._running:
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
        for queue in (self._waiting, self._ahead):
            for work in queue:
                if seat.node not in work.avoided or nodes <= work.avoided:
                    queue.remove(work)
                    return work
        return None

    def _place(self, work: _Work, seat: Seat) -> None:
        most = self._known.most.get(seat.node)
        while most is not None and work.task.rows > most and len(halves := work.task.halves()) > 1:
            first, *rest = self._split(work, halves)
            self._queue(work).extendleft(reversed(rest))
            work = first
        now = self._clock()
        try:
            handle = self._cluster.start(seat, self._job(work.task, work.among))
        except SeatLost as lost:
            self._lose(work, seat, lost)
            return
        self._running[seat.name] = _Running(work, seat, handle, heard=now, moved=now, next_ask=now + self._rules.ask)

    def _split(self, work: _Work, halves: Sequence[Task[Any]]) -> list[_Work]:
        return [replace(work, task=half, told=work.told.part(half.units), signs={}) for half in halves]

    def _queue(self, work: _Work) -> deque[_Work]:
        return self._ahead if work.place is None else self._waiting

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

    def _take(self, running: _Running, answer: News | Done | Failed | Small) -> None:
        running.heard = self._clock()
        parcels = () if isinstance(answer, Failed | Small) else answer.parcels
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
        elif isinstance(answer, Small):
            self._drop(running)
            self._known.most[running.seat.node] = answer.most
            self._note("cluster.smaller", node=running.seat.node[:8], most=answer.most)
            self._queue(work).appendleft(work)
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
            self._queue(work).appendleft(work)

    def _fail(self, work: _Work, node: str, failed: Failed) -> None:
        """The same error twice is the task's own; of several cells the one that has it is found by halving."""
        nodes = work.signs.setdefault(failed.sign, [])
        nodes.append(node)
        if len(nodes) < self._rules.same and sum(map(len, work.signs.values())) <= self._rules.losses:
            self._note("cluster.failed", node=node[:8])
            self._queue(work).appendleft(work)
        elif len(halves := work.task.halves()) > 1:
            self._queue(work).extendleft(reversed(self._split(work, halves)))
        else:
            self._end(work, Gone(work.task, failed.error))

    def _end(self, work: _Work, answer: Any) -> None:
        self._done += 1
        if not isinstance(answer, Gone):
            work.told.finished()
            for begins in work.after(work.task, answer) if work.after else ():
                self._ahead.append(_begun(begins))
        if work.place is not None:
            self._answers.setdefault(work.place, []).append(answer)

    def _give_up(self) -> None:
        now = self._clock()
        for running in list(self._running.values()):
            silent = now - running.heard > self._rules.silent
            stuck = running.work.task.units > 0 and now - running.moved > self._rules.stuck
            if silent or stuck:
                self._drop(running)
                self._lose(running.work, running.seat, SeatLost("silent" if silent else "stuck"))


def _begun(ahead: Ahead) -> _Work:
    """A task that begins before its stage; the progress of the stage at hand does not count it."""
    return _Work(ahead.task, None, Told(_UNTOLD, ahead.task.units), ahead.among, ahead.then)


_UNTOLD = Progress(io.StringIO())
"""Hears what nobody counts."""
