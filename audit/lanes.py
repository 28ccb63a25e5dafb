"""Independent pieces of work side by side on a CPU: each lane has its own copy of the base and its own threads.

A small model's kernels are too short to be split: two threads on one pack of the lab model run at
1.55 times the speed of one, two packs of one thread each at twice (DECISIONS, 2026-11-22). Lanes
are threads of one process; torch's operators release the interpreter's lock.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import TypeVar

import torch

from audit.models.kernels import PLAIN_UP_TO
from audit.models.loader import Model

T = TypeVar("T")
Task = Callable[[Model, Callable[[], None]], T]


class LaneStopped(Exception):
    """Raised inside a lane because the work as a whole has ended; never leaves this module."""


def most_lanes(model: Model) -> int:
    """How many lanes this model gains from here: one per thread on a CPU with small latents, else one.

    Large kernels use all threads well, and a copy of a large base would cost memory.
    """
    _, height, width = model.latent_shape
    small = model.device.type == "cpu" and height * width <= PLAIN_UP_TO
    return torch.get_num_threads() if small else 1


def side_by_side(tasks: Sequence[Task[T]], *, model: Model, lanes: int) -> list[T]:
    """Run every task, at most `lanes` at a time, and return their results in order.

    Args:
        tasks: called as (a model to itself, a check). A task calls the check now and then; it
            raises once another task has failed or the user has stopped the program.
        lanes: 1 runs the tasks in this thread, on the model given.

    Raises:
        Whatever the first task to fail raised; the other lanes have ended by then.
    """
    lanes = min(lanes, len(tasks))
    if lanes <= 1:
        return [task(model, _never) for task in tasks]
    models: SimpleQueue[Model] = SimpleQueue()
    for lane in range(lanes):
        models.put(model if lane == 0 else twin(model))
    threads = max(1, torch.get_num_threads() // lanes)
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise LaneStopped

    def work(task: Task[T]) -> T:
        check()
        # OpenMP keeps its number of threads per calling thread.
        torch.set_num_threads(threads)
        own = models.get()
        try:
            return task(own, check)
        finally:
            models.put(own)

    with _threads_kept(), ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        futures = [pool.submit(work, task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            # An interrupt arrives here, in the main thread; the lanes end at their next check.
            if any(not future.done() or future.exception() for future in futures):
                stop.set()
        failed = [error for future in futures if (error := future.exception())]
        for error in sorted(failed, key=lambda error: isinstance(error, LaneStopped)):
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


def _never() -> None:
    """The check of a task that runs alone: an interrupt reaches it by itself."""


@contextmanager
def _threads_kept() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
