"""One task after the other, in this thread, with the bench as it is."""

from __future__ import annotations

from collections.abc import Sequence

from audit.executor import After, Bench, T, Task, Told, Worker


class Serial:
    """The executor of a machine that gains nothing from more workers."""

    def run(self, tasks: Sequence[Task[T]], bench: Bench, *, after: After | None = None) -> list[T]:
        """See `Executor`; nothing begins before its stage, as there is no room."""
        if not tasks:
            return []
        found = []
        with tasks[0].ready(bench) as masters:
            for task in tasks:
                told = Told(bench.progress, task.units)
                found.append(task.run(Worker(bench=bench, masters=masters, check=_never, tell=told)))
                told.finished()
        return found


def _never() -> None:
    """The check of a task that runs alone: an interrupt reaches it by itself."""
