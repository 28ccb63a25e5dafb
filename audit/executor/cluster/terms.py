"""What the driver asks of a cluster, whatever carries the messages, and by which rules it gives up on machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.executor import Task
from audit.executor.cluster.wire import Errand


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
