"""A command of a bench in a process of its own, with a line every few seconds, so that nobody takes it for stuck."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

EVERY = 5.0
"""Seconds between two lines."""


def wait_for(words: Sequence[str], *, told: str, well: Sequence[int] = (0,)) -> tuple[float, str]:
    """Seconds and stdout of a command.

    Args:
        told: what is measured, for the lines on stderr.
        well: exit codes that are no failure.

    Raises:
        SystemExit: it failed.
    """
    start = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        while True:
            try:
                out, _ = process.communicate(timeout=EVERY)
                break
            except subprocess.TimeoutExpired:
                print(f"{told}: {time.monotonic() - start:.0f} s so far", file=sys.stderr, flush=True)
            except BaseException:
                process.kill()
                raise
    if process.returncode not in well:
        raise SystemExit(f"{told}: ended with exit code {process.returncode}")
    took = time.monotonic() - start
    print(f"{told}: done in {took:.0f} s", file=sys.stderr, flush=True)
    return took, out
