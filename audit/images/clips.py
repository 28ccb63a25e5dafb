"""Frames of a film clip, decoded by PyAV in a process of its own with limits on memory and time.

The process gets bytes, never a path, and the container by name: no list, link or stream of a clip
can name another file.
"""

from __future__ import annotations

import atexit
import bisect
import hashlib
import importlib.util
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydantic import Field

from audit.base.errors import BadInput
from audit.base.own_process import OwnProcess, limit_this_process
from audit.images import MAX_PIXELS, Pixels, read_regular
from audit.images.decoder import read_part, write_part
from audit.records import Digest, Record

CLIP_ENDINGS = frozenset((".mp4", ".m4v", ".mov", ".webm"))
MOST_CLIP_BYTES = 256 << 20
MOST_SECONDS = 600.0
"""Length of a clip; a service's clips have five to sixty."""
MOST_FRAMES = 40_000
"""Frames that are decoded; ten minutes at 60 a second are 36,000."""
MOST_TIMES = 64
EVENLY = 8
"""Frames of a clip unless times are given: the middles of so many equal parts."""
SECONDS = 300.0
"""For one clip."""
MEMORY_BYTES = 4 << 30
_START = "audit.images.clips:serve"
_EXTRA = "av"
_CODECS = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,libaom-av1,mpeg4,mjpeg,prores"
_BT709, _BT601 = 1, 5
_HD = 720
"""Rows from which colours that a clip does not name are read as BT.709, as players do."""


class ClipFacts(Record):
    """What was found in a clip, beside its frames."""

    sha256: Digest
    """Of the file's bytes."""
    seconds: float = Field(gt=0, le=MOST_SECONDS)
    """From its first frame to the end of its last one."""
    times: tuple[float, ...]
    """When the frames that were taken are shown, in seconds from the first."""
    width: int
    """Upright, in pixels."""
    height: int


def reads_clips() -> bool:
    """Whether the extra `video` is installed."""
    return importlib.util.find_spec(_EXTRA) is not None


def open_clip(path: Path, *, times: Sequence[float] = ()) -> tuple[list[Pixels], ClipFacts]:
    """Frames of an MP4, MOV or WebM.

    Args:
        times: seconds from the first frame, ascending; () takes the middles of `EVENLY` equal parts. The frame at a
            time is the one that is shown then.

    Returns:
        uint8 RGB (H, W, 3) for each time, all of one size.

    Raises:
        BadInput: `clip-extra`, `clip-undecodable`, `clip-times`; those of `read_regular`.
    """
    if not reads_clips():
        raise BadInput("clip-extra", file=path.name)
    data = read_regular(path, limit=MOST_CLIP_BYTES)
    found = _ask(data, times)
    if found is None or "why" in found[0]:
        if found is not None and found[0]["why"] == "times":
            raise BadInput("clip-times", file=path.name, seconds=found[0]["seconds"])
        raise BadInput("clip-undecodable", file=path.name, seconds=int(MOST_SECONDS))
    head, frames = found
    facts = ClipFacts(sha256=hashlib.sha256(data).hexdigest(), **head)
    return [frame.reshape(facts.height, facts.width, 3) for frame in frames], facts


_PROCESS = OwnProcess()
atexit.register(_PROCESS.stop)


def _ask(data: bytes, times: Sequence[float]) -> tuple[dict[str, Any], list[Pixels]] | None:
    """Head and frames of the answer; None when there was none in time."""
    try:
        with _PROCESS.asked(_START, seconds=SECONDS) as (question, answer):
            for part in (json.dumps(list(times)).encode("ascii"), data):
                write_part(question, part)
            question.flush()
            head = json.loads(bytes(read_part(answer)))
            return head, [read_part(answer) for _ in head.get("times", ())]
    except (OSError, EOFError, ValueError):
        return None


def serve() -> None:
    """The other process: answer until the pipe is closed."""
    limit_this_process({"RLIMIT_AS": MEMORY_BYTES, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": 32})
    answer_clips(sys.stdin.buffer, sys.stdout.buffer)


def answer_clips(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Times and bytes of a clip in, head and frames out, until the questions end."""
    while True:
        try:
            times = json.loads(bytes(read_part(questions)))
            data = bytes(read_part(questions))
        except EOFError:
            return
        try:
            head, frames = decode_clip(data, times)
        except Exception:  # FFmpeg's errors are of many kinds, and none of them may end this process
            head, frames = {"why": "broken"}, []
        write_part(answers, json.dumps(head).encode("ascii"))
        for frame in frames:
            write_part(answers, np.ascontiguousarray(frame).reshape(-1).data)
        answers.flush()


def decode_clip(data: bytes, times: Sequence[float]) -> tuple[dict[str, Any], list[Pixels]]:
    """Frames in this process; the head is `why` for a refusal, else the fields of `ClipFacts` but the digest."""
    starts, seconds = _shown_at(data)
    wanted = list(times) or [(k + 0.5) * seconds / EVENLY for k in range(EVENLY)]
    if not 0 < seconds <= MOST_SECONDS or len(starts) > MOST_FRAMES:
        return {"why": "broken"}, []
    if wanted[-1] >= seconds:
        return {"why": "times", "seconds": seconds}, []
    # The frame that is shown at a time is the last one that began before it; a microsecond for what decimals lose.
    numbers = [max(0, bisect.bisect_right(starts, at + 1e-6) - 1) for at in wanted]
    taken: dict[int, Pixels] = {}
    with _container(data) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        for number, frame in enumerate(container.decode(stream)):
            if number in numbers:
                if frame.width * frame.height > MAX_PIXELS:
                    return {"why": "broken"}, []
                taken[number] = _upright(frame)
            if number >= numbers[-1]:
                break
    frames = [taken[number] for number in numbers]
    height, width = frames[0].shape[:2]
    head = {"seconds": seconds, "times": [starts[n] for n in numbers], "width": width, "height": height}
    return head, frames


def _container(data: bytes) -> Any:
    import av

    webm = data[:4] == b"\x1a\x45\xdf\xa3"
    if not webm and data[4:8] not in (b"ftyp", b"wide", b"moov"):
        raise ValueError("neither MP4, MOV nor WebM")
    kind = "matroska" if webm else "mov"
    return av.open(io.BytesIO(data), format=kind, options={"codec_whitelist": _CODECS})


def _shown_at(data: bytes) -> tuple[list[float], float]:
    """When each frame begins, in seconds from the first, and how long all are shown; without decoding."""
    rows = []
    with _container(data) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size:
                rows.append((float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)))
            if len(rows) > MOST_FRAMES:
                break
    rows.sort()
    starts = [at - rows[0][0] for at, _ in rows]
    last = rows[-1][1] or (starts[-1] / (len(starts) - 1) if len(starts) > 1 else 0.04)
    return starts, starts[-1] + last


def _upright(frame: Any) -> Pixels:
    """uint8 RGB (H, W, 3) as a player shows it: turned, and by the colours that the clip names or a player assumes."""
    space = int(frame.colorspace)
    if space not in (_BT709, _BT601, 6):
        space = _BT709 if frame.height >= _HD else _BT601
    rgb = frame.to_ndarray(format="rgb24", src_colorspace=_BT709 if space == _BT709 else _BT601)
    return np.asarray(np.rot90(rgb, k=round(getattr(frame, "rotation", 0) / 90) % 4), dtype=np.uint8)
