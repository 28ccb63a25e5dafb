"""Pictures are decoded in a process of their own, with limits on memory and time and no way to write files.

A decoder that a hostile picture takes over, crashes or keeps busy is then a sentence about that picture and not
the end of the run. One process serves all pictures and is started with the first one; it gets bytes, never a
path. Windows has no such limits and macOS refuses the one on memory; the time limit, the separate process and the
bound on a picture's pixels hold everywhere.
"""

from __future__ import annotations

import atexit
import json
import struct
import sys
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from audit.base.errors import BadInput
from audit.base.own_process import OwnProcess, limit_this_process
from audit.images import MAX_FILE_BYTES, Ground, PictureFacts, Pixels, decode_picture, read_regular, refusal

SECONDS = 120.0
"""For one picture; a JPEG of 80 million CMYK pixels took 7 on one shared core."""
MEMORY_BYTES = 4 << 30
"""Address space of the process; the same JPEG needed 1.3 GB."""
_LENGTH = struct.Struct(">Q")
_START = "audit.images.decoder:serve"


def open_isolated(path: Path, *, ground: Ground = "white") -> tuple[Pixels, PictureFacts]:
    """`images.open_picture` with the decoding in the other process.

    Raises:
        BadInput: those of `open_picture`, and `picture-undecodable` when the process died or took too long.
    """
    data = read_regular(path, limit=MAX_FILE_BYTES)
    answer = _ask(data, path, ground)
    if answer is None:
        raise refusal("picture-undecodable", path)
    head, body = answer
    refused = head.get("slug")
    if refused is not None:
        raise refusal(refused, path, data)
    facts = PictureFacts.model_validate(head)
    return body.reshape(facts.height, facts.width, 3), facts


_PROCESS = OwnProcess()
atexit.register(_PROCESS.stop)


def _ask(data: bytes, path: Path, ground: Ground) -> tuple[dict[str, Any], Pixels] | None:
    """Head and pixels of the answer; None when there was none in time."""
    try:
        with _PROCESS.asked(_START, seconds=SECONDS) as (question, answer):
            name = path.suffix.encode("utf-8", "replace")
            for part in (name, ground.encode(), data):
                write_part(question, part)
            question.flush()
            head = json.loads(bytes(read_part(answer)))
            return head, read_part(answer)
    except (OSError, EOFError, ValueError):
        return None


def read_part(stream: IO[bytes]) -> Pixels:
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


def write_part(stream: IO[bytes], part: bytes | memoryview) -> None:
    """One length and these bytes, as `read_part` reads them."""
    stream.write(_LENGTH.pack(len(part)))
    stream.write(part)


def serve() -> None:
    """The other process: answer until the pipe is closed."""
    _limit()
    answer_pictures(sys.stdin.buffer, sys.stdout.buffer)


def answer_pictures(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Ending, ground and bytes of a picture in, head and pixels out, until the questions end."""
    while True:
        try:
            name = Path("picture" + bytes(read_part(questions)).decode("utf-8", "replace"))
            ground = cast("Ground", bytes(read_part(questions)).decode("ascii"))
            data = bytes(read_part(questions))
        except EOFError:
            return
        try:
            pixels, facts = decode_picture(data, name, ground=ground)
            head: dict[str, Any] = facts.model_dump(mode="json")
        except BadInput as error:
            pixels, head = np.empty((0, 0, 3), dtype=np.uint8), {"slug": error.slug}
        for part in (json.dumps(head).encode("ascii"), np.ascontiguousarray(pixels).reshape(-1).data):
            write_part(answers, part)
        answers.flush()


def _limit() -> None:
    limit_this_process({"RLIMIT_AS": MEMORY_BYTES, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": 32})
