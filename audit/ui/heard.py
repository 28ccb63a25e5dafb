"""What a command told, from its lines: stages, how far it is, what it said, why it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from audit.base.messages import Said


@dataclass
class Heard:
    """What was told so far.

    Attributes:
        ended: stages and their seconds; at: the stage that is under way, with units done and all (0: not known yet).
        left, in_all: seconds, of this stage and of the whole; None while nobody knows.
        said: remarks, in their order; error: why it ended.
    """

    ended: list[tuple[Said, float]] = field(default_factory=list)
    at: Said | None = None
    done: int = 0
    all: int = 0
    left: float | None = None
    in_all: float | None = None
    said: list[Said] = field(default_factory=list)
    error: Said | None = None


def hear(log: bytes) -> Heard:
    """Lines that are none of ours, or cut off, tell nothing."""
    heard = Heard()
    for line in log.splitlines():
        if line.startswith(b"{"):
            try:
                _take(heard, json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError, ValidationError):
                continue
    return heard


def _take(heard: Heard, facts: dict[str, Any]) -> None:
    match facts:
        case {"ended": stage, "seconds": seconds}:
            heard.ended.append((Said.model_validate(stage), float(seconds)))
            heard.at = None
        case {"at": stage, "done": done, "all": whole}:
            in_all = facts.get("in_all")
            if in_all is not None or heard.at is None or heard.at.id != stage["id"]:
                heard.in_all = in_all if in_all is not None else heard.in_all
            heard.at, heard.done, heard.all = Said.model_validate(stage), int(done), int(whole)
            heard.left = facts.get("left")
        case {"said": said}:
            heard.said.append(Said.model_validate(said))
        case {"error": said}:
            heard.error = Said.model_validate(said)


def result_of(out: bytes) -> dict[str, Any]:
    """The JSON object on the last line of what a command gave; {} where it gave none."""
    lines = out.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def said_of(rows: Any) -> list[Said]:
    """Messages of such an object."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            found.append(Said.model_validate(row))
        except ValidationError:
            continue
    return found
