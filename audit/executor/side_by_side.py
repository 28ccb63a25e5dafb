"""Tasks side by side on a CPU: each worker has its own copy of the base and its own threads.

A small model's kernels are too short to be split: two threads on one pack of the lab model run at
1.55 times the speed of one, two packs of one thread each at twice (docs/decisions, "Packs on a CPU"). Workers
are threads of one process; torch's operators release the interpreter's lock.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue

import torch

from audit.executor import After, Bench, T, Task, Told, Worker, with_model
from audit.executor.serial import Serial
from audit.models.kernels import PLAIN_UP_TO
from audit.models.model import Model


class WorkerStopped(Exception):
    """Raised inside a worker because the work as a whole has ended; never leaves this module."""


def most_workers(model: Model) -> int:
    """How many workers this model gains from here: one per thread on a CPU with small latents, else one.

    Large kernels use all threads well, and a copy of a large base would cost memory.
    """
    _, height, width = model.latent_shape
    small = model.device.type == "cpu" and height * width <= PLAIN_UP_TO
    return torch.get_num_threads() if small else 1


@dataclass(frozen=True)
class SideBySide:
    """The executor of a CPU with a small model: at most `workers` tasks at a time.

    Tasks that do not share a machine run one after the other, with all threads; so does a single one.
    """

    workers: int

    def run(self, tasks: Sequence[Task[T]], bench: Bench, *, after: After | None = None) -> list[T]:
        """See `Executor`; nothing begins before its stage, as there is no room."""
        workers = min(self.workers, len(tasks))
        if workers <= 1 or not tasks[0].shares:
            return Serial().run(tasks, bench)
        engine = with_model(bench)
        with tasks[0].ready(engine) as masters:
            engines: SimpleQueue[Bench] = SimpleQueue()
            for worker in range(workers):
                engines.put(engine if worker == 0 else replace(engine, model=twin(engine.model)))
            threads = max(1, torch.get_num_threads() // workers)
            stop = threading.Event()

            def check() -> None:
                if stop.is_set():
                    raise WorkerStopped

            def work(task: Task[T]) -> T:
                check()
                # OpenMP keeps its number of threads per calling thread.
                torch.set_num_threads(threads)
                own = engines.get()
                try:
                    told = Told(engine.progress, task.units)
                    found = task.run(Worker(bench=own, masters=masters, check=check, tell=told))
                    told.finished()
                    return found
                finally:
                    engines.put(own)

            with _threads_kept(), ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool:
                futures = [pool.submit(work, task) for task in tasks]
                try:
                    wait(futures, return_when=FIRST_EXCEPTION)
                finally:
                    # An interrupt arrives here, in the main thread; the workers end at their next check.
                    if any(not future.done() or future.exception() for future in futures):
                        stop.set()
                failed = [error for future in futures if (error := future.exception())]
                for error in sorted(failed, key=lambda error: isinstance(error, WorkerStopped)):
                    raise error
                return [future.result() for future in futures]


def twin(model: Model) -> Model:
    """The same model with copies of the parts that adapters are attached to or merged into.

    And of the tokenizer, which refuses to be used by two threads at once.
    """
    return replace(
        model,
        denoiser=copy.deepcopy(model.denoiser),
        text_encoders=copy.deepcopy(dict(model.text_encoders)),
        tokenizers=copy.deepcopy(model.tokenizers),
    )


@contextmanager
def _threads_kept() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
