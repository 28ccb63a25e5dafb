"""Where work runs. A stage makes a list of tasks; an executor runs them; nothing else knows where.

A task is a frozen dataclass that can be pickled: digests of what it reads, settings, and the key of what it makes.
It runs with a worker's bench, which may be another one than the stage's: a twin of the model in a thread of its own,
a machine elsewhere. What it makes lies in the store under its key, or comes back as a record. A new executor is one
file beside `serial` and `side_by_side`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from pydantic_core import to_jsonable_python
from torch import Tensor

from audit.base.progress import Progress
from audit.executor.packing import Fitting, Packing
from audit.models.model import Model
from audit.records import StepEnvironment, canonical_json
from audit.store import Store

T = TypeVar("T")


class Executor(Protocol):
    """Runs tasks; they are all of one kind, and none needs what another one makes."""

    def run(self, tasks: Sequence[Task[T]], bench: Bench, *, after: After | None = None) -> list[T]:
        """Run every task and return their results in order; the bench's progress hears of every unit done.

        Args:
            after: what may begin once one of these tasks has given its answer, for an executor with room.

        Raises:
            Whatever the first task to fail raised; no task is at work any more then.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What work without a base model needs, fixed once for a run on this machine.

    Attributes:
        precision: `bf16` (autocast; what is trained stays float32) or `fp32`.
        store: finished steps; it writes `environment` beside each new one.
        executor: runs the tasks.
    """

    device: torch.device
    precision: str
    store: Store
    progress: Progress
    environment: StepEnvironment
    executor: Executor

    def run(self, tasks: Sequence[Task[T]], *, after: After | None = None) -> list[T]:
        """What each task answers, in order; `after` gives what may begin before the next stage does."""
        return self.executor.run(tasks, self, after=after)


@dataclass(frozen=True, kw_only=True)
class Engine(Bench):
    """What every stage of an audit works with.

    Attributes:
        model: the audited base model, on the device.
        packing: how trainings are cut into passes.
        surrogate: the model that protections attack; None for the audited one.
        drawing: the sibling that draws in the audited model's place; None for the audited one.
        fitting: how many pictures turned out to fit; it shrinks while work goes on, and all workers share it.
    """

    model: Model
    packing: Packing
    surrogate: Model | None = None
    drawing: Model | None = None
    fitting: Fitting = field(default_factory=Fitting)

    def drawer(self) -> Engine:
        """The engine whose model is the one that draws."""
        return self if self.drawing is None else replace(self, model=self.drawing, drawing=None)


def with_model(bench: Bench) -> Engine:
    """The bench as the engine that it is.

    Raises:
        TypeError: it has no base model, and a task was given to it that needs one (a bug).
    """
    if not isinstance(bench, Engine):
        raise TypeError("this task needs a base model")
    return bench


@dataclass(frozen=True)
class Needs:
    """What a task reads, by digest: all that has to be in a store so that it can run there.

    Attributes:
        pictures: stored pictures.
        steps: names and keys of finished steps; of those that are not there, the task makes its own.
        checkpoint: key of the unfinished state that it goes on from; '' for none.
        models: whether it needs the base model, and the surrogate where there is one.
    """

    pictures: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    checkpoint: str = ""
    models: bool = True


@dataclass(frozen=True)
class Worker:
    """What a task may use while it runs.

    Attributes:
        bench: with a model, where there is one, that no other task uses at the same time.
        masters: what `Task.ready` gave.
        check: called now and then; it raises once the work as a whole has ended.
        tell: called with how many of the task's units are done so far.
    """

    bench: Bench
    masters: Mapping[str, Tensor]
    check: Callable[[], None]
    tell: Callable[[int], None]

    @property
    def engine(self) -> Engine:
        """The bench of a task that needs a base model."""
        return with_model(self.bench)


class Task(ABC, Generic[T]):
    """A piece of work; subclasses are frozen dataclasses whose fields can be pickled.

    Attributes:
        shares: whether it may run beside others on one machine, with a part of its threads; the number of threads
            decides how sums are rounded, so that a task that may not has all of them in every run.
    """

    shares: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """The key of what it makes, or over all of that: the same task, wherever it runs, has the same.

        Of a task that stores nothing and only answers, a digest of its name and fields.
        """
        text = canonical_json([type(self).__name__, to_jsonable_python(self)])
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    @abstractmethod
    def units(self) -> int:
        """How much work it is, in what its stage counts."""

    def needs(self, bench: Bench) -> Needs | None:
        """What it reads, where it may run on another machine; None of a task that stays where it was made."""
        return None

    def is_made(self, store: Store) -> bool:
        """Whether a store holds what it makes, so that running it only reads."""
        return False

    @property
    def rows(self) -> int:
        """How many things it works on at once, each of which takes memory."""
        return 1

    def halves(self) -> tuple[Task[T], ...]:
        """The same work as two tasks, for a machine with little memory; itself where it is one."""
        return (self,)

    def joined(self, answers: Sequence[T]) -> T:
        """The answer of parts that it was cut into."""
        return answers[0]

    def lacking(self) -> T | None:
        """What its stage takes for an answer where no machine can do it; None of a task that it cannot do without."""
        return None

    def ready(self, bench: Bench) -> AbstractContextManager[Mapping[str, Tensor]]:
        """Make a bench ready for tasks of this kind, once for many.

        Yields:
            float32 weights, by full name, of what its model holds in less; {} where there is nothing.
        """
        return nullcontext({})

    @abstractmethod
    def run(self, worker: Worker) -> T:
        """Do it."""


After = Callable[[Task[Any], Any], "Sequence[Ahead]"]
"""What may begin once a task has given its answer."""


@dataclass(frozen=True)
class Ahead:
    """A task of a later stage that may begin before its stage does.

    What it makes lies in the store, where its stage finds it. Its answer, or that it failed, is forgotten.

    Attributes:
        among: tasks of its stage, which decide how many threads each has there.
        then: what may begin after it.
    """

    task: Task[Any]
    among: int
    then: After | None = None


class Told:
    """What one task has told of its units: passed on to the progress, forwards only and no more than it has."""

    def __init__(self, progress: Progress, units: int) -> None:
        self._progress, self._units, self._done = progress, units, 0

    def part(self, units: int) -> Told:
        """Of a part of the task, which takes over as much of what was told as it has units."""
        part = Told(self._progress, units)
        part._done = min(units, self._done)
        self._done -= part._done
        return part

    def __call__(self, done: int) -> None:
        done = min(max(done, self._done), self._units)
        if done > self._done:
            self._progress.advance(done - self._done)
            self._done = done

    def finished(self) -> None:
        self(self._units)
