"""Where work runs. A stage makes a list of tasks; an executor runs them; nothing else knows where.

A task is a frozen dataclass that can be pickled: digests of what it reads, settings, and the key of what it makes.
It runs with a worker's engine, which may be another one than the stage's: a twin of the model in a thread of its own,
a machine elsewhere. What it makes lies in the store under its key, or comes back as a record. A new executor is one
file beside `serial` and `side_by_side`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

import torch
from pydantic_core import to_jsonable_python
from torch import Tensor

from audit.base.progress import Progress
from audit.executor.packing import Packing
from audit.models.loader import Model
from audit.records import StepEnvironment, canonical_json
from audit.store import Store

T = TypeVar("T")


class Executor(Protocol):
    """Runs tasks; they are all of one kind, and none needs what another one makes."""

    def run(self, tasks: Sequence[Task[T]], engine: Engine) -> list[T]:
        """Run every task and return their results in order; the engine's progress hears of every unit done.

        Raises:
            Whatever the first task to fail raised; no task is at work any more then.
        """
        ...


@dataclass(frozen=True)
class Engine:
    """What every stage works with, fixed once for a run on this machine.

    Attributes:
        model: the audited base model, on its device.
        precision: `bf16` (autocast; what is trained stays float32) or `fp32`.
        packing: how trainings are cut into passes.
        store: finished steps; it writes `environment` beside each new one.
        executor: runs the stages' tasks.
        surrogate: the model that protections attack; None for the audited one.
    """

    model: Model
    precision: str
    packing: Packing
    store: Store
    progress: Progress
    environment: StepEnvironment
    executor: Executor
    surrogate: Model | None = None

    @property
    def device(self) -> torch.device:
        return self.model.device

    def run(self, tasks: Sequence[Task[T]]) -> list[T]:
        """What each task answers, in order."""
        return self.executor.run(tasks, self)


@dataclass(frozen=True)
class Worker:
    """What a task may use while it runs.

    Attributes:
        engine: with a model that no other task uses at the same time.
        masters: what `Task.ready` gave.
        check: called now and then; it raises once the work as a whole has ended.
        tell: called with how many of the task's units are done so far.
    """

    engine: Engine
    masters: Mapping[str, Tensor]
    check: Callable[[], None]
    tell: Callable[[int], None]


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

    def ready(self, engine: Engine) -> AbstractContextManager[Mapping[str, Tensor]]:
        """Make an engine ready for tasks of this kind, once for many.

        Yields:
            float32 weights, by full name, of what the engine's model holds in less; {} where there is nothing.
        """
        return nullcontext({})

    @abstractmethod
    def run(self, worker: Worker) -> T:
        """Do it."""


class Told:
    """What one task has told of its units: passed on to the progress, forwards only and no more than it has."""

    def __init__(self, progress: Progress, units: int) -> None:
        self._progress, self._units, self._done = progress, units, 0

    def __call__(self, done: int) -> None:
        done = min(max(done, self._done), self._units)
        if done > self._done:
            self._progress.advance(done - self._done)
            self._done = done

    def finished(self) -> None:
        self(self._units)
