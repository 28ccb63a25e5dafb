"""Running out of memory is an event to answer, not a crash: tell it from other errors, and free what can be freed."""

from __future__ import annotations

import errno
import gc
import threading
from collections.abc import Callable
from typing import TypeVar

import psutil
import torch

from audit.base.errors import AuditError
from audit.base.messages import say

T = TypeVar("T")
PHRASES = (
    *("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "failed to allocate"),
    *("std::bad_alloc", "can't start new thread", "could not create a primitive"),
    *("cublas_status_alloc_failed", "cublas_status_not_initialized", "cusolver_status_alloc_failed"),
    *("cudnn_status_alloc_failed", "cudnn_status_not_initialized", "device_allocation_failed", "invalid buffer size"),
    "unable to find an engine",
)
"""How CUDA, MPS, the CPU's allocator, mapped files, threads, oneDNN, cuBLAS and cuDNN say it. The latter two fail to
begin, or find no engine, where the rest of the memory is too small for what they need; no exception class tells it."""
ALLOCATION_FAILED = 2
"""CUDA's and HIP's own number for it, which torch's class for errors of a device carries."""


class MemoryShort(AuditError):
    """Even the smallest piece of work does not fit into memory; finished steps stay in the store."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, torch.AcceleratorError) and getattr(error, "error_code", None) == ALLOCATION_FAILED:
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in PHRASES)


def free_unused(device: torch.device) -> None:
    """Give cached memory back after a failed attempt, so that a smaller one starts with all there is."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was given; a clock that is read before tells nothing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def free_bytes(device: torch.device) -> float:
    """What this process may still take or holds already: others' memory is not counted."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free + torch.cuda.memory_reserved(device))
    own = psutil.Process().memory_info().rss
    return float(psutil.virtual_memory().available + own)


def require(part: str, size: float) -> None:
    """Make sure that a part's weights fit into main memory before they are read.

    Raises:
        MemoryShort: `memory-short.weights`. The system would end this process, and perhaps others, in the middle.
    """
    free = float(psutil.virtual_memory().available)
    if size > free:
        raise MemoryShort("memory-short.weights", part=part, need=size / 1e9, free=free / 1e9)


class Peak:
    """The most memory that this process takes while it is watched, not what it took before; a context manager.

    On CUDA the device's memory, elsewhere the main memory, which Apple's GPUs share.
    """

    EVERY = 0.05
    """Seconds between two looks at a memory that keeps no count of its own."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.bytes = 0.0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, name="memory", daemon=True)

    def __enter__(self) -> Peak:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            self._watch.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.device.type == "cuda":
            self.bytes = float(torch.cuda.max_memory_reserved(self.device))
        else:
            self._over.set()
            self._watch.join()

    def _look(self) -> None:
        process, over = psutil.Process(), False
        while True:
            self.bytes = max(self.bytes, float(process.memory_info().rss))
            if over:
                return
            # One more look at the end: what is taken between two looks is often still held then.
            over = self._over.wait(self.EVERY)


def in_parts(work: Callable[[slice], T], count: int, *, device: torch.device, what: str) -> list[T]:
    """What `work` answers for rows 0..count-1, all at once or, where memory runs out, for halves of them.

    Args:
        what: a message that names one row's work.

    Raises:
        MemoryShort: a single row does not fit.
    """
    return _in_parts(work, 0, count, device, what)


def _in_parts(work: Callable[[slice], T], first: int, last: int, device: torch.device, what: str) -> list[T]:
    try:
        return [work(slice(first, last))]
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if last - first <= 1:
            raise too_short(what) from error
    # Outside the handler: the exception would keep the failed pass's tensors alive.
    free_unused(device)
    middle = (first + last + 1) // 2
    parts = ((first, middle), (middle, last))
    return [found for begin, end in parts for found in _in_parts(work, begin, end, device, what)]


def too_short(what: str) -> MemoryShort:
    """The error for the smallest piece that does not fit; `what` is a message that names it."""
    return MemoryShort("memory-short", what=say(what))
