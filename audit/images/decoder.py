"""Pictures are decoded in a process of their own, with limits on memory and time and no way to write files.

A decoder that a hostile picture takes over, crashes or keeps busy is then a sentence about that picture and not
the end of the run. One process serves all pictures and is started with the first one; it gets bytes, never a
path. Windows has no such limits and macOS refuses the one on memory; the time limit, the separate process and the
bound on a picture's pixels hold everywhere.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import IO, Any, cast

import numpy as np

from audit.base.errors import BadInput
from audit.images import MAX_FILE_BYTES, Ground, PictureFacts, Pixels, decode_picture, read_regular, refusal

SECONDS = 120.0
"""For one picture; a JPEG of 80 million CMYK pixels took 7 on one shared core."""
MEMORY_BYTES = 4 << 30
"""Address space of the process; the same JPEG needed 1.3 GB."""
_LENGTH = struct.Struct(">Q")
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from audit.images.decoder import serve; serve()"


def open_isolated(path: Path, *, ground: Ground = "white") -> tuple[Pixels, PictureFacts]:
    """`images.open_picture` with the decoding in the other process.

    Raises:
        BadInput: those of `open_picture`, and `picture-undecodable` when the process died or took too long.
    """
    data = read_regular(path, limit=MAX_FILE_BYTES)
    answer = _WORKER.ask(data, path, ground)
    if answer is None:
        raise refusal("picture-undecodable", path)
    head, body = answer
    refused = head.get("slug")
    if refused is not None:
        raise refusal(refused, path, data)
    facts = PictureFacts.model_validate(head)
    return body.reshape(facts.height, facts.width, 3), facts


class _Worker:
    """The decoding process, started when it is first needed and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, path: Path, ground: Ground) -> tuple[dict[str, Any], Pixels] | None:
        """Head and pixels of the answer; None when there was none in time."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        clock = Timer(SECONDS, process.kill)
        clock.start()
        try:
            name = path.suffix.encode("utf-8", "replace")
            for part in (name, ground.encode(), data):
                process.stdin.write(_LENGTH.pack(len(part)))
                process.stdin.write(part)
            process.stdin.flush()
            head = json.loads(bytes(_read(process.stdout)))
            return head, _read(process.stdout)
        except (OSError, EOFError, ValueError):
            self.stop()
            return None
        except BaseException:  # Ctrl-C between question and answer: the next answer would be the wrong one
            self.stop()
            raise
        finally:
            clock.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                # The same search path, so that the same code answers, whatever the current folder is.
                [sys.executable, "-c", _START, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                # Ctrl-C in the terminal is for the run, which ends this process itself.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        return self._process

    def stop(self) -> None:
        """End the process and let go of its pipes."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


_WORKER = _Worker()
atexit.register(_WORKER.stop)


def _read(stream: IO[bytes]) -> Pixels:
    """One length and as many bytes, as uint8 (n,)."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    found = np.empty(_LENGTH.unpack(header)[0], dtype=np.uint8)
    view, at = found.data, 0
    while at < len(found):
        got = stream.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        at += got
    return found


def serve() -> None:
    """The other process: answer until the pipe is closed."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    _limit()
    while True:
        try:
            name = Path("picture" + bytes(_read(stdin)).decode("utf-8", "replace"))
            ground = cast("Ground", bytes(_read(stdin)).decode("ascii"))
            data = bytes(_read(stdin))
        except EOFError:
            return
        try:
            pixels, facts = decode_picture(data, name, ground=ground)
            head: dict[str, Any] = facts.model_dump(mode="json")
        except BadInput as error:
            pixels, head = np.empty((0, 0, 3), dtype=np.uint8), {"slug": error.slug}
        for part in (json.dumps(head).encode("ascii"), np.ascontiguousarray(pixels).reshape(-1).data):
            stdout.write(_LENGTH.pack(len(part)))
            stdout.write(part)
        stdout.flush()


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return
    for kind, most in (("RLIMIT_AS", MEMORY_BYTES), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0), ("RLIMIT_NOFILE", 32)):
        limit = getattr(resource, kind, None)
        if limit is not None:
            _, hard = resource.getrlimit(limit)
            wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
            # macOS maps more than this before the first line runs, and says so.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(limit, (wanted, wanted))
