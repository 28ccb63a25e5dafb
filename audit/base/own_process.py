"""A Python process of ours that answers over its pipes, with limits of its own: what strangers made is read there.

What takes it over, crashes it or keeps it busy then costs one answer and not the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from threading import Timer
from typing import IO

# The same search path, so that the same code answers, whatever the current folder is.
_CODE = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "getattr(importlib.import_module(sys.argv[2]), sys.argv[3])()"
)


class OwnProcess:
    """Started when it is first asked, and again after it died."""

    def __init__(self) -> None:
        self.running: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def asked(self, start: str, *, seconds: float) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Its pipes, for one question and its answer. Whatever goes wrong on the way ends it.

        Args:
            start: "module:function", which serves from standard input to standard output.
            seconds: after which it is ended; the reader of the answer then meets the end of the pipe.
        """
        if self.running is None or self.running.poll() is not None:
            self.running = _started(start)
        process = self.running
        assert process.stdin is not None
        assert process.stdout is not None
        clock = Timer(seconds, process.kill)
        clock.start()
        try:
            yield process.stdin, process.stdout
        except BaseException:  # Ctrl-C between question and answer, too: the next answer would be the wrong one
            self.stop()
            raise
        finally:
            clock.cancel()

    def stop(self) -> None:
        """End the process and let go of its pipes."""
        if self.running is not None:
            self.running.kill()
            self.running.communicate()
            self.running = None


def _started(start: str) -> subprocess.Popen[bytes]:
    module, _, function = start.partition(":")
    return subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(sys.path), module, function],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        # Ctrl-C in the terminal is for the run, which ends this process itself.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def limit_this_process(most: Mapping[str, int]) -> None:
    """Take limits of the system by the names of `resource` ("RLIMIT_AS", ...); nothing where there are none."""
    try:
        import resource
    except ImportError:
        return
    for name, wanted in most.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            taken = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            # macOS maps more memory than this before the first line runs, and says so.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (taken, taken))
