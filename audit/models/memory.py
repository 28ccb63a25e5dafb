"""Running out of memory is an event to answer, not a crash: tell it from other errors, and free what can be freed."""

from __future__ import annotations

import errno
import gc
import sys

import psutil
import torch

from audit.base.errors import AuditError
from audit.base.messages import say

PHRASES = (
    *("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "failed to allocate"),
    *("std::bad_alloc", "can't start new thread", "could not create a primitive"),
)
"""How CUDA, MPS, the CPU's allocator, mapped files, threads and oneDNN say it; only CUDA has an exception class."""


class MemoryShort(AuditError):
    """Even the smallest piece of work does not fit into memory; finished steps stay in the store."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in PHRASES)


def free_unused(device: torch.device) -> None:
    """Give cached memory back after a failed attempt, so that a smaller one starts with all there is."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def peak_bytes(device: torch.device) -> float:
    """Greatest memory that this process has taken so far: on a GPU the device's, elsewhere the machine's."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux and the BSDs KiB.
    return float(peak if sys.platform == "darwin" else peak * 1024)


def too_short(what: str) -> MemoryShort:
    """The error for the smallest piece that does not fit; `what` is a message that names it."""
    return MemoryShort("memory-short", what=say(what))
